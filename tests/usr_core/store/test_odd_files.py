"""Things in a dataset or root that are not the file or folder that their name stands for."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from support.small_datasets import IDS, make_dataset
from usr_core.dataset import Dataset
from usr_core.errors import UsrError
from usr_core.registry.store import register_namespace
from usr_core.store.checks.doctor.examination import examine
from usr_core.store.questions.overview import read_overview

SECONDS = 10


@pytest.fixture(autouse=True)
def limit() -> Iterator[None]:
    """A call that waits for a FIFO's other end is ended by a signal, which no handler of ours takes for an error."""

    def ring(*_: object) -> None:
        pytest.fail(f"still waiting after {SECONDS} s")

    old = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole") / "root"
    found = make_dataset(root)
    found.write_overlay_part("mock", pa.table({"id": IDS[:2], "mock__score": [0.5, 0.25]}), key="id")
    found.snapshot()
    return root


@pytest.fixture
def dataset(whole: Path, tmp_path: Path) -> Dataset:
    return Dataset.open(shutil.copytree(whole, tmp_path / "root"), "ns/base")


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path may have 107 bytes only
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


def _link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


KINDS = {"fifo": _fifo, "socket": _socket, "device": _link_to_device, "folder": Path.mkdir, "dangling": _dangling}
KINDS["loop"] = _loop

FILES = ("records.parquet", ".events.log", ".sync.log", ".usr.lock", ".usr.chain", ".usr.recovered", "meta.md")
FOLDERS = ("_derived", "_derived/mock", "_derived/_archived", "_registry", "_snapshots", ".usr.tmp", ".usr.journal")


def _compact(dataset: Dataset) -> None:
    with dataset.maintenance(reason="test"):
        dataset.compact_overlay("mock")


# A socket and a device are refused by the same look as a FIFO; two names stand for all.
ODD = [(name, kind) for name in (*FILES, *FOLDERS) for kind in ("fifo", "folder", "dangling", "loop")]
ODD += [(name, kind) for name in ("records.parquet", ".sync.log") for kind in ("socket", "device")]

CALLS: dict[str, Callable[[Dataset], object]] = {
    "info": lambda d: read_overview(d.ref),
    "head": lambda d: d.head(2),
    "export": lambda d: d.export(d.ref.root / "out.csv", fmt="csv", overwrite=True),
    "validate": lambda d: d.validate(strict=True),
    "doctor": lambda d: examine(d.ref.root, ref=d.ref),
    "clean": lambda d: d.clean(older_than_seconds=0),
    "adopt": lambda d: d.adopt(),
    "add": lambda d: d.add_sequences([{"sequence": "ACGTACGTACGTACGT"}], on_duplicate="skip"),
    "overlay": lambda d: d.write_overlay_part("mock", pa.table({"id": IDS[:1], "mock__score": [1.5]}), key="id"),
    "delete": lambda d: d.delete(IDS[:1], reason="test"),
    "snapshot": lambda d: d.snapshot(),
    "compact": _compact,
    "register": lambda d: register_namespace(d.ref.root, "other", [("other__a", "int64")], lock_timeout=0.2),
}


def put(kind: str, path: Path) -> None:
    """Put something of that kind in place of a file or folder."""
    if path.exists():
        path.rename(path.with_name(f"kept-{path.name}"))
    KINDS[kind](path)


def fate(call: Callable[[Dataset], object], dataset: Dataset) -> str:
    """Return how a call ends: ``done``, or the code of its typed error."""
    try:
        call(dataset)
    except UsrError as error:
        return error.code
    except FileNotFoundError:
        return "missing"
    return "done"


class TestOddFiles:
    @pytest.mark.parametrize(("name", "kind"), ODD)
    def test_nothing_hangs_and_every_refusal_is_typed(self, dataset: Dataset, name: str, kind: str) -> None:
        """Whatever stands in place of a file or folder, each call ends at once: with its result, or a typed error."""
        put(kind, dataset.path / name)

        fates = {called: fate(call, dataset) for called, call in CALLS.items()}

        assert all(ended == "done" or ended.startswith("USR-") for ended in fates.values()), fates
        assert "USR-FS-001" not in fates.values(), fates

    @pytest.mark.parametrize("name", ["registry.yaml", ".usr.lock"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_the_files_of_a_root_are_guarded_too(self, dataset: Dataset, name: str, kind: str) -> None:
        """A registration under a root whose registry or lock is something else is refused, and does not wait."""
        put(kind, dataset.ref.root / name)

        assert fate(CALLS["register"], dataset).startswith("USR-")

    @pytest.mark.parametrize("called", ["export", "adopt", "add", "compact"])
    def test_a_fifo_in_place_of_the_base_is_told_in_words(self, dataset: Dataset, called: str) -> None:
        """A FIFO called records.parquet is refused by what reads it, with the name of what is in the way."""
        put("fifo", dataset.layout.records)

        with pytest.raises(UsrError, match=r"records\.parquet is a FIFO, where a regular file should be") as caught:
            CALLS[called](dataset)

        assert "USR-FS-009" == caught.value.code

    @pytest.mark.parametrize("name", ["_registry", "_derived", "_snapshots"])
    def test_a_fifo_in_place_of_a_folder_is_told_in_words(self, dataset: Dataset, name: str) -> None:
        """A change is refused where a FIFO stands in place of one of the dataset's folders."""
        put("fifo", dataset.path / name)

        with pytest.raises(UsrError, match=f"{name} is a FIFO, where a folder should be") as caught:
            dataset.snapshot()

        assert "USR-FS-009" == caught.value.code

    def test_overlays_do_not_vanish_behind_a_link_that_leads_nowhere(self, dataset: Dataset) -> None:
        """A view of a dataset whose ``_derived`` is a dangling link is refused, and not shown without its overlays."""
        put("dangling", dataset.path / "_derived")

        with pytest.raises(UsrError, match="symbolic link that leads nowhere"):
            dataset.head(1)

    @pytest.mark.parametrize("name", [*FILES, *FOLDERS])
    @pytest.mark.parametrize("kind", ["fifo", "loop"])
    def test_validate_strict_and_doctor_name_it(self, dataset: Dataset, name: str, kind: str) -> None:
        """What is not the file or folder of its name is a finding of both, or the error that both end with."""
        put(kind, dataset.path / name)

        assert fate(lambda d: _only_whole(d.validate(strict=True).ok), dataset) != "done"
        assert fate(lambda d: _only_whole(examine(d.ref.root, ref=d.ref).ok), dataset) != "done"

    @pytest.mark.parametrize("name", ["_snapshots", "_derived/_archived", ".usr.lock", "../../registry.yaml"])
    def test_a_link_to_something_whole_is_named_too(self, dataset: Dataset, name: str, tmp_path: Path) -> None:
        """A link in place of USR's own files and folders is a finding, also where it leads to an empty folder."""
        place = dataset.path / name
        aside = tmp_path / "aside"
        if place.exists():
            place.rename(aside)
        else:
            aside.mkdir()
        place.symlink_to(aside)

        shown = Path(name).name
        assert any(shown in one.message for one in dataset.validate(strict=True).findings if one.code[-3:] == "091")
        report = examine(dataset.ref.root, ref=dataset.ref)
        assert any(shown in one.message for one in report.findings if one.code == "USR-DOCTOR-009")


def _only_whole(ok: bool) -> None:
    if not ok:
        raise UsrError("findings", hint="")
