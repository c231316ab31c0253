"""Compaction keeps what readers see, whatever the parts look like."""

from __future__ import annotations

import math
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.maintenance import KINDS, dataset, events, new_root, record_id_of, sequence, values, write_overlay
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.registry.errors import ColumnNotRegistered, NamespaceNotRegistered
from usr_core.store.errors import MaintenanceRequired, NamespaceReservedHere
from usr_core.store.parts.errors import NoSuchOverlay, OverlayKeyFault, OverlayKeysUnresolved, OverlayTypeNotRegistered

CASES = 60
TIMES = ["2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000001Z", "2025-12-31T23:59:59+00:00"]


def value_of(rng: random.Random, column: str) -> object:
    """Return a value of a column; null one time in four."""
    if rng.random() < 0.25:
        return None
    number = rng.randrange(100)
    made = {
        "f": math.nan if number < 20 else -0.0 if number < 30 else number / 7,
        "i": 2**62 + number,
        "s": "" if number < 20 else f"värde {number}",
        "b": number % 2 == 0,
        "t": 1_700_000_000_000_000 + number,
        "l": [math.nan, None, float(number)][: number % 4],
        "v": [number, None],
        "r": {"x": number, "y": [None, str(number)][: number % 3]},
    }
    return made[column[-1]]


