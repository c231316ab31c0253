"""Features of sequences, each against an independent program (Biopython) or a value from the literature."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest
from Bio.Restriction import AllEnzymes, RestrictionBatch
from Bio.Seq import Seq
from Bio.SeqUtils import gc_fraction
from Bio.SeqUtils import molecular_weight as biopython_weight
from Bio.SeqUtils.MeltingTemp import DNA_NN3, Tm_NN

from usr_core.api.records import record_id
from usr_features.composition import gc, kmer_counts, kmers, length, longest_homopolymer
from usr_features.enzymes import DEFAULT_ENZYMES, SITES
from usr_features.errors import FeatureColumnMissing, FeatureParameterInvalid, FeatureSequenceUnfit
from usr_features.melting import melting_temperature
from usr_features.restriction import restriction_site_counts
from usr_features.strands import reverse_complement_id
from usr_features.weights import molecular_weight

FUNCTIONS = (
    gc, kmer_counts, length, longest_homopolymer, melting_temperature, molecular_weight, restriction_site_counts,
    reverse_complement_id,
)  # fmt: skip

# Complete sequence of insulin's B chain (human), and of the promoter J23100 of the Anderson collection.
INSULIN_B = "FVNQHLCGSHLVEALYLVCGERGFFYTPKT"
J23100 = "TTGACGGCTAGCTCAGTCCTAGGTACAGTGCTAGC"


def batch_of(sequences: Sequence[str], bio_type: str | Sequence[str] = "dna") -> pa.RecordBatch:
    """Return a batch as `usr map` hands it to a function."""
    types = [bio_type] * len(sequences) if isinstance(bio_type, str) else list(bio_type)
    ids = [record_id(kind, sequence) for kind, sequence in zip(types, sequences, strict=True)]
    columns = {"id": ids, "sequence": list(sequences), "bio_type": types}
    return pa.record_batch({name: pa.array(values, pa.string()) for name, values in columns.items()})


def values(function: Callable[..., pa.Array], sequences: Sequence[str], kind: Any = "dna", **given: Any) -> Any:
    """Return what a function gives for sequences, as Python values."""
    return function(batch_of(sequences, kind), **given).to_pylist()


def drawn(letters: str, count: int, longest: int = 60, shortest: int = 0) -> list[str]:
    """Return random sequences of different lengths, in both cases; the same ones each time."""
    source = random.Random(1998)
    lengths = [source.randint(shortest, longest) for _ in range(count)]
    return ["".join(source.choices(letters + letters.lower(), k=size)) for size in lengths]


class TestEveryFunction:
    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_gives_one_row_a_record_for_no_record_and_for_an_empty_one(self, function: Any) -> None:
        """A batch without rows, one with one empty sequence, and one with an empty sequence between others."""
        for sequences in ([], [""], ["ACGTAC", "", "GGGTTT", ""]):
            column = function(batch_of(sequences))

            assert len(sequences) == len(column)
            column.validate(full=True)

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_reads_a_slice_of_a_batch_as_its_own_rows(self, function: Any) -> None:
        """Rows in the middle of a larger batch have the values that they have alone."""
        sequences = drawn("ACGT", 40)
        whole, part = (function(batch) for batch in (batch_of(sequences), batch_of(sequences).slice(7, 20)))

        assert whole.slice(7, 20).to_pylist() == part.to_pylist()

    @pytest.mark.parametrize("function", [one for one in FUNCTIONS if one is not reverse_complement_id])
    def test_ignores_case(self, function: Any) -> None:
        """Lower-case letters are the same letters."""
        sequences = drawn("ACGT", 20)

        assert values(function, sequences) == values(function, [sequence.upper() for sequence in sequences])

    @pytest.mark.parametrize("function", [one for one in FUNCTIONS if one is not length])
    def test_names_the_column_that_it_was_not_given(self, function: Any) -> None:
        """Without the type of its sequences a function does not guess."""
        with pytest.raises(FeatureColumnMissing, match="bio_type"):
            function(batch_of(["ACGT"]).select(["id", "sequence"]))


class TestLength:
    def test_counts_every_letter(self) -> None:
        """Ambiguous letters and the stop of a protein too."""
        assert [4, 0, 3] == values(length, ["ACGN", "", "MK*"], ["dna", "rna", "protein"])


class TestGc:
    def test_is_what_biopython_says(self) -> None:
        """Of random DNA and RNA with every ambiguous letter, which Biopython leaves out under ``remove``."""
        for letters, kind in (("ACGTRYSWKMBDHVN", "dna"), ("ACGURYSWKMBDHVN", "rna"), ("ACGT", "dna")):
            sequences = drawn(letters, 200, shortest=20)

            assert [gc_fraction(one, "remove") for one in sequences] == pytest.approx(values(gc, sequences, kind))

    def test_is_null_where_no_letter_is_certain(self) -> None:
        """An empty sequence, and one of N alone."""
        assert [None, None, 1.0, 0.0] == values(gc, ["", "NNRY", "S", "W"])

    def test_refuses_a_protein_with_its_row(self) -> None:
        """G and C are amino acids there."""
        with pytest.raises(FeatureSequenceUnfit) as caught:
            values(gc, ["ACGT", "MKG"], ["dna", "protein"])

        assert 2 == caught.value.row
        assert record_id("protein", "MKG") in caught.value.message
        assert "--where" in caught.value.hint


class TestKmerCounts:
    @pytest.mark.parametrize(("k", "letters", "kind"), [(1, "ACGT", "dna"), (3, "ACGTN", "dna"), (4, "ACGU", "rna")])
    def test_counts_what_a_window_sees(self, k: int, letters: str, kind: str) -> None:
        """Each k-mer by its name, one window after the other."""
        sequences = drawn(letters, 60)
        expected = []
        for sequence in (one.upper().replace("U", "T") for one in sequences):
            windows = [sequence[start : start + k] for start in range(len(sequence) - k + 1)]
            expected.append([windows.count(word) for word in kmers(k)])

        assert expected == values(kmer_counts, sequences, kind, k=k)

    def test_counts_pairs_of_amino_acids(self) -> None:
        """Proteins have 400 pairs; X is in none."""
        (counts,) = values(kmer_counts, ["MKMKXK"], "protein", k=2, letters="amino_acids")
        named = dict(zip(kmers(2, "amino_acids"), counts, strict=True))

        assert {"MK": 2, "KM": 1} == {name: count for name, count in named.items() if count}

    def test_counts_many_records_in_parts(self) -> None:
        """More counts than are held at once give the same as each record alone."""
        sequences = drawn("ACGT", 1500)
        found = values(kmer_counts, sequences, k=6)

        assert [values(kmer_counts, [sequences[row]], k=6)[0] for row in (0, 1023, 1024, 1499)] == [
            found[row] for row in (0, 1023, 1024, 1499)
        ]

    @pytest.mark.parametrize(
        "given",
        [{"k": 0}, {"k": 7}, {"letters": "codons"}, {"k": 4, "letters": "amino_acids"}],
    )
    def test_refuses_parameters_out_of_range(self, given: dict[str, Any]) -> None:
        """The number of counts is bounded, and known before the first record."""
        with pytest.raises(FeatureParameterInvalid, match="kmer_counts"):
            values(kmer_counts, [], **given)


class TestLongestHomopolymer:
    def test_is_the_longest_run_of_one_letter(self) -> None:
        """Ambiguous letters end a run, a record's end does too, and T is not U."""
        sequences = ["AACCCGNNNNN", "CCC", "", "NN", "AaAa", "MKKKXXXX", "UUUT"]
        kinds = ["dna", "dna", "dna", "dna", "dna", "protein", "rna"]

        assert [3, 3, 0, 0, 4, 3, 3] == values(longest_homopolymer, sequences, kinds)

    def test_agrees_with_a_loop_over_letters(self) -> None:
        """On random sequences of two letters, which have long runs."""

        def longest(sequence: str) -> int:
            best = run = 0
            for place, letter in enumerate(sequence):
                run = run + 1 if place and letter == sequence[place - 1] else 1
                best = max(best, run)
            return best

        sequences = drawn("AG", 100)

        assert [longest(one.upper()) for one in sequences] == values(longest_homopolymer, sequences)


