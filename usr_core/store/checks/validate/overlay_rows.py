"""One pass over each overlay file: every page decoded, keys unique and not null, allowed values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.errors import UsrError
from usr_core.records.arrays import conform, fixed_values, plain_type
from usr_core.registry.document import ALLOWED_VALUES
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.checks.validate import row_faults
from usr_core.store.checks.validate.pages import (
    DAMAGE,
    batches_of_group,
    columns_that_repeat,
    memory_told,
    read_pages,
    thread_count,
)
from usr_core.store.checks.validate.report import FindingList
from usr_core.store.checks.validate.row_faults import RowTally
from usr_core.store.ids.keys import base_index, keys_from_sequences, one_bio_type, open_key_index
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.row_numbers import valid_mask
from usr_core.store.ids.texts import comparable_ids, texts_of
from usr_core.store.ids.word_sets import WordStore, find_repeats
from usr_core.store.parts.errors import OverlayUnreadable
from usr_core.store.parts.files import NamespaceOverlay, OverlayKey, OverlayPart

__all__ = ["check_overlay_rows"]

Rows = npt.NDArray[np.int64]

_SOME_BIO_TYPE = "dna"
"""Under which sequence keys are hashed where only their uniqueness counts."""


def check_overlay_rows(
    overlays: Mapping[str, NamespaceOverlay],
    base: OpenParquet | None,
    findings: FindingList,
    progress: Callable[[int], None] | None,
) -> None:
    """Check the rows of all overlay files, several files at a time.

    Args:
        overlays: The opened overlays by namespace.
        base: The open base, or None where it can't be read: then no key is looked up in it.
        findings: Takes what is wrong; keys that match no record are notes.
        progress: Called with the number of rows just checked.

    Memory: 8 bytes a row of the files under way, 28 bytes a base row for the lookup.
    """
    parts = [part for overlay in overlays.values() for part in overlay.parts]
    lookup = _Lookup(base, parts, findings)
    with ThreadPoolExecutor(thread_count(), thread_name_prefix="usr-validate") as pool:
        for part, outcome in zip(parts, pool.map(lambda part: _check_part(part, lookup), parts), strict=True):
            outcome.tally.report(findings, file=part.relative)
            if outcome.damage is not None:
                findings.add_error(outcome.damage)
            if progress is not None:
                progress(part.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    tally: RowTally
    damage: OverlayUnreadable | None


class _Lookup:
    """The base's rows by each kind of key that a part uses; a kind that does not suit the base is reported once."""

    def __init__(self, base: OpenParquet | None, parts: Sequence[OverlayPart], findings: FindingList) -> None:
        self._indexes: dict[OverlayKey, BaseIndex] = {}
        self._bio_types: dict[OverlayKey, str] = {}
        if base is None or not parts or "id" not in base.schema.names:
            return
        try:
            ids = base_index(base.reader())
        except MemoryError:
            raise
        except DAMAGE:
            return  # what is damaged was reported by the pass over the base
        for key in sorted({part.key for part in parts}):
            if key == "id":
                self._indexes[key] = ids
                continue
            first = next(part for part in parts if part.key == key)
            try:
                index = open_key_index(base.reader(), key, ids=ids)
            except MemoryError:
                raise
            except UsrError as error:
                findings.add_error(error, file=first.relative)
            except (*DAMAGE, KeyError):
                continue
            else:
                self._indexes[key] = index.index
                self._bio_types[key] = one_bio_type(base.reader(), key)

    def bio_type(self, key: OverlayKey) -> str:
        """Return the bio_type under which keys of a kind are hashed."""
        return self._bio_types.get(key, _SOME_BIO_TYPE)

    def unmatched(self, key: OverlayKey, ids: pa.Array, *, expected: int) -> tuple[npt.NDArray[np.intp], int]:
        """Return the places of ids that no record has, and the base row where the next ids may go on."""
        index = self._indexes.get(key)
        if index is None or not len(ids):
            return np.empty(0, np.intp), expected
        positions = index.positions(ids, expected=expected)
        return np.flatnonzero(positions < 0), int(positions[-1]) + 1