def plain(value: object) -> object:
    """Return a value in a form in which equal means the same bits."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else (value, math.copysign(1, value))
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return value


def generated(root: Path, seed: int) -> Dataset:
    """Make a dataset with generated parts under all keys, in any order, with keys of no record, at equal times."""
    rng = random.Random(seed)
    sequences = [sequence(number) for number in rng.sample(range(200), rng.choice([1, 2, 5, 9, 14]))]
    columns = rng.sample(list(KINDS), rng.randrange(1, 5))
    below = rng.choice(columns) if rng.random() < 0.4 else None
    cells = [value_of(rng, below) for _ in sequences] if below else []
    extra = {below: pa.array(cells, KINDS[below])} if below else {}
    made = dataset(root, f"d{seed}", sequences, extra=extra, row_group_size=rng.choice([1, 3, 100]))
    strangers = [sequence(number) for number in range(1_000, 1_004)]
    for number in range(rng.randrange(1, 6)):
        key = rng.choice(["id", "id", "sequence", "sequence_norm", "sequence_ci"])
        chosen = [text for text in sequences if rng.random() < 0.7]
        if key != "sequence_ci":
            chosen += [text for text in strangers if rng.random() < 0.4]
        if rng.random() < 0.5:
            rng.shuffle(chosen)
        mine = rng.sample(columns, rng.randrange(1, len(columns) + 1))
        keys = [
            record_id_of(text) if key == "id" else text.lower() if key == "sequence_ci" else text for text in chosen
        ]
        write_overlay(
            made.path,
            "mock",
            keys,
            {name: pa.array([value_of(rng, name) for _ in chosen], KINDS[name]) for name in mine},
            key=key,
            created_at=rng.choice(TIMES),
            part=f"part-{rng.randrange(100):02d}-{number}",
            row_group_size=rng.choice([1, 2, 100]),
        )
    return made


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_root(tmp_path_factory.mktemp("compact"))


class TestValues:
    @pytest.mark.parametrize("group", range(5))
    def test_the_view_is_the_same_before_and_after(self, root: Path, group: int) -> None:
        """For generated parts of all types: before, after, and after the keys of no record get their records."""
        for seed in range(group, CASES, 5):
            made = generated(root, seed)
            twin = Dataset.open(root, f"twin{seed}").init()
            shutil.copy(made.path / "records.parquet", twin.path / "records.parquet")
            shutil.copytree(made.path / "_derived", twin.path / "_derived")
            before = [plain(row) for row in made.to_arrow().to_pylist()]
            with made.maintenance(reason="test"):
                outcome = made.compact_overlay("mock")
            after = [plain(row) for row in made.to_arrow().to_pylist()]

            assert before == after, seed
            if outcome.needed:
                assert outcome.part is not None
                assert 1 == len(list((made.path / "_derived/mock").glob("part-*.parquet"))), seed
                assert "id" == pq.read_schema(made.path / outcome.part).names[0]
            # Keys of no record are part of what must stay: they show once their records come in.
            missing = [{"sequence": sequence(number)} for number in range(1_000, 1_004)]
            for one in (made, twin):
                one.add_sequences(missing)
            assert [plain(r) for r in _overlay_rows(twin)] == [plain(r) for r in _overlay_rows(made)], seed


def _overlay_rows(made: Dataset) -> list[dict[str, object]]:
    table = made.to_arrow()
    return table.select([name for name in sorted(table.column_names) if name != "created_at"]).to_pylist()


@pytest.fixture
def made(root: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Dataset:
    """Four records and three parts: differing columns, a key of no record, a null that hides nothing."""
    name = f"m{abs(hash(request.node.nodeid))}"
    made = dataset(root, name, [sequence(number) for number in range(4)], row_group_size=2)
    ids = [record_id_of(sequence(number)) for number in range(6)]
    for number, (keys, columns) in enumerate(
        [
            ([ids[0], ids[1], ids[5]], {"mock__i": [1, 2, 99]}),
            ([ids[1], ids[3]], {"mock__i": [None, 7], "mock__s": ["one", "three"]}),
            ([ids[3], ids[0]], {"mock__i": [8, None]}),
        ]
    ):
        write_overlay(
            made.path,
            "mock",
            keys,
            {name: pa.array(cells, KINDS[name]) for name, cells in columns.items()},
            created_at=f"2026-01-01T00:00:0{number}.000000Z",
            part=f"part-20260101T00000{number}000000-{number:08x}",
        )
    return made


def compact(made: Dataset, **options: bool) -> object:
    with made.maintenance(reason="test"):
        return made.compact_overlay("mock", **options)


class TestCompactOverlay:
    def test_one_part_has_each_key_once_in_the_bases_order_then_keys_of_no_record(self, made: Dataset) -> None:
        """With the columns in registered order and the newest value of each."""
        outcome = compact(made)

        table = pq.read_table(made.path / outcome.part)
        assert ["id", "mock__i", "mock__s"] == table.column_names
        assert [record_id_of(sequence(n)) for n in (0, 1, 3, 5)] == table.column("id").to_pylist()
        assert [1, 2, 8, 99] == table.column("mock__i").to_pylist()
        assert [None, "one", "three", None] == table.column("mock__s").to_pylist()
        assert (3, 7, 4, 1) == (outcome.parts, outcome.rows_before, outcome.rows, outcome.unmatched)

    def test_the_part_carries_the_newest_stamp(self, made: Dataset) -> None:
        """In its name and in its metadata, so that later parts win over it."""
        outcome = compact(made)

        metadata = pq.read_schema(made.path / outcome.part).metadata
        assert b"2026-01-01T00:00:02.000000Z" == metadata[b"usr:overlay_created_at"]
        assert outcome.part.startswith("_derived/mock/part-20260101T000002000000-")
        assert (b"id", b"mock") == (metadata[b"usr:overlay_key"], metadata[b"usr:overlay_namespace"])

    def test_sources_are_archived_byte_for_byte(self, made: Dataset) -> None:
        """Below _archived/<namespace>/<stamp>/, under their names; the event says so."""
        before = {path.name: path.read_bytes() for path in (made.path / "_derived/mock").iterdir()}
        outcome = compact(made)

        assert outcome.archived is not None
        assert outcome.archived.startswith("_derived/_archived/mock/")
        assert before == {path.name: path.read_bytes() for path in (made.path / outcome.archived).iterdir()}
        assert "compact_overlay" == events(made)[-1]
        assert {"reason": "test"} == outcome.event["maintenance"]
        assert 3 == len(outcome.event["artifacts"]["removed"])

    def test_drop_removes_the_sources(self, made: Dataset) -> None:
        """Nothing of them is left."""
        outcome = compact(made, drop=True)

        assert outcome.archived is None
        assert not (made.path / "_derived/_archived").exists()
        assert [Path(outcome.part).name] == [path.name for path in (made.path / "_derived/mock").iterdir()]

    def test_a_dry_run_counts_and_changes_nothing(self, made: Dataset) -> None:
        """It needs no maintenance block, and its counts are those of the real run."""
        with assert_unchanged(made.path):
            plan = made.compact_overlay("mock", dry_run=True)
        outcome = compact(made)

        assert (plan.parts, plan.rows, plan.unmatched) == (outcome.parts, outcome.rows, outcome.unmatched)
        assert plan.event is None

    def test_compacting_again_does_nothing(self, made: Dataset) -> None:
        """One part keyed by id is as compact as can be: no event, no byte."""
        compact(made)
        with assert_unchanged(made.path):
            outcome = compact(made)

        assert not outcome.needed
        assert outcome.event is None

    def test_a_single_file_of_an_older_writer_becomes_a_part(self, made: Dataset) -> None:
        """Also where it is keyed by sequence."""
        for path in (made.path / "_derived/mock").iterdir():
            path.unlink()
        keys = [sequence(3), sequence(0), sequence(9)]
        cells = {"mock__i": pa.array([3, 0, 9], pa.int64())}
        write_overlay(made.path, "mock", keys, cells, key="sequence", part=None)
        outcome = compact(made)

        assert not (made.path / "_derived/mock.parquet").exists()
        ids = [record_id_of(sequence(number)) for number in (0, 3, 9)]
        assert ids == pq.read_table(made.path / outcome.part).column("id").to_pylist()

    def test_a_later_attachment_wins_over_the_part(self, made: Dataset) -> None:
        """As it would have over the sources."""
        compact(made)
        made.write_overlay_part("mock", pa.table({"id": [record_id_of(sequence(0))], "mock__i": pa.array([5])}))

        assert [(5,), (2,), (None,), (8,)] == values(made, "mock__i")

    def test_keys_that_are_no_ids_are_kept_as_they_are(self, made: Dataset) -> None:
        """They match nothing before and after."""
        cells = {"mock__i": pa.array([1, 2], pa.int64())}
        write_overlay(made.path, "mock", ["nonsense", "F" * 40], cells, part="part-foreign")
        outcome = compact(made)

        assert ["nonsense", "F" * 40] == pq.read_table(made.path / outcome.part).column("id").to_pylist()[-2:]

    def test_large_parts_out_of_order_are_put_in_order_on_disk(
        self, made: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the same values as in memory."""
        monkeypatch.setattr("usr_core.store.overlay.fold._ORDERED_IN_MEMORY", 0)
        before = values(made, "mock__i", "mock__s")
        compact(made)

        assert before == values(made, "mock__i", "mock__s")
        assert not list((made.path / ".usr.tmp").glob("*"))

    def test_the_dataset_validates_afterwards(self, made: Dataset) -> None:
        """Strictly, as the parts before it did not have the registry's hash; unmatched keys are told, not failed."""
        compact(made)

        assert made.validate(registry_mode="current").ok


