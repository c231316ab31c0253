"""The wheel of this checkout, built once; the tests that use it run on one worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.wheels import CHECKOUT, build_wheel


@pytest.fixture(scope="session")
def usr_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that users get."""
    parts = ("usr_core", "plugins", "pyproject.toml", "README.md", "LICENSE")
    return build_wheel(CHECKOUT, parts, tmp_path_factory.mktemp("usr-wheel") / "work")
