"""The built-in plugin `events`; it has commands and no providers."""
