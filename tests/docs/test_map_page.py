"""docs/operations/map.md does what it says, with an `sbatch` that runs the tasks of an array as processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.batch_systems import FakeCluster
from support.docs import run_page

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "map.md"


def test_every_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the login to the commit, in order."""
    monkeypatch.setenv("PATH", FakeCluster(tmp_path / "cluster", at_once=True).path)
    (tmp_path / "work").mkdir()

    run_page(PAGE, tmp_path / "work", {"DASK_TEMPORARY_DIRECTORY": str(tmp_path)})
