"""How a dataset changes: lock, staging, commit record, apply, event, recovery; and how it is read meanwhile."""
