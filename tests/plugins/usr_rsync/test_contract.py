"""The transport's contract, over a real sshd and a real rsync."""

from __future__ import annotations

import pytest

from support.sshd import SshFarSide
from usr_core.testing.transport_contract import TransportContract


class TestContract(TransportContract):
    """Everything that the sync engine relies on."""

    @pytest.fixture
    def remote(self, far_side: SshFarSide) -> SshFarSide:
        """A loopback sshd, and this machine's own disk behind it."""
        return far_side
