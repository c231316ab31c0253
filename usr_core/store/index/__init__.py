"""The position index: which row of the base a key stands in."""
