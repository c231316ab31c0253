"""Records by pattern: which match, in which order, and what is read for it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from support.reading import damage_column, make_dataset, open_files
from support.view_datasets import record_id_of, write_base
from usr_core import Dataset
from usr_core.store.questions import grep
from usr_core.store.questions.errors import ColumnNotText, PatternInvalid
from usr_core.store.questions.pattern import compile_pattern, literal_of


def found(dataset: Dataset, pattern: str, **options: object) -> list[str]:
    return dataset.grep(pattern, **options)["id"].to_pylist()  # type: ignore[arg-type]


def with_sequences(root: Path, *sequences: str) -> Dataset:
    write_base(root / "d", list(sequences), row_group_size=2)
    return Dataset.open(root, "d")


class TestPatterns:
    @pytest.mark.parametrize(
        "pattern, hits",
        [
            ("GATTACA", [0, 2]),
            ("^GATTACA", [0]),
            ("GATTACA$", [2]),
            ("^$", []),
            ("", [0, 1, 2, 3]),
            ("C{4}|^GAT", [0, 1]),
            ("gattaca", [3]),
            ("(?i)GATTACA", [0, 2, 3]),
            (r"\QGATTACA", [0, 2]),
            (r"\QG.T", []),
            ("[^ACGT]", [3]),
        ],
    )
    def test_a_pattern_matches_anywhere(self, tmp_path: Path, pattern: str, hits: list[int]) -> None:
        """RE2's syntax, anchors and flags mean what they say."""
        sequences = ["GATTACAA", "ACCCCA", "TGATTACA", "gattaca"]
        dataset = with_sequences(tmp_path, *sequences)

        assert [record_id_of(sequences[hit]) for hit in hits] == found(dataset, pattern)

    @pytest.mark.parametrize("pattern", ["ACA", "AC|CA", "A$", "^C", r"\bA", "(?i)a{3}", "", "X", "[^AC]", "ä.ß"])
    def test_many_texts_match_as_each_alone(self, pattern: str) -> None:
        """Texts that are searched together, nulls and empty ones between, match only by themselves."""
        texts = ["A", "C", None, "CA", "", "AC", "ACA", "aaa", "äxß", "ä"] * 300
        values = pa.array(["AAA", *texts, "A"], pa.string()).slice(1, len(texts))
        matches = compile_pattern(pattern)

        alone = [bool(matches(values.slice(row, 1))[0]) for row in range(10)] * 300

        assert alone == matches(values).tolist()
        assert not matches(pa.nulls(1_000, pa.string())).any()

    def test_case_can_be_ignored(self, tmp_path: Path) -> None:
        """With ignore_case either case matches."""
        dataset = with_sequences(tmp_path, "ACGT", "acgt", "TTTT")

        assert 2 == len(found(dataset, "cG", ignore_case=True))

    @pytest.mark.parametrize("pattern", ["A(", "A)(C", "(?=A)", "(A)\\1", "[", "A{2,1}", "\\", "a\udc00"])
    def test_what_is_no_pattern_is_refused(self, tmp_path: Path, pattern: str) -> None:
        """Anything that RE2 does not know is an error before a row is read, unbalanced brackets included."""
        dataset = with_sequences(tmp_path, "ACGT")

        with pytest.raises(PatternInvalid):
            dataset.grep(pattern)


