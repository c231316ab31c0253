"""Keys of an attachment: repeated ones, whether they match a record or not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from usr_core.store.changes.attach import keys as attach_keys
from usr_core.store.changes.attach.errors import DuplicateAttachKey, EmptyAttachKey, UnmatchedKeys
from usr_core.store.changes.attach.keys import KeyResolver, UnmatchedRows

Positions = npt.NDArray[np.int64]
KNOWN = ["a", "b", "c"]


class Known:
    """Records by their keys in `KNOWN`."""

    def positions(self, keys: pa.Array) -> Positions:
        return np.array([KNOWN.index(key) if key in KNOWN else -1 for key in keys.to_pylist()], np.int64)

    def others(self, positions: Positions) -> Positions:
        return np.full(len(positions), -1, np.int64)

    def ids_at(self, positions: Positions) -> pa.Array:
        return pa.array([KNOWN[position] for position in positions])

    def key_at(self, position: int) -> str:
        return KNOWN[position]

    def normalize(self, text: str) -> str:
        return text.strip()


def resolved(batches: list[list[str]], *, allow_missing: bool) -> KeyResolver:
    """Resolve batches of keys against `KNOWN`, and judge them."""
    resolver = KeyResolver(Known(), label="a.csv", key="id", column="id", allow_missing=allow_missing)
    for batch in batches:
        resolver.resolve(pa.array(batch, pa.string()))
    resolver.finish()
    return resolver


@pytest.mark.parametrize("allow_missing", [False, True])
def test_a_repeated_key_that_matches_nothing_is_named(allow_missing: bool) -> None:
    """With its row and the first row of the key, before it is said that it matches nothing."""
    with pytest.raises(DuplicateAttachKey) as caught:
        resolved([["x", "a", "y"], ["z", " y", "x", "x"]], allow_missing=allow_missing)

    assert (5, 3, 3, " y") == (caught.value.row, caught.value.earlier, caught.value.count, caught.value.facts["value"])


def test_the_first_repeat_of_either_kind_is_named() -> None:
    """A matched key that is repeated before an unmatched one comes first."""
    with pytest.raises(DuplicateAttachKey) as caught:
        resolved([["x", "a", "a", "x"]], allow_missing=True)

    assert (3, 2, 2) == (caught.value.row, caught.value.earlier, caught.value.count)


def test_unmatched_keys_are_counted_beyond_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is refused in any case is not remembered whole, and its count is right."""
    monkeypatch.setattr(attach_keys, "_REFUSED_ROWS_KEPT", 2)
    with pytest.raises(UnmatchedKeys) as caught:
        resolved([["a", "w", "x", "y", "z"]], allow_missing=False)

    assert (2, 4) == (caught.value.row, caught.value.count)


def test_a_repeat_far_behind_is_found() -> None:
    """Rows are told apart by digest, and the key's text is no longer known there."""
    rows = UnmatchedRows(limit=None)
    for row in range(1, 150_001):
        rows.add(str(row), str(row), row)
    rows.add("140000", "140000", 150_001)
    found = rows.repeated()

    assert found is not None
    assert (150_001, 140_000, None, 1) == (found.row, found.earlier, found.value, found.count)


@pytest.mark.parametrize("blank", ["", " ", "\u00a0\u2003", "\t\n", None], ids=ascii)
def test_a_blank_key_is_named_wherever_it_stands(blank: str | None) -> None:
    """A null, an empty text, and one of white space of any kind, among keys that need no trimming."""
    with pytest.raises(EmptyAttachKey) as caught:
        resolved([["a", "b"], ["c", blank]], allow_missing=True)

    assert 4 == caught.value.facts["row"]