def _check_part(part: OverlayPart, lookup: _Lookup) -> _Outcome:
    tally = RowTally()
    try:
        with memory_told(part.relative):
            if plain_type(part.source.schema.field(part.key).type) == pa.string():
                _check_keys(part, lookup, tally)
            unreadable = columns_that_repeat(part.source.schema)
            names = [field.name for field in part.columns if field.name not in unreadable]
            for group in range(part.source.file.metadata.num_row_groups):
                read_pages(part.source, group, [name for name in names if name not in ALLOWED_VALUES])
            for name in names:
                if name in ALLOWED_VALUES:
                    _check_allowed(part, name, tally)
    except DAMAGE as error:
        return _Outcome(tally=tally, damage=OverlayUnreadable(file=part.relative, cause=error))
    return _Outcome(tally=tally, damage=None)


def _check_keys(part: OverlayPart, lookup: _Lookup, tally: RowTally) -> None:
    words = WordStore(np.array([0, part.rows], dtype=np.int64))
    expected = 0
    for rows, keys in _keys(part):
        null = ~valid_mask(keys)
        tally.add(row_faults.KEY_NULL, part.key, rows[null])
        present, texts = rows[~null], keys.drop_null()
        ids = _as_ids(part.key, texts, lookup.bio_type(part.key))
        words.extend(0, ids)
        absent, expected = lookup.unmatched(part.key, ids, expected=expected)
        if len(absent):
            tally.add(
                row_faults.KEY_UNMATCHED, part.key, present[absent], sample=repr(texts_of(texts.slice(absent[0], 1))[0])
            )

    def again() -> Iterator[tuple[Rows, pa.Array]]:
        for rows, keys in _keys(part):
            valid = valid_mask(keys)
            yield rows[valid], _as_ids(part.key, keys.drop_null(), lookup.bio_type(part.key))

    repeated, firsts = find_repeats(words.suspects(), again)
    sample = f"it is the key of row {firsts[0]:,} too" if len(firsts) else ""
    tally.add(row_faults.KEY_REPEATED, part.key, repeated, sample=sample)


def _as_ids(key: OverlayKey, texts: pa.Array, bio_type: str) -> pa.Array:
    """Return for each key the id that it stands for: equal exactly where readers take the keys as equal."""
    if key == "id":
        return comparable_ids(texts)
    return keys_from_sequences(texts, bio_type=bio_type, upper=key == "sequence_ci")


def _keys(part: OverlayPart) -> Iterator[tuple[Rows, pa.Array]]:
    first = 1
    for batch in _column(part, part.key):
        yield np.arange(first, first + len(batch), dtype=np.int64), batch
        first += len(batch)


def _check_allowed(part: OverlayPart, name: str, tally: RowTally) -> None:
    allowed = set(ALLOWED_VALUES[name])
    first = 1
    if plain_type(part.source.schema.field(name).type) != pa.string():
        return  # its type was reported
    for column in _column(part, name):
        encoded = column.dictionary_encode()
        strange = [code for code, text in enumerate(texts_of(encoded.dictionary)) if text not in allowed]
        if strange:
            codes = np.where(valid_mask(encoded.indices), fixed_values(encoded.indices), -1)
            places = np.flatnonzero(np.isin(codes, strange))
            sample = repr(texts_of(encoded.dictionary)[codes[places[0]]])
            tally.add(row_faults.VALUE_NOT_ALLOWED, name, places.astype(np.int64) + first, sample=sample)
        first += len(column)


def _column(part: OverlayPart, name: str) -> Iterator[pa.Array]:
    """Yield a text column of the whole file as plain strings."""
    for group in range(part.source.file.metadata.num_row_groups):
        for batch in batches_of_group(part.source, group, [name]):
            yield conform(batch.column(0), pa.string())
