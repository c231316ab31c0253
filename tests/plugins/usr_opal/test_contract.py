"""The plugin `opal` keeps the contracts of a plugin and of an overlay writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from support.tables import write_csv
from usr_core.plugin.specs import CheckSpec, OverlayWriterSpec
from usr_core.testing.check_contract import CheckContract
from usr_core.testing.manifest_contract import ManifestContract
from usr_core.testing.overlay_writer_contract import OverlayWriterContract
from usr_opal.labels import COLUMNS, OFFSET, SPELLINGS, VECTOR
from usr_opal.plugin import usr_checks, usr_overlay_writers


class _Labels(OverlayWriterContract):
    features = frozenset({"bad_rows"})
    columns: ClassVar = dict(COLUMNS)
    header: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    def spec(self) -> OverlayWriterSpec:
        (spec,) = usr_overlay_writers()
        return spec

    @staticmethod
    def vector(row: int) -> list[float]:
        return [row + item / 8 for item in range(8)]

    def cells(self, vector: Sequence[object]) -> list[object]:
        return list(vector)

    def expected(self, keys: Sequence[str]) -> list[dict[str, object]]:
        return [{VECTOR: self.vector(row), OFFSET: row / 2} for row in range(len(keys))]

    def write_output(self, path: Path, keys: Sequence[str]) -> None:
        rows = [[key, *self.cells(self.vector(row)), row / 2] for row, key in enumerate(keys)]
        write_csv(path, ["id", *self.header, "intensity_log2_offset_delta"], rows)

    def write_bad_output(self, path: Path, keys: Sequence[str], bad: int) -> None:
        rows = [[key, *self.cells(["x" if row == bad else 1] * 8), 0] for row, key in enumerate(keys, 1)]
        write_csv(path, ["id", *self.header, "intensity_log2_offset_delta"], rows)


class TestStates(_Labels):
    """Eight columns named by state."""

    header = SPELLINGS[0]


class TestNumbered(_Labels):
    """Eight numbered columns."""

    header = SPELLINGS[1]


class TestJson(_Labels):
    """One column of JSON lists."""

    header = ("y_sfxi",)

    def cells(self, vector: Sequence[object]) -> list[object]:
        return [f"[{', '.join(map(str, vector))}]"]


class TestSemicolons(_Labels):
    """One column of numbers with semicolons between."""

    header = ("opal__y_sfxi",)

    def cells(self, vector: Sequence[object]) -> list[object]:
        return [" ; ".join(map(str, vector))]


class TestManifest(ManifestContract):
    """What the manifest says is what the plugin offers."""

    @pytest.fixture
    def plugin_id(self) -> str:
        return "opal"


class TestVectorCheck(CheckContract):
    types: ClassVar = {VECTOR: "list<float64>"}
    good: ClassVar = ({VECTOR: [0.5] * 8}, {VECTOR: None})
    bad: ClassVar = ({VECTOR: [0.5] * 7}, {VECTOR: [0.5] * 8}, {VECTOR: [float("nan"), *[0.5] * 7]})
    at_fault = (1, 3)

    @pytest.fixture
    def spec(self) -> CheckSpec:
        return next(spec for spec in usr_checks() if spec.name == "opal_vectors")


class TestOffsetCheck(CheckContract):
    types: ClassVar = {OFFSET: "float64"}
    good: ClassVar = ({OFFSET: 0.5}, {OFFSET: None})
    bad: ClassVar = ({OFFSET: 0.5}, {OFFSET: float("inf")})
    at_fault = (2,)

    @pytest.fixture
    def spec(self) -> CheckSpec:
        return next(spec for spec in usr_checks() if spec.name == "opal_intensity")
