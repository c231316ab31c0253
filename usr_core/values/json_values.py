"""JSON values, in both directions."""

from __future__ import annotations

from usr_core.values.json_reading import from_json, loads
from usr_core.values.json_writing import dumps, to_json

__all__ = ["dumps", "from_json", "loads", "to_json"]
