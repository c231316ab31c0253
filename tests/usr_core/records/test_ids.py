"""Record ids, one by one and in bulk."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.records import bulk_ids
from usr_core.records.bulk_ids import IdHasher, id_words, record_ids, string_parts
from usr_core.records.ids import is_record_id, record_id

SEQUENCES = ["ACGT", "acgt", "A" * 500, "MKTAYIAK", "é"]


class TestRecordId:
    def test_is_the_sha1_of_bio_type_and_sequence(self) -> None:
        """The id is sha1 over "bio_type|sequence" in UTF-8."""
        assert hashlib.sha1(b"dna|ACGT").hexdigest() == record_id("dna", "ACGT")

    def test_form_is_forty_lower_case_digits(self) -> None:
        """Only 40 lower-case hexadecimal digits look like an id."""
        assert is_record_id(record_id("dna", "A"))
        assert not any(map(is_record_id, ["", "a" * 39, "A" * 40, "g" * 40, "a" * 41]))


class TestBulkIds:
    @pytest.mark.parametrize("from_rows", [0, 1 << 30], ids=["duckdb", "hashlib"])
    @pytest.mark.parametrize("slices", [slice(0, 5), slice(1, 4), slice(2, 2)])
    def test_both_engines_equal_the_single_id(
        self, monkeypatch: pytest.MonkeyPatch, from_rows: int, slices: slice
    ) -> None:
        """Either engine gives what record_id gives, for sliced columns too."""
        monkeypatch.setattr(bulk_ids, "_DUCKDB_FROM_ROWS", from_rows)
        column = pa.array(SEQUENCES)[slices]
        kinds = pa.array(["dna", "rna", "dna", "protein", "dna"])[slices]

        with IdHasher() as hasher:
            shared, single = hasher.ids("dna", column), hasher.ids(kinds, column)

        assert [record_id("dna", text) for text in column.to_pylist()] == shared.to_pylist()
        assert list(map(record_id, kinds.to_pylist(), column.to_pylist())) == single.to_pylist()

    def test_a_column_at_once_equals_chunks(self) -> None:
        """record_ids is the hasher's single use."""
        assert [record_id("rna", text) for text in SEQUENCES] == record_ids("rna", pa.array(SEQUENCES)).to_pylist()


class TestIdWords:
    @settings(deadline=None)
    @given(st.lists(st.binary(min_size=20, max_size=20), min_size=1, max_size=20))
    def test_words_hold_the_bits_of_the_digest(self, digests: list[bytes]) -> None:
        """The three words together are equal exactly where the ids are."""
        ids = pa.array([digest.hex() for digest in digests])

        words = list(zip(*(id_words(ids, word=word).tolist() for word in range(3)), strict=True))

        pairs = [
            (a == b, x == y) for a, x in zip(digests, words, strict=True) for b, y in zip(digests, words, strict=True)
        ]
        assert all(same == equal for same, equal in pairs)

    def test_no_bit_is_lost(self) -> None:
        """Changing any one digit changes the words."""
        start = "0" * 40
        changed = [start[:place] + digit + start[place + 1 :] for place in range(40) for digit in "123456789abcdef"]

        words = np.stack([id_words(pa.array([start, *changed]), word=word) for word in range(3)])

        assert 1 + len(changed) == len(np.unique(words, axis=1)[0])

    def test_other_lengths_are_refused(self) -> None:
        """A value that is not 40 bytes long is not an id."""
        with pytest.raises(ValueError, match="40"):
            id_words(pa.array(["a" * 39, "a" * 41]))


class TestStringParts:
    def test_a_slice_starts_at_zero(self) -> None:
        """Offsets and bytes of a slice are its own."""
        offsets, values = string_parts(pa.array(["ab", "cde", "f"]).slice(1))

        assert ([0, 3, 4], b"cdef") == (offsets.tolist(), bytes(values))
