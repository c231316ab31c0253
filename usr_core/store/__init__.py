"""Parquet files of one dataset: import, append, attach, the merged view, materialize, validate."""

from usr_core.requirements import require_admitted

# Before pyarrow and DuckDB are imported by any module in here.
require_admitted()
