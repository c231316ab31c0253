"""The contract of a transport: subclass `TransportContract`, supply ``remote``, and pytest runs all of it."""

from __future__ import annotations

import pytest

from usr_core.testing.far_side import FarSide
from usr_core.testing.transport_commits import CommitContract
from usr_core.testing.transport_looking import LookingContract
from usr_core.testing.transport_moving import MovingContract
from usr_core.testing.transport_settling import SettlingContract

__all__ = ["TransportContract"]


class TransportContract(LookingContract, MovingContract, CommitContract, SettlingContract):
    """Everything that the sync engine relies on.

    A subclass whose name begins with ``Test`` overrides the fixture `remote`, which returns a fresh `FarSide`: a
    transport, and the means to prepare and look at its remote side from outside. Features that ``remote.declared`` does
    not name are not tested. Everything else has to hold for every transport.
    """

    @pytest.fixture
    def remote(self) -> FarSide:
        """Return a fresh remote side with its transport."""
        raise NotImplementedError("a subclass of TransportContract supplies the fixture `remote`")
