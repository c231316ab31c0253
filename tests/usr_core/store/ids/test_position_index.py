"""The position index: exact for any ids, and for any of the four keys."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.view_datasets import record_id_of, sequence, write_base
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids.keys import base_index, keys_from_sequences, open_key_index
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.words import IdWords, words_of_digests
from usr_core.store.parts.errors import BaseKeysNotUnique, KeyNeedsDna4, KeyNeedsOneBioType

IDS = [hashlib.sha1(str(number).encode()).hexdigest() for number in range(5_000)]


def naive(base: list[str], asked: list[str | None]) -> list[int]:
    """Return the first row of each id by a dictionary."""
    rows: dict[str, int] = {}
    for row, one in enumerate(base):
        rows.setdefault(one, row)
    return [-1 if one is None else rows.get(one, -1) for one in asked]


class TestPositions:
    def test_every_id_is_found_in_any_order(self):
        """Lookups give the row of each id, and -1 for ids that no row has."""
        asked = [*IDS[::3], *(hashlib.sha1(f"x{number}".encode()).hexdigest() for number in range(1_000))]
        random.Random(1).shuffle(asked)

        assert naive(IDS, asked) == BaseIndex.from_ids([pa.array(IDS)]).positions(pa.array(asked)).tolist()

    @pytest.mark.parametrize(
        "shape",
        [
            "{0:040x}",
            "{0:08x}" + "0" * 32,
            "0" * 16 + "{0:08x}" + "0" * 16,
            "0" * 32 + "{0:08x}",
            "{0:016x}{0:016x}{0:08x}",
        ],
    )
    def test_ids_made_by_hand_are_told_apart(self, shape):
        """Ids that differ in a few digits anywhere are found exactly; neighbours that are missing are not."""
        base = [shape.format(number) for number in range(0, 4_000, 2)]
        asked = [shape.format(number) for number in range(4_001)]

        assert naive(base, asked) == BaseIndex.from_ids([pa.array(base)]).positions(pa.array(asked)).tolist()

    def test_equal_prefixes_are_decided_on_the_whole_id(self):
        """Among ids whose 32 sorted bits collide each is found in its own row."""
        raw = np.random.default_rng(7).integers(0, 256, (400_000, 20), np.uint8)
        index = BaseIndex(words_of_digests(raw))
        prefixes = index.words.prefixes()
        shared, counts = np.unique(prefixes, return_counts=True)
        colliding = np.flatnonzero(np.isin(prefixes, shared[counts > 1]))
        asked = pa.array([raw[row].tobytes().hex() for row in colliding])

        assert len(colliding) > 4
        assert colliding.tolist() == index.positions(asked).tolist()

    @pytest.mark.parametrize(
        "odd",
        [None, "", "abc", IDS[7].upper(), IDS[7][:-1], IDS[7] + "0", "g" * 40, "ä" * 20, " " + IDS[7][1:], "0" * 40],
    )
    def test_what_is_no_id_is_not_found(self, odd):
        """Nulls, other lengths, upper case and other letters match nothing, and their neighbours still do."""
        index = BaseIndex.from_ids([pa.array(IDS)])

        assert [3, -1, 4] == index.positions(pa.array([IDS[3], odd, IDS[4]])).tolist()

    def test_a_base_that_holds_no_ids_is_searched_all_the_same(self):
        """Rows whose id is none are never found, not even by the id their words would be; the others are."""
        index = BaseIndex.from_ids([pa.array(["oops", IDS[0], None, "0" * 40, "oops"])])

        assert [-1, 1, 3] == index.positions(pa.array(["oops", IDS[0], "0" * 40])).tolist()
        assert 0 == len(index.duplicates())

    def test_chunks_slices_and_wide_strings_are_the_same_column(self):
        """How Arrow lays the column out does not matter."""
        column = pa.chunked_array([pa.array(IDS[:10]).slice(3), pa.array([], pa.string()), pa.array(IDS[10:20])])

        index = BaseIndex.from_ids([column])

        assert list(range(17)) == index.positions(pa.array(IDS[3:20], pa.large_string())).tolist()
        assert list(range(17)) == index.positions(pa.array(IDS[3:20]).dictionary_encode()).tolist()

    def test_an_empty_base_and_an_empty_question(self):
        """Nothing is found in nothing."""
        assert [-1] == BaseIndex.from_ids([]).positions(pa.array(IDS[:1])).tolist()
        assert [] == BaseIndex.from_ids([pa.array(IDS)]).positions(pa.array([], pa.string())).tolist()

    def test_an_expected_run_is_only_a_hint(self):
        """A right guess, a wrong one and one beyond the end give the same rows."""
        index = BaseIndex.from_ids([pa.array(IDS)])

        for expected in (10, 11, len(IDS) - 1, -5, None):
            assert list(range(10, 30)) == index.positions(pa.array(IDS[10:30]), expected=expected).tolist()

    def test_digests_and_texts_give_one_index(self):
        """Raw digests are found by their hexadecimal text."""
        raw = np.frombuffer(bytes.fromhex("".join(IDS[:100])), np.uint8).reshape(100, 20)

        index = BaseIndex(IdWords.join([words_of_digests(raw[:60]), words_of_digests(raw[60:])]))

        assert list(range(100)) == index.positions(pa.array(IDS[:100])).tolist()


class TestKeysFromSequences:
    @pytest.mark.parametrize("text", ["acGT", "straße", "ﬁ", " acgt\u2003", "ÄäN"])
    def test_case_is_folded_for_ascii_letters_only(self, text: str) -> None:
        """What another letter would become in upper case has no part in the key."""
        folded = "".join(letter.upper() if letter.isascii() else letter for letter in text.strip())

        assert [record_id_of(folded)] == keys_from_sequences(pa.array([text]), bio_type="dna", upper=True).to_pylist()


class TestRunsAndDuplicates:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            (IDS, 0),
            (IDS[40:90], 40),
            ([*IDS[40:90], IDS[10]], 40),
            ([*IDS[-2:], IDS[0]], len(IDS) - 2),
            ([None, *IDS[1:3]], 0),
            ([], 0),
        ],
        ids=["whole", "slice", "then another", "past the end", "null", "none"],
    )
    def test_what_nearly_is_a_run_is_found_as_it_is(self, asked: list[str | None], expected: int) -> None:
        """A guessed start holds for exactly the ids that stand there; others are looked up."""
        index = BaseIndex.from_ids([pa.array(IDS)])

        assert naive(IDS, asked) == index.positions(pa.array(asked, pa.string()), expected=expected).tolist()

    def test_repeated_ids_are_listed_with_their_first_row(self):
        """Each later row of an id is named with the first; lookups give the first."""
        base = [IDS[0], IDS[1], IDS[0], IDS[2], IDS[1], IDS[0]]
        index = BaseIndex.from_ids([pa.array(base)])

        repeats = index.duplicates()

        assert [(2, 0), (4, 1), (5, 0)] == list(zip(repeats.rows.tolist(), repeats.firsts.tolist(), strict=True))
        assert [0, 1, 3] == index.positions(pa.array(IDS[:3])).tolist()

    def test_a_base_of_one_repeated_id_is_no_trap(self):
        """A hundred thousand equal ids are indexed and looked up."""
        index = BaseIndex.from_ids([pa.array([IDS[0]] * 100_000)])

        assert 99_999 == len(index.duplicates())
        assert [0, -1] == index.positions(pa.array([IDS[0], IDS[1]])).tolist()


class TestKeys:
    def test_every_kind_of_key_finds_its_record(self, tmp_path):
        """Ids, sequences with white space around them, and sequences in any case lead to the same rows."""
        sequences = [sequence(number) for number in range(50)]
        ids = write_base(tmp_path, sequences, row_group_size=7)
        base = pq.ParquetFile(tmp_path / "records.parquet")
        asked = [4, 49, 0]

        for key, keys in {
            "id": [ids[row] for row in asked],
            "sequence": [f"\t{sequences[row]}\u2003" for row in asked],
            "sequence_norm": [sequences[row] for row in asked],
            "sequence_ci": [f" {sequences[row].lower()}" for row in asked],
        }.items():
            found = open_key_index(base, key).positions(pa.array([*keys, "NNN", None], pa.string()))
            assert [*asked, -1, -1] == found.tolist(), key

    def test_sequences_compare_with_their_case_unless_told(self, tmp_path):
        """Only `sequence_ci` finds a record by another case; a base in lower case is found by it as well."""
        write_base(tmp_path, ["acgt", "GGCC"])
        base = pq.ParquetFile(tmp_path / "records.parquet")

        assert [-1, -1] == open_key_index(base, "sequence").positions(pa.array(["ACGT", "ggcc"])).tolist()
        assert [0, 1] == open_key_index(base, "sequence_ci").positions(pa.array(["ACGT", "ggcc"])).tolist()

    def test_ids_of_sequences_are_record_ids(self):
        """Keys become the ids that their records have; null stays null."""
        keys = keys_from_sequences(pa.array([" ACGU ", None]), bio_type="rna", upper=False)

        assert [record_id_of("ACGU", "rna"), None] == keys.to_pylist()

    @pytest.mark.parametrize("key", ["sequence", "sequence_norm", "sequence_ci"])
    def test_sequence_keys_need_one_bio_type(self, tmp_path, key):
        """Records of two bio_types can't be told by sequence; both are named."""
        write_base(tmp_path, ["ACGT", "ACGT"], bio_types=["dna", "protein"], alphabets=["dna_4", "protein_20"])

        with pytest.raises(KeyNeedsOneBioType) as caught:
            open_key_index(pq.ParquetFile(tmp_path / "records.parquet"), key)

        assert ("dna", "protein") == caught.value.bio_types

    def test_sequence_ci_needs_dna_4(self, tmp_path):
        """The first row of another alphabet is named, counted from 1."""
        write_base(tmp_path, ["ACGT", "ACGA", "ACGN"], alphabets=["dna_4", "dna_4", "dna_5"], row_group_size=2)

        with pytest.raises(KeyNeedsDna4) as caught:
            open_key_index(pq.ParquetFile(tmp_path / "records.parquet"), "sequence_ci")

        assert (3, "dna_5") == (caught.value.row, caught.value.alphabet)

    def test_keys_that_two_records_share_are_refused(self, tmp_path):
        """Records that differ in case are one key under `sequence_ci`, and two under `sequence`."""
        write_base(tmp_path, ["ACGT", "GGGG", "acgt"])
        base = pq.ParquetFile(tmp_path / "records.parquet")

        with pytest.raises(BaseKeysNotUnique) as caught:
            open_key_index(base, "sequence_ci")

        assert ((1, 3), "acgt", 1) == (caught.value.rows, caught.value.value, caught.value.count)
        assert [2] == open_key_index(base, "sequence").positions(pa.array(["acgt"])).tolist()

    def test_repeated_ids_are_refused(self, tmp_path):
        """A base made by hand with one id twice can't be keyed by id."""
        write_base(tmp_path, ["ACGT", "GGGG"], ids=[IDS[0], IDS[0]])

        with pytest.raises(BaseKeysNotUnique):
            open_key_index(pq.ParquetFile(tmp_path / "records.parquet"), "id")

    def test_an_empty_base_has_an_index_for_every_key(self, tmp_path):
        """No records: no error, and nothing is found."""
        write_base(tmp_path, [])
        base = pq.ParquetFile(tmp_path / "records.parquet")

        for key in ("id", "sequence", "sequence_norm", "sequence_ci"):
            assert [-1] == open_key_index(base, key).positions(pa.array(["ACGT"])).tolist()

    def test_both_ways_to_read_the_base_give_one_index(self, tmp_path):
        """An open file, read on threads, and a bare reader number the rows alike."""
        ids = write_base(tmp_path, [sequence(number) for number in range(100)], row_group_size=9)
        path = tmp_path / "records.parquet"

        for base in (OpenParquet.open(path), pq.ParquetFile(path)):
            assert list(range(100)) == base_index(base).positions(pa.array(ids)).tolist()
