"""A new namespace: the columns that a tool owns."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "namespace"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: the namespace of its name."""

from usr_core.api import NamespaceSpec, hookimpl


@hookimpl
def usr_namespaces():
    from $package.columns import COLUMNS

    return [NamespaceSpec(name="$id", summary="Results of $id", columns=COLUMNS)]
'''

_CODE = '''\
"""The columns of the namespace `$id`, with the registry's types: full names, the plugin's id in front."""

COLUMNS = (
    ("${id}__score", "float64"),
    ("${id}__label", "string"),
    ("${id}__hits", "list<struct<motif:string,offset:int64>>"),
)
'''

_TESTS = """\
import pytest

from usr_core.testing import ManifestContract
from $package.columns import COLUMNS


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


def test_columns_can_be_registered_and_filled(dataset_factory):
    dataset = dataset_factory(["ACGT"], namespaces={"$id": dict(COLUMNS)})
    rows = dataset.to_arrow(columns=["id"]).append_column("${id}__score", [[0.5]])

    dataset.write_overlay("$id", rows)

    assert dataset.to_arrow(columns=["${id}__score"]).to_pylist() == [{"${id}__score": 0.5}]
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="columns",
    code=_CODE,
    tests=_TESTS,
    usage="Owns the columns `${id}__…`: `usr namespace register $id --from-plugin $id`.",
)
