"""A push whose connection breaks between the commit there and its answer looks again, and says what is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.small_datasets import make_dataset
from support.sync_pairs import NAME, MemoryPair
from usr_core.dataset import Dataset
from usr_core.plugin.transport_errors import RemoteUnreachable
from usr_core.testing.memory_transport import MemoryRemote


@pytest.fixture
def pair(tmp_path: Path) -> MemoryPair:
    """Two copies, of which the one here has a new event."""
    remote = MemoryRemote()
    make_dataset(tmp_path / "here", NAME)
    found = MemoryPair(local=tmp_path / "here", base_dir=remote.root, remote=remote)
    found.sync("push")
    Dataset.open(found.local, NAME).add_sequences([{"sequence": "AAAACCCCGG"}])
    return found


def lose(pair: MemoryPair, *, for_good: bool = False) -> RemoteUnreachable:
    """Return the error of a connection that breaks now, and does not come back where that is asked for."""

    def before(_call: object) -> None:
        raise RemoteUnreachable("no route", hint="Wait.", facts={"host": "memory"})

    pair.remote.drop_connections()
    if for_good:
        pair.remote.before = before
    return RemoteUnreachable("the connection broke", hint="Run it again.", facts={"host": "memory"})


def at(pair: MemoryPair, step: str, *, for_good: bool = False) -> None:
    def fail() -> None:
        raise lose(pair, for_good=for_good)

    pair.remote.at_call(step, fail)


@pytest.mark.parametrize("step", ["commit:linked", "commit:applied-0", "commit:logged", "commit:cleaned"])
def test_a_change_that_was_made_is_a_transfer(pair: MemoryPair, step: str) -> None:
    """What was begun is finished by the second look, and the push ends well, with a warning."""
    at(pair, step)
    audit = pair.sync("push")

    assert "TRANSFERRED" == audit["transfer_state"]
    assert any("connection broke" in line for line in pair.warnings)
    assert pair.sync("diff")["changed"] is False


@pytest.mark.parametrize("step", ["commit", "commit:checked", "commit:copied"])
def test_a_change_that_was_not_made_is_said_so(pair: MemoryPair, step: str) -> None:
    """The remote copy is as it was; the next push makes it."""
    before = pair.there()
    at(pair, step)
    with pytest.raises(RemoteUnreachable, match="it was not made"):
        pair.sync("push")
    after = {name: digest for name, digest in pair.there().items() if not name.startswith(".usr.tmp")}

    assert {name: one for name, one in before.items() if not name.startswith(".usr.tmp")} == after
    assert "TRANSFERRED" == pair.sync("push")["transfer_state"]


def test_a_remote_that_stays_away_is_said_so(pair: MemoryPair) -> None:
    """It is not known then, and the next push tells."""
    at(pair, "commit:logged", for_good=True)
    with pytest.raises(RemoteUnreachable, match="is not known"):
        pair.sync("push")
    pair.remote.before = None

    assert "NO-OP" == pair.sync("push")["transfer_state"]
    assert pair.sync("diff")["changed"] is False
