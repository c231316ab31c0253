"""What a transport is asked, what it answers, and the errors it raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.plugin.far_files import FarFiles as FarFiles
    from usr_core.plugin.far_files import check_names as check_names
    from usr_core.plugin.far_files import check_path as check_path
    from usr_core.plugin.far_files import check_staging_name as check_staging_name
    from usr_core.plugin.far_files import remote_error as remote_error
    from usr_core.plugin.parquet_facts import PARQUET_FACTS_PROGRAM as PARQUET_FACTS_PROGRAM
    from usr_core.plugin.parquet_facts import parquet_facts as parquet_facts
    from usr_core.plugin.posix_far_side import PosixFarSide as PosixFarSide
    from usr_core.plugin.transport_errors import RemoteChanged as RemoteChanged
    from usr_core.plugin.transport_errors import RemoteLocked as RemoteLocked
    from usr_core.plugin.transport_errors import RemoteNameRefused as RemoteNameRefused
    from usr_core.plugin.transport_errors import RemoteNonsense as RemoteNonsense
    from usr_core.plugin.transport_errors import RemoteRefused as RemoteRefused
    from usr_core.plugin.transport_errors import RemoteShellPrints as RemoteShellPrints
    from usr_core.plugin.transport_errors import RemoteToolMissing as RemoteToolMissing
    from usr_core.plugin.transport_errors import RemoteUnreachable as RemoteUnreachable
    from usr_core.plugin.transport_errors import TransportError as TransportError
    from usr_core.plugin.transports import ABILITY_LOCK as ABILITY_LOCK
    from usr_core.plugin.transports import ABILITY_PARQUET as ABILITY_PARQUET
    from usr_core.plugin.transports import ABILITY_SHA256 as ABILITY_SHA256
    from usr_core.plugin.transports import CommitRequest as CommitRequest
    from usr_core.plugin.transports import DigestRequest as DigestRequest
    from usr_core.plugin.transports import FetchRequest as FetchRequest
    from usr_core.plugin.transports import LockRequest as LockRequest
    from usr_core.plugin.transports import PlaceRequest as PlaceRequest
    from usr_core.plugin.transports import Probe as Probe
    from usr_core.plugin.transports import ReadRequest as ReadRequest
    from usr_core.plugin.transports import RemoteEntry as RemoteEntry
    from usr_core.plugin.transports import RemoveRequest as RemoveRequest
    from usr_core.plugin.transports import SendRequest as SendRequest
    from usr_core.plugin.transports import Traffic as Traffic
    from usr_core.plugin.transports import Transport as Transport
    from usr_core.plugin.transports import WatchedTransport as WatchedTransport
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.plugin.far_files": "FarFiles check_names check_path check_staging_name remote_error",
            "usr_core.plugin.posix_far_side": "PosixFarSide",
            "usr_core.plugin.parquet_facts": "PARQUET_FACTS_PROGRAM parquet_facts",
            "usr_core.plugin.transport_errors": (
                "RemoteChanged RemoteLocked RemoteNameRefused RemoteNonsense RemoteRefused RemoteShellPrints "
                "RemoteToolMissing RemoteUnreachable TransportError"
            ),
            "usr_core.plugin.transports": (
                "ABILITY_LOCK ABILITY_PARQUET ABILITY_SHA256 CommitRequest DigestRequest FetchRequest LockRequest "
                "PlaceRequest Probe ReadRequest RemoteEntry RemoveRequest SendRequest Traffic Transport "
                "WatchedTransport"
            ),
        },
    )
