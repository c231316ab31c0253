"""Removing duplicates: which rows go, in bases that a hand made too, and what stays as it was."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.maintenance import KINDS, dataset, events, new_root, record_id_of, sequence, values, write_overlay
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.store.changes.errors import UnknownChoice
from usr_core.store.errors import MaintenanceRequired
from usr_core.store.parts.errors import KeyNeedsDna4, KeyNeedsOneBioType
from usr_maintenance.outcome_text import dedupe_text

MIXED = ["ACGTTTTT", "acgttttt", "GGGGCCCC", "AcGtTtTt", "TTTTAAAA"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_root(tmp_path / "root")


def dedupe(made: Dataset, key: str, keep: str = "keep-first") -> object:
    with made.maintenance(reason="test"):
        return made.dedupe(key=key, keep=keep)


def test_generated_bases_equal_a_loop_in_python(root: Path) -> None:
    """Survivors and their order, for every key and both policies."""
    rng = random.Random(7)
    for case in range(40):
        texts = [sequence(rng.randrange(6), length=4) for _ in range(rng.randrange(12))]
        key = rng.choice(["id", "sequence", "sequence_norm", "sequence_ci"])
        texts = [rng.choice([text, text.lower()]) for text in texts] if key == "sequence_ci" else texts
        sources = [str(number) for number in range(len(texts))]
        made = dataset(root, f"g{case}", texts, sources=sources, row_group_size=rng.choice([1, 4, 100]))
        keep = rng.choice(["keep-first", "keep-last"])
        marks = [record_id_of(text) if key == "id" else text.upper() for text in texts]
        stays: dict[str, int] = {}
        for number, mark in enumerate(marks):
            if keep == "keep-last" or mark not in stays:
                stays[mark] = number
        outcome = dedupe(made, key, keep)

        assert [(str(number),) for number in sorted(stays.values())] == values(made, "source"), case
        assert len(texts) - len(stays) == outcome.rows_dropped
        assert sum(marks.count(mark) > 1 for mark in set(marks)) == outcome.groups


def test_hashed_by_duckdb_it_is_the_same(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As large bases are."""
    monkeypatch.setattr("usr_core.store.ids.repeated_keys._DUCKDB_FROM_ROWS", 0)
    made = dataset(root, "d", MIXED)
    dedupe(made, "sequence_ci", "keep-last")

    assert ["GGGGCCCC", "AcGtTtTt", "TTTTAAAA"] == [row[0] for row in values(made, "sequence")]


def test_exact_spelling_counts_for_sequence_but_white_space_not_for_sequence_norm(root: Path) -> None:
    """In a base that a hand made; imports strip."""
    texts = ["ACGT", "ACGT ", "acgt"]
    made = dataset(root, "d", texts, ids=[record_id_of(text) for text in texts])

    assert 0 == made.dedupe(key="sequence", dry_run=True).rows_dropped
    assert 1 == made.dedupe(key="sequence_norm", dry_run=True).rows_dropped
    assert 2 == made.dedupe(key="sequence_ci", dry_run=True).rows_dropped


def test_everything_else_stays(root: Path) -> None:
    """Materialized columns, types, metadata but for the note on letters; overlays match by id as before."""
    extra = {"mock__v": pa.array([[1, 2], None, [3, 4], [5, 6], [7, 8]], KINDS["mock__v"])}
    made = dataset(root, "d", MIXED, extra=extra)
    write_overlay(made.path, "mock", [record_id_of(MIXED[1]), record_id_of(MIXED[2])], {"mock__i": pa.array([1, 2])})
    before = pq.read_table(made.layout.records)
    outcome = dedupe(made, "sequence_ci")

    after = pq.read_table(made.layout.records)
    assert after.equals(before.take([0, 2, 4]))
    assert before.schema.metadata[b"usr:dataset_created_at"] == after.schema.metadata[b"usr:dataset_created_at"]
    assert [(None,), (2,), (None,)] == values(made, "mock__i")
    assert (2, 1) == (outcome.rows_dropped, outcome.groups)
    assert {"mock": 1} == {name: count for name, count in _unmatched(made).items() if count}


