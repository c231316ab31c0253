"""Events of a tool: lines that it adds to the log although no file changes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from usr_core.store.errors import EventNotRecordable, ToolActionInvalid
from usr_core.store.mutation import Site, mutate

__all__ = ["check_recordable", "check_tool_action", "record_event"]

_TOOL_ACTION = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", re.ASCII)
# Readers of a log rely on these actions; an event of such a name without the change would be false.
_CORE_ACTIONS = frozenset(
    {
        "clear_overlay",
        "compact_overlay",
        "registry_freeze",
        "remove_overlay",
        "state_clear",
        "state_set",
        "write_overlay",
        "write_overlay_part",
    }
)
_MOST_BYTES = 64 << 10


def record_event(
    site: Site, action: str, *, metrics: Mapping[str, object], args: Mapping[str, object]
) -> dict[str, Any]:
    """Add one event to the log and return it; no file of the dataset changes, and the base is not copied.

    Raises:
        ToolActionInvalid: `action` is not ``<tool>_<word>``, or one of the core's own.
        EventNotRecordable: `metrics` or `args` are not JSON, or too large for a line.
        LockTimeout: Another writer holds the dataset.
    """
    check_tool_action(action)
    for given in (metrics, args):
        check_recordable(given)
    with mutate(site, action) as mutation:
        mutation.finish(base=mutation.base_facts(), args=args, metrics=metrics)
        return mutation.event or {}  # there is one: no event is only tried


def check_tool_action(action: str) -> None:
    """Refuse an action that is not a tool's: lower-case words with ``_`` between, none of the core's.

    Raises:
        ToolActionInvalid: The action is one of the core's, or not of that form.
    """
    if not _TOOL_ACTION.fullmatch(action) or action in _CORE_ACTIONS:
        raise ToolActionInvalid(action=action)


def check_recordable(given: Mapping[str, object]) -> None:
    """Refuse what can't stand in an event.

    Raises:
        EventNotRecordable: The value is not JSON (NaN is not), or longer than 64 KiB.
    """
    try:
        text = json.dumps(dict(given), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise EventNotRecordable(reason=str(error)) from error
    if len(text) > _MOST_BYTES:
        raise EventNotRecordable(reason=f"{len(text):,} characters are more than {_MOST_BYTES:,}")
