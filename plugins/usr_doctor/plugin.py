"""The built-in plugin `doctor`; it has a command and no providers."""
