"""A remote's copy, fetched to be read beside the one here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.small_datasets import IDS, make_dataset
from support.sync_contract import scores
from support.sync_pairs import NAME, MemoryPair
from support.tree import tree_digest
from usr_core.dataset import Dataset
from usr_core.plugin.host import PluginHost
from usr_core.plugin.specs import TransportSpec
from usr_core.plugin.transports import Transport
from usr_core.sync.errors import NothingToSync, SourceChanging, TransferDamaged
from usr_core.sync.remote_copy import remote_copy
from usr_core.testing.memory_disk import Call
from usr_core.testing.memory_transport import MemoryRemote, MemoryTransport


class Host(PluginHost):
    """Reaches every remote in memory."""

    def __init__(self, remote: MemoryRemote) -> None:
        super().__init__()
        self.remote = remote

    def transport(self, scheme: str, settings: Mapping[str, Any]) -> Transport:
        return MemoryTransport(self.remote)

    def transport_spec(self, scheme: str) -> TransportSpec:
        return TransportSpec(name=scheme, summary="-", factory=lambda _: self.transport(scheme, {}), scheme=scheme)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryPair:
    """Two copies that have gone apart: here one record was deleted, there another value was attached."""
    remote = MemoryRemote()
    pair = MemoryPair(local=tmp_path / "here", base_dir=remote.root, remote=remote)
    scores(make_dataset(pair.local), 1.0)
    pair.sync("push")
    pair.here().delete([IDS[0]])
    remote.write(f"{remote.root}/registry.yaml", (pair.local / "registry.yaml").read_bytes())
    pair.change_far(lambda root: scores(Dataset.open(root, NAME), 2.0, ids=IDS[1:2]))
    place = tmp_path / "remotes.yaml"
    place.write_text(f"remotes: {{far: {{type: ssh, host: far.example, base_dir: {remote.root}}}}}\n")
    place.chmod(0o600)
    monkeypatch.setenv("USR_REMOTES_PATH", str(place))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return pair


def test_it_is_read_as_it_is_there(pair: MemoryPair, tmp_path: Path) -> None:
    """Records, values and log are those of the remote; neither side changes, and the folder goes afterwards."""
    before = tree_digest(pair.local), pair.there()

    with remote_copy(pair.here().ref, "far", host=Host(pair.remote)) as ref:
        there = Dataset(ref).to_arrow(columns=["id", "mock__score"])
        lines = (ref.path / ".events.log").read_bytes().count(b"\n")

    assert (list(IDS), [1.0, 2.0, 1.0, 1.0, 1.0, 1.0]) == (there["id"].to_pylist(), there["mock__score"].to_pylist())
    assert 4 == lines
    assert before == (tree_digest(pair.local), pair.there())
    assert [] == list((tmp_path / "temporary").iterdir())


def test_notes_snapshots_and_history_stay_there(pair: MemoryPair) -> None:
    """A reader needs none of them."""
    pair.change_far(lambda root: [_put(root / NAME / name) for name in ("notes.txt", ".history/2/a", "_snapshots/b")])

    with remote_copy(pair.here().ref, "far", host=Host(pair.remote)) as ref:
        names = {path.relative_to(ref.path).parts[0] for path in ref.path.rglob("*") if path.is_file()}

    assert {"records.parquet", "_derived", "_registry", ".events.log"} == names


def test_a_remote_without_the_dataset(pair: MemoryPair, tmp_path: Path) -> None:
    """It is said where it was looked for."""
    other = make_dataset(tmp_path / "here", "ns/other", [])

    with pytest.raises(NothingToSync) as caught, remote_copy(other.ref, "far", host=Host(pair.remote)):
        pass

    assert "ns/other" in str(caught.value)


def test_what_arrives_is_checked(pair: MemoryPair, tmp_path: Path) -> None:
    """A byte that changed on the way is an error, and nothing of the copy stays."""

    def flip(_call: object) -> None:
        for path in (tmp_path / "temporary").rglob("records.parquet"):
            path.write_bytes(path.read_bytes()[:-1] + b"!")

    pair.remote.before = flip

    with pytest.raises(TransferDamaged), remote_copy(pair.here().ref, "far", host=Host(pair.remote)):
        pass

    assert [] == list((tmp_path / "temporary").iterdir())


def test_a_copy_that_changes_all_the_time(pair: MemoryPair) -> None:
    """It is fetched again a few times, then given up."""

    def change(call: Call) -> None:
        if call.name == "digest":
            pair.remote.write(f"{pair.base_dir}/{NAME}/meta.md", b"%d" % call.number)
            pair.remote.write(f"{pair.base_dir}/{NAME}/records.parquet", b"%d" % call.number)

    pair.remote.before = change

    with pytest.raises(SourceChanging), remote_copy(pair.here().ref, "far", host=Host(pair.remote)):
        pass


def _put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
