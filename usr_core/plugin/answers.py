"""What the methods of providers have to return, and how that is checked at the border.

A check is called inside the isolation (`usr_core.plugin.isolation`), so that every error of a foreign object during
the check carries the plugin's name. It returns the value in plain Python types, or raises `TypeError` or
`ValueError` with what is wrong. Nothing here imports pyarrow at import.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from usr_core.plugin.executors import ShardOutcome
from usr_core.plugin.specs import ExportResult, Finding, Fingerprint, Opened, Verdict
from usr_core.plugin.transports import EntryKind, Probe, RemoteEntry, Traffic

__all__ = ["ANSWERS", "Answer", "a_number", "a_text", "named", "texts", "whole_number"]

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a method returns.

    Attributes:
        checked: Returns a good value in plain form; raises for a wrong one.
        item_check: For a method that returns an iterator, or an `Opened`: makes the check of its items.
    """

    checked: Callable[[Any], Any]
    item_check: Callable[[], Callable[[Any], Any] | None] = lambda: None


# ---------------------------------------------------------------- plain values


def a_text(value: object, what: str) -> str:
    """Return a text; a subclass of `str` loses its methods."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is {named(value)} and has to be a text")
    return str.__str__(value)


def whole_number(value: object, what: str, *, least: int = 0) -> int:
    """Return a whole number of at least `least`; True is not one."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} is {named(value)} and has to be a whole number")
    number = int.__index__(value)
    if number < least:
        raise ValueError(f"{what} is {number} and has to be at least {least}")
    return number


def a_number(value: object, what: str) -> float:
    """Return a finite number."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise TypeError(f"{what} is {named(value)} and has to be a finite number")
    return float(value)


def texts(value: object, what: str) -> tuple[str, ...]:
    """Return several texts; one text is not several letters."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(f"{what} is {named(value)} and has to be a sequence of texts")
    return tuple(a_text(one, f"an item of {what}") for one in value)


