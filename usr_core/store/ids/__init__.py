"""Which row a key stands in, and which keys repeat."""
