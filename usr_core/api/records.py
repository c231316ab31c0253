"""One record: ids, alphabets, normal forms, motifs and the columns of the base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.records import BASE_COLUMNS as BASE_COLUMNS
    from usr_core.records.alphabets import default_alphabet as default_alphabet
    from usr_core.records.ids import record_id as record_id
    from usr_core.records.normalize import normalize as normalize
    from usr_core.store.questions.motif import motif_pattern as motif_pattern
    from usr_core.store.questions.motif_hits import motif_records as motif_records
    from usr_core.store.questions.motif_hits import motif_spans as motif_spans
    from usr_core.store.rules.record import check_option_kinds as check_option_kinds
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.records.alphabets": "default_alphabet",
            "usr_core.records": "BASE_COLUMNS",
            "usr_core.records.ids": "record_id",
            "usr_core.records.normalize": "normalize",
            "usr_core.store.questions.motif": "motif_pattern",
            "usr_core.store.questions.motif_hits": "motif_records motif_spans",
            "usr_core.store.rules.record": "check_option_kinds",
        },
    )
