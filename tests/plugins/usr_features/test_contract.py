"""Every function keeps the contract of functions, and maps over records that it was made for."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import pytest

from usr_core import Dataset, Root
from usr_core.api import FunctionSpec
from usr_core.api.runs import FunctionFailed
from usr_core.testing import FunctionContract
from usr_features.errors import FeatureParameterInvalid
from usr_features.plugin import usr_functions, usr_namespaces


class _Feature(FunctionContract):
    name: ClassVar[str]

    @pytest.fixture
    def spec(self) -> FunctionSpec:
        return next(spec for spec in usr_functions() if spec.name == self.name)


class TestGc(_Feature):
    name = "gc"
    examples: ClassVar = ((("TTGACA", "dna"), 1 / 3), (("GCGCN", "dna"), 1.0), (("", "rna"), None))


class TestKmerCounts(_Feature):
    name = "kmer_counts"
    params: ClassVar = {"k": 1}
    type = "fixed_size_list<int32>[4]"
    examples: ClassVar = ((("TTGACA", "dna"), [2, 1, 1, 2]), (("AUNNU", "rna"), [1, 0, 0, 2]))


class TestLength(_Feature):
    name = "length"
    examples: ClassVar = ((("TTGACA", "dna"), 6), (("MK*", "protein"), 3))


class TestLongestHomopolymer(_Feature):
    name = "longest_homopolymer"
    examples: ClassVar = ((("TTTGAA", "dna"), 3), (("AANNNN", "dna"), 2), (("MKKKXX", "protein"), 3))


class TestMeltingTemperature(_Feature):
    name = "melting_temperature"
    examples: ClassVar = ((("GTAAAACGACGGCCAGT", "dna"), 49.1681), (("ACGNT", "dna"), None))


class TestMolecularWeight(_Feature):
    name = "molecular_weight"
    # Biopython's documentation has these three.
    examples: ClassVar = ((("AGC", "dna"), 949.6095), (("AGC", "rna"), 997.6077), (("AGC", "protein"), 249.2874))


class TestRestrictionSiteCounts(_Feature):
    name = "restriction_site_counts"
    params: ClassVar = {"enzymes": "EcoRI,BsaI"}
    type = "fixed_size_list<int32>[2]"
    examples: ClassVar = ((("GAATTCGAGACC", "dna"), [1, 1]), (("", "dna"), [0, 0]))


class TestReverseComplementId(_Feature):
    name = "reverse_complement_id"
    # A site of EcoRI is its own other strand.
    examples: ClassVar = ((("GAATTC", "dna"), "2f198309016ed228a2d4d002fe3c66ae579905d9"),)


@pytest.fixture
def sites(tmp_path: Path) -> Dataset:
    """Return a dataset of one site, under a root with the namespace of the plugin."""
    (namespace,) = usr_namespaces()
    Root.init(tmp_path).register_namespace("features", dict(namespace.columns))
    dataset = Dataset.open(tmp_path, "lab/sites").init()
    dataset.add_sequences([{"sequence": "GAATTC"}], bio_type="dna", alphabet="dna_4", source="mock")
    return dataset


def test_all_are_mapped_into_the_namespace_of_the_plugin(sites: Dataset) -> None:
    """With the columns that it describes."""
    for spec in usr_functions():
        sites.map(spec.name, into=f"features__{spec.name}", executor="inline").wait(60).commit()
    (found,) = sites.to_arrow().to_pylist()

    assert found["id"] == found["features__reverse_complement_id"]
    assert (6, 2, 1 / 3) == (found["features__length"], found["features__longest_homopolymer"], found["features__gc"])
    assert 1 == found["features__restriction_site_counts"][0]


def test_a_list_of_another_length_than_the_column_is_told(sites: Dataset) -> None:
    """Tetramers do not fit where trimers are registered; both types are named."""
    with pytest.raises(FunctionFailed, match=r"\[256\] for features__kmer_counts, which is .*\[64\]"):
        sites.map("kmer_counts", params={"k": 4}, into="features__kmer_counts", executor="inline").wait(60)


@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_a_parameter_that_can_not_be_is_told_as_that(sites: Dataset, on_error: Literal["fail", "skip"]) -> None:
    """Not as the fault of a record, which could be left out."""
    with pytest.raises(FeatureParameterInvalid, match="'EcoR1'") as caught:
        sites.map(
            "restriction_site_counts", params={"enzymes": "EcoR1"}, into="features__restriction_site_counts",
            executor="inline", on_error=on_error,
        )  # fmt: skip

    assert "EcoRI" in caught.value.hint
    assert not (sites.path / ".usr.tmp").exists()


def test_a_protein_is_told_with_its_row(sites: Dataset) -> None:
    """Where the function is for nucleic acids."""
    sites.add_sequences([{"sequence": "MKGF"}], bio_type="protein", alphabet="protein_20", source="mock")

    with pytest.raises(FunctionFailed, match=r"gc is for dna and rna, and record .* is protein.*row 2"):
        sites.map("gc", into="features__gc", executor="inline").wait(60)
