"""Roots and datasets that many tests start from, built once with the command itself and copied for each test."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import pytest

from support.cli import Usr
from support.processes import interruptible_children, limited

if TYPE_CHECKING:
    from support.sshd import LoopbackSshd

MOCK_COLUMNS = "mock__score:float64,mock__vec:list<float64>,mock__tag:string,mock__count:int64,mock__flag:bool"
SEQUENCES = (
    "ACGTACGTACGTACGTAAAA",
    "TTGACAGGCTAACTGGATAT",
    "GGGCCCATATCGCGATTACA",
    "CATCATCATGGTGGTGGTAA",
    "AATTCCGGAATTCCGGTTTT",
    "GATTACAGATTACAGATTAC",
)

# Beginnings of the names of tests, and what those with the same word share.
ONE_WORKER = {
    "tests/packaging/test_example_plugin.py": "wheel",
    "tests/packaging/test_wheel.py": "wheel",
    "tests/plugins/usr_explore/": "explore",
    "tests/plugins/usr_plugins/test_new.py::TestGenerated": "new plugins",
}

# Tests of many seconds, the longest first: at the end a worker would be left alone with one.
FIRST = (
    "tests/usr_core/dataset/test_model.py",
    "tests/plugins/usr_plugins/test_new.py::TestGenerated",
    "tests/packaging/test_wheel.py",
    "tests/packaging/test_example_plugin.py",
    "tests/plugins/usr_explore/",
    "tests/docs/test_plugin_pages.py::test_the_tutorial",
    "tests/docs/test_sync_page.py",
    "tests/usr_core/dataset/test_reading_agrees.py",
    "tests/usr_core/commit/",
    "tests/usr_core/sync/faults/",
    "tests/usr_core/values/",
)

# For a test with all of its fixtures; whatever waits longer waits for ever.
MOST_SECONDS_OF_A_TEST = 1200.0

# Thousands of datasets are made, flushed and removed: a third of the time on a real disk, which TMPDIR can name.
MEMORY_DISK = Path("/dev/shm")
ROOM_FOR_A_RUN = 4 << 30

_STDERR = pytest.StashKey[TextIO]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the real stderr, which pytest takes away while a test runs, and choose where temporary files are."""
    config.stash[_STDERR] = os.fdopen(os.dup(2), "w")
    os.environ["USR_CACHE_DIR"] = "off"  # tests of the cache say where it is
    if "TMPDIR" not in os.environ and _suits_temporary_files(MEMORY_DISK):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY_DISK)


def _suits_temporary_files(place: Path) -> bool:
    """Tell whether there is room for everything that a run leaves, and programs can be run from there."""
    if not os.access(place, os.W_OK | os.X_OK):
        return False
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize > ROOM_FOR_A_RUN and not found.f_flag & os.ST_NOEXEC


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what would leave a worker alone at the end."""

    def turn(item: pytest.Item) -> int:
        return next((turn for turn, start in enumerate(FIRST) if item.nodeid.startswith(start)), len(FIRST))

    items.sort(key=turn)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """Give tests that share an environment of minutes to one worker, which makes it once.

    pytest-xdist has a mark for that, but with pytest 9 the mark is ignored (findings/pytest-xdist-groups-ignored.sh).
    """
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class OneWorkerForWhatIsShared(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((shared for start, shared in ONE_WORKER.items() if nodeid.startswith(start)), nodeid)

    return OneWorkerForWhatIsShared(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """End the process with every stack on stderr where a test hangs in something that has no time-out."""
    with limited(MOST_SECONDS_OF_A_TEST, item.config.stash[_STDERR]):
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def _interruptible_children() -> Iterator[None]:
    with interruptible_children():
        yield


@pytest.fixture(autouse=True)
def _logging_is_left_as_it_was() -> Iterator[None]:
    """A command that runs in this process sends the library's warnings to stderr, where no later test sees them."""
    logger = logging.getLogger("usr")
    before = logger.handlers[:], logger.propagate, logger.level
    yield
    logger.handlers[:], logger.propagate, level = before
    logger.setLevel(level)


@pytest.fixture(scope="session")
def _registered_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("templates") / "registered"
    root.mkdir()
    Usr(root=root).ok("namespace", "register", "mock", "--columns", MOCK_COLUMNS)
    return root


@pytest.fixture(scope="session")
def _seeded_template(_registered_template: Path) -> Path:
    root = _copied(_registered_template, _registered_template.parent / "seeded")
    sequences = root.parent / "seeded.csv"
    sequences.write_text("sequence\n" + "".join(f"{sequence}\n" for sequence in SEQUENCES), encoding="utf-8")
    usr = Usr(root=root)
    usr.ok("init", "ns/base", "--source", "tests")
    usr.ok("import", "ns/base", "--from", "csv", "--path", sequences)
    return root


@pytest.fixture
def usr(tmp_path: Path) -> Usr:
    """The command on an empty root."""
    root = tmp_path / "root"
    root.mkdir()
    return Usr(root=root)


@pytest.fixture
def registered(tmp_path: Path, _registered_template: Path) -> Usr:
    """The command on a root where the namespace ``mock`` is registered."""
    return Usr(root=_copied(_registered_template, tmp_path / "registered"))


@pytest.fixture
def seeded(tmp_path: Path, _seeded_template: Path) -> Usr:
    """The command on a root with ``mock`` and a dataset ``ns/base`` that holds `SEQUENCES`, in that order."""
    return Usr(root=_copied(_seeded_template, tmp_path / "seeded"))


def _copied(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target, symlinks=True))


@pytest.fixture(scope="session")
def _running_sshd() -> Iterator[LoopbackSshd]:
    from support.sshd import started_sshd

    with tempfile.TemporaryDirectory(prefix="usr-sshd-") as folder, started_sshd(Path(folder) / "sshd") as running:
        yield running


@pytest.fixture
def sshd(_running_sshd: LoopbackSshd, monkeypatch: pytest.MonkeyPatch) -> LoopbackSshd:
    """The sshd of this worker, reset, with the `ssh` that reaches it first on PATH."""
    _running_sshd.reset()
    monkeypatch.setenv("PATH", _running_sshd.path)
    return _running_sshd
