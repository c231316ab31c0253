"""Attaching columns: what is taken of an input, how its keys and values are checked, and the part it becomes."""
