"""What USR requires of other packages, what is installed, and which package asks for another version.

A version outside the admitted range can do harm without an error: an older pyarrow writes Parquet files that it
can't read back. So `require_admitted` runs once a process, before the store is imported. It reads the metadata of
a few distributions as plain files (``importlib_metadata`` costs 100 ms); the search for the package that pins is
made only after a failure. `usr doctor` lists everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from usr_core.errors import UsrError
from usr_core.plugin.discovery import distributions, normalized

__all__ = ["Requirement", "VersionNotAdmitted", "let_any_version_run", "read_requirements", "require_admitted"]

_WORD = re.compile(r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*\(?(?P<range>[^;)@]*)")
_CLAUSE = re.compile(r"\s*(~=|==|!=|<=|>=|<|>)\s*([^\s,]+)\s*")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)""")
_RELEASE = re.compile(r"v?(?:\d+!)?(\d+(?:\.\d+)*)(.*)", re.IGNORECASE)

_any_version_may_run = False


class VersionNotAdmitted(UsrError, ImportError):
    """A package that USR needs is installed in a version that it was not tested with and may do harm."""

    code = "USR-VERSION-001"

    def __init__(self, requirement: Requirement) -> None:
        super().__init__(requirement.problem or "", hint=requirement.fix, facts={"package": requirement.name})
        self.requirement = requirement


class Requirement(NamedTuple):
    """One package that USR needs.

    Attributes:
        name: As `pyproject.toml` spells it.
        admitted: The range, such as ``>=26,<27``.
        extra: The extra that asks for it, or None where USR can't run without it.
        installed: The version, or None where it is not installed.
        pinned_by: Packages that ask for the installed version and refuse the admitted ones, each with its range.
    """

    name: str
    admitted: str
    extra: str | None
    installed: str | None
    pinned_by: tuple[str, ...] = ()

    @property
    def problem(self) -> str | None:
        """What is wrong, as a sentence, or None."""
        if self.installed is None or _admits(self.admitted, self.installed):
            return None
        asked = f", as {' and '.join(self.pinned_by)}" if self.pinned_by else ""
        return f"{self.name} {self.installed} is installed{asked}; USR works with {self.name}{self.admitted}."

    @property
    def fix(self) -> str:
        """What to do about it."""
        if self.pinned_by:
            return (
                f"Install USR into an environment of its own, or upgrade the package that pins {self.name}; "
                "`usr doctor` lists every version."
            )
        return f"Run pip install '{self.name}{self.admitted}'; `usr doctor` lists every version."


def require_admitted() -> None:
    """Refuse to go on where a package that USR can't run without has a version outside its range.

    In a source tree without metadata nothing is known, and nothing is refused.

    Raises:
        VersionNotAdmitted: The first such package; the error names who asks for that version.
    """
    if _any_version_may_run:
        return
    for requirement in _requirements():
        if requirement.extra is None and requirement.problem is not None:
            raise VersionNotAdmitted(_with_pins(requirement))


def let_any_version_run() -> None:
    """Switch `require_admitted` off for this process, which reports versions itself.

    Example:
        >>> from usr_core.api.results import let_any_version_run
        >>> let_any_version_run()
    """
    global _any_version_may_run  # noqa: PLW0603
    _any_version_may_run = True


def read_requirements() -> tuple[Requirement, ...]:
    """Return what USR needs, sorted by name, with who pins a wrong version; of the extras only what is installed."""
    found = [_with_pins(one) if one.problem else one for one in _requirements()]
    return tuple(sorted(one for one in found if one.extra is None or one.installed is not None))


def _requirements() -> Iterator[Requirement]:
    by_key = {one.key: one for one in distributions()}
    own = next((one for one in by_key.values() if one.is_own), None)
    for word in own.requires() if own is not None else ():
        name, admitted, extra = _parsed(word)
        if extra in ("dev", "test"):
            continue
        installed = by_key.get(normalized(name))
        yield Requirement(name, admitted, extra, None if installed is None else installed.version)


def _with_pins(requirement: Requirement) -> Requirement:
    """Return it with the packages whose range holds the installed version and leaves out our lowest."""
    lowest = next((version for sign, version in _CLAUSE.findall(requirement.admitted) if sign == ">="), None)
    pins = []
    for other in distributions():
        for word in other.requires() if not other.is_own else ():
            name, wanted, extra = _parsed(word)
            if extra is not None or normalized(name) != normalized(requirement.name):
                continue
            if _admits(wanted, requirement.installed or "") and not _admits(wanted, lowest or ""):
                pins.append(f"{other.name} {other.version} requires {name}{wanted}")
    return requirement._replace(pinned_by=tuple(pins))


def _parsed(word: str) -> tuple[str, str, str | None]:
    """Return name, range and extra of a ``Requires-Dist`` line; the range has its lower bound first."""
    found, extra = _WORD.match(word), _EXTRA.search(word.partition(";")[2])
    if found is None:
        return word, "", None
    clauses = sorted((sign + version for sign, version in _CLAUSE.findall(found["range"])), reverse=True)
    return found["name"], ",".join(clauses), extra[1] if extra else None


def _admits(range_: str, version: str) -> bool:
    """Tell whether a version lies in a range. What is not a version by PEP 440 is not judged, and admitted."""
    here = _ordered(version)
    return here is None or all(_holds(here, *clause) for clause in _CLAUSE.findall(range_))


def _holds(here: tuple[int, ...], sign: str, bound: str) -> bool:
    there = _ordered(bound.removesuffix(".*"))
    if there is None:
        return True
    parts = bound.removesuffix(".*").count(".") + 1
    if sign == "~=":
        return here >= there and here[: parts - 1] == there[: parts - 1]
    if sign in ("==", "!="):
        same = here[:parts] == there[:parts] if bound.endswith(".*") else here == there
        return same == (sign == "==")
    # A pre-release of the bound does not lie below it.
    return {"<": here[:-1] < there[:-1], "<=": here <= there, ">": here > there, ">=": here >= there}[sign]


def _ordered(version: str) -> tuple[int, ...] | None:
    """Return a key by which versions compare: five numbers, and -1 for a pre-release, which comes before them."""
    found = _RELEASE.fullmatch(version.strip())
    if found is None:
        return None
    numbers = [int(part) for part in found[1].split(".")][:5]
    early = re.match(r"[-._]?(a|b|c|rc|alpha|beta|pre|preview|dev)[-._]?\d*", found[2], re.IGNORECASE)
    return (*numbers, *[0] * (5 - len(numbers)), -1 if early else 0)
