"""The contract of an installed plugin: subclass `ManifestContract` and supply ``plugin_id``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from usr_core.plugin.catalogue import Catalogue
from usr_core.plugin.discovery import PluginRecord, PluginStatus
from usr_core.plugin.kinds import KINDS
from usr_core.plugin.loading import load_target
from usr_core.plugin.registrar import Registrar
from usr_core.plugin.specs import NamespaceSpec, TransportSpec
from usr_core.plugin.switches import Switches
from usr_core.testing.contract import Contract
from usr_core.testing.heavy_modules import HEAVY_MODULES

__all__ = ["ManifestContract"]

_PROGRAM = """
import importlib, json, sys
import usr_core.plugin.registrar, usr_core.plugin.specs
before = set(sys.modules)
importlib.import_module(sys.argv[1])
sys.__stdout__.write("\\n" + json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


class ManifestContract(Contract):
    """The manifest and the code say the same thing, and importing the hooks costs next to nothing.

    A subclass whose name begins with ``Test`` overrides the fixture `plugin_id`. The plugin has to be installed, in
    place or from its wheel: what users get is tested.
    """

    @pytest.fixture
    def plugin_id(self) -> str:
        """Return the plugin's id."""
        raise NotImplementedError("a subclass of ManifestContract supplies the fixture `plugin_id`")

    @pytest.fixture
    def record(self, plugin_id: str) -> PluginRecord:
        """Return what the host knows of the plugin before importing it."""
        records = Catalogue(Switches()).all
        found = [record for record in records if record.id == plugin_id]
        assert found, f"no plugin {plugin_id!r} is installed; run `pip install -e .` in its folder"
        return found[0]

    def test_the_manifest_is_good(self, record: PluginRecord) -> None:
        """It is packaged, keeps the contract, and claims nothing that another plugin has."""
        assert (PluginStatus.OK, "") == (record.status, record.reason)

    def test_the_manifest_claims_something(self, record: PluginRecord) -> None:
        """A plugin without a command and without a provider is never asked for anything."""
        assert record.commands or record.provides

    def test_hooks_have_names_and_arguments_of_this_api(self, record: PluginRecord) -> None:
        """A misspelled hook would never be called."""
        registrar = _registrar()

        assert registrar.load(record) is None  # type: ignore[func-returns-value]

    def test_hooks_offer_what_the_manifest_declares(self, record: PluginRecord) -> None:
        """No more, which nobody could reach, and no less."""
        registrar = _registrar()
        offered = {
            (kind, spec.scheme if isinstance(spec, TransportSpec) else spec.name)
            for kind in KINDS
            for spec in registrar.specs(record, kind)
        }

        declared = {(claim.kind, claim.name) for claim in record.provides}
        assert {claim for claim in declared if claim[0] in KINDS} == offered
        if registrar.implements(record, "usr_choose_verify"):
            assert {kind for kind, _ in declared} & {"verify", "verify_policy"}, "usr_choose_verify is never asked"

    def test_factories_build(self, record: PluginRecord) -> None:
        """A provider's own imports work. Transports and executors need more: see their contracts."""
        registrar = _registrar()
        specs: list[Any] = [
            spec
            for kind in KINDS
            if kind not in ("namespace", "transport", "alphabet", "executor")
            for spec in registrar.specs(record, kind)
        ]

        assert [] == [spec.name for spec in specs if spec.factory() is None]

    def test_a_namespace_is_the_plugins_own(self, record: PluginRecord) -> None:
        """Named as its id, with prefixed columns, each once, of types that the registry knows."""
        from usr_core.registry.type_parser import parse_type

        for spec in _registrar().specs(record, "namespace"):
            assert isinstance(spec, NamespaceSpec)
            names = [name for name, _ in spec.columns]
            assert record.id == spec.name
            assert all(name.startswith(f"{spec.name}__") for name in names)
            assert len(set(names)) == len(names)
            assert [spelling for _, spelling in spec.columns] == [
                parse_type(spelling).canonical() for _, spelling in spec.columns
            ]

    def test_commands_are_applications(self, record: PluginRecord) -> None:
        """Every target imports to a ``typer.Typer`` that holds a command."""
        assert [claim.path for claim in record.commands if load_target(record, claim) is None] == []

    def test_importing_the_hooks_is_light_and_quiet(self, record: PluginRecord, tmp_path: Path) -> None:
        """No heavy module and no output: what is needed for the work is imported in factories and functions."""
        import json

        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, record.installed.module],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        printed, _, imported = done.stdout.rpartition("\n")

        assert (0, "", "") == (done.returncode, printed, done.stderr)
        assert set() == HEAVY_MODULES & set(json.loads(imported))


def _registrar() -> Registrar:
    return Registrar(lambda _text, _started: None)
