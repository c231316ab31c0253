"""The built-in plugin `versions`; it has commands and no providers."""
