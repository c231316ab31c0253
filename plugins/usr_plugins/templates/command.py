"""A new command: the lengths of a dataset's sequences."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[commands]]
name = "$command"
target = "$package.cli:app"
summary = "Tell how long the sequences are"
"""

_HOOKS = '''\
"""The plugin `$id` adds a command; it implements no hook."""
'''

_CODE = '''\
"""``usr $command``: parse, call one function, print. Heavy imports stay inside the functions that need them."""

import typer

from usr_core.api.commands import DatasetArg, Format, FormatOpt, current_session, emit_record, examples

app = typer.Typer()


@app.command(epilog=examples("usr $command lab/promoters"))
def lengths(dataset: DatasetArg = None, fmt: FormatOpt = Format.AUTO) -> None:
    """Tell how long the sequences of a dataset are."""
    emit_record(length_facts(current_session().dataset(dataset)), fmt)


def length_facts(dataset):
    """Return the number of records, and the shortest and longest length, None where there is no record."""
    import pyarrow.compute as pc

    column = dataset.to_arrow(columns=["length"])["length"]
    extremes = pc.min_max(column).as_py()
    return {"records": len(column), "shortest": extremes["min"], "longest": extremes["max"]}
'''

_TESTS = """\
import json

import pytest

from usr_core.api.commands import main
from usr_core.testing import ManifestContract
from $package.cli import length_facts


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


def test_lengths_are_those_of_the_sequences(dataset_factory):
    assert length_facts(dataset_factory(["ACGT", "TTGACA"])) == {"records": 2, "shortest": 4, "longest": 6}


def test_a_dataset_without_records_has_none(dataset_factory):
    assert length_facts(dataset_factory([])) == {"records": 0, "shortest": None, "longest": None}


def test_the_command_prints_them(dataset_factory, tmp_path, capsys):
    dataset_factory(["ACGT"])

    assert main(["--root", str(tmp_path / "root"), "$command", "test/data", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == {"records": 1, "shortest": 4, "longest": 4}
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="cli",
    code=_CODE,
    tests=_TESTS,
    usage="Adds `usr $command DATASET`.",
)
