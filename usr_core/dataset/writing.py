"""Writer sessions, and events of a tool's own: for tools that run for hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from usr_core.dataset.site import DatasetSite
from usr_core.events.actor import Actor

if TYPE_CHECKING:
    from usr_core.store.changes.session.writer import RecordWriter

__all__ = ["Writing"]


class Writing(DatasetSite):
    """`writer`, `record_event`."""

    def writer(
        self, *, namespaces: Sequence[str] = (), actor: Actor | None = None, name: str | None = None, **options: Any
    ) -> RecordWriter:
        """Return a session that takes records, and overlay values with them, over hours.

            with ds.writer(namespaces=["densegen"], actor=Actor(tool="densegen", run_id="r1")) as w:
                w.add([{"sequence": "ACGT"}], overlays={"densegen": [{"plan": "sigma70"}]})

        Rows are durable once flushed and visible once committed; see `usr_core.store.changes.session.writer`. A session
        that was killed is resumed by opening it again under its name.

        Args:
            namespaces: Registered namespaces whose values come with the records.
            actor: Who writes; by default the dataset's actor.
            name: The session's name; by default the actor's tool and run id.
            options: Further fields of `usr_core.store.changes.session.writer.SessionOptions`.

        Raises (on entering):
            SessionInUse: The session is open elsewhere.
            SessionSchemaChanged: The session was begun with other columns.
            NamespaceNotRegistered, RegistryMissing, RegistryInvalid: The registry is missing or invalid, or lacks
                a namespace.
        """
        from usr_core.store.changes.session.writer import RecordWriter, SessionOptions

        site = replace(self._site(), actor=actor or self.actor)
        return RecordWriter(site, SessionOptions(namespaces=tuple(namespaces), name=name, **options))

    def record_event(
        self,
        action: str,
        *,
        metrics: Mapping[str, object] | None = None,
        args: Mapping[str, object] | None = None,
        actor: Actor | None = None,
    ) -> dict[str, Any]:
        """Add an event of a tool's own to the log, such as how its run is getting on; nothing else changes.

        It is an ordinary change in all other respects: under the lock, chained to the lines before, handed to the
        event sinks. It costs a few milliseconds, whatever the dataset's size.

        Args:
            action: ``<tool>_<word>``, such as ``densegen_health``.
            metrics: What was counted; a tool puts its own figures below its name.
            args: What was asked; secrets are hidden.
            actor: Who says so; by default the dataset's actor.

        Returns:
            The event as it stands in the log.

        Raises:
            ToolActionInvalid: `action` is not an action of a tool.
            EventNotRecordable: `metrics` or `args` are not JSON values, or larger than 64 KiB.
            LockTimeout: Another writer holds the dataset.
        """
        from usr_core.store.changes.tool_event import record_event

        site = replace(self._site(), actor=actor or self.actor)
        return record_event(site, action, metrics=metrics or {}, args=args or {})
