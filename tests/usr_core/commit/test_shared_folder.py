"""A dataset in a folder that a group shares: two users with the usual umask work on it in turn."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from usr_core.fs.files import share
from usr_core.store.checks.doctor.files import judge_sharing

GROUP = 64_100
USERS = (64_101, 64_102)

_PRELUDE = """
import os, sys
os.umask(0o022)
import pyarrow as pa
from usr_core.dataset import Dataset
from usr_core.registry.store import register_namespace
from pathlib import Path
root = Path(sys.argv[1])
"""
_FIRST = """
register_namespace(root, "mock", [("mock__x", "int64")])
d = Dataset.open(root, "lab/d").init(notes="first")
d.add_sequences([{"sequence": text} for text in ("ACGT", "GGGG")])
d.snapshot()
"""
_SECOND = """
register_namespace(root, "other", [("other__x", "int64")])
d = Dataset.open(root, "lab/d")
d.add_sequences([{"sequence": "TTTT"}])
ids = d.to_arrow(columns=["id"]).column("id")
for number in range(2):
    d.write_overlay_part("mock", pa.table({"id": ids, "mock__x": pa.array([number] * 3)}))
session = d.writer(namespaces=["mock"], name="s")
session.__enter__()
session.add([{"sequence": "CCCC"}], overlays={"mock": [{"x": 5}]})
session.flush()
os._exit(0)  # its journal is left for the other user
"""
_THIRD = """
d = Dataset.open(root, "lab/d")
with d.writer(namespaces=["mock"], name="s"):
    pass
assert d.to_arrow().num_rows == 4
with d.maintenance(reason="test"):
    d.compact_overlay("mock")
    d.materialize()
d.archive()
d = Dataset.open(root, "lab/e").init()
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A root of the group, writable by it, in a place that both users reach."""
    with tempfile.TemporaryDirectory(prefix="usr-shared-", dir="/tmp") as place:
        Path(place).chmod(0o755)
        root = Path(place) / "root"
        root.mkdir()
        os.chown(root, USERS[0], GROUP)
        root.chmod(0o770)  # no setgid: the group has to be given
        yield root


def _as_user(user: int, script: str, root: Path) -> None:
    # May read everything, as the interpreter may lie in root's home, and write only where its groups may.
    setpriv = ["setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={GROUP}"]
    setpriv += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search", "--"]
    argv = [*setpriv, sys.executable, "-c", _PRELUDE + script, str(root)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, cwd="/", check=False)
    assert 0 == done.returncode, done.stderr


class TestSharedFolder:
    def test_two_users_work_on_one_dataset(self, shared: Path) -> None:
        """Whatever one makes, the other can change: registry, lock, log, parts, folders, archives."""
        for user, script in ((USERS[0], _FIRST), (USERS[1], _SECOND), (USERS[0], _THIRD)):
            _as_user(user, script, shared)
            made = [path for path in shared.rglob("*") if not path.is_symlink()]
            wrong = [
                f"{stat.filemode(found.st_mode)} {found.st_gid} {path.relative_to(shared)}"
                for path in made
                if (found := path.stat()).st_gid != GROUP or found.st_mode & 0o060 != 0o060
            ]
            assert [] == wrong
            assert {USERS[0]} <= {path.stat().st_uid for path in made}
        assert (shared / "_archive" / "lab" / "d" / "records.parquet").is_file()
        assert [] == [one.message for one in judge_sharing(shared)]

    def test_what_locks_the_group_out_is_named(self, shared: Path) -> None:
        """A file from before, or from another program, is told with the commands that put it right."""
        _as_user(USERS[0], _FIRST, shared)
        dataset = shared / "lab" / "d"
        (dataset / ".usr.lock").chmod(0o644)
        os.chown(dataset / "meta.md", USERS[0], USERS[0])

        (finding,) = judge_sharing(dataset)

        assert ".usr.lock, meta.md" in finding.message
        assert "chmod -R g+rwX" in finding.hint


class TestShare:
    @pytest.mark.parametrize(("folder", "file"), [(0o770, 0o660), (0o750, 0o640), (0o700, 0o600), (0o2775, 0o664)])
    def test_takes_the_folders_group_bits(self, tmp_path: Path, folder: int, file: int) -> None:
        """A file is never made executable, and a private folder's files are private."""
        tmp_path.chmod(folder)
        (tmp_path / "f").write_text("x")
        (tmp_path / "f").chmod(0o644 & ~0o007 | file & 0o007)
        (tmp_path / "d").mkdir(mode=0o755)

        share(tmp_path / "f", like=tmp_path)
        share(tmp_path / "d", like=tmp_path)

        assert file == (tmp_path / "f").stat().st_mode & 0o7777
        assert folder & 0o2070 == (tmp_path / "d").stat().st_mode & 0o2070

    @pytest.mark.parametrize(
        ("folder", "file", "inner"),
        [
            (0o700, 0o600, 0o700),
            (0o2770, 0o660, 0o2770),
            (0o750, 0o640, 0o750),
            (0o775, 0o664, 0o775),
            (0o705, 0o600, 0o700),
        ],
    )
    def test_others_get_no_more_than_the_group_and_the_folder_give(
        self, tmp_path: Path, folder: int, file: int, inner: int
    ) -> None:
        """What the umask 022 gives to all others is taken from them where the folder or the group does not give it."""
        tmp_path.chmod(folder)
        (tmp_path / "f").write_text("x")
        (tmp_path / "f").chmod(0o644)
        (tmp_path / "d").mkdir()
        (tmp_path / "d").chmod(0o755)

        share(tmp_path / "f", like=tmp_path)
        share(tmp_path / "d", like=tmp_path)

        modes = [(tmp_path / name).stat().st_mode & 0o7777 for name in ("f", "d")]
        assert [oct(file), oct(inner)] == [oct(mode) for mode in modes]

    def test_a_second_name_of_a_file_stays_as_it_is(self, tmp_path: Path) -> None:
        """A snapshot shares the base's inode: a base that was made private stays private."""
        tmp_path.chmod(0o770)
        (tmp_path / "base").write_text("x")
        (tmp_path / "base").chmod(0o600)
        os.link(tmp_path / "base", tmp_path / "snapshot")

        share(tmp_path / "snapshot", like=tmp_path)

        assert 0o600 == (tmp_path / "base").stat().st_mode & 0o777
