"""Durable file operations: what has to be true on the disk before anyone is told that it is done."""