class TestRefusals:
    def test_outside_a_maintenance_block(self, made: Dataset) -> None:
        """Nothing is changed."""
        with assert_unchanged(made.path), pytest.raises(MaintenanceRequired):
            made.compact_overlay("mock")

    def test_keys_without_their_case_can_not_be_resolved(self, made: Dataset) -> None:
        """The part and the number of keys are named."""
        cells = {"mock__i": pa.array([1, 2], pa.int64())}
        write_overlay(
            made.path, "mock", [sequence(0).lower(), "acgtacgtacgt"], cells, key="sequence_ci", part="part-ci"
        )
        with assert_unchanged(made.path), pytest.raises(OverlayKeysUnresolved) as caught:
            compact(made)

        assert (1, "_derived/mock/part-ci.parquet") == (caught.value.count, caught.value.part)

    @pytest.mark.parametrize("keys", [[0, 0], [9, 9], [0, None]], ids=["record", "no record", "null"])
    def test_repeated_or_missing_keys_inside_a_part(self, made: Dataset, keys: list[int | None]) -> None:
        """The part is named; the evidence is not moved away."""
        texts = [None if number is None else record_id_of(sequence(number)) for number in keys]
        write_overlay(made.path, "mock", texts, {"mock__i": pa.array([1, 2], pa.int64())}, part="part-twice")
        with assert_unchanged(made.path), pytest.raises(OverlayKeyFault) as caught:
            compact(made)

        assert "_derived/mock/part-twice.parquet" == caught.value.part

    def test_columns_that_are_not_registered_so(self, made: Dataset) -> None:
        """An unknown column, and a type that differs."""
        path = write_overlay(made.path, "mock", [record_id_of(sequence(0))], {"mock__x": pa.array([1])}, part="part-x")
        with assert_unchanged(made.path), pytest.raises(ColumnNotRegistered):
            compact(made)
        path.unlink()
        write_overlay(made.path, "mock", [record_id_of(sequence(0))], {"mock__i": pa.array(["a"])}, part="part-x")
        with assert_unchanged(made.path), pytest.raises(OverlayTypeNotRegistered):
            compact(made)

    def test_namespaces_that_can_not_be_compacted(self, made: Dataset) -> None:
        """Reserved, without an overlay, not registered."""
        write_overlay(made.path, "lost", [record_id_of(sequence(0))], {"lost__x": pa.array([1])})
        with assert_unchanged(made.path), made.maintenance(reason="test"):
            for namespace, error in (
                ("usr", NamespaceReservedHere),
                ("usr_state", NamespaceReservedHere),
                ("absent", NoSuchOverlay),
                ("lost", NamespaceNotRegistered),
            ):
                with pytest.raises(error):
                    made.compact_overlay(namespace)
