"""What a record must be, the values that come in, and the files that bring them."""
