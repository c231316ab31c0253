"""Hits of motifs: all of them, where they are, and what is read for them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.reading import make_dataset, open_files
from support.view_datasets import write_base
from usr_core import Dataset
from usr_core.store.questions import motif_sites
from usr_core.store.questions.errors import ConditionInvalid, MotifInvalid, MotifStrands
from usr_core.store.questions.motif import spacings
from usr_core.store.questions.motif_hits import motif_records
from usr_core.store.questions.motif_sites import Letters, find_sites, site_texts

SETS = {"A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "N": "ACGT"}
OTHER = dict(zip("ACGTRYSWN", "TGCAYRSWN", strict=True))

Hit = tuple[int, int, int, str, int]


def naive(sequences: Sequence[str], motif: str, mismatches: int, circular: Sequence[bool] = ()) -> list[Hit]:
    """Try every place of every sequence, letter by letter."""
    parts = re.findall(r"(\w)(?:\{(\d+)(?:,(\d+))?\})?", motif)
    lengths = [range(int(least or 1), int(most or least or 1) + 1) for _, least, most in parts]
    words = {
        "".join(letter * count for (letter, _, _), count in zip(parts, chosen, strict=True))
        for chosen in itertools.product(*lengths)
    }
    best: dict[tuple[int, int, int, str], int] = {}
    for row, sequence in enumerate(sequences):
        closed = bool(circular) and circular[row]
        for word, strand in itertools.product(words, "+-"):
            wanted = word if strand == "+" else "".join(OTHER[one] for one in reversed(word))
            for start in range(len(sequence) if closed else len(sequence) - len(word) + 1):
                if len(word) > len(sequence):
                    continue
                site = (sequence + sequence)[start : start + len(word)].upper().replace("U", "T")
                differ = sum(not set(SETS[b]) <= set(SETS[a]) for a, b in zip(wanted, site, strict=True) if a != "N")
                if differ <= mismatches:
                    place = (row, start, start + len(word), strand)
                    best[place] = min(differ, best.get(place, 9))
    return sorted((*place, differ) for place, differ in best.items())


def found(
    sequences: Sequence[str], motif: str, mismatches: int = 0, circular: Sequence[bool] = (), bio_type: str = "dna"
) -> list[Hit]:
    wanted = spacings(motif, bio_type, mismatches=mismatches)
    letters = Letters.of(pa.array(["GATTACA", *sequences], pa.string()).slice(1))
    if circular:
        letters = letters.closed(np.array(circular, np.bool_), max(one.width for one in wanted))
    hits: list[Hit] = []
    for sites in find_sites(letters, wanted, mismatches=mismatches):
        texts = site_texts(letters, sites, bio_type).to_pylist()
        for row, start, width, minus, count, text in zip(
            sites.rows, sites.starts, sites.widths, sites.minus, sites.mismatches, texts, strict=True
        ):
            hits.append((int(row), int(start), int(start + width), "-" if minus else "+", int(count)))
            whole = sequences[row] + sequences[row]
            there = whole[start : start + width]
            assert text == (there if not minus else "".join(OTHER[one] for one in reversed(there)))
    return hits


MOTIFS = st.lists(
    st.one_of(
        st.sampled_from("ACGTRYSWN"),
        st.builds("N{{{}}}".format, st.integers(0, 5)),
        st.builds(lambda least, more: f"N{{{least},{least + more}}}", st.integers(0, 2), st.integers(0, 3)),
    ),
    min_size=1,
    max_size=6,
).map("".join)


class TestAgainstTryingEveryPlace:
    @settings(max_examples=150, deadline=None)
    @given(
        sequences=st.lists(st.text("ACGTN", max_size=30), max_size=6),
        motif=MOTIFS.filter(lambda motif: re.search("[ACGTRYSW]", motif) is not None),
        mismatches=st.integers(0, 3),
        piece=st.sampled_from([2, 7, 16, 1 << 17]),
        circular=st.booleans(),
    )
    def test_every_hit_is_found_and_nothing_else(
        self, sequences: list[str], motif: str, mismatches: int, piece: int, circular: bool
    ) -> None:
        """Overlapping ones, at both ends, over the ends of pieces, on both strands, with mismatches, closed or not."""
        letters = len(re.sub(r"N(\{[\d,]*\})?", "", motif))
        mismatches = min(mismatches, letters - 1)
        closed = [row % 2 == 0 for row in range(len(sequences))] if circular else []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(motif_sites, "_PIECE", piece)
            patch.setattr(motif_sites, "_LEAST_PIECE", piece)

            hits = found(sequences, motif, mismatches, closed)

        assert naive(sequences, motif, mismatches, closed) == hits

    def test_a_long_sequence_is_searched_as_a_short_one(self) -> None:
        """Over many pieces of the real size."""
        rng = np.random.default_rng(5)
        text = "".join(np.array(list("ACGT"))[rng.integers(0, 4, 300_000)])

        expected = [match.start() for match in re.finditer("(?=GAATTC)", text)]

        assert expected == [start for _, start, _, strand, _ in found([text], "GAATTC") if strand == "+"]
        assert expected == [start for _, start, _, strand, _ in found([text], "GAATTC") if strand == "-"]


class TestLetters:
    def test_overlapping_hits_are_all_there(self) -> None:
        """AAAA has three places for AA."""
        assert [(0, start, start + 2, "+", 0) for start in range(3)] == found(["AAAA"], "AA")

    def test_case_and_the_letter_u_do_not_matter(self) -> None:
        """A motif of DNA finds RNA, and the site is read on its own strand in the letters of RNA."""
        letters = Letters.of(pa.array(["uuGaca"]))
        wanted = spacings("tgtc", "rna")
        (sites,) = find_sites(letters, wanted)

        assert ["uguC"] == site_texts(letters, sites, "rna").to_pylist()
        assert [2, True] == [int(sites.starts[0]), bool(sites.minus[0])]

    def test_an_ambiguous_letter_of_a_sequence_matches_no_narrower_one(self) -> None:
        """N of a sequence is found by N alone, R by R and N."""
        assert [] == found(["NNNN"], "AA")
        assert [(0, 0, 2, "+", 0)] == [hit for hit in found(["AR"], "AR") if hit[3] == "+"]

    def test_which_records_have_it_is_known_at_once(self) -> None:
        """On either strand; a null has none."""
        assert [True, False, True] == motif_records(pa.array(["GAATTT", None, "AAATTC"]), "GAATTT", "dna").tolist()


class TestRecords:
    def test_hits_come_in_the_base_s_order_with_their_ids(self, tmp_path: Path) -> None:
        """Across row groups, deleted records left out unless they are wanted."""
        dataset, ids = make_dataset(tmp_path, 40, row_group_size=7, deleted=[4])
        texts = dataset.to_arrow(columns=["sequence"], include_deleted=True)["sequence"].to_pylist()

        hits = dataset.motif("CAN{2,3}A", include_deleted=True).read_all()
        live = dataset.motif("CAN{2,3}A").read_all()

        assert [
            (ids[row], start, end, strand, count) for row, start, end, strand, count in naive(texts, "CAN{2,3}A", 0)
        ] == list(zip(*(hits[name].to_pylist() for name in hits.column_names[:5]), strict=True))
        assert ids[4] in hits["id"].to_pylist()
        assert [one for one in hits.to_pylist() if one["id"] != ids[4]] == live.to_pylist()

    def test_a_condition_and_a_limit_choose(self, tmp_path: Path) -> None:
        """Only records that meet the condition are searched, and after the limit nothing is."""
        dataset, ids = make_dataset(tmp_path, 40, columns={"mock__x": pa.array(range(40), pa.int64())})

        assert 3 == dataset.motif("AA", limit=3).read_all().num_rows
        assert {ids[7]} == set(dataset.motif("A", where="mock__x = 7").read_all()["id"].to_pylist())
        with pytest.raises(ConditionInvalid):
            dataset.motif("AA", where="nope = 1")

    def test_files_are_closed_at_the_end(self, tmp_path: Path) -> None:
        """After the last hit, and after an error."""
        dataset, _ = make_dataset(tmp_path, 4)
        dataset.motif("AA").read_all()
        with pytest.raises(MotifInvalid):
            dataset.motif("A-A")

        assert [] == open_files(tmp_path)

    def test_a_column_of_topology_closes_a_sequence(self, tmp_path: Path) -> None:
        """The hit's end is beyond the length there; `circular` decides for all records instead."""
        write_base(tmp_path / "d", ["CCCGAA", "CCCGAA"[::-1] + "C", "TTCCCCGAA"])
        dataset = Dataset.open(tmp_path, "d")
        topologies = {"mock__topology": pa.array(["linear", None, "circular"])}
        closed, ids = make_dataset(tmp_path / "other", 3, columns=topologies)

        assert 0 == dataset.motif("GAATTC").read_all().num_rows
        hits = dataset.motif("GAATTC", circular=True, both_strands=False).read_all().to_pylist()
        assert [(6, 12, "GAATTC")] == [(one["start"], one["end"], one["site"]) for one in hits]
        # Each is A, C or G and then eleven A.
        by_column = closed.motif("A{5}GA{5}", both_strands=False).read_all()["id"].to_pylist()
        assert [ids[2]] == by_column
        assert 0 == closed.motif("A{5}GA{5}", circular=False).read_all().num_rows

    def test_proteins_and_nucleic_acids_may_stand_side_by_side(self, tmp_path: Path) -> None:
        """Each is searched in its own letters; both strands of a protein are refused, at the call where it is first."""
        write_base(
            tmp_path / "d",
            ["TGTC", "MKAC", "GACA", "GACA"],
            bio_types=["dna", "protein", "dna", "rna"],
            alphabets=["dna_4", "protein_20", "dna_4", "rna_4"],
        )
        dataset = Dataset.open(tmp_path, "d")

        assert [(0, "-"), (0, "+"), (0, "+")] == [
            (one["start"], one["strand"]) for one in dataset.motif("GACA").read_all().to_pylist()
        ]
        with pytest.raises(MotifStrands):
            dataset.motif("GACA", both_strands=True)
        with pytest.raises(MotifInvalid):
            dataset.motif("GASA{2}E")
        assert 1 == dataset.motif("MKX", where="bio_type = 'protein'").read_all().num_rows

    def test_what_is_wrong_is_told_where_no_record_is(self, tmp_path: Path) -> None:
        """An empty dataset refuses what is not a motif."""
        write_base(tmp_path / "d", [])

        assert 0 == Dataset.open(tmp_path, "d").motif("GACA").read_all().num_rows
        with pytest.raises(MotifInvalid):
            Dataset.open(tmp_path, "d").motif("GA{")
