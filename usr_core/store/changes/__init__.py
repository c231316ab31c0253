"""Everything that changes a dataset: one module or package a verb."""
