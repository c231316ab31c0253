"""The built-in plugin `records`; it has commands and no providers."""
