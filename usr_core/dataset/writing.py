"""Writer sessions: for tools that run for hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from usr_core.dataset.site import DatasetSite
from usr_core.events.actor import Actor

if TYPE_CHECKING:
    from usr_core.store.session.writer import RecordWriter

__all__ = ["Writing"]


class Writing(DatasetSite):
    """`writer`."""

    def writer(
        self, *, namespaces: Sequence[str] = (), actor: Actor | None = None, name: str | None = None, **options: Any
    ) -> RecordWriter:
        """Return a session that takes records, and overlay values with them, over hours.

            with ds.writer(namespaces=["densegen"], actor=Actor(tool="densegen", run_id="r1")) as w:
                w.add([{"sequence": "ACGT"}], overlays={"densegen": [{"plan": "sigma70"}]})

        Rows are durable once flushed and visible once committed; see `usr_core.store.session.writer`. A session
        that was killed is resumed by opening it again under its name.

        Args:
            namespaces: Registered namespaces whose values come with the records.
            actor: Who writes; by default the dataset's actor.
            name: The session's name; by default the actor's tool and run id.
            options: Further fields of `usr_core.store.session.writer.SessionOptions`.

        Raises (on entering):
            SessionInUse: The session is open elsewhere.
            SessionSchemaChanged: It was begun with other columns.
            NamespaceNotRegistered, RegistryMissing, RegistryInvalid: The registry says no.
        """
        from usr_core.store.session.writer import RecordWriter, SessionOptions

        site = replace(self._site(), actor=actor or self.actor)
        return RecordWriter(
            site, SessionOptions(namespaces=tuple(namespaces), name=name, **options), announce=self._announce
        )
