"""The key/value metadata of an overlay file, as the store writes it."""

from __future__ import annotations

import hashlib

from usr_core.events.event import rfc3339
from usr_core.registry.document import TOMBSTONE_ENTRY, TOMBSTONE_NAMESPACE
from usr_core.store.mutation import Mutation
from usr_core.store.parts.files import (
    META_ACTOR_RUN_ID,
    META_ACTOR_TOOL,
    META_CONTRACT_HASH,
    META_CREATED_AT,
    META_KEY,
    META_NAMESPACE,
    META_REGISTRY_HASH,
)

__all__ = ["overlay_metadata"]


def overlay_metadata(mutation: Mutation, namespace: str, *, created_at_us: int | None = None) -> dict[str, str]:
    """Return the metadata of a file keyed by ``id`` that `mutation` writes; its stamp is the change's clock."""
    actor = mutation.site.actor.resolved()
    return {
        META_NAMESPACE: namespace,
        META_KEY: "id",
        META_CREATED_AT: rfc3339(mutation.txn.clock_us if created_at_us is None else created_at_us),
        META_REGISTRY_HASH: mutation.registry.hash,
        META_CONTRACT_HASH: _contract_hash(mutation, namespace),
        META_ACTOR_TOOL: actor.tool,
        META_ACTOR_RUN_ID: actor.run_id,
    }


def _contract_hash(mutation: Mutation, namespace: str) -> str:
    if namespace != TOMBSTONE_NAMESPACE:
        return mutation.registry.contract_hash(namespace)
    # Never registered, so its contract is the one that the format fixes.
    lines = [namespace, *(f"{column.name}:{column.type.canonical()}" for column in TOMBSTONE_ENTRY.columns)]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode("utf-8")).hexdigest()
