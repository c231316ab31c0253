"""Files that are not what their names say, are cut off or damaged: one error each, and nothing is changed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.tree import assert_unchanged
from support.workbooks import Error, Formula, compound_file, xls, xlsx
from usr_core import Dataset
from usr_core.errors import UsrError

LETTERS = ["ACGTTGCAAC" * 8, "TTGACAGCTA" * 8, "GGATCCTATA" * 8]
FASTA = "".join(f">s{at} part\n{letters}\n" for at, letters in enumerate(LETTERS, 1)).encode() * 1
FASTQ = "".join(f"@s{at}\n{letters}\n+\n{'I' * 80}\n" for at, letters in enumerate(LETTERS, 1)).encode()
CSV = "name,sequence\n" + "".join(f"s{at},{letters}\n" for at, letters in enumerate(LETTERS, 1))
GENBANK = """\
LOCUS       p1                40 bp    DNA     circular SYN 01-JAN-2020
DEFINITION  a part.
FEATURES             Location/Qualifiers
     CDS             1..9
                     /gene="g"
ORIGIN
        1 gatcctatgc ttgtgagtac ccagaaaata gcgacggacc
//
"""
EMBL = """\
ID   X56734; SV 1; linear; mRNA; STD; PLN; 40 BP.
DE   Trifolium
FT   source          1..40
FT                   /note="one"
SQ   Sequence 40 BP;
     acgtacgtac gtacgtacgt acgtacgtac acgtacgtac        40
//
"""
PROTEIN = ">P1 kinase\nMKVLAAGIVGLCAKAYEEFH\n"
PAGE = "<!DOCTYPE html>\n<html><body>Please log in</body></html>\n"
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
BOOK = xlsx({"a": [["name", "sequence"], ["a", "ACGT"]]})


def bgzf(content: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = packer.compress(content) + packer.flush()
    head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(body) + 25)
    return head + body + struct.pack("<II", zlib.crc32(content), len(content))


def packet(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + struct.pack(">I", len(content)) + content


SNAPGENE = packet(9, b"SnapGene" + struct.pack(">HHH", 1, 15, 19)) + packet(0, b"\x01acgtacgtacgt")


def archive(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("parts.fasta", content)
    return packed.getvalue()


def zstd(content: bytes) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


@dataclass(frozen=True)
class Bad:
    """A file, and what is said of it: the beginning of the code's number, words of the reason and hint, and facts."""

    name: str
    content: bytes | str
    code: int
    reason: str
    hint: str = ""
    facts: dict[str, object] = field(default_factory=dict)


def bad(name: str, content: bytes | str, code: int, reason: str, hint: str = "", /, **facts: object) -> Bad:
    return Bad(name, content, code, reason, hint, facts)


