"""What methods of `Dataset` return, and what describes datasets beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.dataset.parquet_table import ParquetTable as ParquetTable
    from usr_core.dataset.querying import query_root as query_root
    from usr_core.dataset.readable import Readable as Readable
    from usr_core.dataset.source_table import SourceTable as SourceTable
    from usr_core.dataset.stand_in import stand_in as stand_in
    from usr_core.requirements import let_any_version_run as let_any_version_run
    from usr_core.store.changes.attach.attachment import AttachOutcome as AttachOutcome
    from usr_core.store.changes.clear import ClearOutcome as ClearOutcome
    from usr_core.store.changes.compact import CompactOutcome as CompactOutcome
    from usr_core.store.changes.dedupe import DedupeOutcome as DedupeOutcome
    from usr_core.store.changes.delete import DeleteOutcome as DeleteOutcome
    from usr_core.store.changes.delete import RestoreOutcome as RestoreOutcome
    from usr_core.store.changes.gc import GcOutcome as GcOutcome
    from usr_core.store.changes.history_mode import HistoryOutcome as HistoryOutcome
    from usr_core.store.changes.import_.records import ImportOutcome as ImportOutcome
    from usr_core.store.changes.materialize import MaterializeOutcome as MaterializeOutcome
    from usr_core.store.changes.merge_datasets.outcome import MergeOutcome as MergeOutcome
    from usr_core.store.changes.remove import RemoveOutcome as RemoveOutcome
    from usr_core.store.changes.rollback import RollbackOutcome as RollbackOutcome
    from usr_core.store.changes.row_drop import ChosenRows as ChosenRows
    from usr_core.store.changes.row_drop import DropOutcome as DropOutcome
    from usr_core.store.changes.session.writer import Added as Added
    from usr_core.store.changes.session.writer import RecordWriter as RecordWriter
    from usr_core.store.changes.state import StateOutcome as StateOutcome
    from usr_core.store.changes.tag import TagOutcome as TagOutcome
    from usr_core.store.checks.doctor.cleaning import Removed as Removed
    from usr_core.store.checks.doctor.examination import DatasetHealth as DatasetHealth
    from usr_core.store.checks.doctor.examination import DoctorReport as DoctorReport
    from usr_core.store.checks.doctor.examination import examine as examine
    from usr_core.store.checks.validate import ValidationReport as ValidationReport
    from usr_core.store.ids.position_cache.catalogue import CacheSize as CacheSize
    from usr_core.store.ids.position_cache.catalogue import drop_cache as drop_cache
    from usr_core.store.questions.column_kinds import column_kinds as column_kinds
    from usr_core.store.questions.compare.outcome import CellChange as CellChange
    from usr_core.store.questions.compare.outcome import ColumnChanges as ColumnChanges
    from usr_core.store.questions.compare.outcome import Comparison as Comparison
    from usr_core.store.questions.describe import Description as Description
    from usr_core.store.questions.describe_text import TEXT_COLUMNS as TEXT_COLUMNS
    from usr_core.store.questions.describe_text import description_row as description_row
    from usr_core.store.questions.describe_text import description_value as description_value
    from usr_core.store.questions.export import ExportOutcome as ExportOutcome
    from usr_core.store.questions.export import export_batches as export_batches
    from usr_core.store.questions.listing import DatasetListing as DatasetListing
    from usr_core.store.questions.listing import list_root as list_root
    from usr_core.store.questions.overview import ColumnOverview as ColumnOverview
    from usr_core.store.questions.overview import NamespaceOverview as NamespaceOverview
    from usr_core.store.questions.overview import Overview as Overview
    from usr_core.store.questions.overview import type_text as type_text
    from usr_core.store.questions.row_filter import open_filter as open_filter
    from usr_core.store.questions.scan import Scan as Scan
    from usr_core.store.view.merged_view import MergedView as MergedView
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.dataset.parquet_table": "ParquetTable",
            "usr_core.dataset.querying": "query_root",
            "usr_core.dataset.readable": "Readable",
            "usr_core.dataset.source_table": "SourceTable",
            "usr_core.dataset.stand_in": "stand_in",
            "usr_core.requirements": "let_any_version_run",
            "usr_core.store.changes.attach.attachment": "AttachOutcome",
            "usr_core.store.changes.clear": "ClearOutcome",
            "usr_core.store.changes.compact": "CompactOutcome",
            "usr_core.store.changes.dedupe": "DedupeOutcome",
            "usr_core.store.changes.delete": "DeleteOutcome RestoreOutcome",
            "usr_core.store.changes.import_.records": "ImportOutcome",
            "usr_core.store.changes.materialize": "MaterializeOutcome",
            "usr_core.store.changes.merge_datasets.outcome": "MergeOutcome",
            "usr_core.store.changes.remove": "RemoveOutcome",
            "usr_core.store.changes.row_drop": "ChosenRows DropOutcome",
            "usr_core.store.changes.session.writer": "Added RecordWriter",
            "usr_core.store.changes.state": "StateOutcome",
            "usr_core.store.changes.gc": "GcOutcome",
            "usr_core.store.changes.history_mode": "HistoryOutcome",
            "usr_core.store.changes.rollback": "RollbackOutcome",
            "usr_core.store.changes.tag": "TagOutcome",
            "usr_core.store.checks.doctor.cleaning": "Removed",
            "usr_core.store.checks.doctor.examination": "DatasetHealth DoctorReport examine",
            "usr_core.store.checks.validate": "ValidationReport",
            "usr_core.store.ids.position_cache.catalogue": "CacheSize drop_cache",
            "usr_core.store.questions.column_kinds": "column_kinds",
            "usr_core.store.questions.compare.outcome": "CellChange ColumnChanges Comparison",
            "usr_core.store.questions.describe": "Description",
            "usr_core.store.questions.describe_text": "TEXT_COLUMNS description_row description_value",
            "usr_core.store.questions.export": "ExportOutcome export_batches",
            "usr_core.store.questions.listing": "DatasetListing list_root",
            "usr_core.store.questions.overview": "ColumnOverview NamespaceOverview Overview type_text",
            "usr_core.store.questions.row_filter": "open_filter",
            "usr_core.store.questions.scan": "Scan",
            "usr_core.store.view.merged_view": "MergedView",
        },
    )
