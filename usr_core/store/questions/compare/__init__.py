"""Two states of records compared value by value: versions of a dataset, two datasets, a dataset and a Parquet file."""
