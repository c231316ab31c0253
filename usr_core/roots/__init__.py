"""Where things are: the root, dataset ids, and the names of the files inside a dataset."""
