"""Files that are there whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import clean_env
from support.strace import CHANGING, calls_below, inject, trace
from support.tree import tree_digest
from usr_core.fs.durable import (
    link_create_only,
    link_or_copy,
    make_folders,
    remove_temporaries,
    remove_tree,
    replace_file,
    reserve_bytes,
    temporary_sibling,
    write_new,
)
from usr_core.registry.store import register_namespace

REPLACE = "import sys; from pathlib import Path; from usr_core.fs.durable import replace_file\n"
REPLACE += "replace_file(Path(sys.argv[1]), b'new' * 1000)"


class TestReplaceFile:
    def test_keeps_the_mode(self, tmp_path: Path) -> None:
        """A private file stays private."""
        path = tmp_path / "file"
        path.write_bytes(b"old")
        path.chmod(0o600)
        replace_file(path, b"new")

        assert (b"new", 0o600) == (path.read_bytes(), path.stat().st_mode & 0o777)
        assert [path] == list(tmp_path.iterdir())

    @pytest.mark.parametrize("fault", ["error=EIO", "error=ENOSPC", "signal=SIGKILL"])
    def test_leaves_the_old_file_or_the_new(self, tmp_path: Path, fault: str) -> None:
        """At each system call: a kill leaves one of the two whole, an error leaves the old one and no litter."""
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "file").write_bytes(b"old")
        argv, env = ["-c", str(folder / "file")], clean_env()
        calls = trace(argv, tmp_path / "log", names=CHANGING, env=env, code=REPLACE)
        points = calls_below(calls, folder, names=CHANGING)
        assert len(points) >= 6
        for call in points:
            (folder / "file").write_bytes(b"old")
            before = tree_digest(folder)
            done = inject(argv, call, fault, env=env, code=REPLACE)
            content = (folder / "file").read_bytes()
            assert content in (b"old", b"new" * 1000), call
            if "error" in fault:
                assert (content != b"old") == (done.returncode == 0), call
                assert done.returncode == 0 or tree_digest(folder) == before or call.name == "unlink", call
            for litter in folder.glob(".*"):
                litter.unlink()


class TestLink:
    def test_refuses_a_name_that_is_taken(self, tmp_path: Path) -> None:
        """The fence: nobody's file is replaced."""
        write_new(tmp_path / "mine", b"mine")
        write_new(tmp_path / "taken", b"theirs")
        with pytest.raises(FileExistsError):
            link_create_only(tmp_path / "mine", tmp_path / "taken")

        assert b"theirs" == (tmp_path / "taken").read_bytes()

    def test_takes_its_own_name_for_success(self, tmp_path: Path) -> None:
        """A network file system repeats a call whose answer was lost."""
        write_new(tmp_path / "mine", b"mine")
        link_create_only(tmp_path / "mine", tmp_path / "name")
        link_create_only(tmp_path / "mine", tmp_path / "name")

        assert (tmp_path / "mine").samefile(tmp_path / "name")

    def test_or_copy_links(self, tmp_path: Path) -> None:
        """A second name for the same bytes."""
        write_new(tmp_path / "one", b"x")

        assert link_or_copy(tmp_path / "one", tmp_path / "two")
        assert (tmp_path / "one").samefile(tmp_path / "two")


class TestWriteNew:
    def test_never_replaces(self, tmp_path: Path) -> None:
        """A name that exists is an error."""
        write_new(tmp_path / "file", b"one")
        with pytest.raises(FileExistsError):
            write_new(tmp_path / "file", b"two")

        assert b"one" == (tmp_path / "file").read_bytes()

    def test_siblings_are_hidden_and_fresh(self, tmp_path: Path) -> None:
        """Two temporary names of one file differ."""
        one, two = temporary_sibling(tmp_path / "file"), temporary_sibling(tmp_path / "file")

        assert one != two
        assert one.parent == tmp_path
        assert one.name.startswith(".file.")


class TestFolders:
    def test_are_made_and_named_outermost_first(self, tmp_path: Path) -> None:
        """What was there already is not among them."""
        (tmp_path / "a").mkdir()

        assert [tmp_path / "a/b", tmp_path / "a/b/c"] == make_folders(tmp_path / "a/b/c", below=tmp_path)
        assert [] == make_folders(tmp_path / "a/b/c", below=tmp_path)

    def test_are_made_all_or_none(self, tmp_path: Path) -> None:
        """Where the innermost name is refused, the outer ones go again."""
        with pytest.raises(OSError, match="too long"):
            make_folders(tmp_path / "a/b" / ("c" * 300), below=tmp_path)

        assert [] == list(tmp_path.iterdir())

    def test_are_removed_with_all_that_is_in_them(self, tmp_path: Path) -> None:
        """A folder, a file, a link: the name goes, what a link points to stays."""
        make_folders(tmp_path / "a/b", below=tmp_path)
        (tmp_path / "a/file").touch()
        (tmp_path / "kept").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "kept")
        (tmp_path / "file").touch()
        for name in ("a", "link", "file", "absent"):
            remove_tree(tmp_path / name)

        assert [tmp_path / "kept"] == list(tmp_path.iterdir())


class TestReserve:
    def test_leaves_the_size(self, tmp_path: Path) -> None:
        """A reader never takes reserved bytes for an event."""
        path = tmp_path / "log"
        path.write_bytes(b"line\n")
        with path.open("r+b") as handle:
            reserve_bytes(handle.fileno(), 5, 100_000)

        assert b"line\n" == path.read_bytes()

    def test_raises_the_plain_error(self, tmp_path: Path) -> None:
        """A descriptor that may not write is refused."""
        path = tmp_path / "log"
        path.touch()
        with path.open("rb") as handle, pytest.raises(OSError, match="Bad file descriptor"):
            reserve_bytes(handle.fileno(), 0, 10)


def test_importing_is_light() -> None:
    """The commit loads neither pyarrow nor anything else that is slow."""
    program = (
        "import sys, usr_core.commit.transaction; print([m for m in ('pyarrow', 'numpy', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=clean_env(), timeout=120
    )

    assert "[]\n" == done.stdout


class TestTemporaries:
    def test_of_killed_writers_go_and_nothing_else(self, tmp_path: Path) -> None:
        """The next writer, under the lock, removes them; other names that look alike stay."""
        left = temporary_sibling(tmp_path / "registry.yaml")
        others = [tmp_path / name for name in (".registry.yaml.mine.tmp", ".other.yaml.0123abcd.tmp", "registry.yaml")]
        for path in (left, *others):
            path.touch()

        remove_temporaries(tmp_path / "registry.yaml")

        assert sorted(others) == sorted(tmp_path.iterdir())

    def test_of_a_registration_that_was_killed_go_with_the_next(self, tmp_path: Path) -> None:
        """Also where the next one has nothing to write."""
        register_namespace(tmp_path, "mock", [("mock__x", "int64")])
        temporary_sibling(tmp_path / "registry.yaml").touch()

        register_namespace(tmp_path, "mock", [("mock__x", "int64")])

        assert [".usr.lock", "registry.yaml"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_mode_is_there_before_the_content_is_replaced(tmp_path: Path) -> None:
    """Nothing is left to fail once the new file has its name."""
    path = tmp_path / "remotes.yaml"
    path.write_text("old")
    path.chmod(0o644)

    replace_file(path, b"new", mode=0o600)

    assert (b"new", 0o600) == (path.read_bytes(), path.stat().st_mode & 0o777)
