"""The dataset that the accidents of these tests happen to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import crash_child
from support.crash import World, trace_child
from support.strace import CHANGING, READING, Call, calls_below, calls_between


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A dataset with one event, and its views before and after the composite change."""
    return World.make(tmp_path_factory.mktemp("world"))


@pytest.fixture
def dataset(world: World, tmp_path: Path) -> Iterator[Path]:
    """A fresh copy of that dataset, at the same path for every copy that a test makes."""
    yield world.copy(tmp_path / "dataset")


@pytest.fixture(scope="session")
def calls(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """The system calls of the composite change that concern the dataset and change or order something."""
    found = _traced(world, tmp_path_factory.mktemp("calls"), CHANGING)
    assert len(found) > 60
    return found


@pytest.fixture(scope="session")
def looks(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """Its system calls that only look, from the commit point on."""
    found = _traced(world, tmp_path_factory.mktemp("looks"), (*READING, "link"))
    point = next(i for i, call in enumerate(found) if call.name == "link" and ".usr.commit" in call.line)
    assert len(found) - point > 30
    return found[point + 1 :]


def _traced(world: World, place: Path, names: tuple[str, ...]) -> list[Call]:
    # Whoever is first to import a module after an installation writes byte code: calls that no later run makes.
    trace_child(world.copy(place / "first"), place / "first.log", names=("link",))
    folder = world.copy(place / "dataset")
    everything = trace_child(folder, place / "log", names=names)
    inside = calls_between(everything, crash_child.BEGIN_MARKER, crash_child.END_MARKER, names=names)
    return calls_below(inside, folder, names=names)
