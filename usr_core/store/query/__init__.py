"""Asking a dataset: get, grep, describe, scan, SQL, overviews, and files that are not datasets."""
