"""The built-in plugin `explore`; it has a command and no providers."""
