"""What the tests of faults start from, made once for each worker."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.sshd import LoopbackSshd
from support.sync_faults import Runs
from support.sync_lab import Lab
from support.sync_states import Templates


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The dataset as it was, and as it is now."""
    return Templates.make(tmp_path_factory.mktemp("templates"))


@pytest.fixture(scope="session")
def _runs(_running_sshd: LoopbackSshd, templates: Templates) -> Iterator[Runs]:
    with tempfile.TemporaryDirectory(prefix="usr-lab-") as folder:
        yield Runs(Lab(Path(folder) / "lab", _running_sshd), templates)


@pytest.fixture
def runs(_runs: Runs, sshd: LoopbackSshd) -> Runs:
    """The lab of this worker and what plain transfers do in it; without a fault."""
    _runs.lab.use(sshd)
    return _runs


@pytest.fixture
def lab(sshd: LoopbackSshd) -> Iterator[Lab]:
    """Two roots of a test's own."""
    with tempfile.TemporaryDirectory(prefix="usr-lab-") as folder:
        yield Lab(Path(folder) / "lab", sshd)
