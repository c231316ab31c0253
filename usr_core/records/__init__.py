"""One record: its columns, its letters, its spelling and its id."""
