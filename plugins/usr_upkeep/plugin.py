"""The built-in plugin `upkeep`; it has commands and no providers."""
