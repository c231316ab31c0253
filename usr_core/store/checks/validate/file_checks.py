"""The files of a dataset against its log, and links among them; under ``--strict``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from usr_core.commit.file_tree import TreeEntry
from usr_core.events.files_told import FilesTold
from usr_core.roots.layout import ARCHIVED, DERIVED, RECORDS, SNAPSHOTS
from usr_core.store.checks.doctor.odd_places import OddPlace
from usr_core.store.checks.validate.report import FindingList

__all__ = ["check_files_told", "check_places"]

_ADOPT = "Restore it from a copy (usr pull); or take the files as they are: `usr doctor DATASET --adopt`."
_SHOWN = 20


def check_files_told(
    told: FilesTold,
    entries: Sequence[TreeEntry],
    overlays: Collection[str],
    findings: FindingList,
    *,
    left_out: str = "",
) -> None:
    """Compare what is there with what the events say is there.

    What is missing or has another size was lost or changed, and is an error. A snapshot that was made before a pull
    that left snapshots out on request is a warning. An overlay that no event has brought is only found where every
    event names its files.

    Args:
        told: The account of the log.
        entries: Every file of the dataset.
        overlays: Relative names of the files that readers take for overlays.
        findings: Takes a finding for each file, at most 20 of each kind, with the count of all.
        left_out: When the pull was begun that left snapshots out (RFC 3339), or ``""``.
    """
    there = {entry.relative: entry.found.st_size for entry in entries if entry.found is not None}
    missing = [name for name in told.sizes if name not in there and name != RECORDS]
    asked = {name for name in missing if name.startswith(f"{SNAPSHOTS}/") and _digits(name) < _digits(left_out)}
    lost = [name for name in missing if name not in asked]
    _tell("USR-VALID-087", "was added by an event, and is not there", lost, findings)
    what = "was left out by the pull that brought this copy (--skip-snapshots)"
    _tell("USR-VALID-087", what, sorted(asked), findings, warning=True)
    differing = {
        name: f"has {there[name]:,} bytes, and {size:,} by the event that wrote it"
        for name, size in told.sizes.items()
        if there.get(name, size) != size and _is_fixed(name)
    }
    _tell("USR-VALID-088", differing, sorted(differing), findings)
    if told.complete:
        strays = sorted(name for name in overlays if name not in told.sizes)
        _tell("USR-VALID-089", "is an overlay that no event has brought", strays, findings)


def check_places(places: Iterable[OddPlace], findings: FindingList) -> None:
    """Report every link (readers follow it, and every change of what it stands for is refused) and special file."""
    for place in places:
        findings.add("USR-VALID-091", place.message, hint=place.fix, file=place.relative)


def _is_fixed(name: str) -> bool:
    """Tell whether only an event may change a file of this name; notes and artifacts are people's and tools' own."""
    return name.startswith((f"{DERIVED}/", f"{SNAPSHOTS}/")) and not name.startswith(f"{ARCHIVED}/")


def _digits(text: str) -> str:
    """Return the digits of a time, which is also in a snapshot's name: year to microseconds."""
    return "".join(letter for letter in text if letter in "0123456789")[:20]


def _tell(
    code: str, what: str | Mapping[str, str], names: Sequence[str], findings: FindingList, *, warning: bool = False
) -> None:
    for number, name in enumerate(names[:_SHOWN], 1):
        more = f" (and {len(names) - _SHOWN:,} more files)" if number == _SHOWN < len(names) else ""
        findings.add(
            code,
            f"{name} {what if isinstance(what, str) else what[name]}{more}",
            hint=_ADOPT,
            file=name,
            severity="warning" if warning else "error",
        )
