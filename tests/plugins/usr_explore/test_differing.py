"""What differs between two versions, as the page shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core import Dataset
from usr_core.api.results import CellChange, ColumnChanges, Comparison
from usr_core.errors import UsrError
from usr_explore.condition import Query, choose, export_line, python_line
from usr_explore.differing import comparison_panel, version_labels
from usr_explore.exploring import Exploration


def test_versions_are_offered_by_what_changed(explore_root: Path):
    """The dataset as it is first; values are what ``--at`` takes."""
    labels = version_labels(Dataset.open(explore_root, "demo/plain"))

    assert ["now", "2", "1"] == list(labels.values())
    assert "as it is now" == next(iter(labels))
    assert any(label.startswith("2: import, +3 records from python") for label in labels)


def test_a_version_that_is_picked_is_shown_everywhere(explore_root: Path):
    """It is what is loaded and what is compared, and it can't be written."""
    exploration = Exploration(explore_root, "demo/first")
    exploration.look_at("demo/first", "2")
    loaded = exploration.load("demo/first")
    everything = choose(loaded, Query())

    assert (2, []) == (loaded.version, loaded.own)
    assert not exploration.writable("demo/first")
    assert "usr export demo/first --at 2 --fmt csv" in export_line(loaded, everything.query)
    assert "ds.at(2).to_arrow()" in python_line(loaded, everything.query)
    label = exploration.version_label("demo/first")
    assert label is not None and label.startswith("2: import")
    found = exploration.compare("demo/first", "1")
    assert ("demo/first@1", "demo/first@2", len(loaded.table)) == (found.old, found.new, found.added)

    exploration.look_at("demo/first", "now")
    assert exploration.load("demo/first").version is None
    assert exploration.compare("demo/first", "now").same
    with pytest.raises(UsrError):
        exploration.compare("demo/first", "99")


def test_a_panel_is_escaped_and_says_the_commands():
    """Names and values are text; going back is offered from the dataset as it is only."""
    cell = CellChange(id="f" * 40, kind="changed", old="<b>", new=None)
    column = ColumnChanges(name="lab__<i>", set=0, unset=0, changed=1, first=(cell,))
    found = Comparison(old="d@2", new="d", common=3, added=0, gone=0, restored=0, columns=(column,), compared=8)

    told = comparison_panel(found, "d")

    assert "<b>" not in told and "&lt;b&gt;" in told and "lab__&lt;i&gt;" in told
    assert "usr compare d@2 d" in told and "usr rollback d --to 2" in told
    same = comparison_panel(Comparison(old="d@2", new="d", common=3, added=0, gone=0, restored=0, compared=8), "d")
    assert "no difference in 8 columns" in same and "rollback" not in same
