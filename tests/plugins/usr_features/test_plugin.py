"""The plugin `features` offers what its functions do."""

from __future__ import annotations

import inspect

import pyarrow as pa
import pytest

from usr_core.api import FunctionSpec
from usr_core.api.registry import parse_type
from usr_core.testing.manifest_contract import ManifestContract
from usr_features.plugin import usr_functions, usr_namespaces

SPECS = {spec.name: spec for spec in usr_functions()}


class TestManifest(ManifestContract):
    """What the manifest says is what the plugin offers."""

    @pytest.fixture
    def plugin_id(self) -> str:
        return "features"


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
class TestSpecs:
    def test_value_has_the_type_that_is_said(self, spec: FunctionSpec) -> None:
        """With its default parameters; the namespace has a column of that type, which a list's parameters decide."""
        batch = pa.record_batch({"id": ["x"], "sequence": ["TTGACA"], "bio_type": ["dna"]})
        (namespace,) = usr_namespaces()
        registered = dict(namespace.columns)[f"features__{spec.name}"]

        assert parse_type(registered).to_arrow() == spec.factory()(batch).type
        assert spec.type in ("", registered)

    def test_parameters_are_those_of_the_function(self, spec: FunctionSpec) -> None:
        """By name, and with the same defaults."""
        accepted = list(inspect.signature(spec.factory()).parameters.values())[1:]

        assert {one.name: one.default for one in accepted} == {param.name: param.default for param in spec.params}
