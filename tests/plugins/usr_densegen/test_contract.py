"""The plugin `densegen` keeps the contracts of manifests and of overlay writers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.dataset import Dataset
from usr_core.plugin.specs import OverlayWriterSpec
from usr_core.registry.store import read_registry, register_namespace
from usr_core.registry.type_parser import parse_type
from usr_core.testing.manifest_contract import ManifestContract
from usr_core.testing.overlay_writer_contract import OverlayWriterContract
from usr_densegen.namespace import COLUMNS
from usr_densegen.plugin import usr_namespaces, usr_overlay_writers

TYPES = dict(COLUMNS)


class TestManifest(ManifestContract):
    """What the manifest says is what the plugin offers."""

    @pytest.fixture
    def plugin_id(self) -> str:
        return "densegen"


class TestTypedOutput(OverlayWriterContract):
    """A file with typed columns and prefixed names."""

    columns: ClassVar = {name: TYPES[name] for name in ("densegen__plan", "densegen__used_tfbs", "densegen__npz_bytes")}

    @pytest.fixture
    def spec(self) -> OverlayWriterSpec:
        (spec,) = usr_overlay_writers()
        return spec

    def expected(self, keys: Sequence[str]) -> list[dict[str, object]]:
        return [
            {"densegen__plan": f"p{at}", "densegen__used_tfbs": [f"lexA:ACGT{at}"], "densegen__npz_bytes": at}
            for at in range(len(keys))
        ]

    def write_output(self, path: Path, keys: Sequence[str]) -> None:
        schema = pa.schema([(name, parse_type(kind).to_arrow()) for name, kind in self.columns.items()])
        table = pa.Table.from_pylist(self.expected(keys), schema=schema)
        pq.write_table(table.add_column(0, "id", pa.array(keys, pa.string())), path)


class TestOldOutput(OverlayWriterContract):
    """An older file: bare names, nested values as JSON text."""

    features: ClassVar = frozenset({"bad_rows"})
    columns: ClassVar = {
        name: TYPES[name] for name in ("densegen__used_tfbs", "densegen__used_tfbs_detail", "densegen__used_tf_counts")
    }

    @pytest.fixture
    def spec(self) -> OverlayWriterSpec:
        (spec,) = usr_overlay_writers()
        return spec

    def expected(self, keys: Sequence[str]) -> list[dict[str, object]]:
        return [
            {
                "densegen__used_tfbs": ["lexA:ACGTAC"],
                "densegen__used_tfbs_detail": [{"tf": "lexA", "tfbs": "ACGTAC", "orientation": "fwd", "offset": at}],
                "densegen__used_tf_counts": [{"tf": "lexA", "count": at}],
            }
            for at in range(len(keys))
        ]

    def write_output(self, path: Path, keys: Sequence[str]) -> None:
        self._write(path, keys, None)

    def write_bad_output(self, path: Path, keys: Sequence[str], bad: int) -> None:
        self._write(path, keys, bad)

    def _write(self, path: Path, keys: Sequence[str], bad: int | None) -> None:
        rows = self.expected(keys)
        table = {
            "id": list(keys),
            "used_tfbs": [json.dumps(row["densegen__used_tfbs"]) for row in rows],
            "used_tfbs_detail": [json.dumps(row["densegen__used_tfbs_detail"]) for row in rows],
            "used_tf_counts": [json.dumps({"lexA": at}) for at in range(len(rows))],
        }
        if bad is not None:
            table["used_tfbs_detail"][bad - 1] = '[{"tf": "lexA", "offset": 1.5}]'
        pq.write_table(pa.table(table, schema=pa.schema([(name, pa.string()) for name in table])), path)


class TestNamespace:
    def test_it_registers_and_attaches_without_more_words(self, tmp_path: Path) -> None:
        """The declared types are the registry's own spelling, and nothing is text that could be typed."""
        register_namespace(tmp_path, "densegen", COLUMNS)
        (declared,) = usr_namespaces()
        entry = read_registry(tmp_path).namespace("densegen")

        assert list(declared.columns) == [(column.name, column.type.canonical()) for column in entry.columns]

    def test_the_core_finds_writer_namespace_and_key(self, tmp_path: Path) -> None:
        """`attach` by the writer's name alone; a record's own columns in the file are not DenseGen's."""
        root = tmp_path / "root"
        root.mkdir()
        register_namespace(root, "densegen", COLUMNS)
        made = Dataset.open(root, "ns/d").init()
        made.add_sequences([{"sequence": "ACGT"}])
        file = tmp_path / "out.parquet"
        pq.write_table(made.to_arrow().append_column("densegen__plan", pa.array(["p"])), file)
        outcome = made.attach(file, writer="densegen")

        assert ("densegen__plan",) == outcome.columns
        assert () == outcome.ignored_columns
        assert ["p"] == made.to_arrow()["densegen__plan"].to_pylist()
