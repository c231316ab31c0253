"""Writing FASTA files."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.api import ExportRequest, UsrError
from usr_fasta.parser import parse_fasta
from usr_fasta.writer import FastaExporter


class _Kept(io.BytesIO):
    """Bytes that stay when the stream is closed."""

    def close(self) -> None:
        self.kept = self.getvalue()
        super().close()


def written(columns: dict[str, list[str | None]], **options: object) -> bytes:
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    stream = _Kept()
    request = ExportRequest(path=Path("unused"), schema=table.schema, opener=lambda: stream, options=options)
    result = FastaExporter().write(request, table.to_batches(max_chunksize=2))

    assert (table.num_rows, len(stream.kept)) == (result.rows, result.size_bytes)
    return stream.kept


class TestRecords:
    def test_the_formats_name_comes_before_the_id(self) -> None:
        """A record without one has its id."""
        columns = {"id": ["i1", "i2"], "sequence": ["AC", "GT"], "fasta__name": ["a", None]}

        assert b">a\nAC\n>i2\nGT\n" == written(columns)

    def test_the_description_follows_the_name(self) -> None:
        """Where it is null, nothing follows."""
        columns = {"id": ["i", "j"], "sequence": ["AC", "GT"], "fasta__description": ["é70  one", None]}

        assert ">i é70  one\nAC\n>j\nGT\n".encode() == written(columns)

    def test_other_columns_can_be_chosen(self) -> None:
        """For the name and for the description."""
        columns = {"id": ["i"], "sequence": ["AC"], "lab__well": ["A1"], "lab__note": ["two words"]}

        assert b">A1 two words\nAC\n" == written(columns, name="lab__well", description="lab__note")

    @pytest.mark.parametrize(
        ("letters", "width", "lines"), [(120, 60, 2), (121, 60, 3), (5, 0, 1), (5, 2, 3), (1, 1, 1)]
    )
    def test_lines_have_their_width(self, letters: int, width: int, lines: int) -> None:
        """The last one may be shorter, none is empty, and 0 is one line."""
        text = written({"id": ["i", "j"], "sequence": ["A" * letters, "C"]}, width=width).decode()
        found = text.split("\n")[1:-3]

        assert lines == len(found)
        assert ("A" * letters, "C") == ("".join(found), text.split("\n")[-2])


class TestRefusals:
    @pytest.mark.parametrize("name", ["two words", "", "line\nend", " a", "a\t"])
    def test_a_name_that_would_be_read_otherwise(self, name: str) -> None:
        """With its row and column."""
        with pytest.raises(UsrError) as caught:
            written({"id": ["i", "j", "k"], "sequence": ["A", "C", "G"], "fasta__name": ["a", "b", name]})

        assert (3, "fasta__name") == (caught.value.facts["row"], caught.value.facts["column"])

    @pytest.mark.parametrize("description", ["a\nb", "a\r", " a", "a ", ""])
    def test_a_description_that_would_be_read_otherwise(self, description: str) -> None:
        """With its row and column."""
        with pytest.raises(UsrError) as caught:
            written({"id": ["i"], "sequence": ["A"], "fasta__description": [description]})

        assert (1, "fasta__description") == (caught.value.facts["row"], caught.value.facts["column"])

    @pytest.mark.parametrize(
        ("columns", "options"),
        [({"id": ["i"]}, {}), ({"sequence": ["A"]}, {}), ({"id": ["i"], "sequence": ["A"]}, {"name": "x"})],
    )
    def test_a_column_that_is_not_exported(self, columns: dict[str, list[str | None]], options: dict[str, str]) -> None:
        """The message names it."""
        with pytest.raises(UsrError, match="needs the column"):
            written(columns, **options)

    def test_a_column_without_its_namespace_is_offered_with_it(self) -> None:
        """The option names columns as the dataset has them."""
        with pytest.raises(UsrError, match="needs the column tag") as caught:
            written({"id": ["i"], "sequence": ["A"], "lab__tag": ["t"]}, name="tag")

        assert (caught.value.hint or "").startswith("Did you mean lab__tag? ")


WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=12)


class TestAnyRecords:
    @settings(max_examples=60, deadline=None)
    @given(
        records=st.lists(
            st.tuples(WORDS, st.none() | WORDS, st.text("ACGTacgt", min_size=1, max_size=200)), max_size=8
        ),
        width=st.integers(0, 70),
    )
    def test_are_read_back(self, records: list[tuple[str, str | None, str]], width: int) -> None:
        """Names, descriptions and letters, for any width."""
        names, descriptions, sequences = ([record[field] for record in records] for field in range(3))
        columns = {"id": names, "fasta__name": names, "fasta__description": descriptions, "sequence": sequences}
        text = written(columns, width=width)
        found = [row for batch in parse_fasta(io.BytesIO(text)) for row in batch.to_pylist()]

        assert records == [(row["fasta__name"], row["fasta__description"], row["sequence"]) for row in found]
