"""A new function of records: the share of letters that a parameter names."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "function"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: a function of records."""

from usr_core.api import FunctionSpec, OptionSpec, hookimpl


@hookimpl
def usr_functions():
    letters = OptionSpec(name="letters", default="GC", help="The letters that are counted")
    return [
        FunctionSpec(
            name="$id",
            summary="The share of some letters, 0 to 1",
            factory=_function,
            params=(letters,),
            type="float64",
        )
    ]


def _function():
    from $package.function import share  # what it imports is loaded in the worker that runs it

    return share
'''

_CODE = '''\
"""The function `$id`: it is given a batch of records, and returns one value for each."""

import pyarrow.compute as pc


def share(batch, *, letters):
    """Return the share of `letters` in each sequence."""
    sequences = pc.utf8_upper(batch["sequence"])
    counts = [pc.count_substring(sequences, letter) for letter in letters.upper()]
    found = counts[0]
    for count in counts[1:]:
        found = pc.add(found, count)
    return pc.divide(pc.cast(found, "float64"), pc.utf8_length(sequences))
'''

_TESTS = """\
import pytest

from usr_core.testing import FunctionContract, ManifestContract
from $package.plugin import usr_functions


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestFunction(FunctionContract):
    examples = (("GATC", 0.5), ("aaaa", 0.0), ("GCGC", 1.0))

    @pytest.fixture
    def spec(self):
        (spec,) = usr_functions()
        return spec
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="function",
    code=_CODE,
    tests=_TESTS,
    usage="Computes a value of each record: `usr map DATASET --fn $id --into lab__share`.",
    api="1.2",
)
