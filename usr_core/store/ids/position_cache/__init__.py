"""What is remembered of a large base: which row each id stands in (docs/adr/0022-position-cache.md)."""
