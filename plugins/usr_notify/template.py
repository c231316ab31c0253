"""The body of a webhook's request by the user's own template: for chat programs, which take a form of their own.

A template is JSON. Names in braces inside its texts are replaced by what an event says, so that no value can break out
of its text. ``{{`` and ``}}`` are braces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from usr_notify.errors import TemplateInvalid
from usr_notify.message import Message

__all__ = ["PLACEHOLDERS", "Template"]

_UNKNOWN = "?"
_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def _inner(outer: str, key: str) -> Callable[[Mapping[str, Any]], object]:
    def value(event: Mapping[str, Any]) -> object:
        found = event.get(outer)
        return found.get(key) if isinstance(found, Mapping) else None

    return value


def _rows(event: Mapping[str, Any]) -> object:
    """Return the rows that a change has added, written, dropped or changed; else those of the dataset."""
    metrics, fingerprint = event.get("metrics"), event.get("fingerprint")
    known = metrics if isinstance(metrics, Mapping) else {}
    for name in ("rows", "rows_added", "rows_written", "rows_dropped"):
        if name in known:
            return known[name]
    return fingerprint.get("rows") if isinstance(fingerprint, Mapping) else None


PLACEHOLDERS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "action": lambda event: event.get("action"),
    "dataset": _inner("dataset", "name"),
    "root": _inner("dataset", "root"),
    "rows": _rows,
    "seq": lambda event: event.get("seq"),
    "time": lambda event: event.get("timestamp_utc"),
    "tool": _inner("actor", "tool"),
    "run_id": _inner("actor", "run_id"),
    "host": _inner("actor", "host"),
}
"""What may stand in braces, and where an event has it. What an event does not say is shown as a question mark."""


class Template:
    """A checked template.

    Raises:
        TemplateInvalid: The text is not JSON, or holds a brace that is not a placeholder, or an unknown one.
    """

    def __init__(self, text: str) -> None:
        try:
            self._tree = json.loads(text)
        except (ValueError, RecursionError):
            raise TemplateInvalid(
                "The template is not JSON.",
                hint="""Give JSON with placeholders in its texts: --template '{"text": "{action} on {dataset}"}'.""",
            ) from None
        self._filled(self._tree, {})

    def body(self, message: Message) -> bytes:
        """Return the body for an event, UTF-8 JSON."""
        try:
            event = json.loads(message.payload)
        except ValueError:
            event = {}
        known = event if isinstance(event, dict) else {}
        known = {"action": message.action, "seq": message.seq, **known, "dataset": _dataset(known, message)}
        return json.dumps(self._filled(self._tree, known), ensure_ascii=False).encode("utf-8", "backslashreplace")

    def _filled(self, node: object, event: Mapping[str, Any]) -> object:
        if isinstance(node, str):
            return _PARTS.sub(lambda part: _value(part, event), node)
        if isinstance(node, list):
            return [self._filled(item, event) for item in node]
        if isinstance(node, dict):
            return {self._filled(name, event): self._filled(item, event) for name, item in node.items()}
        return node


def _dataset(event: Mapping[str, Any], message: Message) -> dict[str, object]:
    told = event.get("dataset")
    return {**(told if isinstance(told, dict) else {}), "name": message.dataset}


def _value(part: re.Match[str], event: Mapping[str, Any]) -> str:
    if part[0] in ("{{", "}}"):
        return part[0][0]
    name = part[1]
    if name not in PLACEHOLDERS:
        raise TemplateInvalid(
            "The template holds a brace that is not closed." if name is None else
            f"The template holds the unknown placeholder {{{name}}}.",
            hint=f"There are {', '.join(f'{{{known}}}' for known in PLACEHOLDERS)}; {{{{ and }}}} stand for braces.",
        )  # fmt: skip
    value = PLACEHOLDERS[name](event)
    return _UNKNOWN if value is None else str(value)
