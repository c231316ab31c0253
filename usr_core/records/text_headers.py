"""Headers of records in text files (FASTA, FASTQ …), as they are written: a name, and perhaps a description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import pyarrow as pa

from usr_core.errors import UsrError, near_names, offered, visible
from usr_core.records.arrays import boolean_array, text_scalar
from usr_core.records.masks import true_rows, valid_mask

__all__ = ["HeaderColumns", "HeaderOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderOptions:
    """How a file of records with headers is read.

    Attributes:
        name: ``word``: the first word of a header is the name. ``whole``: the whole header is.
        encoding: Of the text, by any name that Python knows.

    Example:
        >>> from usr_core.api.formats import HeaderOptions
        >>> HeaderOptions(name="whole").encoding
        'utf-8'
    """

    name: Literal["word", "whole"] = "word"
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderColumns:
    """The columns that headers are made of.

    Attributes:
        names: The first of them that is not null in a row gives the name.
        description: What follows the name, or None.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.formats import HeaderColumns
        >>> batch = pa.record_batch({"id": ["p1", "p2"], "sequence": ["TTGACA", "TATAAT"], "box": ["sigma70", None]})
        >>> columns = HeaderColumns.chosen(batch.schema, "FASTA", name=None, description="box")
        >>> columns.names, columns.texts(batch, first_row=1).to_pylist()
        (('id',), ['p1 sigma70', 'p2'])
    """

    names: tuple[str, ...]
    description: str | None

    @classmethod
    def chosen(
        cls, schema: pa.Schema, fmt: str, *, name: str | None, description: str | None, further: Sequence[str] = ()
    ) -> Self:
        """Return the columns of a file of the format `fmt`: those that are asked for, else its own, and the id.

        Raises:
            UsrError: A column that is needed, `further` ones and the sequence among them, is not there or not text.
        """
        own = fmt.lower()
        names = [name] if name else [column for column in (f"{own}__name", "id") if column in schema.names]
        if description is None and f"{own}__description" in schema.names:
            description = f"{own}__description"
        for column in ["sequence", *further, *(names or ["id"]), *([description] if description else [])]:
            if column not in schema.names:
                what = f"{fmt} needs the column {column}, which is not exported."
                near = near_names(column, schema.names)
                meant = f"Did you mean {offered(near)}? " if near else ""
                hint = f"{meant}Add it to --columns, or take another format."
                raise UsrError(what, hint=hint, facts={"column": column})
            if not pa.types.is_string(schema.field(column).type):
                what = f"{fmt} holds text, and the column {column} is {schema.field(column).type}."
                raise UsrError(what, hint="Take a column of text.", facts={"column": column})
        return cls(names=tuple(names), description=description)

    def texts(self, batch: pa.RecordBatch, *, first_row: int) -> pa.Array:
        """Return the header of each row.

        Raises:
            UsrError: A name or a description would be read back as something else; row, column and value are told.
        """
        import pyarrow.compute as pc

        columns = [batch.column(column) for column in self.names]
        name = pc.coalesce(*columns) if len(columns) > 1 else columns[0]
        bad = pc.match_substring_regex(name, r"^$|[ \t\v\f\r\n]")
        _refuse(name, boolean_array(true_rows(bad) | ~valid_mask(bad)), self.names[0], first_row)
        if self.description is None:
            return name
        rest = batch.column(self.description)
        bad = pc.match_substring_regex(rest, r"^[ \t\v\f]|[ \t\v\f]$|[\r\n]|^$")
        _refuse(rest, boolean_array(true_rows(bad)), self.description, first_row)
        spaced = pc.binary_join_element_wise(text_scalar(" "), rest, text_scalar(""))
        return pc.binary_join_element_wise(name, pc.fill_null(spaced, text_scalar("")), text_scalar(""))


def _refuse(values: pa.Array, bad: pa.Array, column: str, first_row: int) -> None:
    for index, is_bad in enumerate(bad.to_pylist() if bad.true_count else ()):
        if is_bad:
            value = values[index].as_py()
            raise UsrError(
                "The format can't hold this name or description: it would be read back as another.",
                hint="Names have no blanks in them, and descriptions are one line without blanks around it.",
                facts={
                    "row": first_row + index,
                    "column": column,
                    "value": "null" if value is None else visible(repr(value)),
                },
            )
