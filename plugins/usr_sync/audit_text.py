"""An audit for people."""

from __future__ import annotations

from typing import Any

from usr_core.api import visible

__all__ = ["audit_text", "plan_text"]

_FOLDERS = ("_snapshots", "_derived", ".history", "_auxiliary")
_NAMES_SHOWN = 5
_COUNTED = (("files", "file"), ("events", "new event"))
_STATES = {
    "TRANSFERRED": "transferred",
    "NO-OP": "nothing to do: both copies are alike",
    "DRY-RUN": "dry run: nothing was transferred",
}
_RELATIONS = {
    "equal": "one history",
    "ahead": "this copy has newer events",
    "behind": "the remote has newer events",
    "diverged": "both have events that the other lacks",
}


def plan_text(audit: dict[str, Any]) -> str:
    """Return the question to ask before a transfer."""
    what = audit.get("dataset") or audit.get("file")
    pull = audit["action"] == "pull"
    way = f"Pull {what} from {audit['remote']}" if pull else f"Push {what} to {audit['remote']}"
    if "dataset" not in audit:
        return visible(f"{way}, replacing that file?", limit=4000)
    plan = audit["plan"]
    files, events = (f"{plan[key]:,} {words}{'s' * (plan[key] != 1)}" for key, words in _COUNTED)
    moved = f"{files}, {plan['bytes']:,} bytes, {events}"
    aside = ", ".join(plan["put_aside"][:_NAMES_SHOWN]) + (", …" if len(plan["put_aside"]) > _NAMES_SHOWN else "")
    what_goes = f"; puts aside {'here' if pull else 'there'}: {aside}" if aside else ""
    return visible(f"{way} ({moved}{what_goes})?", limit=4000)


def audit_text(audit: dict[str, Any]) -> str:
    """Return an audit as lines, the same for every action."""
    if "dataset" not in audit:
        return _file_text(audit)
    state = audit["transfer_state"]
    if state == "DIFF-ONLY":
        told = "the copies differ" if audit["changed"] else "the copies are alike"
    else:
        told = _STATES.get(state, state)
    lines = [visible(f"{audit['action']} {audit['dataset']}, {audit['remote']}: {told}", limit=4000)]
    verify = audit["verify"]
    lines.append(
        f"audit: {state}, base compared by {verify['used']}, sidecars {verify['sidecars']}, "
        f"content hashes {verify['content_hashes']}"
    )
    if state == "TRANSFERRED":
        lines.append("  before it:")
    lines.append(f"  {'records.parquet':16} {_changed(audit['primary'])}{_sizes(audit['primary'])}")
    if audit["primary_only"]:
        lines.append("  nothing else was compared (--primary-only)")
        if state == "TRANSFERRED" and audit[".events.log"]["relation"] != "equal":
            side = "here" if audit["action"] == "pull" else "there"
            lines.append(f"  the copy {side} can be read; before it is changed, {audit['action']} it whole")
        return "\n".join([*lines, _traffic(audit)])
    lines.append(f"  {'meta.md':16} {_changed(audit['meta'])}")
    log = audit[".events.log"]
    heads = f"here event {log['local_head']['seq']}, there event {log['remote_head']['seq']}"
    lines.append(f"  {'.events.log':16} {_changed(log)}   {_RELATIONS[log['relation']]} ({heads})")
    if log["relation"] == "diverged":
        compared = f"{audit['dataset']} {audit['dataset']}@{audit['remote']}"
        lines.append(visible(f"  what differs in values: usr compare {compared}", limit=4000))
    for name in _FOLDERS:
        lines += _section(audit, name)
    aside = audit.get("plan", {}).get("put_aside", [])
    if aside and state == "TRANSFERRED":
        side = "here" if audit["action"] == "pull" else "there"
        lines.append(f"  {len(aside)} replaced or retired {side} and kept in .usr.replaced:")
        lines += _names(aside, "kept")
    versions = audit.get("versions", {"before": 0, "after": 0})
    if state == "TRANSFERRED" and versions["before"] != versions["after"]:
        side = "here" if audit["action"] == "pull" else "there"
        was = f", before it {versions['before']}" if versions["before"] else ""
        lines.append(f"  {'version':16} {versions['after']} {side}{was}")
    if audit.get("registry_written"):
        lines.append("  registry.yaml    written for this root, which had none, from the dataset's frozen registry")
    lines.append(_traffic(audit))
    return "\n".join(line.rstrip() for line in lines)


def _file_text(audit: dict[str, Any]) -> str:
    state = audit["transfer_state"]
    told = _STATES.get(state) or ("the copies differ" if audit["changed"] else "the copies are alike")
    heading = f"{audit['action']} {audit['file']}, {audit['remote']}:{audit['remote_file']}: {told}"
    used = audit["verify"].get("used", audit["verify"]["primary"])
    return "\n".join([visible(heading, limit=9000), f"audit: {state}, compared by {used}", _traffic(audit)])


def _section(audit: dict[str, Any], name: str) -> list[str]:
    section = audit[name]
    counts = f"files: {section['local_files']} here, {section['remote_files']} there"
    if name == "_snapshots" and audit["skip_snapshots"]:
        return [f"  {name:16} not compared (--skip-snapshots)"]
    if name == ".history" and not audit["history"]:
        some = section["local_files"] or section["remote_files"]
        return [f"  {name:16} left out   {counts} (--history takes it along)"] if some else []
    lines = [f"  {name:16} {_changed(section)}   {counts}"]
    for key, words in (("local_only", "only here"), ("remote_only", "only there"), ("differing", "different")):
        lines += _names(section[key], words)
    return lines


def _names(names: list[str], words: str) -> list[str]:
    shown = [f"    {words}: {visible(name)}" for name in names[:_NAMES_SHOWN]]
    more = len(names) - _NAMES_SHOWN
    return [*shown, f"    {words}: … and {more} more"] if more > 0 else shown


def _changed(section: dict[str, Any]) -> str:
    return "differs" if section["changed"] else "same   "


def _sizes(primary: dict[str, Any]) -> str:
    sides = [(words, primary[side]) for side, words in (("local", "here"), ("remote", "there"))]
    return "   " + ", ".join(
        f"{seen['size_bytes']:,} bytes {words}" if seen is not None else f"none {words}" for words, seen in sides
    )


def _traffic(audit: dict[str, Any]) -> str:
    moved = audit["bytes"]
    return f"  {moved['sent']:,} bytes sent, {moved['received']:,} received, {audit['seconds']:.1f} s"