class TestMolecularWeight:
    @pytest.mark.parametrize(
        ("letters", "kind"), [("ACGT", "DNA"), ("ACGU", "RNA"), ("ACDEFGHIKLMNPQRSTVWYUO", "protein")]
    )
    def test_is_what_biopython_says(self, letters: str, kind: str) -> None:
        """Of random sequences of each type."""
        sequences = drawn(letters, 50, shortest=1)

        assert [biopython_weight(one, kind) for one in sequences] == pytest.approx(
            values(molecular_weight, sequences, kind.lower())
        )

    def test_of_insulins_chain_is_the_known_one(self) -> None:
        """The reduced B chain of human insulin weighs 3429.9 (residues 25 to 54 of UniProt's P01308)."""
        assert [3429.9] == pytest.approx(values(molecular_weight, [INSULIN_B], "protein"), abs=0.05)

    def test_is_null_where_the_molecule_is_not_known(self) -> None:
        """Ambiguous letters, a stop, and nothing at all; J is known, as leucine weighs what isoleucine does."""
        sequences = ["ACN", "", "MX", "MK*", "MB"]

        assert [None] * 5 == values(molecular_weight, sequences, ["dna", "dna", "protein", "protein", "protein"])
        assert len(set(values(molecular_weight, ["MJ", "ML", "MI"], "protein"))) == 1


