"""The import pipeline as a whole."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.base_files import METADATA, base_rows, build, group_rows, random_sequences
from usr_core.records import bulk_ids
from usr_core.records.base_schema import META_LETTER_CASE, base_schema
from usr_core.records.ids import record_id
from usr_core.store.base import file as base_file
from usr_core.store.changes.import_.build import ImportDefaults, Input, build_base
from usr_core.store.rules import rows as checked_chunks
from usr_core.store.rules.errors import DuplicateRecord, LetterOutsideAlphabet, MissingColumn


def rows_of(path: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(path).to_pylist()
    return rows


class TestImport:
    def test_rows_have_all_seven_columns(self, tmp_path: Path) -> None:
        """Ids, lengths and defaults are filled in; sequences are stored stripped."""
        outcome = build([" ACGT\t", "acgtt"], tmp_path / "b.parquet")

        first = rows_of(tmp_path / "b.parquet")[0]
        assert (2, 2, 0, 2) == (outcome.rows_read, outcome.added, outcome.skipped, outcome.rows_total)
        assert (tmp_path / "b.parquet").stat().st_size == outcome.size_bytes
        assert {
            "id": record_id("dna", "ACGT"),
            "bio_type": "dna",
            "sequence": "ACGT",
            "alphabet": "dna_4",
            "length": 4,
            "source": "in.csv",
            "created_at": datetime.datetime(1970, 1, 1, 0, 0, 0, 7, datetime.UTC),
        } == first

    def test_the_file_is_typed_as_the_format_says(self, tmp_path: Path) -> None:
        """Schema, required columns and metadata are the base's."""
        build(["ACGT"], tmp_path / "b.parquet")

        schema = pq.read_schema(tmp_path / "b.parquet")
        assert base_schema() == schema.remove_metadata()
        assert {key.encode(): value.encode() for key, value in METADATA.items()}.items() <= schema.metadata.items()

    def test_new_rows_follow_the_base(self, tmp_path: Path) -> None:
        """An import appends, and edits nothing."""
        build(["ACGT", "CCGT"], tmp_path / "a.parquet")
        outcome = build(["TTTT"], tmp_path / "b.parquet", existing=tmp_path / "a.parquet")

        rows = rows_of(tmp_path / "b.parquet")
        assert 3 == outcome.rows_total
        assert rows_of(tmp_path / "a.parquet") == rows[:2]
        assert "TTTT" == rows[2]["sequence"]

    @pytest.mark.parametrize(
        "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str
    )
    def test_any_text_type_is_taken(self, tmp_path: Path, kind: pa.DataType) -> None:
        """Large, viewed and dictionary-encoded text are text."""
        build(pa.table({"sequence": pa.array(["ACGT", "CC"]).cast(kind)}), tmp_path / "b.parquet")

        assert ["ACGT", "CC"] == [row["sequence"] for row in rows_of(tmp_path / "b.parquet")]

    def test_columns_win_over_options(self, tmp_path: Path) -> None:
        """Each row may have a bio_type, alphabet, source and time of its own."""
        stamp = datetime.datetime(2026, 1, 31, 11, 0, 0, 5, datetime.UTC)
        table = pa.table(
            {
                "sequence": ["ACG", "ACG", "ACU"],
                "bio_type": ["dna", "protein", "rna"],
                "alphabet": ["dna_5", "protein_20", "rna_4"],
                "source": ["x", None, ""],
                "created_at": ["2026-01-31T12:00:00.000005+01:00", None, "2026-01-31T11:00:00.000005Z"],
            }
        )
        build(table, tmp_path / "b.parquet")

        rows = rows_of(tmp_path / "b.parquet")
        assert [record_id("dna", "ACG"), record_id("protein", "ACG"), record_id("rna", "ACU")] == [
            r["id"] for r in rows
        ]
        assert ["x", "in.csv", "in.csv"] == [row["source"] for row in rows]
        assert [stamp, stamp.replace(year=1970, month=1, day=1, hour=0, microsecond=7), stamp] == [
            row["created_at"] for row in rows
        ]

    def test_a_right_id_is_accepted(self, tmp_path: Path) -> None:
        """A given id that is the computed one passes; a missing one too."""
        table = pa.table({"sequence": ["ACG", "CCC"], "id": [record_id("dna", "ACG"), None]})

        assert 2 == build(table, tmp_path / "b.parquet").added

    def test_no_rows_no_file(self, tmp_path: Path) -> None:
        """An input without records adds nothing and writes nothing."""
        outcome = build([], tmp_path / "b.parquet")

        assert (0, 0) == (outcome.added, outcome.size_bytes)
        assert [] == list(tmp_path.iterdir())

    def test_progress_adds_up(self, tmp_path: Path) -> None:
        """Progress is told in rows, which sum up to all."""
        seen: list[int] = []
        batches = pa.table({"sequence": random_sequences(50, seed=1)}).to_batches(max_chunksize=20)
        build_base(
            [Input(label="x", batches=iter(batches))],
            label="x",
            existing=None,
            destination=tmp_path / "b.parquet",
            defaults=ImportDefaults(bio_type="dna", alphabet="dna_4", source="x", created_at_us=0),
            on_duplicate="error",
            metadata={},
            progress=seen.append,
        )

        assert [20, 20, 10] == seen

    def test_duckdb_takes_over_without_a_seam(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ids are right on both sides of the row where the engine changes."""
        monkeypatch.setattr(bulk_ids, "_DUCKDB_FROM_ROWS", 500)
        sequences = random_sequences(2000, seed=3)
        build(sequences, tmp_path / "b.parquet", batch_rows=300)

        assert [record_id("dna", sequence) for sequence in sequences] == [
            row["id"] for row in rows_of(tmp_path / "b.parquet")
        ]


class TestFailures:
    def test_row_numbers_count_over_the_whole_file(self, tmp_path: Path) -> None:
        """A bad letter in the 2501st record is reported there, and no file is left."""
        sequences = random_sequences(3000, seed=1)
        sequences[2500] = "ACGZ"

        with pytest.raises(LetterOutsideAlphabet) as caught:
            build(sequences, tmp_path / "b.parquet", batch_rows=700)

        assert (2501, "sequence", 4) == (caught.value.row, caught.value.column, caught.value.position)
        assert {"file": "in.csv", "row": 2501, "column": "sequence", "value": "ACGZ"} == caught.value.facts
        assert [] == list(tmp_path.iterdir())

    def test_the_importer_s_own_error_passes_through(self, tmp_path: Path) -> None:
        """An error raised while reading leaves no file either."""

        def broken() -> Iterator[pa.RecordBatch]:
            yield pa.record_batch({"sequence": ["ACGT"]})
            raise MissingColumn("x", column="y", present=[])

        with pytest.raises(MissingColumn):
            build_base(
                [Input(label="x", batches=broken())],
                label="x",
                existing=None,
                destination=tmp_path / "b.parquet",
                defaults=ImportDefaults(bio_type="dna", alphabet="dna_4", source="x", created_at_us=0),
                on_duplicate="error",
                metadata={},
            )

        assert [] == list(tmp_path.iterdir())


class TestDuplicates:
    def test_in_the_file_names_both_rows(self, tmp_path: Path) -> None:
        """White space does not make a second record; the error names the row and the first one."""
        with pytest.raises(DuplicateRecord) as caught:
            build(["ACGT", "CC", " ACGT ", "CC"], tmp_path / "b.parquet")

        assert (3, 1, 2) == (caught.value.row, caught.value.first_row, caught.value.count)
        assert record_id("dna", "ACGT") == caught.value.record_id
        assert [] == list(tmp_path.iterdir())

    def test_of_the_base_names_the_row(self, tmp_path: Path) -> None:
        """A record that the dataset has is refused, and the base stays as it is."""
        build(["ACGT", "CC"], tmp_path / "a.parquet")
        before = (tmp_path / "a.parquet").read_bytes()

        with pytest.raises(DuplicateRecord, match="dataset already has") as caught:
            build(["TT", "CC"], tmp_path / "b.parquet", existing=tmp_path / "a.parquet")

        assert (2, None) == (caught.value.row, caught.value.first_row)
        assert before == (tmp_path / "a.parquet").read_bytes()
        assert ["a.parquet"] == [path.name for path in tmp_path.iterdir()]

    def test_skip_keeps_the_first_and_counts(self, tmp_path: Path) -> None:
        """Repeats in the file and records of the base are left out; the order stays."""
        build(["AAA", "CCC"], tmp_path / "a.parquet")

        outcome = build(
            ["GGG", "CCC", "TTT", "GGG", "AAA", "ACG"],
            tmp_path / "b.parquet",
            existing=tmp_path / "a.parquet",
            on_duplicate="skip",
        )

        assert (6, 3, 3, 5) == (outcome.rows_read, outcome.added, outcome.skipped, outcome.rows_total)
        assert ["AAA", "CCC", "GGG", "TTT", "ACG"] == [row["sequence"] for row in rows_of(tmp_path / "b.parquet")]
        assert ["a.parquet", "b.parquet"] == sorted(path.name for path in tmp_path.iterdir())

    def test_skipping_all_writes_nothing(self, tmp_path: Path) -> None:
        """A file of known records adds nothing."""
        build(["AAA", "CCC"], tmp_path / "a.parquet")

        outcome = build(["CCC", "AAA"], tmp_path / "b.parquet", existing=tmp_path / "a.parquet", on_duplicate="skip")

        assert (0, 2, 2) == (outcome.added, outcome.skipped, outcome.rows_total)
        assert not (tmp_path / "b.parquet").exists()

    @settings(deadline=None, max_examples=60)
    @given(
        base=st.lists(st.text("AC", min_size=1, max_size=4), unique=True, max_size=12),
        new=st.lists(st.text("AC", min_size=1, max_size=4), max_size=25),
    )
    def test_skip_equals_a_plain_dictionary(
        self, tmp_path_factory: pytest.TempPathFactory, base: list[str], new: list[str]
    ) -> None:
        """Against any base, skip keeps what a dictionary in order of arrival keeps."""
        folder = tmp_path_factory.mktemp("skip")
        existing = None
        if base:
            build(base, folder / "a.parquet")
            existing = folder / "a.parquet"

        outcome = build(new, folder / "b.parquet", existing=existing, on_duplicate="skip", batch_rows=4)

        expected = list(dict.fromkeys([*base, *new]))
        assert len(expected) - len(base) == outcome.added
        assert len(new) - outcome.added == outcome.skipped
        if outcome.added:
            assert expected == [row["sequence"] for row in rows_of(folder / "b.parquet")]

    def test_many_groups(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Duplicates are found across row groups, chunks and the small last group."""
        monkeypatch.setattr(base_file, "GROUP_ROWS", 100)
        old, new = random_sequences(230, seed=1), random_sequences(450, seed=2)
        build(old, tmp_path / "a.parquet")
        mixed = [*new, old[0], old[229], new[0], new[449]]

        outcome = build(
            mixed, tmp_path / "b.parquet", existing=tmp_path / "a.parquet", on_duplicate="skip", batch_rows=64
        )

        assert (450, 4) == (outcome.added, outcome.skipped)
        assert old + new == [row["sequence"] for row in rows_of(tmp_path / "b.parquet")]
        assert [100, 100, 30, 100, 100, 100, 100, 50] == group_rows(tmp_path / "b.parquet")


class TestCaseVariants:
    def test_variants_in_the_file_are_counted(self, tmp_path: Path) -> None:
        """Every record of a set that differs in case alone counts."""
        assert 3 == build(["ACGT", "acgt", "AcGt", "CCCC", "tttt"], tmp_path / "b.parquet").case_variants

    def test_variants_of_the_base_are_counted_once(self, tmp_path: Path) -> None:
        """A new record that differs from one of the base in case counts; the base's own do not."""
        build(["ACGT", "CcCc", "cccc"], tmp_path / "a.parquet")

        outcome = build(["acgt", "TTTT"], tmp_path / "b.parquet", existing=tmp_path / "a.parquet")

        assert 1 == outcome.case_variants

    def test_another_bio_type_is_no_variant(self, tmp_path: Path) -> None:
        """The same letters in another case under another bio_type are another record altogether."""
        table = pa.table(
            {"sequence": ["ACG", "acg"], "bio_type": ["dna", "protein"], "alphabet": ["dna_4", "protein_20"]}
        )

        assert 0 == build(table, tmp_path / "b.parquet").case_variants

    def test_one_case_reads_nothing_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where all letters are of one case nothing is compared, over several imports."""
        monkeypatch.setattr(checked_chunks, "_folded_words", None)
        build(["acgt", "cc"], tmp_path / "a.parquet")
        build(["tt"], tmp_path / "b.parquet", existing=tmp_path / "a.parquet")

        assert b"lower:3" == pq.read_schema(tmp_path / "b.parquet").metadata[META_LETTER_CASE.encode()]

    def test_a_base_of_unknown_case_is_read(self, tmp_path: Path) -> None:
        """Without the footer's note the base's sequences are compared, whatever the file's case."""
        build(["acgt"], tmp_path / "a.parquet")
        table = pq.read_table(tmp_path / "a.parquet")
        pq.write_table(table.replace_schema_metadata({META_LETTER_CASE: "upper:99"}), tmp_path / "old.parquet")

        outcome = build(["ACGT"], tmp_path / "b.parquet", existing=tmp_path / "old.parquet")

        assert 1 == outcome.case_variants
        assert META_LETTER_CASE.encode() not in (pq.read_schema(tmp_path / "b.parquet").metadata or {})

    def test_a_small_group_that_is_joined_and_decoded_in_pieces(self, tmp_path: Path) -> None:
        """Batches that lie wholly before the new rows are passed over when duplicates are left out."""
        first, second = random_sequences(50_000, seed=1), random_sequences(50_000, seed=2)
        with pq.ParquetWriter(tmp_path / "a.parquet", base_schema()) as writer:
            for part in (first, second):
                writer.write_batch(base_rows(part), row_group_size=50_000)
        new = [*random_sequences(60_000, seed=3), first[0]]

        outcome = build(new, tmp_path / "b.parquet", existing=tmp_path / "a.parquet", on_duplicate="skip")

        assert (60_000, 1, 160_000) == (outcome.added, outcome.skipped, outcome.rows_total)
        written = pq.read_table(tmp_path / "b.parquet", columns=["sequence"]).column(0).to_pylist()
        assert [*first, *second, *new[:-1]] == written
