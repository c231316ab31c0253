"""Durable file operations: a change is on the disk before it is reported as done."""
