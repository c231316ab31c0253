"""Taking the records and values of one dataset into another."""
