"""Every way of damaging a healthy dataset is found, under its own code and with the file's name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from support.damage import (
    change_metadata,
    codes,
    edit_line,
    only,
    part_of,
    replace_column,
    rewrite,
    set_cell,
    write_part,
)
from support.damages import DAMAGES, STATE, Damage, cut
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.sync.receipts import write_receipt


class TestDamage:
    @pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
    def test_is_found(self, healthy: Dataset, damage: Damage) -> None:
        """Exactly the errors that belong to a damage are found, in the damaged file and rows; nothing is written."""
        damage.do(healthy)

        with assert_unchanged(healthy.ref.root):
            report = healthy.validate(strict=damage.strict, registry_mode=damage.mode)

        assert damage.errors == codes(report), report.findings
        assert damage.warnings == codes(report, "warning"), report.findings
        assert report.ok is not bool(damage.errors)
        told = [finding for finding in report.findings if finding.severity != "note"]
        if damage.file is not None:
            assert any((finding.file or "").startswith(damage.file) for finding in told)
        if damage.rows is not None:
            assert damage.rows in {finding.rows for finding in told}
        assert all(finding.hint for finding in told)

    @pytest.mark.parametrize("damage", [one for one in DAMAGES if one.strict], ids=lambda damage: damage.name)
    def test_of_the_strict_kind_passes_otherwise(self, healthy: Dataset, damage: Damage) -> None:
        """What `--strict` adds is not looked at without it."""
        damage.do(healthy)

        report = healthy.validate()

        assert codes(report) | codes(report, "warning") == set()


class TestCounts:
    def test_first_twenty_rows_and_the_count(self, healthy: Dataset) -> None:
        """A fault of many rows is one finding, with the first twenty rows and the number of all."""
        rewrite(healthy.layout.records, lambda t: replace_column("length", pa.array([1] * len(t), pa.int32()))(t))

        finding = only(healthy.validate(), "USR-VALID-027")

        assert (finding.rows, finding.count) == (tuple(range(1, 21)), 40)

    def test_rows_are_counted_over_row_groups(self, healthy: Dataset) -> None:
        """Row numbers go on from one row group to the next."""
        rewrite(healthy.layout.records, lambda t: set_cell("id", 7, "x")(set_cell("id", 39, "y")(t)), groups=5)

        finding = only(healthy.validate(), "USR-VALID-028")

        assert (finding.rows, finding.count) == ((7, 39), 2)

    def test_a_row_of_an_unknown_kind_hides_no_letter_of_another(self, healthy: Dataset) -> None:
        """Letters are judged row by row, whatever is wrong with the kind of another row."""
        rewrite(healthy.layout.records, lambda t: set_cell("alphabet", 3, "dna_9")(set_cell("sequence", 5, "ACGX")(t)))

        report = healthy.validate()

        assert ((3,), (5,)) == (only(report, "USR-VALID-022").rows, only(report, "USR-VALID-026").rows)

    def test_rows_are_told_in_their_order(self, healthy: Dataset) -> None:
        """The first row that breaks a rule is told first, whatever value it holds."""
        names = ["z", "a", "z"] + ["dna_4"] * 37
        rewrite(healthy.layout.records, replace_column("alphabet", pa.array(names[::-1])))
        rewrite(healthy.layout.records, lambda t: set_cell("alphabet", 1, "a")(set_cell("alphabet", 2, "z")(t)))

        finding = only(healthy.validate(), "USR-VALID-022")

        assert (1, 2, 38, 39, 40) == finding.rows
        assert "first in row 1: 'a'" in finding.message

    def test_several_damages_are_all_listed(self, healthy: Dataset) -> None:
        """Nothing stops at the first fault: a broken part does not hide a broken row, log or state."""
        rewrite(healthy.layout.records, set_cell("length", 1, 1))
        cut(lambda dataset: part_of(dataset.path), 0.5)(healthy)
        rewrite(healthy.path / STATE, set_cell("usr_state__split", 1, "x"))
        edit_line(healthy.layout.event_log, 1, action="")

        report = healthy.validate()

        assert codes(report) == {"USR-VALID-027", "USR-OVERLAY-002", "USR-VALID-063", "USR-VALID-083"}

    def test_ids_that_are_none_count_as_repeated_too(self, healthy: Dataset) -> None:
        """Uniqueness holds for whatever stands in the id column."""
        rewrite(healthy.layout.records, lambda t: set_cell("id", 7, "x")(set_cell("id", 39, "x")(t)))

        assert only(healthy.validate(), "USR-VALID-029").rows == (39,)


class TestUnmatchedKeys:
    def test_are_notes(self, healthy: Dataset) -> None:
        """Keys that match no record are told and fail nothing, strictly neither."""
        rewrite(part_of(healthy.path, index=1), set_cell("id", 2, "0" * 40))
        healthy.adopt()  # its size is another one now

        report = healthy.validate(strict=True)

        finding = only(report, "USR-VALID-062")
        assert (report.ok, finding.severity, finding.rows) == (True, "note", (2,))

    def test_missing_actor_is_a_note(self, healthy: Dataset) -> None:
        """A part that does not say who wrote it is valid."""
        rewrite(part_of(healthy.path), change_metadata(actor_tool=None))
        healthy.adopt()

        report = healthy.validate(strict=True)

        assert (report.ok, codes(report, "note")) == (True, {"USR-VALID-045"})


class TestSnapshotsLeftOut:
    """A snapshot that is gone is lost, unless the pull that brought the copy was asked to leave it out."""

    @pytest.mark.parametrize(
        ("skipped", "begun", "ok"),
        [
            (True, "2999-01-01T00:00:00.000000Z", True),
            (False, "2999-01-01T00:00:00.000000Z", False),
            (True, "2001-01-01T00:00:00.000000Z", False),
        ],
    )
    def test_are_a_warning(self, healthy: Dataset, *, skipped: bool, begun: str, ok: bool) -> None:
        """The last pull's receipt tells; snapshots that were made after it are lost all the same."""
        shutil.rmtree(healthy.path / "_snapshots")
        audit = {"action": "pull", "transfer_state": "TRANSFERRED", "skip_snapshots": skipped, "started_at": begun}
        write_receipt(healthy.path, audit, method="test")

        report = healthy.validate(strict=True)

        assert (ok, {"USR-VALID-087"}) == (report.ok, codes(report, "warning" if ok else "error"))


