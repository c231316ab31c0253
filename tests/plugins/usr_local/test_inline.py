"""The executor `inline` keeps the contract of executors."""

from __future__ import annotations

import pytest

from usr_core.api import ExecutorSpec
from usr_core.testing import ExecutorContract
from usr_local.plugin import usr_executors


class TestInline(ExecutorContract):
    """It runs in this process, so that a function may not end it."""

    @pytest.fixture
    def spec(self) -> ExecutorSpec:
        return next(spec for spec in usr_executors() if spec.name == "inline")