AGAIN = "download it again"
COMPRESSED = [
    bad("cut.fasta.gz", gzip.compress(FASTA)[:-20], 6, "gzip stream ends too early", AGAIN),
    bad("no_trailer.fasta.gz", gzip.compress(FASTA)[:-4], 6, "gzip stream ends too early", AGAIN),
    bad("cut.fasta.bgz", bgzf(FASTA)[:-20], 6, "gzip stream ends too early", AGAIN),
    bad("no_end.fasta.bgz", bgzf(FASTA), 6, "its last block is missing", AGAIN),
    bad("no_end.fasta.gz", bgzf(FASTA) + bgzf(FASTA), 6, "its last block is missing", AGAIN),
    bad("second_cut.fasta.gz", gzip.compress(FASTA) + gzip.compress(FASTQ)[:-5], 6, "ends too early", AGAIN),
    bad("more.fasta.gz", gzip.compress(FASTA) + b"something else", 7, "something else follows its gzip stream", AGAIN),
    bad("cut.fasta.bz2", bz2.compress(FASTA)[:-9], 6, "bz2 stream ends too early", AGAIN),
    bad("cut.fasta.xz", lzma.compress(FASTA)[:-9], 6, "xz stream ends too early", AGAIN),
    bad("cut.fasta.zst", zstd(FASTA)[:-9], 6, "zstd stream ends too early", AGAIN),
    *(
        bad(f"plain.fasta{ending}", FASTA, 7, f"not readable as {kind}", f"name without {ending}")
        for ending, kind in ((".gz", "gzip"), (".bz2", "bz2"), (".xz", "xz"), (".zst", "zstd"))
    ),
    bad("empty.fasta.gz", b"", 6, "it is empty", AGAIN),
    bad("page.fasta.gz", PAGE, 7, "The file is a web page.", "browser", line=1),
    *(
        bad(f"packed{ending}", gzip.compress(FASTA), 7, "The file is compressed.", ".gz")
        for ending in (".fasta", ".fastq", ".gb", ".csv", ".jsonl", ".parquet", ".xlsx")
    ),
]
TWO_FORMATS = [
    bad("a.fasta", FASTA.decode() + GENBANK, 7, "not hold letters", "GenBank from here on", row=3, record="s3", line=7),
    bad("b.fasta", ">a\nACGT\n" + FASTQ.decode(), 7, "not hold letters", "FASTQ from here on", row=1, line=3),
    bad("c.fastq", FASTQ.decode() + ">a\nACGT\n", 7, "begins with @", "FASTA from here on", row=4, line=13, value=">a"),
    bad("d.gb", GENBANK + ">a\nACGT\n", 7, "not the first line of a record", "FASTA from here on", row=2, line=9),
    bad("e.csv", CSV + ">a\nACGT\n", 7, "has 1 cell", "FASTA from here on", row=4, line=5, value=">a"),
    bad("f.gb", GENBANK + PAGE, 7, "The file is a web page.", "browser", row=2, line=9),
    bad("g.fasta", FASTQ, 7, "before the first record", "--from fastq", line=1),
    bad("h.fasta", GENBANK, 7, "before the first record", "--from genbank", line=1),
    bad("i.gb", FASTA, 7, "not the first line", "--from fasta", line=1),
    bad("j.fastq", FASTA, 7, "begins with @", "--from fasta", line=1),
    bad("k.csv", FASTA, 7, "not a header", "--from fasta", line=1),
    bad("l.csv", '{"sequence": "ACGT"}\n', 7, "not a header", "--from jsonl", line=1),
    bad("m.jsonl", FASTA, 7, "not valid JSON", "--from fasta", row=1, line=1),
]
OTHER_THINGS = [
    *(
        bad(f"page{ending}", f"\n{PAGE}", 7, "The file is a web page.", "browser", line=2)
        for ending in (".gb", ".fasta", ".csv", ".fastq", ".tsv", ".embl", ".jsonl", ".parquet", ".xlsx", ".dna")
    ),
    *(bad(f"book{ending}", BOOK, 7, "ZIP archive", "--from excel") for ending in (".csv", ".fasta", ".gb", ".parquet")),
    bad("old.csv", xls({"S": [["sequence"]]}), 7, "old Office program", "--from excel"),
    bad("packed.fasta", archive(FASTA), 7, "ZIP archive", "unpack another archive first"),
    bad("paper.fasta", b"%PDF-1.4\n%\xe2\xe3\n", 7, "PDF", "Export"),
    bad("notes.gb", "{\\rtf1\\ansi LOCUS}", 7, "RTF", "plain text"),
    bad("map.fasta", SNAPGENE, 7, "SnapGene file", ".dna"),
    bad("text.xlsx", CSV, 7, "not a workbook but text", "--from csv"),
    bad("export.xls", CSV.replace(",", "\t"), 7, "not a workbook but text", "--from tsv"),
    bad("protein.fasta", PROTEIN, 22, "The letter 'M'", "--bio-type protein", row=1, name="P1"),
    bad(
        "protein.gp",
        "LOCUS       P1 8 aa\nORIGIN\n        1 mkvlaagi\n//\n",
        22,
        "'m'",
        "--bio-type protein",
        name="P1",
    ),
]
ENCODINGS = [
    bad(
        "a.fasta",
        ">p1\nAC\n>p2 5€ UTR\nAG\n".encode("cp1252"),
        7,
        "utf-8",
        "encoding=cp1252",
        row=2,
        value=">p2 5€ UTR",
    ),
    bad("a.fastq", "@p2 5€\nAC\n+\nII\n".encode("cp1252"), 7, "utf-8", "encoding=cp1252", row=1, value="@p2 5€"),
    bad("a.gb", GENBANK.replace("a part", "5€").encode("cp1252"), 7, "utf-8", "encoding=cp1252", record="p1", line=2),
    bad("a.csv", "name,sequence\n5€ UTR,ACGT\n".encode("cp1252"), 7, "UTF-8", "encoding=cp1252", row=1, value="5€ UTR"),
    bad("b.csv", "name,sequence\nMüller,ACGT\n".encode("cp1252"), 7, "UTF-8", "encoding=latin-1", value="Müller"),
    *(
        bad(f"wide{ending}", text.encode("utf-16"), 7, "The file is UTF-16 text.", "encoding=utf-16", line=1)
        for ending, text in ((".fasta", ">a\nAC\n"), (".fastq", "@a\nA\n+\nI\n"), (".gb", GENBANK), (".csv", CSV))
    ),
    *(
        bad(f"no_mark{ending}", text.encode("utf-16-le"), 7, "The file is UTF-16 text.", "encoding=utf-16-le", line=1)
        for ending, text in ((".fasta", ">a\nAC\n"), (".gb", GENBANK), (".tsv", CSV))
    ),
    bad("wide.jsonl", '{"sequence": "AC"}\n'.encode("utf-16"), 7, "The file is UTF-16 text.", "UTF-8"),
    bad("nul.fasta", b">a\nAC\n>b\nAC\0GT\n", 7, "NUL", AGAIN.replace("it", "the file"), row=2, record="b", line=4),
    bad("nul_name.fasta", b">a\0b\nAC\n", 7, "NUL", row=1, line=1),
    bad("nul.fastq", b"@a\0\nACGT\n+\nIIII\n", 7, "NUL", row=1, line=1),
    bad("nul.gb", GENBANK.replace('"g"', '"g\0"'), 7, "NUL", row=1, record="p1", line=5),
    bad("nul_behind.gb", GENBANK + "\0" * 512, 7, "NUL", row=2, line=9),
    *(bad(f"nul{ending}", b"\0" * 4096, 7, "NUL", AGAIN) for ending in (".csv", ".embl", ".jsonl", ".parquet")),
]
EMPTY = [
    *(
        bad(f"empty{ending}", b"", 7, "The file is empty.", AGAIN)
        for ending in (
            ".fasta",
            ".fastq",
            ".gb",
            ".embl",
            ".dna",
            ".csv",
            ".tsv",
            ".jsonl",
            ".parquet",
            ".xlsx",
            ".xls",
        )
    ),
    *(
        bad(f"blank{ending}", b"\n\n \n", 7, "The file holds no record.", "right file")
        for ending in (".fasta", ".fastq", ".gb")
    ),
    bad("mark.fasta", b"\xef\xbb\xbf", 7, "The file holds no record."),
    bad("blank.csv", b"\n\n", 7, "The first line is blank.", "header", line=1),
]
FAULTS = [
    bad("a.gb", GENBANK.partition("ORIGIN")[0] + "//\n", 7, "no letters", "ORIGIN", row=1, record="p1"),
    bad("b.gb", GENBANK + "//\n", 7, "no record above this line of //", "Remove the line", row=2, line=9),
    bad("c.gb", GENBANK.replace("ORIGIN", "//\nORIGIN"), 7, "no letters", row=1, record="p1"),
    bad("d.gb", GENBANK + GENBANK[:-30], 6, "no line of //", AGAIN, row=2, record="p1", line=9),
    bad("e.gb", GENBANK[:-3] + GENBANK, 7, "Another record begins here", "Write //", row=1, record="p1", line=8),
    bad("f.embl", EMBL + EMBL[:150], 6, "no line of //", AGAIN, row=2, record="X56734", line=8),
    bad("g.embl", EMBL.replace("FT   source          1..40\n", ""), 7, "feature table", row=1, line=3),
    bad("h.embl", EMBL[:-3] + EMBL, 7, "Another record begins here", row=1, line=7),
    bad("a.fastq", "@a\nAC\n+\nII\n@b x\nACGTA\n+\nIII\n@c\nA\n+\nI\n", 7, "5 letters and 3 ", row=2, record="b"),
    bad("b.fastq", FASTQ[:-30], 6, "80 letters and 51 qualities", AGAIN, row=3, record="s3"),
    bad("c.fastq", "@a\nACGT\n@b\nACGG\n", 7, "Another record begins before", row=1, record="a", line=3),
    bad("a.dna", SNAPGENE[:-3], 6, "one of its parts ends too early", AGAIN),
    bad("b.dna", SNAPGENE[:19], 6, "nothing follows its first part", AGAIN),
    bad("c.dna", SNAPGENE[:12], 6, "one of its parts ends too early", AGAIN),
    bad("cr.jsonl", '{"sequence": "AC"}\r{"sequence": "AG"}\r', 7, "not valid JSON", "line feed"),
    bad("formula.xlsx", xlsx({"a": [["sequence"], ["AC"], [Formula(None)]]}), 7, "A3", "calculated", row=2, line=3),
    bad("error.xlsx", xlsx({"a": [["sequence"], [Error("#DIV/0!")]]}), 7, "#DIV/0!", "Correct", row=1, value="#DIV/0!"),
    bad("cut.xlsx", BOOK[:-30], 7, "it was cut off", "copy it again"),
    bad("cut.xls", xls({"S": [["sequence"], ["AC"]]})[:3000], 7, "it is cut off", "copy it again"),
    bad("secret.xlsx", compound_file({"EncryptedPackage": b"x"}), 7, "protected by a password", "without a password"),
    bad("secret.xls", xls({"S": [["sequence"]]}, encrypted=True), 7, "protected by a password", "without a password"),
]


