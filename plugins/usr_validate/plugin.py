"""The built-in plugin `validate`; it has a command and no providers."""
