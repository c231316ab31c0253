"""What commands of `usr` share: the session, parameters, output, progress, and the errors of the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.cli.cell_values import json_column as json_column
    from usr_core.cli.cell_values import json_rows as json_rows
    from usr_core.cli.errors import AnswerMissing as AnswerMissing
    from usr_core.cli.errors import Declined as Declined
    from usr_core.cli.errors import UsageError as UsageError
    from usr_core.cli.json_values import json_line as json_line
    from usr_core.cli.json_values import json_text as json_text
    from usr_core.cli.main import main as main
    from usr_core.cli.options import AllowMissingOpt as AllowMissingOpt
    from usr_core.cli.options import AtOpt as AtOpt
    from usr_core.cli.options import ColumnsOpt as ColumnsOpt
    from usr_core.cli.options import DatasetArg as DatasetArg
    from usr_core.cli.options import DryRunOpt as DryRunOpt
    from usr_core.cli.options import FilePathOpt as FilePathOpt
    from usr_core.cli.options import FilesArg as FilesArg
    from usr_core.cli.options import FormatOpt as FormatOpt
    from usr_core.cli.options import GlobOpt as GlobOpt
    from usr_core.cli.options import HelpOptionsOpt as HelpOptionsOpt
    from usr_core.cli.options import IdFileOpt as IdFileOpt
    from usr_core.cli.options import IdsOpt as IdsOpt
    from usr_core.cli.options import ImporterOpt as ImporterOpt
    from usr_core.cli.options import IncludeDeletedOpt as IncludeDeletedOpt
    from usr_core.cli.options import NamespaceOpt as NamespaceOpt
    from usr_core.cli.options import NamespacesOpt as NamespacesOpt
    from usr_core.cli.options import OptionsOpt as OptionsOpt
    from usr_core.cli.options import PathOpt as PathOpt
    from usr_core.cli.options import QuietOpt as QuietOpt
    from usr_core.cli.options import SampleOpt as SampleOpt
    from usr_core.cli.options import SeedOpt as SeedOpt
    from usr_core.cli.options import SortOpt as SortOpt
    from usr_core.cli.options import TargetArg as TargetArg
    from usr_core.cli.options import WhereOpt as WhereOpt
    from usr_core.cli.options import YesOpt as YesOpt
    from usr_core.cli.options import choice_option as choice_option
    from usr_core.cli.options import completer as completer
    from usr_core.cli.options import default_command as default_command
    from usr_core.cli.options import examples as examples
    from usr_core.cli.options import parse_age as parse_age
    from usr_core.cli.options import split_names as split_names
    from usr_core.cli.options import split_options as split_options
    from usr_core.cli.outcome import emit_outcome as emit_outcome
    from usr_core.cli.output import OUTPUT_VERSION as OUTPUT_VERSION
    from usr_core.cli.output import Format as Format
    from usr_core.cli.output import cell_text as cell_text
    from usr_core.cli.output import confirm as confirm
    from usr_core.cli.output import emit_json as emit_json
    from usr_core.cli.output import emit_record as emit_record
    from usr_core.cli.output import emit_table as emit_table
    from usr_core.cli.output import emit_text as emit_text
    from usr_core.cli.output import local_time as local_time
    from usr_core.cli.output import note as note
    from usr_core.cli.output import resolve_format as resolve_format
    from usr_core.cli.output import warn as warn
    from usr_core.cli.progress import Progress as Progress
    from usr_core.cli.report import report as report
    from usr_core.cli.session import Session as Session
    from usr_core.cli.session import current_session as current_session
    from usr_core.cli.target import open_rows as open_rows
    from usr_core.cli.target import open_target as open_target
    from usr_core.cli.target import split_files as split_files
    from usr_core.store.changes.id_file import id_file_column as id_file_column
    from usr_core.store.changes.id_file import read_id_file as read_id_file
    from usr_core.store.questions.export_target import target_path as target_path
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.cli.cell_values": "json_column json_rows",
            "usr_core.cli.errors": "AnswerMissing Declined UsageError",
            "usr_core.cli.json_values": "json_line json_text",
            "usr_core.cli.main": "main",
            "usr_core.cli.options": (
                "AllowMissingOpt AtOpt ColumnsOpt DatasetArg DryRunOpt FilePathOpt FilesArg FormatOpt GlobOpt "
                "HelpOptionsOpt IdFileOpt IdsOpt ImporterOpt IncludeDeletedOpt NamespaceOpt NamespacesOpt "
                "OptionsOpt PathOpt QuietOpt SampleOpt SeedOpt SortOpt TargetArg WhereOpt YesOpt choice_option "
                "completer default_command examples parse_age split_names split_options"
            ),
            "usr_core.cli.outcome": "emit_outcome",
            "usr_core.cli.output": (
                "Format OUTPUT_VERSION cell_text confirm emit_json emit_record emit_table emit_text local_time "
                "note resolve_format warn"
            ),
            "usr_core.cli.progress": "Progress",
            "usr_core.cli.report": "report",
            "usr_core.cli.session": "Session current_session",
            "usr_core.cli.target": "open_rows open_target split_files",
            "usr_core.store.changes.id_file": "id_file_column read_id_file",
            "usr_core.store.questions.export_target": "target_path",
        },
    )
