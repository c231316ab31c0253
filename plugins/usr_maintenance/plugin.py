"""The built-in plugin `maintenance`; it has commands and no providers."""
