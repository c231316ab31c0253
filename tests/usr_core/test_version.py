"""The version that events and ``--version`` tell is that of the installed distribution."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

import pytest

from usr_core import version

NAME = "universal-sequence-record"


INSTALLED = importlib.metadata.version(NAME)


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    version.package_version.cache_clear()
    yield
    version.package_version.cache_clear()


def test_it_is_what_the_metadata_say() -> None:
    """As `importlib.metadata` reads it, which takes longer."""
    assert version.package_version() == INSTALLED


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Metadata-Version: 2.4\nName: universal-sequence-record\nVersion: 9.8.7+lab\n\nVersion: 1\n", "9.8.7+lab"),
        ("Metadata-Version: 2.4\n\nVersion: 1\n", INSTALLED),
        (None, INSTALLED),
    ],
    ids=["first on the path", "no field", "no file"],
)
def test_the_first_distribution_on_the_path_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, expected: str
) -> None:
    """One that does not tell its version is passed over."""
    folder = tmp_path / "universal_sequence_record-9.8.7+lab.dist-info"
    folder.mkdir()
    if content is not None:
        (folder / "METADATA").write_text(content, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    assert version.package_version() == expected
