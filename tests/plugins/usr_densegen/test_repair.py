"""Which records go, and what is left of the dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.records.ids import record_id
from usr_core.registry.store import register_namespace
from usr_core.registry.type_parser import parse_type
from usr_core.store.errors import MaintenanceRequired
from usr_densegen.errors import ColumnUnfit, NothingChosen, SiteMalformed
from usr_densegen.namespace import COLUMNS
from usr_densegen.repair import RepairOptions, Rule, repair

LEXA, CPXR = "lexA:TACTGTATATAA", "cpxR:GTAAAGGATTTA"
BOTH, ONE, PLAIN, SHORT = "AAAACCCC", "CCCCGGGG", "GGGGTTTT", "TTTTACGT"


def made(root: Path, rows: dict[str, dict[str, Any] | None]) -> Dataset:
    """A dataset of these sequences, each with its values of the namespace."""
    root.mkdir(exist_ok=True)
    register_namespace(root, "densegen", COLUMNS)
    dataset = Dataset.open(root, "densegen/d").init()
    with dataset.writer(namespaces=["densegen"], name="test") as writer:
        writer.add([{"sequence": text} for text in rows], overlays={"densegen": list(rows.values())})
    return dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return made(
        tmp_path / "root",
        {
            BOTH: {"used_tfbs": [LEXA, CPXR], "tfbs_parts": [LEXA, CPXR]},
            ONE: {"used_tfbs": [LEXA, LEXA], "tfbs_parts": [LEXA, CPXR]},
            PLAIN: None,
            BOTH.lower(): {"used_tfbs": [LEXA, CPXR], "tfbs_parts": [LEXA]},
            SHORT: {"used_tfbs": ["lexA:TACTG", CPXR], "tfbs_parts": [CPXR]},
        },
    )


def left(dataset: Dataset, **rules: Any) -> list[str]:
    with dataset.maintenance(reason="test"):
        repair(dataset, RepairOptions(**rules))
    return dataset.to_arrow()["sequence"].to_pylist()


def last_event(dataset: Dataset) -> dict[str, Any]:
    (line,) = dataset.events(n=1)
    assert line.event is not None
    return line.event


class TestRules:
    def test_id_seq_only(self, dataset: Dataset) -> None:
        """A record without any value goes."""
        assert [BOTH, ONE, BOTH.lower(), SHORT] == left(dataset, drop_id_seq_only=True)

    def test_columns_of_any_type_are_looked_at_beside_deleted_records(self, dataset: Dataset) -> None:
        """Vectors and structs among them."""
        types = ["fixed_size_list<float32>[2]", "struct<x:int8,y:list<string>>", "timestamp[us, UTC]", "binary", "bool"]
        columns = [(f"lab__c{number}", text) for number, text in enumerate(types)]
        register_namespace(dataset.ref.root, "lab", columns)
        kinds = {name: parse_type(text).to_arrow() for name, text in columns}
        vectors = {name: pa.array([[1, 2], None], kind) for name, kind in kinds.items() if name == "lab__c0"}
        nulls = {name: pa.nulls(2, kind) for name, kind in kinds.items()}
        ids = [record_id("dna", text) for text in (PLAIN, ONE)]
        dataset.write_overlay_part("lab", pa.table({"id": ids, **nulls, **vectors}))
        dataset.delete([record_id("dna", ONE)])

        assert [BOTH, PLAIN, BOTH.lower(), SHORT] == left(dataset, drop_id_seq_only=True)

    @pytest.mark.parametrize("kind", ["attached", "materialized", "state", "cleared"])
    def test_values_of_others_keep_a_record(self, dataset: Dataset, kind: str) -> None:
        """Another tool's, wherever it lies, and what a person set, false too; a state that was cleared is none."""
        register_namespace(dataset.ref.root, "lab", [("lab__strength", "float64")])
        plain = record_id("dna", PLAIN)
        if kind in ("attached", "materialized"):
            dataset.write_overlay_part("lab", pa.table({"id": [plain], "lab__strength": [float("nan")]}))
        else:
            dataset.set_state([plain], masked=False)
        if kind == "materialized":
            with dataset.maintenance(reason="test"):
                dataset.materialize(namespaces=["lab"], drop_overlays=True)
        if kind == "cleared":
            dataset.clear_state([plain])

        assert (PLAIN in left(dataset, drop_id_seq_only=True)) == (kind != "cleared")

    def test_missing_used_tfbs(self, dataset: Dataset) -> None:
        """So does one without a used TFBS."""
        assert [BOTH, ONE, BOTH.lower(), SHORT] == left(dataset, drop_missing_used_tfbs=True)

    @pytest.mark.parametrize(
        ("shortest", "kept"), [(6, [BOTH, PLAIN, BOTH.lower()]), (5, [BOTH, PLAIN, BOTH.lower(), SHORT])]
    )
    def test_single_used_tf(self, dataset: Dataset, shortest: int, kept: list[str]) -> None:
        """Repeats of one TF are one; a motif that is too short is not a site; a record without sites stays."""
        assert kept == left(dataset, filter_single_tf=True, shortest=shortest)

    def test_single_tf_on_offer(self, dataset: Dataset) -> None:
        """What was on offer counts, not what was used."""
        assert [BOTH, ONE, PLAIN] == left(dataset, drop_single_tf=True)

    def test_details_count_where_used_tfbs_is_null(self, tmp_path: Path) -> None:
        """The namespace has both."""
        detail = [{"tf": "lexA", "tfbs": "ACGTAC"}, {"tf": "cpxR", "tfbs": "ACGTAC"}]
        dataset = made(
            tmp_path / "root",
            {BOTH: {"used_tfbs_detail": detail}, ONE: {"used_tfbs_detail": detail[:1]}, PLAIN: {"used_tfbs": [LEXA]}},
        )

        assert [BOTH] == left(dataset, filter_single_tf=True)

    @pytest.mark.parametrize(("keep", "gone"), [("keep-first", BOTH.lower()), ("keep-last", BOTH)])
    def test_duplicates_in_any_case(self, dataset: Dataset, keep: str, gone: str) -> None:
        """By row order; the others keep theirs."""
        kept = [text for text in (BOTH, ONE, PLAIN, BOTH.lower(), SHORT) if text != gone]

        assert kept == left(dataset, dedupe=keep)

    def test_another_bio_type_is_no_duplicate(self, tmp_path: Path) -> None:
        """The same letters of a protein are another sequence."""
        dataset = made(tmp_path / "root", {"ACGT": None})
        dataset.add_sequences([{"sequence": "acgt"}], bio_type="protein", alphabet="protein_20")

        assert ["ACGT", "acgt"] == left(dataset, dedupe="keep-first")

    def test_a_bad_record_is_not_the_one_that_stays(self, dataset: Dataset) -> None:
        """The first of two equal sequences goes by a rule, so the second is not a duplicate of anything."""
        dataset.write_overlay(
            "densegen", pa.table({"sequence": [BOTH], "densegen__used_tfbs": [[LEXA]]}), key="sequence"
        )

        assert [PLAIN, BOTH.lower()] == left(dataset, filter_single_tf=True, dedupe="keep-first")

    def test_many_rows_agree_with_a_plain_loop(self, tmp_path: Path) -> None:
        """Random sites with nulls, empty lists and short motifs, over several row groups."""
        numbers = np.random.default_rng(3)
        rows: dict[str, dict[str, Any] | None] = {}
        for row in range(3_000):
            text = "".join("ACGT"[(row >> (2 * at)) & 3] for at in range(8))
            sites = [f"tf{numbers.integers(3)}:{'A' * numbers.integers(4, 9)}" for _ in range(numbers.integers(4))]
            rows[text] = None if numbers.integers(5) == 0 else {"used_tfbs": sites}
        dataset = made(tmp_path / "root", rows)
        expected = []
        for text, values in rows.items():
            used = {site.split(":")[0] for site in (values or {}).get("used_tfbs", []) if len(site.split(":")[1]) >= 6}
            if len(used) > 1:
                expected.append(text)

        assert 100 < len(expected) < 2_900
        assert expected == left(dataset, filter_single_tf=True, drop_missing_used_tfbs=True)