class TestMeltingTemperature:
    @pytest.mark.parametrize(("sodium", "strands"), [(50, 50), (1000, 400_000), (10, 250)])
    def test_is_what_biopython_says(self, sodium: float, strands: float) -> None:
        """Of random oligonucleotides, with SantaLucia's unified parameters and entropic salt correction."""
        sequences = [one.upper() for one in drawn("ACGT", 100, shortest=7)]
        sequences = [one for one in sequences if one != str(Seq(one).reverse_complement())]
        expected = [
            Tm_NN(one, nn_table=DNA_NN3, dnac1=strands / 2, dnac2=strands / 2, Na=sodium, saltcorr=5)
            for one in sequences
        ]

        assert expected == pytest.approx(values(melting_temperature, sequences, sodium_mm=sodium, strands_nm=strands))

    def test_of_a_self_complementary_sequence_has_its_symmetry(self) -> None:
        """Such a strand pairs with itself."""
        expected = Tm_NN("GGAATTCC", nn_table=DNA_NN3, dnac1=50, dnac2=0, selfcomp=True, Na=50, saltcorr=5)

        assert [expected] == pytest.approx(values(melting_temperature, ["ggaattcc"]))

    def test_is_what_primer3_says(self) -> None:
        """primer3-py 2.4.0, ``calc_tm`` by SantaLucia with 50 mM of monovalent ions, none divalent, 50 nM of DNA."""
        known = {"GTAAAACGACGGCCAGT": 49.168, "CGTTGA": -10.848, J23100: 65.880}

        assert list(known.values()) == pytest.approx(values(melting_temperature, list(known)), abs=0.01)

    def test_is_null_without_neighbours_or_with_an_ambiguous_letter(self) -> None:
        """The model has no value for them."""
        assert [None, None, None] == values(melting_temperature, ["", "A", "ACGTNACGT"])

    def test_refuses_a_sequence_that_does_not_melt_in_two_states(self) -> None:
        """Above 60 letters, unless the user says so; row and record are named."""
        with pytest.raises(FeatureSequenceUnfit) as caught:
            values(melting_temperature, ["ACGT", "A" * 61])

        assert (2, "longest=61" in caught.value.hint) == (caught.value.row, True)
        assert [Tm_NN("A" * 61)] == pytest.approx(values(melting_temperature, ["A" * 61], longest=61))

    @pytest.mark.parametrize("given", [{"sodium_mm": 0}, {"strands_nm": -1.0}, {"sodium_mm": float("nan")}])
    def test_refuses_what_is_no_concentration(self, given: dict[str, Any]) -> None:
        """Zero, less, and what is not a number."""
        with pytest.raises(FeatureParameterInvalid):
            values(melting_temperature, ["ACGT"], **given)

    def test_refuses_rna(self) -> None:
        """RNA has other parameters."""
        with pytest.raises(FeatureSequenceUnfit, match="is for dna"):
            values(melting_temperature, ["ACGU"], "rna")


