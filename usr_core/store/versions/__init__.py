"""The dataset as it was at an earlier version: which version a text means, and which files and rows it had."""