def test_the_event_says_what_went(root: Path) -> None:
    """Rows before and after, groups, the reason; the fingerprint is the new base's."""
    made = dataset(root, "d", MIXED)
    event = dedupe(made, "sequence_ci").event

    wanted = {"rows_before": 5, "rows_after": 3, "rows_dropped": 2, "groups": 1}
    assert wanted.items() <= event["metrics"].items()
    assert ({"reason": "test"}, 3, "dedupe") == (event["maintenance"], event["fingerprint"]["rows"], event["action"])
    assert made.validate().ok


def test_a_live_record_stays_before_a_deleted_one(root: Path) -> None:
    """Whatever the policy; and the tombstone of an id that goes goes too, so that it can come back."""
    made = dataset(root, "d", MIXED)
    made.delete([record_id_of(MIXED[0])])
    dedupe(made, "sequence_ci", "keep-first")

    assert ["acgttttt", "GGGGCCCC", "TTTTAAAA"] == [row[0] for row in values(made, "sequence", include_deleted=True)]
    assert 1 == made.add_sequences([{"sequence": MIXED[0]}]).added
    assert MIXED[0] in [row[0] for row in values(made, "sequence")]


def test_of_deleted_records_one_stays_deleted(root: Path) -> None:
    """A duplicated row of one id keeps its tombstone."""
    made = dataset(root, "d", ["ACGT", "ACGT", "TTTT"])
    made.delete([record_id_of("ACGT")])
    dedupe(made, "id")

    assert [("TTTT",)] == values(made, "sequence")
    assert 2 == made.base_rows()


def test_ids_that_are_no_ids_are_compared_as_text(root: Path) -> None:
    """A hand-made base may hold anything."""
    made = dataset(root, "d", ["ACGT", "CCCC", "GGGG"], ids=["one", "two", "one"])

    assert 1 == made.dedupe(key="id", dry_run=True).rows_dropped


def test_the_note_on_letter_case_follows_the_rows(root: Path) -> None:
    """An older count must not come true again by a later import."""
    made = Dataset.open(root, "d").init()
    made.add_sequences([{"sequence": "ACGT"}, {"sequence": "CCCC"}])
    table = pq.read_table(made.layout.records)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), made.layout.records)
    dedupe(made, "id")
    lower = made.add_sequences([{"sequence": "acgt"}])

    assert 1 == lower.case_variants


def test_without_duplicates_nothing_happens(root: Path) -> None:
    """No event, no byte; an empty dataset too."""
    for name, texts in (("d", MIXED), ("empty", [])):
        made = dataset(root, name, texts)
        with assert_unchanged(made.path):
            outcome = dedupe(made, "id")

        assert (0, None) == (outcome.rows_dropped, outcome.event)


def test_a_dry_run_describes_the_first_rows(root: Path) -> None:
    """At most twenty, in the base's order, each with the row that stays; nothing changes."""
    made = dataset(root, "d", ["ACGT"] * 30, row_group_size=7)
    with assert_unchanged(made.path):
        plan = made.dedupe(key="sequence", keep="keep-last", dry_run=True)

    assert (1, 29, 1) == (plan.groups, plan.rows_dropped, plan.rows_after)
    assert list(range(1, 21)) == [row.row for row in plan.examples]
    assert {(30, "ACGT")} == {(row.kept_row, row.sequence) for row in plan.examples}


def test_refusals_leave_everything_as_it_was(root: Path) -> None:
    """No block, a key or policy that does not exist, a key that does not suit the records."""
    made = dataset(root, "d", ["ACGT", "ACGU"], bio_types=["dna", "rna"], alphabets=["dna_4", "rna_4"])
    other = dataset(root, "five", ["ACGT", "ACGN"], alphabets=["dna_4", "dna_5"])
    with assert_unchanged(root):
        with pytest.raises(MaintenanceRequired):
            made.dedupe(key="id")
        for one, key, keep, error in (
            (made, "length", "keep-first", UnknownChoice),
            (made, "id", "keep-best", UnknownChoice),
            (made, "sequence", "keep-first", KeyNeedsOneBioType),
            (other, "sequence_ci", "keep-first", KeyNeedsDna4),
        ):
            with pytest.raises(error):
                dedupe(one, key, keep)
    assert ["init"] == events(made)


