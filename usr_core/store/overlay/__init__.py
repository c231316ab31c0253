"""Overlay files: their names, footers and order, and how one is written."""
