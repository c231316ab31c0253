"""The test kit for plugin authors: contract classes, stand-ins and fixtures. Nothing heavy is imported here.

``from usr_core.testing import ImporterContract``; names are imported when they are asked for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.testing.alphabet_contract import AlphabetContract as AlphabetContract
    from usr_core.testing.check_contract import CheckContract as CheckContract
    from usr_core.testing.check_contract import HealthCheckContract as HealthCheckContract
    from usr_core.testing.event_sink_contract import EventSinkContract as EventSinkContract
    from usr_core.testing.executor_contract import ExecutorContract as ExecutorContract
    from usr_core.testing.executor_contract import FunctionContract as FunctionContract
    from usr_core.testing.exporter_contract import ExporterContract as ExporterContract
    from usr_core.testing.importer_contract import ImporterContract as ImporterContract
    from usr_core.testing.manifest_contract import ManifestContract as ManifestContract
    from usr_core.testing.memory_files import MemoryFiles as MemoryFiles
    from usr_core.testing.memory_transport import MemoryRemote as MemoryRemote
    from usr_core.testing.memory_transport import MemoryTransport as MemoryTransport
    from usr_core.testing.overlay_writer_contract import OverlayWriterContract as OverlayWriterContract
    from usr_core.testing.transport_contract import TransportContract as TransportContract
    from usr_core.testing.verify_contract import VerifyContract as VerifyContract
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.testing.alphabet_contract": "AlphabetContract",
            "usr_core.testing.check_contract": "CheckContract HealthCheckContract",
            "usr_core.testing.event_sink_contract": "EventSinkContract",
            "usr_core.testing.executor_contract": "ExecutorContract FunctionContract",
            "usr_core.testing.exporter_contract": "ExporterContract",
            "usr_core.testing.importer_contract": "ImporterContract",
            "usr_core.testing.manifest_contract": "ManifestContract",
            "usr_core.testing.memory_files": "MemoryFiles",
            "usr_core.testing.memory_transport": "MemoryRemote MemoryTransport",
            "usr_core.testing.overlay_writer_contract": "OverlayWriterContract",
            "usr_core.testing.transport_contract": "TransportContract",
            "usr_core.testing.verify_contract": "VerifyContract",
        },
    )

_WITH_ASSERTIONS = (
    "alphabet_contract",
    "check_contract",
    "event_sink_contract",
    "executor_contract",
    "exporter_contract",
    "importer_contract",
    "manifest_contract",
    "overlay_writer_contract",
    "transport_contract",
    "transport_commits",
    "transport_looking",
    "transport_moving",
    "transport_settling",
    "verify_contract",
)

# Under pytest a contract's failed assertion shows its values, as the author's own assertions do.
if "pytest" in sys.modules:
    sys.modules["pytest"].register_assert_rewrite(*(f"usr_core.testing.{name}" for name in _WITH_ASSERTIONS))
