"""What a flat file says of one record, whether it is written as GenBank or as EMBL."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from usr_core.api.arrow import from_json
from usr_genbank.locations import span_of

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

    def cells(self) -> dict[str, object]:
        """Return the values of `COLUMNS`."""
        values = {name: getattr(self, name.removeprefix("genbank__")) for name in COLUMNS}
        return values | {"genbank__features": [self._feature(feature) for feature in self.features]}

    def _feature(self, feature: Feature) -> dict[str, object]:
        span = span_of(feature.location, length=len(self.sequence), circular=self.topology == "circular")
        return {
            "type": feature.type,
            "location": feature.location,
            "start": span.start,
            "end": span.end,
            "strand": None if self.protein else span.strand,
            "qualifiers": [{"key": key, "value": value} for key, value in feature.qualifiers],
        }


def to_batch(records: list[FlatRecord], columns: list[str]) -> pa.RecordBatch:
    """Return records as a batch of some of `COLUMNS`."""
    cells = [record.cells() for record in records]
    arrays = [from_json([row[name] for row in cells], TYPES[name]) for name in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([(name, TYPES[name]) for name in columns]))