def check(dataset: Dataset, folder: Path, case: Bad) -> None:
    path = folder / case.name
    path.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())
    for dry_run in (True, False):
        with assert_unchanged(dataset.ref.root), pytest.raises(UsrError) as caught:
            dataset.import_file(path, dry_run=dry_run)

    error = caught.value
    assert (f"USR-IMPORT-{case.code:03}", 1) == (error.code, error.exit_code)
    assert case.reason in str(error)
    assert case.hint in error.hint
    assert error.facts["file"] in (str(path), path.name)
    assert case.facts == {name: error.facts[name] for name in case.facts}
    assert len(f"{error}{error.hint}{error.facts}") < 1500


def named(cases: list[Bad]) -> Callable[..., object]:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


class TestOneErrorEach:
    """Reason, hint and place are told, also under ``dry_run``, and every byte stays."""

    @named(COMPRESSED)
    def test_compressed_files(self, dataset_factory, tmp_path: Path, case: Bad) -> None:
        """Cut off, of several members, or not compressed as their names say."""
        check(dataset_factory(), tmp_path, case)

    @named(TWO_FORMATS)
    def test_other_formats_and_two_in_one_file(self, dataset_factory, tmp_path: Path, case: Bad) -> None:
        """The hint names the format that is met."""
        check(dataset_factory(), tmp_path, case)

    @named(OTHER_THINGS)
    def test_pages_archives_and_documents(self, dataset_factory, tmp_path: Path, case: Bad) -> None:
        """Each is called what it is."""
        check(dataset_factory(), tmp_path, case)

    @named(ENCODINGS)
    def test_encodings_and_nul_bytes(self, dataset_factory, tmp_path: Path, case: Bad) -> None:
        """The hint is the option that reads the file."""
        check(dataset_factory(), tmp_path, case)

    @named(EMPTY)
    def test_empty_files(self, dataset_factory, tmp_path: Path, case: Bad) -> None:
        """Nothing is not an import of no records."""
        check(dataset_factory(), tmp_path, case)

    @named(FAULTS)
    def test_faults_of_a_format(self, dataset_factory, tmp_path: Path, case: Bad) -> None:
        """With the record's number, name and line."""
        check(dataset_factory(), tmp_path, case)

    @pytest.mark.parametrize("name", ["folder", "folder.fasta", "folder.csv", "folder.xlsx", "folder.parquet"])
    def test_a_folder_is_one(self, dataset_factory, tmp_path: Path, name: str) -> None:
        """Whatever its name ends in."""
        dataset = dataset_factory()
        (tmp_path / name).mkdir()

        with pytest.raises(UsrError, match="this is a folder") as caught:
            dataset.import_file(tmp_path / name)

        assert "USR-IMPORT-003" == caught.value.code

    def test_thousands_of_duplicates_are_counted(self, dataset_factory, tmp_path: Path) -> None:
        """The first is named, the others are a number."""
        content = "".join(f">n{at}\nACGTACGT\n" for at in range(10_000))

        check(dataset_factory(), tmp_path, bad("a.fasta", content, 30, "9999 such rows", first_name="n0", name="n1"))