def _unmatched(made: Dataset) -> dict[str, int]:
    with made.view() as view:
        return view.unmatched_counts()


class TestValuesOfRowsThatGo:
    """Nothing vanishes without being counted, and materialized values can be had from a snapshot."""

    def test_materialized_values_are_counted_and_kept_in_a_snapshot(self, root: Path) -> None:
        """By column, with those that the record which stays has none for; a dry run gives the same numbers."""
        extra = {"mock__i": pa.array([None, 2, 3, 4, None], pa.int64()), "mock__s": pa.array([None] * 5, pa.string())}
        made = dataset(root, "d", MIXED, extra=extra)
        before = (made.path / "records.parquet").read_bytes()
        plan = made.dedupe(key="sequence_ci", dry_run=True)
        outcome = dedupe(made, "sequence_ci")

        for one in (plan, outcome):
            assert ({"mock__i": 2}, {"mock__i": 2}, {}) == (one.materialized, one.only_there, one.left)
        assert ({"mock__i": 2}, {"mock__i": 2}) == tuple(
            outcome.event["metrics"][name] for name in ("values_dropped", "values_only_there")
        )
        assert before == (made.path / outcome.snapshot).read_bytes()
        assert [(None,), (3,), (None,)] == values(made, "mock__i")
        assert "  2 values of mock__i went with them, 2 of which only they have\n" in dedupe_text(outcome, "d")

    def test_values_that_the_other_one_has_too_are_not_only_there(self, root: Path) -> None:
        """Each row that goes is compared with the one that stays for it."""
        made = dataset(root, "d", MIXED, extra={"mock__i": pa.array([1, 2, 3, None, 5], pa.int64())})
        outcome = dedupe(made, "sequence_ci", "keep-last")

        assert ({"mock__i": 2}, {"mock__i": 2}) == (outcome.materialized, outcome.only_there)
        both = dataset(root, "e", MIXED[:2], extra={"mock__i": pa.array([1, 2], pa.int64())})
        assert ({"mock__i": 1}, {}) == ((again := dedupe(both, "sequence_ci")).materialized, again.only_there)

    @pytest.mark.parametrize("key", ["id", "sequence"])
    def test_attached_values_that_match_no_record_any_more_are_counted(self, root: Path, key: str) -> None:
        """By namespace; a record whose id stays keeps its values, and one that has none is not counted."""
        made = dataset(root, "d", ["ACGTTTTT", "acgttttt", "AcGtTtTt"])
        ids = [record_id_of(text) for text in ("ACGTTTTT", "acgttttt", "AcGtTtTt")]
        keys = ids if key == "id" else ["ACGTTTTT", "acgttttt", "AcGtTtTt"]
        write_overlay(made.path, "mock", keys, {"mock__i": pa.array([1, 2, None], pa.int64())}, key=key)
        outcome = dedupe(made, "sequence_ci")

        assert ({"mock": 1}, None) == (outcome.left, outcome.snapshot)
        assert {"mock": 1} == outcome.event["metrics"]["rows_left_in_overlays"]
        assert "  mock: the attached values of 1 record of them stay on disk" in dedupe_text(outcome, "d")

    def test_an_id_that_stays_leaves_nothing_behind(self, root: Path) -> None:
        """Rows with one id share its attached values."""
        made = dataset(root, "d", ["ACGT", "ACGT"])
        write_overlay(made.path, "mock", [record_id_of("ACGT")], {"mock__i": pa.array([1], pa.int64())})

        assert {} == dedupe(made, "id").left
