"""``usr doctor`` as it is run."""

from __future__ import annotations

from pathlib import Path

from support.cli import Usr, run_usr
from support.tree import assert_unchanged

NAME = "ns/base"


class TestDoctor:
    def test_healthy_dataset_is_ok(self, seeded: Usr) -> None:
        """Root, registry, lock and snapshots are told, and that there is no problem; no file is touched."""
        with assert_unchanged(seeded.root):
            result = seeded.ok("doctor", NAME)

        words = {line.split()[0] for line in result.out.splitlines()}
        assert {"root", "registry", "versions", "tools", "dataset", "lock", "snapshots"} <= words
        assert result.out.splitlines()[-1] == "ok: no problem found"

    def test_leftovers_are_exit_code_1(self, seeded: Usr) -> None:
        """A problem has its fix below it."""
        (seeded.path(NAME) / ".usr.tmp" / "dead").mkdir(parents=True)

        with assert_unchanged(seeded.root):
            result = seeded.run("doctor", NAME)

        assert result.rc == 1
        assert "warning  USR-DOCTOR-006  .usr.tmp/dead" in result.out
        assert "fix: The next command that writes settles it" in result.out

    def test_json_is_one_document(self, seeded: Usr, tmp_path: Path) -> None:
        """The same in JSON, with the folder's abilities under --fs."""
        result = seeded.ok("doctor", NAME, "--fs", tmp_path, "--format", "json")

        assert (result.data["ok"], result.data["dataset"]["name"], result.data["dataset"]["events"]) == (True, NAME, 2)
        assert {"write", "link", "lock", "fsync", "rename"} <= {one["name"] for one in result.data["folder"]}
        assert result.data["versions"]["pyarrow"]

    def test_works_without_a_root(self, tmp_path: Path) -> None:
        """Anywhere, the machine alone is looked at."""
        result = run_usr("doctor", "--format", "json", cwd=tmp_path)

        assert (result.rc, result.data["root"], result.data["dataset"]) == (0, None, None)

    def test_defaults_to_the_dataset_we_stand_in(self, seeded: Usr) -> None:
        """Inside a dataset's folder it needs no name."""
        result = run_usr("doctor", "--format", "json", cwd=seeded.path(NAME))

        assert result.data["dataset"]["name"] == NAME

    def test_missing_folder_and_dataset_are_exit_code_3(self, seeded: Usr) -> None:
        """What is named has to be there."""
        seeded.refuses(3, "doctor", "--fs", seeded.root / "none")
        seeded.refuses(3, "doctor", "ns/none")

    def test_unwritable_folder_is_a_problem(self, seeded: Usr, tmp_path: Path) -> None:
        """A folder in which the user may not write is told with its fix."""
        place = tmp_path / "shut"
        place.mkdir(mode=0o555)

        result = seeded.run("doctor", "--fs", place, unprivileged=True)

        assert result.rc == 1
        assert "USR-DOCTOR-008" in result.out

    def test_adopt_begins_a_lost_log(self, seeded: Usr) -> None:
        """The event is told on stderr, and the dataset can be changed again."""
        (seeded.path(NAME) / ".events.log").unlink()
        refused = seeded.refuses(1, "snapshot", NAME)

        result = seeded.ok("doctor", NAME, "--adopt")

        assert f"usr doctor {NAME} --adopt" in refused.err
        assert "event 1 lists 3 files as found" in result.err
        seeded.ok("snapshot", NAME)

    def test_clean_tells_what_it_removed(self, seeded: Usr) -> None:
        """Each thing has a line and its size; --older-than takes an age and nothing else, and needs --clean."""
        aside = seeded.path(NAME) / ".usr.replaced" / "20200101T000000-1"
        aside.mkdir(parents=True)
        (aside / "meta.md").write_text("12345")
        seeded.refuses(2, "doctor", NAME, "--clean", "--older-than", "soon")
        seeded.refuses(2, "doctor", NAME, "--older-than", "1d")

        result = seeded.ok("doctor", NAME, "--clean", "--format", "json")

        assert [{"file": ".usr.replaced/20200101T000000-1", "size_bytes": 5}] == result.data["removed"]


class TestCache:
    def test_its_size_is_told_and_it_is_dropped(self, seeded: Usr, tmp_path: Path) -> None:
        """What is remembered of large datasets: told in text and JSON, removed on request, with a word on stderr."""
        folder = tmp_path / "cache" / "positions"
        folder.mkdir(parents=True)
        (folder / "0123456789abcdef.ids").write_bytes(bytes(1234))
        environ = {"USR_CACHE_DIR": str(tmp_path / "cache")}

        told = seeded.ok("doctor", env=environ)
        in_json = seeded.ok("doctor", "--format", "json", env=environ)
        tried = seeded.ok("doctor", "--drop-cache", "--dry-run", env=environ)
        dropped = seeded.ok("doctor", "--drop-cache", "--format", "json", env=environ)

        assert "would drop 1 file of the cache (1,234 bytes)" in tried.err
        assert f"cache        1 file, 1,234 bytes in {folder}" in told.out.splitlines()
        assert in_json.data["cache"] == {"folder": str(folder), "files": 1, "size_bytes": 1234}
        assert "dropped 1 file of the cache (1,234 bytes)" in dropped.err
        assert dropped.data["cache"]["files"] == 0
        assert not list(folder.iterdir())

    def test_a_cache_that_is_off_is_told(self, seeded: Usr) -> None:
        """Neither a folder nor bytes; there is nothing to drop."""
        result = seeded.ok("doctor", "--drop-cache", env={"USR_CACHE_DIR": "off"})

        assert "cache        off" in result.out.splitlines()
        assert "the cache is switched off" in result.err
