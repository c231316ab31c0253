"""Freezing the registry into a dataset on request, and stamping its hash into the base."""

from __future__ import annotations

from usr_core.records.base_schema import META_REGISTRY_HASH, next_base_metadata
from usr_core.roots.layout import RECORDS
from usr_core.store.base.append import rewrite_footer
from usr_core.store.base.parquet import read_base_facts
from usr_core.store.mutation import Site, mutate

__all__ = ["freeze_registry"]


def freeze_registry(site: Site) -> tuple[bool, str]:
    """Freeze the root's registry into the dataset.

    Returns:
        Whether anything changed (not where the registry was frozen before and the base carries its hash already),
        and the registry's hash.
    """
    with mutate(site, "registry_freeze") as mutation:
        base = mutation.base_facts()
        digest = mutation.registry.hash
        frozen = mutation.freeze_registry()
        stamped = base.metadata.get(META_REGISTRY_HASH) != digest
        if not (frozen or stamped):
            return False, digest
        if stamped:
            staged = mutation.txn.stage(RECORDS)
            metadata = next_base_metadata(base.metadata, registry_hash=digest, same_rows=True)
            mutation.copied_bytes = rewrite_footer(site.layout.records, staged, metadata=metadata)
            base = read_base_facts(staged)
        mutation.finish(base=base, args={}, metrics={"namespaces": len(mutation.registry.namespaces)}, new_base=stamped)
    return True, digest
