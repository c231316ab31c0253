"""What is wrong with a dataset: the rules of its files, and the health of its folder."""
