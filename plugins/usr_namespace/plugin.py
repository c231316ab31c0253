"""The built-in plugin `namespace`; it has commands and no providers."""
