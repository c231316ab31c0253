"""Looking for what is wrong around a dataset: leftovers, locks, the folder's abilities."""
