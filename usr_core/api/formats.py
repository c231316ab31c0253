"""What readers of sequence formats share: faults of records, text in chunks, and lines to Arrow arrays in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.records.content import likely_encoding as likely_encoding
    from usr_core.records.content import other_content as other_content
    from usr_core.records.content import text_fault as text_fault
    from usr_core.records.content import text_format as text_format
    from usr_core.records.content import utf_16 as utf_16
    from usr_core.records.text_headers import HeaderColumns as HeaderColumns
    from usr_core.records.text_headers import HeaderOptions as HeaderOptions
    from usr_core.records.text_records import BadRecord as BadRecord
    from usr_core.records.text_records import compact as compact
    from usr_core.records.text_records import line_ends as line_ends
    from usr_core.records.text_records import nullable as nullable
    from usr_core.records.text_records import pieces as pieces
    from usr_core.records.text_records import split_headers as split_headers
    from usr_core.records.text_records import text_chunks as text_chunks
    from usr_core.records.text_records import without_blanks as without_blanks
    from usr_core.store.rules.record_file import open_records as open_records
    from usr_core.store.rules.record_file import read_record_file as read_record_file
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.records.content": "likely_encoding other_content text_fault text_format utf_16",
            "usr_core.records.text_headers": "HeaderColumns HeaderOptions",
            "usr_core.records.text_records": (
                "BadRecord compact line_ends nullable pieces split_headers text_chunks without_blanks"
            ),
            "usr_core.store.rules.record_file": "open_records read_record_file",
        },
    )
