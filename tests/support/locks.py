"""The versions that this checkout is tested with: what stands in ``requirements/``."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["LOCKS", "Locked", "read_lock", "write_requirements"]

LOCKS = Path(__file__).resolve().parents[2] / "requirements"


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One version of one package."""

    name: str
    version: str
    requirement: Requirement
    """With its marker, which says where this version is the one."""
    hashes: tuple[str, ...]
    text: str
    """The lines as they stand in the file."""


def read_lock(file: Path) -> list[Locked]:
    """Return what a file of ``requirements/`` pins, in its order."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if not line.startswith("#")]
    found = []
    for text in re.findall(r"^\S.*\n(?:\s.*\n)*", "".join(lines), re.MULTILINE):
        pin, *hashes = re.split(r"\\?\n?\s+--hash=", text.strip())
        requirement = Requirement(pin.strip())
        (only,) = requirement.specifier
        assert "==" == only.operator, text
        found.append(
            Locked(
                name=canonicalize_name(requirement.name),
                version=only.version,
                requirement=requirement,
                hashes=tuple(value.removesuffix("\\").strip() for value in hashes),
                text=text,
            )
        )
    return found


def write_requirements(file: Path, *, also: Collection[str] = ()) -> Path:
    """Write what a user needs at run time, and the packages `also` of the development lock, with their hashes."""
    added = [locked.text for locked in read_lock(LOCKS / "dev.txt") if locked.name in also]
    file.write_text((LOCKS / "runtime.txt").read_text(encoding="utf-8") + "".join(added), encoding="utf-8")
    return file
