"""The built-in plugin `dataset`; it has commands and no providers."""
