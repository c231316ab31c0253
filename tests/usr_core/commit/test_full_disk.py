"""File systems that are too small, at every size around what the change needs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from support import full_disk_verbs
from support.cli import clean_env
from support.full_disk import argv


def _tried(place: Path, cases: list[str]) -> list[dict[str, str]]:
    place.mkdir()
    done = subprocess.run(argv(place, cases), capture_output=True, text=True, check=False, env=clean_env(), timeout=600)
    assert done.returncode == 0, f"could not try on a small tmpfs (needs root or user namespaces): {done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


class TestFullDisk:
    def test_leaves_the_dataset_as_it_was_at_any_size(self, tmp_path: Path) -> None:
        """Of 40 sizes, each one page apart, none corrupts the dataset; every refusal says that space is short."""
        tried = _tried(tmp_path / "mount", [f"size={4 * pages}k" for pages in range(1, 41)])

        assert 40 == len(tried)
        assert {"DiskFull", "ENOSPC"} >= {case["error"] for case in tried if "error" in case}
        assert {"first", "second", "nowhere"} <= {case["stopped"] for case in tried}
        assert all("No space left" in case["message"] for case in tried if case.get("error") == "DiskFull")

    def test_leaves_the_dataset_as_it_was_at_any_number_of_inodes(self, tmp_path: Path) -> None:
        """The same where names run out instead of bytes."""
        tried = _tried(tmp_path / "mount", [f"size=1m,nr_inodes={inodes}" for inodes in range(2, 34)])

        assert {"DiskFull", "ENOSPC"} >= {case["error"] for case in tried if "error" in case}
        assert {"first", "second", "nowhere"} <= {case["stopped"] for case in tried}


class TestVerbs:
    """`tests/support/full_disk_verbs.py` runs them; it says how to try more sizes."""

    @pytest.mark.parametrize(
        ("kind", "count", "rows"),
        [
            ("size", 4, 10_000),
            ("inodes", 3, 2_000),
            pytest.param("size", 60, 30_000, marks=pytest.mark.whole_matrix),
            pytest.param("inodes", 24, 30_000, marks=pytest.mark.whole_matrix),
        ],
    )
    def test_say_that_space_is_missing_and_change_nothing(
        self, tmp_path: Path, kind: str, count: int, rows: int
    ) -> None:
        """Import, attach, materialize, compact, export and a session; none is ended by native code."""
        done = subprocess.run(
            full_disk_verbs.argv(tmp_path, count, kind, rows),
            capture_output=True,
            text=True,
            check=False,
            env=clean_env(),
            timeout=count * 60 + 120,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        tried = [json.loads(line) for line in done.stdout.splitlines()]

        assert count * len(full_disk_verbs.VERBS) == len(tried)
        assert all(case["told"] == "done" or "No space left" in case["told"] for case in tried)
        assert {"done"} < {case["told"] for case in tried}
