"""The built-in plugin `read`; it has commands and no providers."""
