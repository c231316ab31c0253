"""One record: its columns, its letters, its spelling and its id."""

BASE_COLUMNS = ("id", "bio_type", "sequence", "alphabet", "length", "source", "created_at")
"""The names of the columns of every base, in order; materialized columns follow them."""
