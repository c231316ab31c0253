"""The built-in plugin `query`; it has commands and no providers."""
