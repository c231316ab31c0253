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
SHOWN = 20


def short_sequences(batches):
    first, rows, count = 1, [], 0  # rows are counted from 1, over all batches
    for batch in batches:
        short = [first + row for row, length in enumerate(batch.column("length").to_pylist()) if length < LEAST]
        first += batch.num_rows
        count += len(short)
        rows += short[: SHOWN - len(rows)]
    if count:
        yield Finding(
            code="$upper-001",
            message=f"the sequence has less than {LEAST} letters",
            severity="warning",
            rows=tuple(rows),
            count=count,
            hint="Leave it out.",
        )
'''

_TESTS = """\
import pytest

from usr_core.testing import CheckContract, ManifestContract
from $package.plugin import usr_checks


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestCheck(CheckContract):
    types = {"length": "int32"}
    good = [{"length": 6}, {"length": 200}]
    bad = [{"length": 8}, {"length": 4}, {"length": 5}]
    at_fault = [2, 3]

    @pytest.fixture
    def spec(self):
        (spec,) = usr_checks()
        return spec


def test_short_sequences_are_found(usr_host, dataset_factory):
    dataset = dataset_factory(["ACGTACGT", "ACGT"], host=usr_host($id="$package.plugin"))

    assert [(found.code, found.rows) for found in dataset.validate().findings] == [("$upper-001", (2,))]
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="check",
    code=_CODE,
    tests=_TESTS,
    usage="Checks datasets: `usr validate DATASET` shows what it finds.",
)
