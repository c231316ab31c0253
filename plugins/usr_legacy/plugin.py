"""The built-in plugin `legacy`; it has commands and no providers."""
