"""Who gets what when two plugins claim the same id, command or provider name.

The distribution that ships `usr_core` keeps its own. Between third parties nobody wins until the user's
configuration names one: which of two was seen first says nothing. Plugins that are switched off,
incompatible or unreadable claim nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from usr_core.plugin.discovery import PluginRecord, PluginStatus, Refusal
from usr_core.plugin.manifest import CommandClaim, ProviderClaim

__all__ = ["claim_key", "resolve_claims"]


def claim_key(claim: CommandClaim | ProviderClaim) -> str:
    """Return the spelling of a claim in messages and in ``[plugins.prefer]``: ``command:ls``, ``importer:csv``."""
    if isinstance(claim, CommandClaim):
        return f"command:{' '.join(claim.path)}"
    return f"{claim.kind}:{claim.name}"


def resolve_claims(
    records: Sequence[PluginRecord], preferred: Mapping[str, str], *, own_ids: Iterable[str] = ()
) -> tuple[PluginRecord, ...]:
    """Mark ids and claims that more than one plugin makes.

    Args:
        records: Every installed plugin, built-ins first.
        preferred: For a contested claim, the distribution that gets it.
        own_ids: Ids of built-in plugins, which they keep even while switched off.

    Returns:
        The records in the same order; a refused one has the status `conflict`.
    """
    return _resolve_names(_resolve_ids(records, preferred, frozenset(own_ids)), preferred)


def _resolve_ids(
    records: Sequence[PluginRecord], preferred: Mapping[str, str], own_ids: frozenset[str]
) -> tuple[PluginRecord, ...]:
    holders: dict[str, list[PluginRecord]] = defaultdict(list)
    for record in records:
        if _claims(record) or record.is_own:
            holders[record.id].append(record)
    resolved = []
    for record in records:
        rivals = [other for other in holders[record.id] if other is not record]
        if record.is_own or not rivals or not _claims(record) or _is_preferred(record, record.id, preferred, own_ids):
            resolved.append(record)
        else:
            refusal = _refusal(record, record.id, f"the id {record.id!r}", rivals)
            resolved.append(
                record._replace(
                    status=PluginStatus.CONFLICT, reason=refusal.reason, hint=refusal.hint,
                    refused=(refusal,), usable=False,
                )
            )  # fmt: skip
    return tuple(resolved)


def _resolve_names(records: Sequence[PluginRecord], preferred: Mapping[str, str]) -> tuple[PluginRecord, ...]:
    holders: dict[str, list[PluginRecord]] = defaultdict(list)
    for record in records:
        if _claims(record):
            for key in _keys(record):
                holders[key].append(record)
    resolved = []
    for record in records:
        refused = []
        if _claims(record) and not record.is_own:
            for key in _keys(record):
                rivals = [other for other in holders[key] if other is not record]
                own = frozenset({key}) if any(other.is_own for other in rivals) else frozenset[str]()
                if rivals and not _is_preferred(record, key, preferred, own):
                    refused.append(_refusal(record, key, key.replace(":", " ", 1), rivals))
        if refused:
            record = record._replace(  # noqa: PLW2901 - the marked record takes the place of the unmarked one
                status=PluginStatus.CONFLICT, reason="; ".join(r.reason for r in refused),
                hint=refused[0].hint, refused=tuple(refused),
            )  # fmt: skip
        resolved.append(record)
    return tuple(resolved)


def _keys(record: PluginRecord) -> list[str]:
    return [claim_key(c) for c in record.commands] + [claim_key(p) for p in record.provides]


def _claims(record: PluginRecord) -> bool:
    return record.usable and record.status in (PluginStatus.OK, PluginStatus.NO_MANIFEST)


def _is_preferred(record: PluginRecord, key: str, preferred: Mapping[str, str], own: frozenset[str]) -> bool:
    choice = preferred.get(key)
    if choice is None or key in own:
        return False
    return record.is_named(choice)


def _refusal(record: PluginRecord, key: str, what: str, rivals: Sequence[PluginRecord]) -> Refusal:
    others = " and ".join(rival.origin for rival in rivals)
    verb = "claims" if len(rivals) == 1 else "claim"
    if any(rival.is_own for rival in rivals):
        hint = (
            f"Rename it in {record.installed.distribution.name}, or uninstall that distribution; built-ins keep theirs."
        )
    else:
        hint = (
            f'Uninstall one, or put "{key}" = "{record.installed.distribution.name}" '
            "(or the other one) under [plugins.prefer] in the configuration file."
        )
    return Refusal(what=key, reason=f"{what} of {record.origin}: {others} {verb} it too", hint=hint)
