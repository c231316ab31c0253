"""Asking a dataset: get, grep, describe, scan, SQL, overviews, export, and files that are not datasets."""
