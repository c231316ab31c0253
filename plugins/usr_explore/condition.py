"""Which records a page shows: a condition, a motif and ranges, and the same said as a command.

Everything is evaluated by the core: conditions as `--where` takes them, motifs as `usr grep --motif` finds them.
Nothing of what a visitor types becomes a part of a statement here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.api import UsrError
from usr_explore.load import Loaded

__all__ = [
    "Chosen",
    "Query",
    "choose",
    "export_line",
    "mark_line",
    "motif_places",
    "narrow",
    "python_line",
    "where_text",
]

Range = tuple[str, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for.

    Attributes:
        condition: A condition in SQL, or "".
        motif: A motif or a regular expression, or "".
        regex: Whether it is a regular expression.
        ranges: Columns with the least and the greatest value.
        ids: The only records, or None for all.
    """

    condition: str = ""
    motif: str = ""
    regex: bool = False
    ranges: tuple[Range, ...] = ()
    ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What meets it.

    Attributes:
        query: What was asked for, without what could not be used.
        mask: Which records.
        faults: What is wrong with a part of the query, by its name.
        counts: How many records each part alone lets through.
    """

    query: Query
    mask: npt.NDArray[np.bool_]
    faults: dict[str, str]
    counts: dict[str, int]

    @property
    def count(self) -> int:
        """How many records."""
        return int(self.mask.sum())

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Their numbers, ascending."""
        return np.flatnonzero(self.mask)


def choose(loaded: Loaded, query: Query, last: Chosen | None = None) -> Chosen:
    """Return the records that meet a query; where a part of it can't be used, that part is taken from `last`.

    Args:
        loaded: The dataset.
        query: What is asked for.
        last: What was chosen before.
    """
    before = last.query if last is not None and len(last.mask) == loaded.rows else Query()
    mask = np.ones(loaded.rows, np.bool_)
    faults: dict[str, str] = {}
    counts: dict[str, int] = {}
    used = query
    for name, text in (("condition", query.condition.strip()), ("motif", query.motif.strip())):
        try:
            met = _met(loaded, name, text, query.regex)
        except UsrError as error:
            faults[name] = f"{error.message} {error.hint}"
            met = _met(loaded, name, getattr(before, name), before.regex)
            used = replace(used, **{name: getattr(before, name)})
            used = replace(used, regex=before.regex) if name == "motif" else used
        if met is not None:
            mask &= met
            counts[name] = int(met.sum())
    found = Chosen(query=replace(used, ranges=(), ids=None), mask=mask, faults=faults, counts=counts)
    return narrow(loaded, found, query.ranges, query.ids)


def narrow(loaded: Loaded, chosen: Chosen, ranges: Sequence[Range] = (), ids: Sequence[str] | None = None) -> Chosen:
    """Return the records among the chosen ones that are in ranges, and among `ids`."""
    if not ranges and ids is None:
        return chosen
    mask, counts = chosen.mask.copy(), dict(chosen.counts)
    for name, least, most in ranges:
        values = loaded.values(name)
        mask &= (values >= least) & (values <= most)
    if ranges:
        counts["selection"] = int(mask.sum())
    if ids is not None:
        import pyarrow.compute as pc

        mask &= np.asarray(pc.is_in(loaded.column("id"), value_set=pa.array(list(ids), pa.string())))
        counts["map"] = int(mask.sum())
    query = replace(
        chosen.query,
        ranges=(*chosen.query.ranges, *ranges),
        ids=tuple(ids) if ids is not None else chosen.query.ids,
    )
    return Chosen(query=query, mask=mask, faults=chosen.faults, counts=counts)


def where_text(loaded: Loaded, query: Query) -> str:
    """Return the query as one condition for `--where`; "" is all records. `ids` are not in it."""
    parts = [f"({query.condition.strip()})"] if query.condition.strip() else []
    if query.motif.strip():
        from usr_core.api.records import motif_pattern

        kinds = loaded.column("bio_type").unique().to_pylist()
        pattern = query.motif.strip() if query.regex else motif_pattern(query.motif.strip(), kinds)
        parts.append(f"regexp_matches(sequence, {_literal(pattern)})")
    for name, least, most in query.ranges:
        parts.append(f"{_named(name)} between {_number(least)} and {_number(most)}")
    return " and ".join(parts)


def export_line(loaded: Loaded, query: Query) -> str:
    """Return the command that writes the records of a query; those that were chosen by hand are in ``ids.txt``."""
    at = "" if loaded.version is None else f"--at {loaded.version} "
    if query.ids is not None:
        statement = "select * from d where id in (select column0 from read_csv('ids.txt', header=false))"
        return f"usr query -d {shlex.quote(loaded.name)} {at}{shlex.quote(statement)} --allow-files --out subset.csv"
    return f"usr export {shlex.quote(loaded.name)} {at}{_where_option(loaded, query)}--fmt csv --out subset.csv"


def mark_line(loaded: Loaded, query: Query, fields: Sequence[str]) -> str:
    """Return the command that marks the records of a query, such as with ``--split train``."""
    chosen = "--id-file ids.txt " if query.ids is not None else _where_option(loaded, query)
    return f"usr state set {shlex.quote(loaded.name)} {chosen or '--where true '}{' '.join(fields)}"


def python_line(loaded: Loaded, query: Query) -> str:
    """Return the line of Python that reads the records of a query."""
    ds = "ds" if loaded.version is None else f"ds.at({loaded.version})"
    if query.ids is not None:
        return f"table = {ds}.get(Path('ids.txt').read_text().split())"
    where = where_text(loaded, query)
    return f"table = {ds}.to_arrow({f'where={where!r}' if where else ''})"


def motif_places(sequence: str, bio_type: str, query: Query) -> list[tuple[int, int, str]]:
    """Return where the motif of a query stands in a sequence: start, end, strand."""
    from usr_core.api.records import motif_spans

    motif = query.motif.strip()
    if not motif:
        return []
    if not query.regex:
        return motif_spans(sequence, motif, bio_type)
    try:
        found = [(match.start(), match.end(), "+") for match in re.finditer(motif, sequence)]
    except re.error:  # what RE2 knows and Python does not
        return []
    return [span for span in found if span[0] < span[1]][:1_000]


def _where_option(loaded: Loaded, query: Query) -> str:
    where = where_text(loaded, query)
    return f"--where {shlex.quote(where)} " if where else ""


def _met(loaded: Loaded, name: str, text: str, regex: bool) -> npt.NDArray[np.bool_] | None:
    if not text:
        return None
    if name == "motif" and not regex:
        return _with_motif(loaded, text)
    from usr_core.api.results import open_filter

    where: str | list[tuple[str, str, object]] = text if name == "condition" else [("sequence", "matches", text)]
    rows = open_filter(where, loaded.table.schema)
    names = list(rows.columns) or ["id"]
    return np.asarray(rows.mask(pa.RecordBatch.from_arrays([loaded.column(one) for one in names], names)))


def _with_motif(loaded: Loaded, motif: str) -> npt.NDArray[np.bool_]:
    from usr_core.api.records import motif_records

    sequences, (kinds, codes) = loaded.column("sequence"), loaded.labels("bio_type")
    if len(kinds) <= 1:
        return motif_records(sequences, motif, kinds[0] if kinds else "dna")
    found = np.zeros(loaded.rows, np.bool_)
    for code, kind in enumerate(kinds):
        rows = np.flatnonzero(codes == code)
        found[rows] = motif_records(sequences.take(pa.array(rows)), motif, kind)
    return found


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _named(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


def _number(value: float) -> str:
    return repr(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))
