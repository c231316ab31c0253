"""The built-in plugin `dev`; it has commands and no providers."""
