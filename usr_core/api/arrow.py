"""Arrow arrays and cells: made without pandas, cast without loss, from text and JSON to typed values and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.records.arrays import boolean_array as boolean_array
    from usr_core.records.arrays import conform as conform
    from usr_core.records.arrays import constant_text as constant_text
    from usr_core.records.arrays import fixed_array as fixed_array
    from usr_core.records.arrays import fixed_values as fixed_values
    from usr_core.records.arrays import plain_type as plain_type
    from usr_core.records.arrays import text_array as text_array
    from usr_core.records.arrays import text_scalar as text_scalar
    from usr_core.records.bulk_ids import IdHasher as IdHasher
    from usr_core.records.bulk_ids import id_words as id_words
    from usr_core.records.bulk_ids import string_parts as string_parts
    from usr_core.records.masks import true_rows as true_rows
    from usr_core.records.masks import valid_mask as valid_mask
    from usr_core.store.base.file import GROUP_BYTES as GROUP_BYTES
    from usr_core.store.base.file import ParquetOutput as ParquetOutput
    from usr_core.store.base.file import write_options as write_options
    from usr_core.store.changes.attach.values import cast_exactly as cast_exactly
    from usr_core.store.ids.row_numbers import only_where as only_where
    from usr_core.store.rules.columns import bounded as bounded
    from usr_core.values.json_reading import from_json as from_json
    from usr_core.values.json_reading import loads as loads
    from usr_core.values.json_writing import dumps as dumps
    from usr_core.values.json_writing import to_json as to_json
    from usr_core.values.text import parse_text as parse_text
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.records.arrays": (
                "boolean_array conform constant_text fixed_array fixed_values plain_type text_array text_scalar"
            ),
            "usr_core.records.bulk_ids": "IdHasher id_words string_parts",
            "usr_core.records.masks": "true_rows valid_mask",
            "usr_core.store.base.file": "GROUP_BYTES ParquetOutput write_options",
            "usr_core.store.changes.attach.values": "cast_exactly",
            "usr_core.store.ids.row_numbers": "only_where",
            "usr_core.store.rules.columns": "bounded",
            "usr_core.values.json_reading": "from_json loads",
            "usr_core.values.json_writing": "dumps to_json",
            "usr_core.values.text": "parse_text",
        },
    )
