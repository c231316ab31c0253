"""Every environment variable and setting that the code knows is explained in docs/reference/environment.md."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\bUSR_[A-Z0-9]+(?:_[A-Z0-9]+)*\b")


def sources() -> list[Path]:
    folders = [CHECKOUT / "usr_core", CHECKOUT / "plugins"]
    return sorted(path for folder in folders for kind in ("*.py", "*.toml") for path in folder.rglob(kind))


def test_every_variable_is_documented() -> None:
    """A variable that is read somewhere has its line, and no line is about one that is not."""
    read = {name for path in sources() for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    listed = set(re.findall(r"^\| `(USR_[A-Z0-9_]+)` \|", PAGE, re.MULTILINE))

    assert read == listed


def test_every_setting_is_documented() -> None:
    """The keys of the settings file that the switches read are in the table."""
    code = (CHECKOUT / "usr_core" / "plugin" / "switches.py").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `\[plugins\] ([a-z]+)` \|", PAGE, re.MULTILINE))

    assert {"disable", "prefer"} == listed
    assert all(f'"{key}"' in code for key in listed)
