"""File systems that are too small, at every size around what the change needs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

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