class TestReadAll:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("members.fasta.gz", gzip.compress(FASTA[:90]) + gzip.compress(FASTA[90:])),
            ("blocks.fasta.gz", bgzf(FASTA[:90]) + bgzf(FASTA[90:]) + BGZF_END),
            ("cr.fasta", FASTA.replace(b"\n", b"\r")),
            ("cr.fastq", FASTQ.replace(b"\n", b"\r")),
            ("cr.csv", CSV.replace("\n", "\r").encode()),
            ("cr.gb", GENBANK.replace("\n", "\r").encode()),
            ("old.xls", xls({"S": [["sequence"], *([letters] for letters in LETTERS)]})),
            ("same_names.fasta", FASTA.replace(b"s2", b"s1").replace(b"s3", b"s1")),
        ],
        ids=lambda value: value if isinstance(value, str) else "",  # gzip holds the time, which workers see differently
    )
    def test_what_only_looks_odd_is_read_whole(
        self, dataset_factory, tmp_path: Path, name: str, content: bytes
    ) -> None:
        """Several members, line ends of old machines, an old workbook, one name for all records."""
        (tmp_path / name).write_bytes(content)

        assert (1 if name == "cr.gb" else 3) == dataset_factory().import_file(tmp_path / name).added

    @pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le"])
    @pytest.mark.parametrize(("ending", "text"), [(".fasta", ">p1 5€\nAC\n"), (".csv", "name,sequence\n5€,AC\n")])
    def test_the_option_of_the_hint_reads_the_file(
        self, dataset_factory, tmp_path: Path, encoding: str, ending: str, text: str
    ) -> None:
        """As it stands there."""
        path = tmp_path / f"a{ending}"
        path.write_bytes(text.encode(encoding))
        dataset = dataset_factory()
        with pytest.raises(UsrError) as caught:
            dataset.import_file(path)
        option = caught.value.hint.partition("encoding=")[2].split()[0].rstrip(".,")

        assert (encoding, 1) == (option, dataset.import_file(path, options={"encoding": option}).added)
