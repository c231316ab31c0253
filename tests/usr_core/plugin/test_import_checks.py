"""Checks of plugins at an import: they see what comes in, and an error refuses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.hosts import HostMaker
from support.plugins import FakePlugin
from support.tree import tree_digest
from usr_core import Dataset
from usr_core.api.registry import make_root, register_namespace
from usr_core.plugin.errors import PluginCallError
from usr_core.store.rules.errors import RefusedByCheck

HOOKS = """
from usr_core.api import CheckSpec, Finding, hookimpl

SEEN = []


def check(batches):
    first = 1
    for batch in batches:
        SEEN.append((batch.schema.names, batch.num_rows))
        {body}
        first += batch.num_rows


@hookimpl
def usr_checks():
    return [CheckSpec(name="lab", summary="s", factory=lambda: check, columns={columns!r}, at={at!r})]
"""
SHORT = """rows = tuple(first + row for row, length in enumerate(batch["length"].to_pylist()) if length < 4)
        if rows:
            yield Finding(code="LAB-101", message="it is short", severity={severity!r}, rows=rows, count=len(rows))"""


def lab(
    body: str = SHORT.format(severity="error"),
    *,
    columns: tuple[str, ...] = ("length",),
    at: object = frozenset({"import"}),
) -> FakePlugin:
    """Return a plugin with one check."""
    hooks = HOOKS.format(body=body, columns=columns, at=at)
    return FakePlugin("lab", api="1.1", hooks=hooks).provides("check", "lab")


@pytest.fixture
def make(make_host: HostMaker, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Return what makes a dataset whose host has a plugin."""

    def made(plugin: FakePlugin) -> Dataset:
        make_root(tmp_path / "root")
        register_namespace(tmp_path / "root", "lab", (("lab__score", "float64"),))
        return Dataset.open(tmp_path / "root", "d/one", host=make_host(plugin)).init()

    return made


def csv(folder: Path, name: str, *lines: str) -> Path:
    """Write a file of lines."""
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder / name


class TestImport:
    def test_an_error_refuses_the_file_with_its_row(self, make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
        """Of several files the one at fault is named, and nothing is changed."""
        dataset = make(lab())
        files = [csv(tmp_path, "a.csv", "sequence", "ACGT", "ACGTA"), csv(tmp_path, "b.csv", "sequence", "ACGTT", "AC")]
        before = tree_digest(dataset.path)

        with pytest.raises(RefusedByCheck, match="it is short") as caught:
            dataset.import_file(files)

        facts = {name: caught.value.facts[name] for name in ("file", "row", "check", "plugin", "finding")}
        assert {"file": "b.csv", "row": 2, "check": "lab", "plugin": "lab", "finding": "LAB-101"} == facts
        assert before == tree_digest(dataset.path)

    def test_only_new_rows_are_seen(self, make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
        """What the dataset has already is not looked at again."""
        dataset = make(lab("yield from ()"))
        dataset.import_file(csv(tmp_path, "a.csv", "sequence", "ACGT", "ACGTA"))
        dataset.import_file(csv(tmp_path, "b.csv", "sequence", "ACGTT"))
        from usr_plugin_lab import plugin  # type: ignore[import-not-found]

        assert [(["length"], 2), (["length"], 1)] == plugin.SEEN

    def test_a_warning_is_told_and_lets_them_in(self, make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
        """It is among the outcome's findings."""
        dataset = make(lab(SHORT.format(severity="warning")))
        done = dataset.import_file(csv(tmp_path, "a.csv", "sequence", "AC", "ACGT"))

        assert (2, [("LAB-101", (1,))]) == (done.added, [(found.code, found.rows) for found in done.findings])

    def test_columns_that_are_kept_are_seen(self, make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
        """By their full names, in their registered types."""
        body = """for row, score in enumerate(batch["lab__score"].to_pylist()):
            if score > 1:
                yield Finding(code="LAB-102", message="too high", rows=(first + row,))"""
        dataset = make(lab(body, columns=("lab__score", "sequence")))

        with pytest.raises(RefusedByCheck) as caught:
            dataset.import_file(csv(tmp_path, "a.csv", "sequence,score", "ACGT,0.5", "ACGTA,1.5"), keep="lab")

        assert 2 == caught.value.facts["row"]

    def test_a_check_whose_columns_do_not_come_in_is_not_run(self, make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
        """It has nothing to say."""
        dataset = make(lab("1 / 0", columns=("lab__score",)))

        assert 1 == dataset.import_file(csv(tmp_path, "a.csv", "sequence", "ACGT")).added

    def test_a_check_that_fails_refuses_the_import(self, make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
        """With the plugin's name."""
        dataset = make(lab("1 / 0"))

        with pytest.raises(PluginCallError, match="usr-plugin-lab"):
            dataset.import_file(csv(tmp_path, "a.csv", "sequence", "ACGT"))

    @pytest.mark.parametrize(
        ("at", "at_import", "at_validate"),
        [({"import"}, 1, 0), (frozenset({"validate"}), 0, 1), ({"validate", "import"}, 1, 1)],
    )
    def test_it_runs_when_its_spec_says(  # type: ignore[no-untyped-def]
        self, make, at: object, at_import: int, at_validate: int
    ) -> None:
        """At the import of rows from memory too."""
        dataset = make(lab(SHORT.format(severity="note"), at=at))
        done = dataset.add_sequences([{"sequence": "AC"}])

        assert (at_import, at_validate) == (len(done.findings), len(dataset.validate().findings))

    @pytest.mark.parametrize("at", ["import", (), {"export"}])
    def test_a_wrong_time_is_told_at_the_border(self, make, at: object) -> None:  # type: ignore[no-untyped-def]
        """The check is then one that can't be loaded, which is a finding."""
        dataset = make(lab(at=at))
        (finding,) = dataset.validate().findings

        assert "lab" in finding.message
