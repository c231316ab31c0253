"""What a flat file says of one record, whether it is written as GenBank or as EMBL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import pyarrow as pa

from usr_core.api.arrow import boolean_array, fixed_array, text_array
from usr_genbank.locations import SIMPLE, span_of

__all__ = ["COLUMNS", "TYPES", "Feature", "FlatRecord", "to_batch"]

_QUALIFIERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())]))
_FEATURES = pa.list_(
    pa.struct(
        [
            ("type", pa.string()),
            ("location", pa.string()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("strand", pa.int8()),
            ("qualifiers", _QUALIFIERS),
        ]
    )
)
TYPES: dict[str, pa.DataType] = {
    "sequence": pa.string(),
    "genbank__name": pa.string(),
    "genbank__accession": pa.string(),
    "genbank__version": pa.string(),
    "genbank__definition": pa.string(),
    "genbank__molecule_type": pa.string(),
    "genbank__topology": pa.string(),
    "genbank__division": pa.string(),
    "genbank__date": pa.string(),
    "genbank__keywords": pa.list_(pa.string()),
    "genbank__organism": pa.string(),
    "genbank__taxonomy": pa.list_(pa.string()),
    "genbank__comment": pa.string(),
    "genbank__features": _FEATURES,
}
COLUMNS = tuple(TYPES)


@dataclass(slots=True)
class Feature:
    """A line of the feature table: its type, its location as written, and its qualifiers in order.

    The value of a qualifier that has none, such as ``/pseudo``, is None.
    """

    type: str
    location: str
    qualifiers: list[tuple[str, str | None]] = field(default_factory=list)


@dataclass(slots=True)
class FlatRecord:
    """A record. What the file does not say is None, or an empty list.

    Attributes:
        declared: The length that its first line gives.
        protein: Whether that counts amino acids.
        date: As written, such as ``21-JAN-2022``.
        sequence: The letters, in the case that they have.
    """

    name: str | None = None
    declared: int | None = None
    protein: bool = False
    accession: str | None = None
    version: str | None = None
    definition: str | None = None
    molecule_type: str | None = None
    topology: str | None = None
    division: str | None = None
    date: str | None = None
    keywords: list[str] = field(default_factory=list)
    organism: str | None = None
    taxonomy: list[str] = field(default_factory=list)
    comment: str | None = None
    features: list[Feature] = field(default_factory=list)
    sequence: str = ""
    contig: bool = False


def to_batch(records: list[FlatRecord], columns: list[str]) -> pa.RecordBatch:
    """Return records as a batch of some of `COLUMNS`."""
    arrays = []
    for name in columns:
        field_name = name.removeprefix("genbank__")
        values = [getattr(record, field_name) for record in records]
        if name == "genbank__features":
            arrays.append(_features(records))
        elif pa.types.is_list(TYPES[name]):
            arrays.append(_lists([len(texts) for texts in values], text_array(list(chain.from_iterable(values)))))
        else:
            arrays.append(text_array(values))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([(name, TYPES[name]) for name in columns]))


def _features(records: list[FlatRecord]) -> pa.Array:
    """Return the features of each record, column by column, as there may be very many."""
    features = [feature for record in records for feature in record.features]
    counts = [len(record.features) for record in records]
    pairs = [pair for feature in features for pair in feature.qualifiers]
    keys, values = zip(*pairs, strict=True) if pairs else ((), ())
    qualifiers = pa.StructArray.from_arrays([text_array(keys), text_array(values)], fields=list(_QUALIFIERS.value_type))
    columns = [
        text_array([feature.type for feature in features]),
        text_array([feature.location for feature in features]),
        *_spans(records),
        _lists([len(feature.qualifiers) for feature in features], qualifiers),
    ]
    items = pa.StructArray.from_arrays(columns, fields=list(_FEATURES.value_type))
    return _lists(counts, items)


def _spans(records: list[FlatRecord]) -> list[pa.Array]:
    """Return start, end and strand of each feature, as `span_of` finds them; proteins have no strands."""
    starts, ends, strands = list[int | None](), list[int | None](), list[int | None]()
    match = SIMPLE.fullmatch
    for record in records:
        length, circular, protein = len(record.sequence), record.topology == "circular", record.protein
        for feature in record.features:
            simple = match(feature.location)
            if simple is not None and bool(simple[1]) == bool(simple[4]):  # a call for each costs three times as much
                starts.append(int(simple[2]) - 1)
                ends.append(int(simple[3]))
                strands.append(None if protein else -1 if simple[1] else 1)
                continue
            start, end, strand = span_of(feature.location, length=length, circular=circular)
            starts.append(start)
            ends.append(end)
            strands.append(None if protein else strand)
    return [_numbers(starts, pa.int64()), _numbers(ends, pa.int64()), _numbers(strands, pa.int8())]


def _lists(lengths: list[int], items: pa.Array) -> pa.Array:
    ends = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    return pa.ListArray.from_arrays(fixed_array(ends, pa.int32()), items)


def _numbers(values: Sequence[int | None], kind: pa.DataType) -> pa.Array:
    dtype = np.dtype(f"i{int(kind.bit_width) // 8}")
    if None not in values:
        return fixed_array(np.array(values, dtype), kind)
    known = np.fromiter((value is not None for value in values), np.bool_, len(values))
    numbers = fixed_array(np.fromiter((value or 0 for value in values), dtype, len(values)), kind)
    return pa.Array.from_buffers(kind, len(values), [boolean_array(known).buffers()[1], numbers.buffers()[1]])
