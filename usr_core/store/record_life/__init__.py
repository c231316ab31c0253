"""The life of a record and of a dataset: deleted and restored, its state, put away and brought back."""
