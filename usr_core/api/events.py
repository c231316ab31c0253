"""Event logs: reading, following and checking them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.commit.file_tree import find_records as find_records
    from usr_core.events.chain import verify_log as verify_log
    from usr_core.events.event import encode_line as encode_line
    from usr_core.events.log import NO_PREVIOUS as NO_PREVIOUS
    from usr_core.events.log import LogLine as LogLine
    from usr_core.events.log import line_digest as line_digest
    from usr_core.events.log import line_seq as line_seq
    from usr_core.events.log import parse_line as parse_line
    from usr_core.events.log import read_head as read_head
    from usr_core.events.log_entry import LogEntry as LogEntry
    from usr_core.events.log_entry import last_entries as last_entries
    from usr_core.events.redaction import redact as redact
    from usr_core.events.tags import live_tags as live_tags
    from usr_core.events.tags import tag_version as tag_version
    from usr_core.events.tail import follow_events as follow_events
    from usr_core.events.tail import tail_events as tail_events
    from usr_core.store.history.files import version_kept as version_kept
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.commit.file_tree": "find_records",
            "usr_core.events.chain": "verify_log",
            "usr_core.events.event": "encode_line",
            "usr_core.events.log": "LogLine NO_PREVIOUS line_digest line_seq parse_line read_head",
            "usr_core.events.log_entry": "LogEntry last_entries",
            "usr_core.events.redaction": "redact",
            "usr_core.events.tags": "live_tags tag_version",
            "usr_core.events.tail": "follow_events tail_events",
            "usr_core.store.history.files": "version_kept",
        },
    )