class TestRewrite:
    def test_one_event_and_a_snapshot_tell_what_was_done(self, dataset: Dataset) -> None:
        """The counts are true, and the base as it was is whole."""
        before = dataset.layout.records.read_bytes()
        with dataset.maintenance(reason="spring"):
            outcome = repair(dataset, RepairOptions(filter_single_tf=True, drop_id_seq_only=True, dedupe="keep-last"))

        event = last_event(dataset)
        assert ("repair_densegen", {"reason": "spring"}) == (event["action"], event["maintenance"])
        assert (5, 1, 4) == tuple(event["metrics"][name] for name in ("rows_before", "rows_after", "rows_dropped"))
        assert {"id_seq_only": 1, "single_used_tf": 2, "duplicate": 1} == event["metrics"]["dropped"]
        assert 1 == event["metrics"]["duplicate_groups"] == outcome.groups
        assert "keep-last" == event["args"]["dedupe"]
        assert outcome.drop.snapshot is not None
        assert before == (dataset.path / outcome.drop.snapshot).read_bytes()
        assert dataset.validate(strict=True).ok

    def test_nothing_to_do_changes_nothing(self, dataset: Dataset) -> None:
        """No event, no snapshot; and a dry run changes nothing in any case, outside a block too."""
        with assert_unchanged(dataset.path):
            plan = repair(dataset, RepairOptions(filter_single_tf=True), dry_run=True)
            assert [Rule.SINGLE_USED_TF, Rule.SINGLE_USED_TF] == [bad.rule for bad in plan.examples]
            with dataset.maintenance(reason="test"):
                repair(dataset, RepairOptions(filter_single_tf=True, shortest=99))

    def test_it_needs_a_maintenance_block(self, dataset: Dataset) -> None:
        """Like every rewrite."""
        with assert_unchanged(dataset.path), pytest.raises(MaintenanceRequired):
            repair(dataset, RepairOptions(filter_single_tf=True))

    def test_materialized_columns_count_like_overlays(self, dataset: Dataset) -> None:
        """The merged view is looked at."""
        with dataset.maintenance(reason="test"):
            dataset.materialize(drop_overlays=True)

        assert [BOTH, PLAIN, BOTH.lower()] == left(dataset, filter_single_tf=True)
        assert "densegen__used_tfbs" in pq.read_schema(dataset.layout.records).names

    def test_a_deleted_record_is_not_looked_at(self, tmp_path: Path) -> None:
        """What is wrong in it stops nothing; the others are judged as ever."""
        dataset = made(tmp_path / "other", {BOTH: {"used_tfbs": ["no colon"]}, ONE: {"used_tfbs": [LEXA]}, PLAIN: None})
        ids = dict(zip(dataset.to_arrow()["sequence"].to_pylist(), dataset.to_arrow()["id"].to_pylist(), strict=True))
        with assert_unchanged(dataset.path), pytest.raises(SiteMalformed):
            left(dataset, filter_single_tf=True)
        dataset.delete([ids[BOTH]])
        assert [PLAIN] == left(dataset, filter_single_tf=True)

    def test_deleted_records_are_left_alone(self, dataset: Dataset) -> None:
        """They are neither dropped nor the reason that another is."""
        ids = dict(zip(*(dataset.to_arrow()[name].to_pylist() for name in ("sequence", "id")), strict=True))
        dataset.delete([ids[BOTH], ids[PLAIN]])

        assert [ONE, BOTH.lower(), SHORT] == left(dataset, dedupe="keep-first", drop_id_seq_only=True)
        assert 5 == dataset.base_rows()