class TestRows:
    def test_the_first_matches_come_in_the_base_s_order(self, tmp_path: Path) -> None:
        """The limit keeps the first ones, across row groups; 0 keeps all."""
        dataset, ids = make_dataset(tmp_path, 50, row_group_size=7)

        assert ids[:9] == found(dataset, "A", limit=9)
        assert ids == found(dataset, "A", limit=0)

    @pytest.mark.parametrize("rows", [30, 6_000])
    def test_deleted_records_are_left_out(self, tmp_path: Path, rows: int) -> None:
        """With few matches, and with more than are looked up one by one."""
        dataset, ids = make_dataset(tmp_path, rows, deleted=range(0, rows, 3), row_group_size=2_500)

        assert [one for row, one in enumerate(ids) if row % 3] == found(dataset, "A", limit=0)
        assert ids == found(dataset, "A", limit=0, include_deleted=True)

    def test_an_attached_column_can_be_searched(self, tmp_path: Path) -> None:
        """Merged values count; a null matches nothing, the empty text what matches nothing at all."""
        dataset, ids = make_dataset(tmp_path, 4, columns={"mock__tag": pa.array(["ab", None, "", "b"])}, deleted=[3])

        assert [ids[0]] == found(dataset, "b", column="mock__tag")
        assert [ids[0], ids[2]] == found(dataset, ".*", column="mock__tag")

    def test_a_materialized_column_shows_what_an_overlay_changed(self, tmp_path: Path) -> None:
        """Where both the base and an overlay have the column, the merged value is searched."""
        dataset, ids = make_dataset(
            tmp_path,
            2,
            columns={"mock__tag": pa.array(["new", None])},
            extra={"mock__tag": pa.array(["old", "old"])},
        )

        assert [ids[1]] == found(dataset, "old", column="mock__tag")

    def test_the_id_itself_can_be_searched(self, tmp_path: Path) -> None:
        """The result then has one column."""
        dataset, ids = make_dataset(tmp_path, 3)

        assert ["id"] == dataset.grep(f"^{ids[1]}$", column="id").column_names

    def test_a_column_that_is_no_text_is_refused(self, tmp_path: Path) -> None:
        """Numbers are not matched as text."""
        dataset, _ = make_dataset(tmp_path, 3)

        with pytest.raises(ColumnNotText, match="int32"):
            dataset.grep("1", column="length")


class TestReading:
    def test_without_a_match_no_other_column_is_read(self, tmp_path: Path) -> None:
        """Damage in the other columns of the base is not noticed."""
        dataset, _ = make_dataset(tmp_path, 100)
        damage_column(dataset.path / "records.parquet", "id")

        assert 0 == dataset.grep("GGGGGGGGGGGGGGGG").num_rows

    def test_a_row_group_without_the_text_is_not_decoded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its pages are searched as bytes; a pattern that means more than its letters is looked for as before."""
        dataset = with_sequences(tmp_path, "GATTACA", "CCCC", "TTTT", "gattaca", "AAAA", "TGATTACAT", "ACGT")
        decoded: list[int] = []
        read = grep._read
        monkeypatch.setattr(
            grep, "_read", lambda view, group, column: decoded.append(group) or read(view, group, column)
        )

        assert found(dataset, "GATTACA") == [record_id_of("GATTACA"), record_id_of("TGATTACAT")]
        assert sorted(set(decoded)) == [0, 2]
        decoded.clear()
        assert found(dataset, "G.TTACA", ignore_case=True) == [
            record_id_of(one) for one in ("GATTACA", "gattaca", "TGATTACAT")
        ]
        assert sorted(set(decoded)) == [0, 1, 2, 3]

    def test_files_are_closed_when_the_search_is_left(self, tmp_path: Path) -> None:
        """Dropping the iterator in the middle ends its threads and closes the files."""
        dataset, _ = make_dataset(tmp_path, 100, row_group_size=10)
        matches = dataset.iter_grep("A", limit=0)
        next(matches)

        matches.close()  # type: ignore[attr-defined]

        assert [] == open_files(tmp_path)

    def test_a_damaged_page_is_a_typed_error(self, tmp_path: Path) -> None:
        """Damage in the column itself names the file."""
        dataset, _ = make_dataset(tmp_path, 100)
        damage_column(dataset.path / "records.parquet", "sequence")

        with pytest.raises(ValueError, match=r"records\.parquet can't be read"):
            dataset.grep("A")


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [("TTGACA", b"TTGACA"), ("a-b c/ü", "a-b c/ü".encode()), ("", None)]
    + [(f"A{letter}C", None) for letter in r"\.^$|?*+()[]{}"],
)
def test_a_pattern_of_plain_letters_is_a_text(pattern: str, literal: bytes | None) -> None:
    """With any letter that RE2 gives a meaning it is none."""
    assert literal_of(pattern) == literal
