"""The wall between the core and plugins: everything that a plugin may import, by re-export.

`docs/plugins/api.md` lists the names, one line each. What is here is versioned; the rest may change at any time.
The essentials are in this package, the rest in its modules by area. Names are loaded when they are used: importing any
of these modules costs next to nothing, so that it may stand at the top of a plugin's modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.dataset import Dataset as Dataset
    from usr_core.dataset.root import Root as Root
    from usr_core.errors import ExitCode as ExitCode
    from usr_core.errors import UsrError as UsrError
    from usr_core.errors import counted as counted
    from usr_core.errors import size_text as size_text
    from usr_core.errors import visible as visible
    from usr_core.events.event import Actor as Actor
    from usr_core.plugin.errors import OptionInvalid as OptionInvalid
    from usr_core.plugin.errors import PluginCallError as PluginCallError
    from usr_core.plugin.errors import PluginError as PluginError
    from usr_core.plugin.errors import PluginMissing as PluginMissing
    from usr_core.plugin.hookspecs import hookimpl as hookimpl
    from usr_core.plugin.host import PluginHost as PluginHost
    from usr_core.plugin.manifest import API_VERSION as API_VERSION
    from usr_core.plugin.options import option_line as option_line
    from usr_core.plugin.options import options_text as options_text
    from usr_core.plugin.specs import AlphabetSpec as AlphabetSpec
    from usr_core.plugin.specs import CheckSpec as CheckSpec
    from usr_core.plugin.specs import EventSink as EventSink
    from usr_core.plugin.specs import EventSinkSpec as EventSinkSpec
    from usr_core.plugin.specs import ExecutorSpec as ExecutorSpec
    from usr_core.plugin.specs import Exporter as Exporter
    from usr_core.plugin.specs import ExporterSpec as ExporterSpec
    from usr_core.plugin.specs import ExportRequest as ExportRequest
    from usr_core.plugin.specs import ExportResult as ExportResult
    from usr_core.plugin.specs import FileRef as FileRef
    from usr_core.plugin.specs import Finding as Finding
    from usr_core.plugin.specs import Fingerprint as Fingerprint
    from usr_core.plugin.specs import FunctionSpec as FunctionSpec
    from usr_core.plugin.specs import HealthCheckSpec as HealthCheckSpec
    from usr_core.plugin.specs import HealthRequest as HealthRequest
    from usr_core.plugin.specs import Importer as Importer
    from usr_core.plugin.specs import ImporterSpec as ImporterSpec
    from usr_core.plugin.specs import ImportRequest as ImportRequest
    from usr_core.plugin.specs import NamespaceSpec as NamespaceSpec
    from usr_core.plugin.specs import Opened as Opened
    from usr_core.plugin.specs import OptionSpec as OptionSpec
    from usr_core.plugin.specs import OverlayRequest as OverlayRequest
    from usr_core.plugin.specs import OverlayWriter as OverlayWriter
    from usr_core.plugin.specs import OverlayWriterSpec as OverlayWriterSpec
    from usr_core.plugin.specs import TransportSpec as TransportSpec
    from usr_core.plugin.specs import Verdict as Verdict
    from usr_core.plugin.specs import VerifyOutcome as VerifyOutcome
    from usr_core.plugin.specs import VerifyRequest as VerifyRequest
    from usr_core.plugin.specs import VerifySpec as VerifySpec
    from usr_core.plugin.specs import VerifyStrategy as VerifyStrategy
    from usr_core.registry.store import register_namespace as register_namespace
    from usr_core.store.rules.errors import RepeatedColumn as RepeatedColumn
    from usr_core.store.rules.errors import SourceFileError as SourceFileError
    from usr_core.store.rules.errors import SourceTruncated as SourceTruncated
    from usr_core.store.rules.errors import SourceUnreadable as SourceUnreadable
    from usr_core.store.rules.source_file import LONGEST_RECORD as LONGEST_RECORD
    from usr_core.store.rules.source_file import SourceFile as SourceFile
    from usr_core.store.rules.source_file import SourceStream as SourceStream
    from usr_core.store.rules.source_file import open_source as open_source
    from usr_core.values.bad_cell import BadCell as BadCell
    from usr_core.version import package_version as package_version
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.dataset": "Dataset",
            "usr_core.dataset.root": "Root",
            "usr_core.errors": "ExitCode UsrError counted size_text visible",
            "usr_core.events.event": "Actor",
            "usr_core.plugin.errors": "OptionInvalid PluginCallError PluginError PluginMissing",
            "usr_core.plugin.hookspecs": "hookimpl",
            "usr_core.plugin.host": "PluginHost",
            "usr_core.plugin.manifest": "API_VERSION",
            "usr_core.plugin.options": "option_line options_text",
            "usr_core.plugin.specs": (
                "AlphabetSpec CheckSpec EventSink EventSinkSpec ExecutorSpec ExportRequest ExportResult Exporter "
                "ExporterSpec FileRef Finding Fingerprint FunctionSpec HealthCheckSpec HealthRequest ImportRequest "
                "Importer ImporterSpec "
                "NamespaceSpec Opened OptionSpec OverlayRequest OverlayWriter OverlayWriterSpec TransportSpec "
                "Verdict VerifyOutcome VerifyRequest VerifySpec VerifyStrategy"
            ),
            "usr_core.registry.store": "register_namespace",
            "usr_core.store.rules.errors": "RepeatedColumn SourceFileError SourceTruncated SourceUnreadable",
            "usr_core.store.rules.source_file": "LONGEST_RECORD SourceFile SourceStream open_source",
            "usr_core.values.bad_cell": "BadCell",
            "usr_core.version": "package_version",
        },
    )