class TestRefusals:
    @pytest.mark.parametrize(
        "rules",
        [
            {"filter_single_tf": True},
            {"drop_single_tf": True},
            {"drop_id_seq_only": True},
            {"drop_missing_used_tfbs": True},
        ],
    )
    def test_a_rule_needs_its_column(self, tmp_path: Path, rules: dict[str, bool]) -> None:
        """Without it every record would go."""
        dataset = made(tmp_path / "root", {BOTH: None})
        with assert_unchanged(dataset.path), pytest.raises(ColumnUnfit), dataset.maintenance(reason="test"):
            repair(dataset, RepairOptions(**rules))

    def test_a_column_of_another_type_is_refused(self, tmp_path: Path) -> None:
        """Such as JSON text that nobody has turned into a list."""
        register_namespace(tmp_path, "densegen", [("densegen__used_tfbs", "string")])
        dataset = Dataset.open(tmp_path, "d").init()
        dataset.add_sequences([{"sequence": BOTH}])
        dataset.write_overlay("densegen", pa.table({"sequence": [BOTH], "used_tfbs": ["[]"]}), key="sequence")
        with assert_unchanged(dataset.path), pytest.raises(ColumnUnfit, match="is string"):
            repair(dataset, RepairOptions(filter_single_tf=True), dry_run=True)

    @pytest.mark.parametrize("site", ["lexA", ":ACGTAC", "lexA:", None])
    def test_a_site_that_is_none_is_told_with_its_row(self, tmp_path: Path, site: str | None) -> None:
        """Nobody can say which TF it belongs to."""
        dataset = made(tmp_path / "root", {BOTH: {"used_tfbs": [LEXA]}, PLAIN: None, ONE: {"used_tfbs": [LEXA, site]}})
        with assert_unchanged(dataset.path), pytest.raises(SiteMalformed) as caught:
            repair(dataset, RepairOptions(filter_single_tf=True), dry_run=True)

        assert (3, site) == (caught.value.row, caught.value.value)

    def test_no_rule_at_all(self, dataset: Dataset) -> None:
        """Is a mistake, not a success."""
        with assert_unchanged(dataset.path), pytest.raises(NothingChosen):
            repair(dataset, RepairOptions(), dry_run=True)
