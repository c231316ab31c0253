"""A new transport: the remote side in memory, to be replaced call by call."""

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


@hookimpl
def usr_transports():
    return [
        TransportSpec(name="$command", summary="Remotes over $id", factory=_transport, scheme="$command", settings=())
    ]


def _transport(settings):
    from $package.transport import ${title}Transport  # network libraries are loaded when a remote is reached

    return ${title}Transport()
'''

_CODE = '''\
"""The transport `$command`. It begins as a remote side in memory that keeps the whole contract.

Replace one call after the other by yours, and run the tests after each; what a call promises is in the docstrings of
`usr_core.api.transports.Transport`. When the last one is yours, drop `MemoryTransport`.
"""

from usr_core.testing import MemoryRemote, MemoryTransport


class ${title}Transport(MemoryTransport):
    def __init__(self, remote=None):
        super().__init__(remote if remote is not None else MemoryRemote())
'''

_TESTS = '''\
import pytest

from usr_core.testing import ManifestContract, MemoryRemote, TransportContract
from $package.transport import ${title}Transport


class FarSide(MemoryRemote):
    """Yours: a real server on loopback or in a container, with the same methods."""

    def __init__(self):
        super().__init__()
        self.transport = ${title}Transport(self)


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
    work="transport",
    code=_CODE,
    tests=_TESTS,
    usage="Reaches remotes over `$id`. As it was generated its remote side is in memory and ends with the process.",
)
