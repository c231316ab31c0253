"""The executor `local` keeps the contract of executors."""

from __future__ import annotations

import pytest

from usr_core.api import ExecutorSpec
from usr_core.testing import ExecutorContract
from usr_local.plugin import usr_executors


class TestLocal(ExecutorContract):
    """A function may end its process. One worker at a time is enough here; test_torture.py has more of them."""

    features = frozenset({"survives"})
    workers = 1

    @pytest.fixture
    def spec(self) -> ExecutorSpec:
        return next(spec for spec in usr_executors() if spec.name == "local")
