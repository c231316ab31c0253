"""Words that stand for ids, and the duplicates they lead to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from support.base_files import base_rows, random_sequences
from usr_core.store.base.append import BaseWriter
from usr_core.store.changes.import_ import build
from usr_core.store.changes.import_.build import find_duplicates
from usr_core.store.errors import BaseUnreadable
from usr_core.store.ids import word_sets
from usr_core.store.ids.word_sets import WordList, WordSet, base_id_words


class TestWordList:
    def test_grows_and_keeps_order(self) -> None:
        """Words stay in order of arrival over many reallocations."""
        words = WordList()
        for start in range(0, 300_000, 7_000):
            words.extend(np.arange(start, start + 7_000, dtype=np.uint64))

        assert 301_000 == len(words)
        assert np.array_equal(np.arange(301_000, dtype=np.uint64), words.words())


class TestWordSet:
    def test_tells_members_from_others(self) -> None:
        """Membership is exact, at the ends of the range too."""
        generator = np.random.default_rng(1)
        members = np.sort(np.append(generator.integers(0, 2**64, 1000, np.uint64), np.array([0, 2**64 - 1], np.uint64)))
        others = np.setdiff1d(generator.integers(0, 2**64, 5000, dtype=np.uint64), members)
        words = WordSet(members)

        assert words.contains(members).all()
        assert not words.contains(others).any()


class TestFindDuplicates:
    def test_equal_words_of_different_ids_are_no_duplicates(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where all words collide, the full ids decide."""
        sequences = [*random_sequences(20, seed=1)]
        sequences += [sequences[3], sequences[0], sequences[3]]
        writer = BaseWriter(tmp_path / "a.parquet", existing=None, metadata={})
        writer.write(base_rows(sequences))
        writer.finish()
        real = word_sets.id_words

        def colliding(ids: pa.Array, *, word: int = 0) -> np.ndarray:
            return np.zeros(len(ids), np.uint64) if word == 0 else real(ids, word=word)

        monkeypatch.setattr(word_sets, "id_words", colliding)
        words = np.zeros(len(sequences), np.uint64)
        found = find_duplicates(words, written=tmp_path / "a.parquet", offset=0, existing=None)

        assert found is not None
        assert [(20, 3), (21, 0), (22, 3)] == list(zip(found.rows.tolist(), found.originals.tolist(), strict=True))

    @pytest.mark.parametrize("sought", [True, False])
    def test_a_damaged_page_of_the_base_names_the_base(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sought: bool
    ) -> None:
        """Whether its ids are looked up or all compared: an import onto such a base is refused, with the file named."""
        if sought:
            monkeypatch.setattr(build, "_SOUGHT_AMONG_ROWS", 1)
            monkeypatch.setattr(build, "_FEWEST_ROWS_A_NEW_ONE", 1)
        base, written = tmp_path / "records.parquet", tmp_path / "new.parquet"
        for path, rows in ((base, base_rows(["ACGT", "CC"])), (written, base_rows(["ACGT"]))):
            writer = BaseWriter(path, existing=None, metadata={})
            writer.write(rows)
            writer.finish()
        content = bytearray(base.read_bytes())
        content[4:60] = bytes(56)
        base.write_bytes(content)

        with pytest.raises(BaseUnreadable, match=r"records\.parquet"):
            find_duplicates(np.array([7], np.uint64), written=written, offset=0, existing=base)


class TestBaseIdWords:
    def test_ids_of_another_length_are_refused(self, tmp_path: Path) -> None:
        """A base with an id that is none is unreadable, with its file named."""
        rows = base_rows(["ACGT", "CC"])
        writer = BaseWriter(tmp_path / "a.parquet", existing=None, metadata={})
        writer.write(rows.set_column(0, "id", pa.array(["short", "x" * 75])))
        writer.finish()

        with pytest.raises(BaseUnreadable):
            list(base_id_words(tmp_path / "a.parquet"))