class TestSequenceKeys:
    @pytest.fixture
    def dna(self, healthy: Dataset) -> Dataset:
        """A dataset of dna_4 records with a namespace to attach to."""
        dataset = Dataset.open(healthy.ref.root, "dna").init()
        dataset.add_sequences([{"sequence": text} for text in ("ACGT", "GGGG", "TTTT")])
        return dataset

    def _attach(self, dataset: Dataset, key: str, keys: list[str]) -> Path:
        table = pa.table({key: pa.array(keys), "mock__score": pa.array([1.0] * len(keys))})
        return write_part(dataset, dataset.path / "_derived" / "mock" / "part-1.parquet", table, "mock", key=key)

    @pytest.mark.parametrize("key", ["sequence", "sequence_norm", "sequence_ci"])
    def test_are_found_among_the_records(self, dna: Dataset, key: str) -> None:
        """A part of an older writer, keyed by sequence, is valid where its keys are records."""
        self._attach(dna, key, ["TTTT", "ACGT"])
        dna.adopt()

        assert dna.validate(strict=True).findings == ()

    @pytest.mark.parametrize(
        ("key", "keys"), [("sequence_norm", ["ACGT", " ACGT"]), ("sequence_ci", ["ACGT", "GGGG", "acgt "])]
    )
    def test_are_unique_as_readers_compare_them(self, dna: Dataset, key: str, keys: list[str]) -> None:
        """Keys that mean one record are repeated, however they are written."""
        self._attach(dna, key, keys)

        assert only(dna.validate(), "USR-VALID-061").rows == (len(keys),)

    def test_need_one_bio_type(self, dna: Dataset) -> None:
        """A sequence alone names no record where there are several bio_types."""
        dna.add_sequences([{"sequence": "ACGU"}], bio_type="rna", alphabet="rna_4")
        self._attach(dna, "sequence", ["ACGT"])

        assert codes(dna.validate()) == {"USR-OVERLAY-006"}

    def test_case_needs_dna_4(self, dna: Dataset) -> None:
        """Case is ignored in dna_4 datasets only."""
        dna.add_sequences([{"sequence": "ACGN"}], alphabet="dna_5")
        self._attach(dna, "sequence_ci", ["ACGT"])

        assert codes(dna.validate()) == {"USR-OVERLAY-007"}

    def test_case_needs_records_that_differ_in_more(self, dna: Dataset) -> None:
        """Two records that differ only in case share the key sequence_ci."""
        dna.add_sequences([{"sequence": "acgt"}])
        self._attach(dna, "sequence_ci", ["GGGG"])

        assert codes(dna.validate()) == {"USR-OVERLAY-008"}
