"""A new transport: the files of a remote side in memory, to be replaced call by call."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "transport"
name = "$command"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: a way to reach a remote root."""

from usr_core.api import TransportSpec, hookimpl
from usr_core.api.transports import PosixFarSide


@hookimpl
def usr_transports():
    return [
        TransportSpec(name="$command", summary="Remotes over $id", factory=_transport, scheme="$command", settings=())
    ]


def _transport(settings):
    from $package.files import ${title}Files  # network libraries are loaded when a remote is reached

    return PosixFarSide(${title}Files())
'''

_CODE = '''\
"""The files of a remote of type `$command`: `PosixFarSide` makes the transport of them. They begin in memory.

Replace one method after the other by yours, and run the tests after each; what a method promises is in the docstrings
of `usr_core.api.transports.FarFiles`. When the last one is yours, drop `MemoryFiles`.
"""

from usr_core.testing import MemoryFiles, MemoryRemote


class ${title}Files(MemoryFiles):
    def __init__(self, remote=None):
        super().__init__(remote if remote is not None else MemoryRemote())
'''

_TESTS = '''\
import pytest

from usr_core.api.transports import PosixFarSide
from usr_core.testing import ManifestContract, MemoryRemote, TransportContract
from $package.files import ${title}Files


class FarSide(MemoryRemote):
    """Yours: a real server on loopback or in a container, with the same methods."""

    def __init__(self):
        super().__init__()
        self.transport = PosixFarSide(${title}Files(self))


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestTransport(TransportContract):
    @pytest.fixture
    def remote(self):
        return FarSide()
'''

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="files",
    code=_CODE,
    tests=_TESTS,
    usage="Reaches remotes over `$id`. As it was generated its remote side is in memory and ends with the process.",
    api="1.1",
)
