"""``usr remotes`` and ``usr push`` with remotes that are folders."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.cli import Result, run_usr
from support.small_datasets import make_dataset
from support.sync_pairs import NAME
from usr_folder.probing import probe_folder


class Here:
    """A root, a remotes file and a folder for a share."""

    def __init__(self, place: Path) -> None:
        self.root, self.share, self.file = place / "root", place / "share", place / "remotes.yaml"
        make_dataset(self.root)
        self.share.mkdir()

    def run(self, *args: str | Path) -> Result:
        return run_usr(*args, root=self.root, env={"USR_REMOTES_PATH": self.file})

    def ok(self, *args: str | Path) -> Result:
        result = self.run(*args)
        assert result.rc == 0, str(result)
        return result

    def refuses(self, code: int, *args: str | Path) -> Result:
        result = self.run(*args)
        assert result.rc == code, str(result)
        assert result.err.count("error[USR-") == 1, str(result)
        return result

    def add(self) -> None:
        self.ok("remotes", "add", "disk", "--type", "folder", "--base-dir", self.share)

    def findings(self) -> tuple[int, dict[str, Any]]:
        result = self.run("remotes", "doctor", "--remote", "disk", "--format", "json")
        return result.rc, {finding["what"]: finding for finding in result.data["findings"]}


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


class TestAdd:
    @pytest.mark.parametrize(
        "command", [("add", "disk", "--type", "folder"), ("wizard", "--preset", "folder", "--name", "disk")]
    )
    def test_it_needs_a_folder_alone(self, here: Here, command: tuple[str, ...]):
        """Nothing of ssh is written."""
        here.ok("remotes", *command, "--base-dir", here.share)

        written = yaml.safe_load(here.file.read_text())["remotes"]
        assert {"disk": {"type": "folder", "base_dir": str(here.share), "batch_mode": True}} == written

    def test_a_relative_path_is_of_this_machine(self, here: Here):
        """It is written down as an absolute one."""
        here.ok("remotes", "add", "disk", "--type", "folder", "--base-dir", os.path.relpath(here.share))

        assert str(here.share) == yaml.safe_load(here.file.read_text())["remotes"]["disk"]["base_dir"]

    @pytest.mark.parametrize("option", ["--host", "--user", "--port", "--ssh-key-env"])
    def test_options_of_ssh_are_refused(self, here: Here, option: str):
        """Nobody logs in."""
        result = here.refuses(2, "remotes", "add", "disk", "--type", "folder", "--base-dir", here.share, option, "22")

        assert option in result.err
        assert not here.file.exists()

    @pytest.mark.parametrize("below", ["", "copies", "copies/of/mine"])
    def test_a_folder_in_the_root_is_refused(self, here: Here, below: str):
        """A copy beside the dataset would be no second one."""
        result = here.refuses(2, "remotes", "add", "disk", "--type", "folder", "--base-dir", here.root / below)

        assert "USR-REMOTES-101" in result.err
        assert not here.file.exists()

    def test_a_type_that_nobody_offers_lists_it(self, here: Here):
        """Among the others."""
        assert (
            "known: folder, ssh"
            in here.refuses(2, "remotes", "add", "disk", "--type", "share", "--base-dir", here.share).err
        )


class TestSync:
    def test_a_push_and_a_pull_into_another_root(self, here: Here, tmp_path: Path):
        """The whole way, by commands."""
        here.add()
        here.ok("push", NAME, "disk", "-y")
        (tmp_path / "other").mkdir()
        result = run_usr("pull", NAME, "disk", "-y", root=tmp_path / "other", env={"USR_REMOTES_PATH": here.file})

        assert 0 == result.rc, str(result)
        assert (tmp_path / "other" / NAME / "records.parquet").read_bytes() == (
            here.root / NAME / "records.parquet"
        ).read_bytes()

    @pytest.mark.parametrize("action", ["diff", "pull", "push"])
    def test_a_share_that_is_not_mounted_ends_with_7(self, here: Here, action: str):
        """And says so."""
        here.add()
        here.share.rmdir()

        assert "may not be mounted" in here.refuses(7, action, NAME, "disk", *(["-y"] if action != "diff" else [])).err

    def test_a_remote_that_leads_into_the_root_is_refused(self, here: Here):
        """Also by a link, and by a hand that wrote the file."""
        here.share.rmdir()
        here.share.symlink_to(here.root)
        here.file.write_text(f"remotes: {{disk: {{type: folder, base_dir: {str(here.share)!r}}}}}")

        assert "USR-REMOTES-101" in here.refuses(2, "push", NAME, "disk", "-y").err

    def test_a_copy_that_would_land_in_the_root_is_refused(self, here: Here, tmp_path: Path):
        """The base folder is the one above the root, and the id begins with the root's own name."""
        here.root = here.root.rename(tmp_path / "ns")
        here.ok("remotes", "add", "disk", "--type", "folder", "--base-dir", tmp_path)

        assert "USR-REMOTES-101" in here.refuses(2, "push", NAME, "disk", "-y").err
        assert not (here.root / "base").exists()

    def test_a_file_is_not_its_own_copy(self, here: Here):
        """In file mode, the two paths are of one machine."""
        here.add()
        note = here.share / "note.txt"
        note.write_text("by hand")

        assert "USR-REMOTES-101" in here.refuses(2, "push", note, "disk", "-y", "--remote-path", note).err
        assert "by hand" == note.read_text()


