"""Merging overlays: the newest value per key and column, a window of base rows at a time."""
