"""What a dataset keeps of the files that a commit replaces or removes: their names, how they are found and written."""
