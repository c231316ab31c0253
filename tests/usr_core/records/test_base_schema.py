"""The base table's schema."""

from __future__ import annotations

import pyarrow as pa

from usr_core.records.base_schema import BASE_COLUMNS, base_schema


class TestBaseSchema:
    def test_the_seven_columns_are_required(self) -> None:
        """Names, types and order are the format's, and none may be null."""
        schema = base_schema()

        assert ("id", "bio_type", "sequence", "alphabet", "length", "source", "created_at") == BASE_COLUMNS
        assert [pa.string()] * 4 == schema.types[:4]
        assert [pa.int32(), pa.string(), pa.timestamp("us", "UTC")] == schema.types[4:]
        assert not any(field.nullable for field in schema)

    def test_materialized_columns_follow(self) -> None:
        """Further columns stand behind, and metadata is carried."""
        schema = base_schema([pa.field("mock__x", pa.float64())], metadata={"usr:schema_version": "1"})

        assert (*BASE_COLUMNS, "mock__x") == tuple(schema.names)
        assert {b"usr:schema_version": b"1"} == schema.metadata
