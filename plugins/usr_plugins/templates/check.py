"""A new check: sequences that are shorter than they should be."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "check"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: a check."""

from usr_core.api import CheckSpec, hookimpl


@hookimpl
def usr_checks():
    # With at={"validate", "import"} an error would refuse the rows of an import (plugin API 1.1).
    return [CheckSpec(name="$id", summary="Sequences are long enough", factory=_check, columns=("length",))]


def _check():
    from $package.check import short_sequences  # what it imports is loaded when a dataset is validated

    return short_sequences
'''

_CODE = '''\
"""The check `$id`: it sees batches of the columns that its spec names, once, and yields findings."""

from usr_core.api import Finding

LEAST = 6


def short_sequences(batches):
    first = 1  # rows are counted from 1
    for batch in batches:
        rows = tuple(first + row for row, length in enumerate(batch.column("length").to_pylist()) if length < LEAST)
        first += batch.num_rows
        if rows:
            yield Finding(
                code="$upper-001",
                message=f"the sequence has less than {LEAST} letters",
                severity="warning",
                rows=rows,
                count=len(rows),
                hint="Leave it out.",
            )
'''

_TESTS = """\
import pytest

from usr_core.testing import ManifestContract


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


def test_short_sequences_are_found(usr_host, dataset_factory):
    dataset = dataset_factory(["ACGTACGT", "ACGT"], host=usr_host($id="$package.plugin"))

    assert [(found.code, found.rows) for found in dataset.validate().findings] == [("$upper-001", (2,))]


def test_long_sequences_are_not(usr_host, dataset_factory):
    assert dataset_factory(["ACGTACGT"], host=usr_host($id="$package.plugin")).validate().findings == ()
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="check",
    code=_CODE,
    tests=_TESTS,
    usage="Checks datasets: `usr validate DATASET` shows what it finds.",
)
