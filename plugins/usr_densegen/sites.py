"""Binding sites of records, a column at a time: how many transcription factors a record's sites belong to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from usr_core.api.arrow import fixed_array, fixed_values, text_scalar, true_rows, valid_mask
from usr_densegen.errors import SiteMalformed

__all__ = ["SEPARATOR", "tf_counts", "tf_counts_of_details"]

SEPARATOR = ":"


def tf_counts(column: pa.Array, *, name: str, first_row: int, shortest: int) -> npt.NDArray[np.int64]:
    """Return for each row how many different TFs its sites have; 0 where it has no site, or is null.

    Args:
        column: list<string>, each ``tf:motif``.
        name: The column, for errors.
        first_row: Number of the first row, from 1.
        shortest: Letters that a motif has at least; a shorter one is not a site.

    Raises:
        SiteMalformed: An element is null, or not ``tf:motif`` with neither of them empty.
    """
    flat, parents = column.flatten(), _parents(column)
    pieces = pc.split_pattern(flat, SEPARATOR, max_splits=1)
    _refuse_first(_lengths(pieces) != 2, flat, parents, name, first_row)
    factors, motifs = (pc.list_element(pieces, half) for half in fixed_array(np.arange(2), pa.int64()))
    empty = true_rows(pc.equal(factors, text_scalar(""))) | true_rows(pc.equal(motifs, text_scalar("")))
    _refuse_first(empty, flat, parents, name, first_row)
    return _distinct(factors, motifs, parents, len(column), shortest)


def tf_counts_of_details(column: pa.Array, *, shortest: int) -> npt.NDArray[np.int64]:
    """Return the same for a column of list<struct<tf, tfbs, …>>; a site without TF or motif does not count."""
    flat = column.flatten()
    factors, motifs = (pc.struct_field(flat, name).fill_null(text_scalar("")) for name in ("tf", "tfbs"))
    return _distinct(factors, motifs, _parents(column), len(column), max(shortest, 1))


def _distinct(
    factors: pa.Array, motifs: pa.Array, parents: npt.NDArray[np.int64], rows: int, shortest: int
) -> npt.NDArray[np.int64]:
    long_enough = fixed_values(pc.utf8_length(motifs)) >= shortest
    codes = factors.dictionary_encode()
    pairs = parents * max(len(codes.dictionary), 1) + fixed_values(codes.indices).astype(np.int64)
    ordered = np.sort(pairs[long_enough])
    different = ordered[np.diff(ordered, prepend=-1) > 0]  # numpy.unique would import masked arrays
    return np.bincount(different // max(len(codes.dictionary), 1), minlength=rows).astype(np.int64)


def _parents(column: pa.Array) -> npt.NDArray[np.int64]:
    """Return the row of each element of `flatten`, which leaves out what stands below a null."""
    return np.repeat(np.arange(len(column), dtype=np.int64), _lengths(column))


def _lengths(lists: pa.Array) -> npt.NDArray[np.integer]:
    """Return how many elements each list has; a null has none."""
    lengths = pc.list_value_length(lists)
    return np.where(valid_mask(lengths), fixed_values(lengths), 0)


def _refuse_first(
    bad: npt.NDArray[np.bool_], flat: pa.Array, parents: npt.NDArray[np.int64], name: str, first_row: int
) -> None:
    if bad.any():
        at = int(bad.argmax())
        raise SiteMalformed(column=name, row=first_row + int(parents[at]), value=flat[at].as_py())
