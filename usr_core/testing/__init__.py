"""The test kit for plugin authors: contract classes and stand-ins. Nothing heavy is imported here.

``from usr_core.testing import TransportContract, MemoryRemote``; names are imported when they are asked for.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usr_core.testing.memory_remote import MemoryRemote as MemoryRemote
    from usr_core.testing.memory_transport import MemoryTransport as MemoryTransport
    from usr_core.testing.transport_contract import TransportContract as TransportContract
    from usr_core.testing.verify_contract import VerifyContract as VerifyContract

__all__ = ["MemoryRemote", "MemoryTransport", "TransportContract", "VerifyContract"]

_PLACES = {
    "MemoryRemote": "usr_core.testing.memory_remote",
    "MemoryTransport": "usr_core.testing.memory_transport",
    "TransportContract": "usr_core.testing.transport_contract",
    "VerifyContract": "usr_core.testing.verify_contract",
}
_WITH_ASSERTIONS = (
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


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