class TestDoctor:
    def test_a_good_folder_is_all_ok(self, here: Here):
        """The file system is tried, and nothing stays there."""
        here.add()
        code, findings = here.findings()

        assert 0 == code
        assert {"ok"} == {finding["verdict"] for finding in findings.values()}
        assert {"file system", "locks", "hard links", "letter case", "file names", "base dir"} <= findings.keys()
        assert "login" not in findings
        assert [] == list(here.share.iterdir())

    def test_a_missing_folder_ends_with_7(self, here: Here):
        """It is the base dir that is wrong."""
        here.add()
        here.share.rmdir()
        code, findings = here.findings()

        assert 7 == code
        assert "may not be mounted" in findings["base dir"]["found"]
        assert "Mount it" in findings["base dir"]["fix"]

    def test_a_folder_in_the_root_is_an_error(self, here: Here):
        """Before anything is tried there."""
        here.file.write_text(f"remotes: {{disk: {{type: folder, base_dir: {str(here.root / 'x')!r}}}}}")
        code, findings = here.findings()

        assert 1 == code
        assert "lies in the root" in findings["base dir"]["found"]

    @pytest.mark.parametrize(("call", "fact"), [("link", "hard links"), ("lock", "locks")])
    def test_what_a_file_system_lacks_is_an_error(
        self, here: Here, monkeypatch: pytest.MonkeyPatch, call: str, fact: str
    ):
        """With what to use instead."""
        import filelock

        def fail(*_: object, **__: object) -> bool:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

        monkeypatch.setattr(*((os, "link", fail) if call == "link" else (filelock, "lock_descriptor", fail)))
        probe = probe_folder(str(here.share))

        assert {fact} == probe.errors.keys()
        assert "ssh" in probe.errors[fact]
        assert [] == list(here.share.iterdir())

    def test_a_read_only_mount_is_warned_of(self, here: Here, monkeypatch: pytest.MonkeyPatch):
        """Nothing is tried there, and the way out is the mount, not its owner."""
        found = os.statvfs(here.share)
        monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((*found[:8], os.ST_RDONLY, found[9])))
        probe = probe_folder(str(here.share))

        assert "read-only" == probe.folder
        assert "mount it writable" in probe.warnings["file system"]
        assert "mounted read-only" in (probe.facts["file system"] or "")

    def test_a_file_system_as_fat_is_warned_of(self, here: Here, monkeypatch: pytest.MonkeyPatch):
        """Letter case that does not count, and characters that names can't have."""
        real = Path.touch

        def touch(path: Path, *rest: Any, **more: Any) -> None:
            if "*" in path.name:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            real(path, *rest, **more)
            if path.name == "file":
                real(path.with_name("FILE"))

        monkeypatch.setattr(Path, "touch", touch)
        probe = probe_folder(str(here.share))

        assert {"letter case", "file names"} == probe.warnings.keys()
        assert {} == dict(probe.errors)
