"""A healthy dataset, built once and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.damage import NAME, healthy_dataset
from usr_core.dataset import Dataset


@pytest.fixture(scope="session")
def _healthy_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("validate") / "root"
    healthy_dataset(root)
    return root


@pytest.fixture
def healthy(tmp_path: Path, _healthy_template: Path) -> Dataset:
    """A copy of the healthy dataset, in a root of its own."""
    return Dataset.open(shutil.copytree(_healthy_template, tmp_path / "root"), NAME)