def named(value: object) -> str:
    """Return a value's type with its article; the value itself may not even have a text."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


# ---------------------------------------------------------------- what methods return


def _nothing(value: object) -> None:
    if value is not None:
        raise TypeError(f"it returned {named(value)}; nothing is to be returned")


def _a(kind: type[ValueT], value: object) -> ValueT:
    if not isinstance(value, kind):
        wanted = f"{'an' if kind.__name__[:1] in 'AEIOU' else 'a'} {kind.__name__}"
        raise TypeError(f"it returned {named(value)}; {wanted} is wanted")
    return value


def _columns(value: object) -> list[str]:
    # A name may stand there twice: the file has it so, and is refused with its name where the column is wanted.
    return list(texts(value, "what it returned"))


def _stream(value: object) -> Iterator[Any]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(f"it returned {named(value)}; an iterator is wanted")
    return iter(value)


def _batch_check() -> Callable[[Any], Any]:
    import pyarrow as pa

    first: list[pa.Schema] = []

    def check(value: object) -> pa.RecordBatch:
        if not isinstance(value, pa.RecordBatch):
            raise TypeError(f"it yielded {named(value)}; record batches are wanted")
        if not first:
            if len(set(value.schema.names)) < len(value.schema.names):
                raise ValueError("it yielded a batch with two columns of one name")
            first.append(value.schema)
        elif not value.schema.equals(first[0]):
            raise ValueError("it yielded a batch whose schema is not that of the first one")
        value.validate(full=True)
        return value

    return check


def _opened(value: object) -> Opened:
    found = _a(Opened, value)
    return Opened(columns=_columns(found.columns), batches=_stream(found.batches))


def _export_result(value: object) -> ExportResult:
    said = _a(ExportResult, value)
    return ExportResult(rows=whole_number(said.rows, "rows"), size_bytes=whole_number(said.size_bytes, "size_bytes"))


def _facts(value: object, what: str) -> dict[str, str | int]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} is {named(value)} and has to be a mapping")
    return {
        a_text(name, f"a key of {what}"): (
            a_text(fact, f"a value of {what}") if isinstance(fact, str) else whole_number(fact, f"a value of {what}")
        )
        for name, fact in value.items()
    }


def _fingerprint(value: object) -> Fingerprint:
    seen = _a(Fingerprint, value)
    return Fingerprint(strategy=a_text(seen.strategy, "strategy"), facts=_facts(seen.facts, "facts"))


def _verdict(value: object) -> Verdict:
    said = _a(Verdict, value)
    if said.equal is not True and said.equal is not False:
        raise TypeError(f"equal is {named(said.equal)} and has to be True or False")
    return Verdict(equal=said.equal, reason=a_text(said.reason, "reason"))


def _finding(value: object) -> Finding:
    if not isinstance(value, Finding):
        raise TypeError(f"it yielded {named(value)}; findings are wanted")
    if value.severity not in ("error", "warning", "note"):
        raise ValueError("it yielded a finding whose severity is not error, warning or note")
    rows = value.rows
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        raise TypeError(f"rows is {named(rows)} and has to be a sequence of whole numbers")
    return Finding(
        code=a_text(value.code, "code"),
        message=a_text(value.message, "message"),
        severity=value.severity,
        file=None if value.file is None else a_text(value.file, "file"),
        rows=tuple(whole_number(row, "an item of rows") for row in rows),
        count=whole_number(value.count, "count"),
        hint=a_text(value.hint, "hint"),
    )


def _entry(value: object) -> RemoteEntry:
    found = _a(RemoteEntry, value)
    if found.kind not in get_args(EntryKind):
        raise ValueError(f"kind has to be one of {', '.join(get_args(EntryKind))}")
    return RemoteEntry(
        path=a_text(found.path, "path"),
        kind=found.kind,
        size_bytes=whole_number(found.size_bytes, "size_bytes"),
        mark=a_text(found.mark, "mark"),
    )


def _bytes(value: object) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"it returned {named(value)}; bytes are wanted")
    return bytes(value)


def _digests(value: object) -> dict[str, dict[str, str | int]]:
    if not isinstance(value, Mapping):
        raise TypeError(f"it returned {named(value)}; a mapping is wanted")
    return {a_text(name, "a file's name"): _facts(facts, "facts of a file") for name, facts in value.items()}


def _probe(value: object) -> Probe:
    seen = _a(Probe, value)
    for key, given in (("facts", seen.facts), ("errors", seen.errors), ("warnings", seen.warnings)):
        if not isinstance(given, Mapping):
            raise TypeError(f"{key} is {named(given)} and has to be a mapping")
    if seen.folder not in ("missing", "read-only", "writable"):
        raise ValueError("folder has to be missing, read-only or writable")
    facts = {a_text(k, "a key of facts"): None if v is None else a_text(v, "a fact") for k, v in seen.facts.items()}
    lock = None if seen.lock is None else a_text(seen.lock, "lock")
    told = {
        what: {a_text(k, f"a key of {what}"): a_text(v, f"a value of {what}") for k, v in fixes.items()}
        for what, fixes in (("errors", seen.errors), ("warnings", seen.warnings))
    }
    return Probe(facts=facts, clock=a_number(seen.clock, "clock"), folder=seen.folder, lock=lock, **told)


def _traffic(value: object) -> Traffic:
    seen = _a(Traffic, value)
    return Traffic(sent=whole_number(seen.sent, "sent"), received=whole_number(seen.received, "received"))


def _context(value: object) -> AbstractContextManager[Any]:
    if not isinstance(value, AbstractContextManager):
        raise TypeError(f"it returned {named(value)}; a context manager is wanted")
    return value


def _outcomes(value: object) -> list[ShardOutcome]:
    found = []
    for one in _stream(value):
        outcome = _a(ShardOutcome, one)
        if outcome.state not in ("done", "failed", "lost"):
            raise ValueError("it returned an outcome whose state is not done, failed or lost")
        index, detail = whole_number(outcome.index, "index"), a_text(outcome.detail, "detail")
        found.append(ShardOutcome(index=index, state=outcome.state, detail=detail))
    return found


_NOTHING = Answer(checked=_nothing)
_BATCHES = Answer(checked=_stream, item_check=_batch_check)

ANSWERS: Mapping[str, Mapping[str, Answer]] = {
    "importer": {"open": Answer(checked=_opened, item_check=_batch_check)},
    "importer of API 1.0": {"columns": Answer(checked=_columns), "read": _BATCHES},
    "exporter": {"write": Answer(checked=_export_result)},
    "overlay_writer": {"batches": _BATCHES},
    "verify": {"fingerprint": Answer(checked=_fingerprint), "compare": Answer(checked=_verdict)},
    "transport": {
        "abilities": Answer(checked=lambda value: frozenset(texts(value, "what it returned"))),
        "probe": Answer(checked=_probe),
        "stat": Answer(checked=lambda value: None if value is None else _entry(value)),
        "walk": Answer(checked=_stream, item_check=lambda: _entry),
        "read": Answer(checked=_bytes),
        "fetch": _NOTHING,
        "send": _NOTHING,
        "lock": Answer(checked=_context),
        "digest": Answer(checked=_digests),
        "commit": _NOTHING,
        "place": _NOTHING,
        "remove_staging": _NOTHING,
        "traffic": Answer(checked=_traffic),
        "close": _NOTHING,
    },
    "event_sink": {"emit": _NOTHING, "close": _NOTHING},
    "health_check": {"": Answer(checked=_stream, item_check=lambda: _finding)},
    "check": {"": Answer(checked=_stream, item_check=lambda: _finding)},
    "executor": {
        "submit": _NOTHING,
        "wait": Answer(checked=_outcomes),
        "cancel": _NOTHING,
        "close": _NOTHING,
    },
    "function": {"": Answer(checked=lambda value: value)},
}
"""By kind of provider and method. `store.questions.export` compares what an exporter says with what it did."""
