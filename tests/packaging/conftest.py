"""The wheel of this checkout, built and installed once; the tests that use it run on one worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.wheels import CHECKOUT, Installed, build_wheel, install_wheels


@pytest.fixture(scope="session")
def usr_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that users get."""
    parts = ("usr_core", "plugins", "pyproject.toml", "README.md", "LICENSE")
    return build_wheel(CHECKOUT, parts, tmp_path_factory.mktemp("usr-wheel") / "work")


@pytest.fixture(scope="session")
def installed(usr_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Install the built wheel into a new venv."""
    base = tmp_path_factory.mktemp("wheel")
    venv = install_wheels(base, usr_wheel)
    folder = base / "elsewhere"
    (folder / "root").mkdir(parents=True)
    yield Installed(wheel=usr_wheel, venv=venv, folder=folder)
    shutil.rmtree(venv)  # hundreds of megabytes
