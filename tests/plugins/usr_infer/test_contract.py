"""The overlay writer `infer` keeps the contract of overlay writers, in each of its formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.plugin.specs import OverlayWriterSpec
from usr_core.testing.manifest_contract import ManifestContract
from usr_core.testing.overlay_writer_contract import OverlayWriterContract
from usr_infer.plugin import usr_overlay_writers


class _Outputs(OverlayWriterContract):
    columns: ClassVar = {"infer__llr": "float64", "infer__embedding": "fixed_size_list<float32>[3]"}

    @pytest.fixture
    def spec(self) -> OverlayWriterSpec:
        (spec,) = usr_overlay_writers()
        return spec

    def expected(self, keys: Sequence[str]) -> list[dict[str, object]]:
        return [
            {"infer__llr": row / 4, "infer__embedding": [row, row + 0.5, -row]} for row in map(float, range(len(keys)))
        ]

    @staticmethod
    def arrays(keys: Sequence[str]) -> dict[str, np.ndarray]:
        rows = np.arange(len(keys), dtype=np.float64)
        vectors = np.stack([rows, rows + 0.5, -rows], axis=1).astype(np.float32)
        return {"ids": np.asarray(keys, dtype="U40"), "llr": rows / 4, "embedding": vectors}


class TestArchives(_Outputs):
    """Several outputs in one ``.npz`` file, with the ids among them."""

    def write_output(self, path: Path, keys: Sequence[str]) -> None:
        with path.open("wb") as file:
            np.savez_compressed(file, **self.arrays(keys))


class TestTables(_Outputs):
    """Several outputs in one Parquet file."""

    def write_output(self, path: Path, keys: Sequence[str]) -> None:
        arrays = self.arrays(keys)
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(arrays["embedding"].reshape(-1)), 3)
        table = {"id": pa.array(keys, pa.string()), "llr": pa.array(arrays["llr"]), "embedding": vectors}
        pq.write_table(pa.table(table), path)


class TestManifest(ManifestContract):
    """What the manifest says is what the plugin offers."""

    @pytest.fixture
    def plugin_id(self) -> str:
        return "infer"
