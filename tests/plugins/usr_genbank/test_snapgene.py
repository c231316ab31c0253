"""Reading SnapGene files."""

from __future__ import annotations

import io

import pytest

from usr_core.api.formats import BadRecord
from usr_genbank.parser import parse_genbank

NOTES = (
    b"<Notes><Created>2021.9.4</Created><LastModified>2022.12.24</LastModified>"
    b"<AccessionNumber>X1</AccessionNumber>"
    b"<Description>a plasmid</Description>"
    b"<Comments>&lt;html&gt;two &lt;b&gt;words&lt;/b&gt;&lt;/html&gt;</Comments></Notes>"
)
FEATURES = (
    b'<Features><Feature name="lacZ" type="CDS" directionality="2"><Segment range="2-3"/><Segment range="5-6"/>'
    b'<Q name="gene"><V text="&lt;i&gt;lacZ&lt;/i&gt;"/></Q><Q name="codon_start"><V int="1"/></Q></Feature>'
    b'<Feature name="ori" type="rep_origin"><Segment range="7-2"/><Q name="label"><V text="ori"/></Q></Feature>'
    b"</Features>"
)


def packet(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + len(content).to_bytes(4, "big") + content


def snapgene(*, flags: int = 3, letters: bytes = b"acgtACGT") -> bytes:
    cookie = packet(9, b"SnapGene" + b"\x00\x01\x00\x0f\x00\x13")
    return (
        cookie + packet(0, bytes([flags]) + letters) + packet(14, b"unknown") + packet(10, FEATURES) + packet(6, NOTES)
    )


def read(content: bytes) -> dict[str, object]:
    (batch,) = parse_genbank(io.BytesIO(content))
    (row,) = batch.to_pylist()
    return {name.removeprefix("genbank__"): value for name, value in row.items()}


class TestRecord:
    def test_letters_and_notes(self) -> None:
        """Parts of unknown kinds are skipped; the name is that of the file, and null."""
        found = read(snapgene())

        assert ("acgtACGT", None, "circular", "ds-DNA", "24-DEC-2022", "X1", "a plasmid", "two words") == tuple(
            found[key]
            for key in (
                *("sequence", "name", "topology", "molecule_type", "date", "accession", "definition", "comment"),
            )
        )

    def test_features(self) -> None:
        """Their names are labels; one across the origin starts behind its end."""
        coding, origin = read(snapgene())["features"]  # type: ignore[misc]
        qualifiers = [(item["key"], item["value"]) for item in coding["qualifiers"]]

        assert ("CDS", "complement(join(2..3,5..6))", 1, 6, -1) == tuple(coding.values())[:5]
        assert [("label", "lacZ"), ("gene", "lacZ"), ("codon_start", "1")] == qualifiers
        assert ("rep_origin", "join(7..8,1..2)", 6, 2, 1) == tuple(origin.values())[:5]
        assert [{"key": "label", "value": "ori"}] == origin["qualifiers"]

    def test_a_linear_single_strand(self) -> None:
        """Both are bits of one byte."""
        found = read(snapgene(flags=0))

        assert ("linear", "ss-DNA") == (found["topology"], found["molecule_type"])


class TestFaults:
    @pytest.mark.parametrize("cut", [1, 3, len(NOTES) + 4])
    def test_a_file_that_is_cut_off(self, cut: int) -> None:
        """In the middle of a part, or of the length of one."""
        with pytest.raises(BadRecord) as caught:
            read(snapgene()[:-cut])

        assert caught.value.cut_off

    def test_a_file_without_dna(self) -> None:
        """It is refused, with a hint."""
        with pytest.raises(BadRecord, match="no DNA"):
            read(snapgene(letters=b""))

    def test_damaged_xml(self) -> None:
        """It is refused, not left out."""
        with pytest.raises(BadRecord, match="not XML"):
            read(snapgene().replace(b"</Features>", b"<Features>>"))
