"""docs/operations/sync.md does what it says, over ssh, with a host of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.docs import examples_of, run_page
from support.sshd import LoopbackSshd, started_sshd
from support.sync_page import ready_page, serve_cluster

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs" / "operations" / "sync.md"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def cluster(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackSshd]:
    with started_sshd(tmp_path / "sshd") as sshd:
        monkeypatch.setenv("PATH", sshd.path)
        serve_cluster(sshd, home)
        yield sshd


def test_every_example_of_the_page_runs(cluster: LoopbackSshd, tmp_path: Path, home: Path) -> None:
    """In order, between two folders here and one on a host that is reached by ssh."""
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "project").mkdir()

    run_page(ready_page(PAGE, into=tmp_path, home=home, project=tmp_path / "project"), work)

    assert any(command.startswith("rsync --server") for command in cluster.commands())
