"""Reading and writing GenBank and EMBL text: what is kept, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.api import ExportRequest, UsrError
from usr_core.api.formats import BadRecord
from usr_genbank.locations import Span, span_of
from usr_genbank.parser import GenbankOptions, parse_genbank
from usr_genbank.record import TYPES
from usr_genbank.writer import FlatFileExporter

NOTES: list[str] = []
PLASMID = """\
LOCUS       my plasmid 2              12 bp ds-DNA     circular     21-JAN-2022
DEFINITION  A plasmid,
            made by hand.
ACCESSION   .
KEYWORDS    "accession:x"; two.
SOURCE      synthetic DNA construct
  ORGANISM  synthetic DNA construct
            other sequences; artificial sequences.
COMMENT     first line
              indented
COMMENT     second comment
FEATURES             Location/Qualifiers
     CDS             join(10..12,1..3)
                     /label="a ""quoted"" label that is so long that it goes on
                     /in the next line"
                     /codon_start=1
                     /note="one"
                     /gene="g"
                     /note="two"
                     /pseudo
                     /empty=""
                     /ApEinfo_fwdcolor=#d59687
     misc_difference order(1..2,
                     bond(4,<5..>6))
ORIGIN
        1 acgtACGTac gt
//
"""


def rows(text: str | bytes, **options: object) -> list[dict[str, object]]:
    content = text.encode() if isinstance(text, str) else text
    batches = parse_genbank(io.BytesIO(content), GenbankOptions(**options), say=NOTES.append)  # type: ignore[arg-type]
    return [
        {name.removeprefix("genbank__"): value for name, value in row.items()}
        for batch in batches
        for row in batch.to_pylist()
    ]


def refused(text: str | bytes, **options: object) -> BadRecord:
    with pytest.raises(BadRecord) as caught:
        rows(text, **options)
    return caught.value


def written(records: list[dict[str, object]], kind: Literal["GenBank", "EMBL"], folder: Path) -> bytes:
    schema = pa.schema([*TYPES.items(), ("bio_type", pa.string())])
    named = [
        {name if name in schema.names else f"genbank__{name}": value for name, value in row.items()} for row in records
    ]
    table = pa.Table.from_pylist(named, schema=schema)
    FlatFileExporter(kind).write(ExportRequest(path=folder / "out", schema=schema), table.to_batches())
    return (folder / "out").read_bytes()


def record(locus: str, letters: str = "acgt") -> str:
    return f"LOCUS       {locus}\nORIGIN\n        1 {letters}\n//\n"


class TestGenbank:
    def test_everything_is_kept_as_written(self) -> None:
        """A name with blanks, the order of qualifiers, the text of locations, the case of letters."""
        (found,) = rows(PLASMID)
        features = found.pop("features")

        assert {
            "sequence": "acgtACGTacgt",
            "name": "my plasmid 2",
            "accession": ".",
            "version": None,
            "definition": "A plasmid, made by hand.",
            "molecule_type": "ds-DNA",
            "topology": "circular",
            "division": None,
            "date": "21-JAN-2022",
            "keywords": ['"accession:x"', "two"],
            "organism": "synthetic DNA construct",
            "taxonomy": ["other sequences", "artificial sequences"],
            "comment": "first line\n  indented\nsecond comment",
        } == found
        assert isinstance(features, list)
        assert [
            ("label", 'a "quoted" label that is so long that it goes on /in the next line'),
            ("codon_start", "1"),
            ("note", "one"),
            ("gene", "g"),
            ("note", "two"),
            ("pseudo", None),
            ("empty", ""),
            ("ApEinfo_fwdcolor", "#d59687"),
        ] == [(item["key"], item["value"]) for item in features[0]["qualifiers"]]
        assert ["join(10..12,1..3)", "order(1..2,bond(4,<5..>6))"] == [feature["location"] for feature in features]
        assert [(9, 3, 1), (0, 6, 1)] == [(one["start"], one["end"], one["strand"]) for one in features]

    @pytest.mark.parametrize(
        ("locus", "name", "molecule", "topology", "division", "date"),
        [
            ("x  4 bp", "x", None, None, None, None),
            ("x  4 bp    DNA     linear   SYN 01-NOV-2017", "x", "DNA", "linear", "SYN", "01-NOV-2017"),
            (
                "a_name_that_is_longer_than_its_columns 4 bp ds-DNA circular 1-JAN-2020",
                "a_name_that_is_longer_than_its_columns",
                "ds-DNA",
                "circular",
                None,
                "1-JAN-2020",
            ),
            ("3 bp of 5 bp 4 bp ss-RNA", "3 bp of 5 bp", "ss-RNA", None, None, None),
            ("x  4 bp    mRNA    circular", "x", "mRNA", "circular", None, None),
            ("x  4 BP    DNA     CIRCULAR BCT", "x", "DNA", "circular", "BCT", None),
            ("P1 4 aa            linear   BCT 01-NOV-2017", "P1", None, "linear", "BCT", "01-NOV-2017"),
            ("4 bp DNA", None, "DNA", None, None, None),
        ],
    )
    def test_a_locus_line_may_lack_anything_but_a_length(
        self, locus: str, name: str, molecule: str, topology: str, division: str, date: str
    ) -> None:
        """What is not there is null, and nothing is made up."""
        (found,) = rows(record(locus))

        assert (name, molecule, topology, division, date) == tuple(
            found[key] for key in ("name", "molecule_type", "topology", "division", "date")
        )

    def test_records_of_a_release_file(self) -> None:
        """Its header is skipped, and blank lines between records are."""
        header = "GBSYN1.SEQ          Genetic Sequence Data Bank\n                    June 15 2026\n\n"

        assert ["a", "b"] == [row["name"] for row in rows(header + record("a 4 bp") + "\n" + record("b 4 bp"))]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_line_ends_and_a_byte_order_mark(self, end: str) -> None:
        """Neither changes what is read."""
        assert rows(PLASMID) == rows(("\ufeff" + PLASMID.replace("\n", end)).encode())

    def test_latin_1_by_option(self) -> None:
        """The letter stays one letter."""
        (found,) = rows(PLASMID.replace("by hand", "par René").encode("latin-1"), encoding="latin-1")

        assert "A plasmid, made par René." == found["definition"]

    def test_an_empty_file_has_no_record(self) -> None:
        """Nor has one of blank lines."""
        assert [] == rows("") == rows("\n \n")

    def test_a_length_that_differs_is_said(self) -> None:
        """Both numbers are; with strict=true, it is refused."""
        NOTES.clear()
        rows(record("x 5 bp"))

        assert ["The record declares 5 letters and has 4. (record 1, x, line 1)"] == NOTES
        assert "declares 5 letters and has 4" in refused(record("x 5 bp"), strict=True).reason


class TestFaults:
    @pytest.mark.parametrize(
        ("text", "reason", "name", "line", "cut_off"),
        [
            (record("x y  4 bp").removesuffix("//\n"), "no line of //", "x y", 1, True),
            ("LOCUS       x 4 bp\nCONTIG      join(A1.1:1..4)\n//\n", "which other records", "x", 1, False),
            ("LOCUS       x 4 bp\nORIGIN\n//\n", "no letters", "x", 1, False),
            ("LOCUS       x\nORIGIN\n//\n", "no length", "x", 1, False),
            (
                "LOCUS       x 4 bp\nFEATURES    L\n                     /note\nORIGIN\n 1 acgt\n//\n",
                "feature table",
                "x",
                3,
                False,
            ),
            ("what is this\n", "not the first line", None, 1, False),
            ("\n//\n", "no record above", None, 2, False),
            (
                "LOCUS       x 4 bp\nORIGIN\n 1 acgt\nLOCUS       y 4 bp\nORIGIN\n 1 acgt\n//\n",
                "Another",
                "x",
                4,
                False,
            ),
            ("LOCUS       x 4 bp\nCOMMENT     a\0b\nORIGIN\n 1 acgt\n//\n", "NUL byte", "x", 2, False),
            (
                "ID   x; SV 1; 4 BP.\nXX\nFT                   /note\nSQ   S\n     acgt\n//\n",
                "feature table",
                "x",
                3,
                False,
            ),
        ],
    )
    def test_are_told_with_their_place(
        self, text: str, reason: str, name: str | None, line: int, cut_off: bool
    ) -> None:
        """Record, name and line, behind another record too; and there is a hint."""
        for before in (0, 3):
            bad = refused(record("fine 4 bp") * before + text)

            assert reason in bad.reason
            assert (before + 1, name, 4 * before + line, cut_off) == (bad.row, bad.name, bad.line, bad.cut_off)
            assert bad.hint

    def test_a_web_page_is_one(self) -> None:
        """Alone, and behind records, as where a download went wrong in the middle."""
        page = "\n<!DOCTYPE html>\n<html>\n"
        alone, behind = refused(page), refused(record("fine 4 bp") + page)

        assert [("The file is a web page.", 2), ("The file is a web page.", 6)] == [
            (bad.reason, bad.line) for bad in (alone, behind)
        ]

    @pytest.mark.parametrize(("text", "name"), [(">a\nACGT\n", "FASTA"), ("@a\nAC\n+\nII\n", "FASTQ")])
    def test_another_format_is_named(self, text: str, name: str) -> None:
        """Alone with its importer; behind a record, with what to do with a file of two formats."""
        assert f"It looks like {name}: --from {name.lower()}" in refused(text).hint
        assert f"It looks like {name} from here on" in refused(record("fine 4 bp") + text).hint

    def test_numbers_of_any_size_are_read(self) -> None:
        """A location beyond what an integer holds is kept as text, without a span."""
        text = record("x 4 bp").replace("ORIGIN", f"FEATURES    L\n     gene            1..{'9' * 5000}\nORIGIN")
        (found,) = rows(text)

        assert (None, None) == (found["features"][0]["start"], found["features"][0]["end"])  # type: ignore[index]
        assert "gives no length" in refused(record(f"x {'9' * 5000} bp")).reason

    def test_latin_1_names_the_option(self) -> None:
        """With the line as Latin-1 shows it."""
        bad = refused(PLASMID.replace("by hand", "par René").encode("latin-1"))

        assert (1, "my plasmid 2", 3, "            made par René.") == (bad.row, bad.name, bad.line, bad.value)
        assert "encoding=latin-1" in bad.hint


class TestEmbl:
    def test_a_record_of_the_archive(self) -> None:
        """The version joins name and SV, the last date counts, and the taxonomy is a list."""
        text = (
            "ID   X56734; SV 1; linear; mRNA; STD; PLN; 4 BP.\nXX\nAC   X56734; S46826;\nXX\n"
            "DT   12-SEP-1991 (Rel. 29, Created)\nDT   25-NOV-2005 (Rel. 85, Last updated, Version 11)\nXX\n"
            "DE   Trifolium repens\nDE   mRNA\nKW   beta-glucosidase.\nOS   Trifolium repens (white clover)\n"
            'OC   Eukaryota; Viridiplantae.\nFH   Key\nFT   source          1..4\nFT                   /note="one\n'
            'FT                   two"\nSQ   Sequence 4 BP; 1 A;\n     acGT        4\n//\n'
        )
        (found,) = rows(text)

        assert ("acGT", "X56734", "X56734; S46826", "X56734.1") == tuple(
            found[key] for key in ("sequence", "name", "accession", "version")
        )
        assert ("Trifolium repens mRNA", "mRNA", "linear", "PLN", "25-NOV-2005") == tuple(
            found[key] for key in ("definition", "molecule_type", "topology", "division", "date")
        )
        assert (["Eukaryota", "Viridiplantae"], ["beta-glucosidase"]) == (found["taxonomy"], found["keywords"])
        assert "one two" == found["features"][0]["qualifiers"][0]["value"]  # type: ignore[index]


class TestSpans:
    @pytest.mark.parametrize(
        ("location", "circular", "span"),
        [
            ("5", True, (4, 5, 1)),
            ("3..5", False, (2, 5, 1)),
            ("<3..>5", False, (2, 5, 1)),
            ("3^4", False, (3, 3, 1)),
            ("3.5", False, (2, 5, 1)),
            ("complement(3..5)", False, (2, 5, -1)),
            ("join(3..5,8..9)", True, (2, 9, 1)),
            ("join(18..20,1..4)", True, (17, 4, 1)),
            ("join(18..20,1..4)", False, (0, 20, 1)),
            ("complement(join(18..20,1..4))", True, (17, 4, -1)),
            ("join(complement(1..4),complement(18..20))", True, (17, 4, -1)),
            ("join(complement(8..9),complement(3..5))", True, (2, 9, -1)),
            ("join(1..4,complement(8..9))", True, (0, 9, 0)),
            ("order(2..3,one-of(5,7)..9)", False, (1, 9, 1)),
            ("join(J00194.1:100..202,3..5)", False, (2, 5, 1)),
            ("J00194.1:100..202", False, (None, None, None)),
            ("somewhere", False, (None, None, None)),
        ],
    )
    def test_are_those_of_the_whole(self, location: str, circular: bool, span: tuple[int, int, int]) -> None:
        """Counted from 0, half open; across the origin of a circular record the start is behind the end."""
        start, end, strand = span

        assert Span(start=start, end=end, strand=strand) == span_of(location, length=20, circular=circular)


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=70).filter(
    lambda word: not word.endswith(".")
)
TEXTS = st.lists(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=20),
    min_size=1,
    max_size=12,
).map(" ".join)
FEATURES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["CDS", "misc_feature", "a_type_that_is_longer_than_columns"]),
        "location": st.sampled_from(
            ["1..2", "complement(join(1..2,3..4))", "order(1..2,bond(3,4))", f"join({','.join(['1..2'] * 40)})"]
        ),
        "qualifiers": st.lists(
            st.tuples(st.sampled_from(["note", "label", "codon_start"]), st.none() | st.just("") | TEXTS), max_size=4
        ).map(lambda items: [{"key": key, "value": value} for key, value in items]),
    }
)
RECORDS = st.fixed_dictionaries(
    {
        "sequence": st.text("acgtACGT", min_size=1, max_size=130),
        "name": st.sampled_from(["x", "my plasmid", "a_name_that_is_longer_than_its_columns", "5 bp"]),
        "definition": st.none() | TEXTS,
        "molecule_type": st.sampled_from([None, "DNA", "ds-DNA", "mRNA"]),
        "topology": st.sampled_from([None, "linear", "circular"]),
        "division": st.sampled_from([None, "SYN"]),
        "date": st.sampled_from([None, "21-JAN-2022"]),
        "version": st.sampled_from([None, "x.1", "U49845.12"]),
        "keywords": st.lists(WORDS.filter(lambda word: ";" not in word), max_size=3),
        "features": st.lists(FEATURES, max_size=3),
    }
)


class TestRoundTrip:
    @pytest.mark.parametrize("kind", ["GenBank", "EMBL"])
    @pytest.mark.parametrize("name", ["my plasmid 2", "P1"])
    def test_a_file_is_written_and_read_back(self, kind: Literal["GenBank", "EMBL"], name: str, tmp_path: Path) -> None:
        """With everything that was read from it."""
        records = rows(PLASMID.replace("my plasmid 2", name) + record(f"{name} 4 bp  DNA SYN"))

        assert records == rows(written(records, kind, tmp_path))

    def test_a_protein_counts_amino_acids(self, tmp_path: Path) -> None:
        """The type of the record decides; strands are those of nucleotides only."""
        text = written([{"sequence": "MKV", "name": "p", "bio_type": "protein"}], "GenBank", tmp_path)

        assert b" 3 aa" in text.split(b"\n")[0]

    @pytest.mark.parametrize("kind", ["GenBank", "EMBL"])
    @settings(max_examples=40, deadline=None)
    @given(records=st.lists(RECORDS, max_size=3))
    def test_any_records(
        self,
        kind: Literal["GenBank", "EMBL"],
        records: list[dict[str, object]],
        tmp_path_factory: pytest.TempPathFactory,
    ) -> None:
        """What is given is read back."""
        found = rows(written(records, kind, tmp_path_factory.getbasetemp()))
        kept = [{name: row[name] for name in RECORD_NAMES} for row in found]

        assert _without_spans(records) == _without_spans(kept)

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("name", "two\nlines"),
            ("name", "two  blanks"),
            ("division", "synthetic"),
            ("date", "2022-01-21"),
            ("topology", "round"),
            ("keywords", ["a;b"]),
        ],
    )
    def test_what_would_be_read_otherwise_is_refused(self, column: str, value: object, tmp_path: Path) -> None:
        """Row and column are told."""
        with pytest.raises(UsrError) as caught:
            written(
                [{"sequence": "A", "name": "x"}, {"sequence": "A", "name": "x", column: value}], "GenBank", tmp_path
            )

        assert (2, f"genbank__{column}") == (caught.value.facts["row"], caught.value.facts["column"])


RECORD_NAMES = (
    *("sequence", "name", "definition", "molecule_type", "topology", "division", "date", "version"),
    *("keywords", "features"),
)


def _without_spans(records: list[dict[str, object]]) -> list[dict[str, object]]:
    kept = ("type", "location", "qualifiers")
    return [
        {**row, "features": [{name: one[name] for name in kept} for one in row["features"]]}  # type: ignore[attr-defined]
        for row in records
    ]