class TestRestrictionSiteCounts:
    def test_counts_the_sites_that_biopython_finds(self) -> None:
        """Every enzyme of the table, in random DNA with some of its sites."""
        source = random.Random(5)
        certain = [site.replace("N", "A").replace("Y", "C").replace("R", "G") for site in SITES.values()]
        sequences = [
            "".join(
                source.choice(["".join(source.choices("ACGT", k=8)), site, str(Seq(site).reverse_complement())])
                for site in source.sample(certain, 12)
            )
            for _ in range(30)
        ]
        enzymes = RestrictionBatch(list(SITES))
        found = [enzymes.search(Seq(one)) for one in sequences]
        expected = [[len(sites[enzyme]) for enzyme in map(AllEnzymes.get, SITES)] for sites in found]

        counted = values(restriction_site_counts, sequences, enzymes=",".join(SITES))

        assert [[row[place] for place in range(len(SITES))] for row in counted] == expected

    def test_has_each_site_as_rebase_has_it(self) -> None:
        """Biopython's tables are made from REBASE."""
        assert {name: AllEnzymes.get(name).site for name in SITES} == SITES

    def test_counts_both_strands_and_what_overlaps(self) -> None:
        """A site that is its own reverse complement counts once; ambiguous letters count within the site's."""
        sequences = ["GGTCTCAGAGACC", "GAATTCGAATTC", "GATCGATC", "GANTTC", "GTYRAC", "gtcgac"]
        counted = values(restriction_site_counts, sequences, enzymes="BsaI,EcoRI,DpnI,HincII")

        assert [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]] == counted

    def test_of_a_promoter_is_known(self) -> None:
        """J23100 holds the site of NheI twice and of AvrII once, and none of the BioBrick standard."""
        (counts,) = values(restriction_site_counts, [J23100], enzymes=f"NheI,AvrII,{DEFAULT_ENZYMES}")

        assert [2, 1, *([0] * 9)] == counts

    @pytest.mark.parametrize("enzymes", ["EcoR1", "EcoRI,EcoRI", ""])
    def test_refuses_an_enzyme_that_it_does_not_know(self, enzymes: str) -> None:
        """An unknown name, one that stands twice, and none."""
        with pytest.raises(FeatureParameterInvalid, match="enzymes"):
            values(restriction_site_counts, ["ACGT"], enzymes=enzymes)


class TestReverseComplementId:
    @pytest.mark.parametrize(("letters", "kind"), [("ACGTRYSWKMBDHVN", "dna"), ("ACGURYSWKMBDHVN", "rna")])
    def test_is_the_id_of_biopythons_reverse_complement(self, letters: str, kind: str) -> None:
        """Case stays, as it is a part of the id."""
        sequences = drawn(letters, 50)
        turned = [
            str(Seq(one).reverse_complement_rna() if kind == "rna" else Seq(one).reverse_complement())
            for one in sequences
        ]

        assert [record_id(kind, one) for one in turned] == values(reverse_complement_id, sequences, kind)
