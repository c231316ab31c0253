"""An event on its way: its bytes, and the key by which a receiver knows that it has it already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from usr_core.api.events import line_digest, line_seq

__all__ = ["Message", "message_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event to deliver.

    Attributes:
        dataset: Name of the dataset, as the event has it.
        action: What happened.
        seq: The event's number; None for a line of an older writer, which carries none.
        key: The same for every delivery of the same event, printable ASCII: dataset, number, and the beginning of the
            line's digest, as a log that was replaced may hold another event of that number.
        payload: The line of the log without its newline: UTF-8 JSON.
    """

    dataset: str
    action: str
    seq: int | None
    key: str
    payload: bytes


def message_of(raw: bytes, event: Mapping[str, Any], *, dataset: str) -> Message:
    """Return the message for a line of the log; `dataset` stands in where the event names none."""
    named = event.get("dataset")
    name = named.get("name") if isinstance(named, Mapping) else None
    name = name if isinstance(name, str) and name else dataset
    seq = line_seq(event)
    key = f"{quote(name, safe='/._-', errors='replace')}:{seq or 0}:{line_digest(raw)[:12]}"
    return Message(dataset=name, action=str(event.get("action")), seq=seq, key=key, payload=raw)
