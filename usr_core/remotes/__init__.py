"""Remotes: where other copies of a root are, from the remotes file."""
