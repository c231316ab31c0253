"""Parquet files of one dataset: import, append, attach, the merged view, materialize, validate."""
