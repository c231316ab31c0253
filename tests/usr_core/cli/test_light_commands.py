"""Commands that need nothing but footers and logs import no library for more."""

from __future__ import annotations

import subprocess
import sys

from support.cli import Usr, clean_env

HEAVY = ("numpy", "pyarrow", "duckdb", "pandas")
READS = (*HEAVY, "yaml", "pluggy", "usr_core.plugin.host", "usr_core.events.redaction")
PROGRAM = f"""
import sys
from usr_core.cli.main import main

for line in sys.stdin:
    heavy = {HEAVY!r} if line.startswith("snapshot") else {READS!r}
    sys.argv = ["usr", *line.split()]
    code = main()
    found = [name for name in heavy if name in sys.modules]
    if code or found:
        sys.exit(f"{{line}}: exit code {{code}}, imported {{found}}")
"""


def told(seeded: Usr, *lines: str) -> str:
    """Run command lines in one new process and return what it says on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input="".join(f"{line}\n" for line in lines),
        env=clean_env({"USR_ROOT": seeded.root}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stderr


def test_they_import_none(seeded: Usr) -> None:
    """Rows, types and sizes stand in footers, changes in the log."""
    lines = (
        "ls",
        "info ns/base",
        "schema ns/base --tree",
        "cols ns/base --format json",
        "events tail ns/base",
        "log ns/base",
    )
    lines += ("snapshot ns/base",)

    assert "" == told(seeded, *lines)


def test_columns_of_overlays_too(seeded: Usr) -> None:
    """Only `info` has to read their keys, to count those that match no record."""
    (seeded.root / "v.csv").write_text("sequence,score\nACGTACGTACGTACGTAAAA,1.5\n", encoding="utf-8")
    seeded.ok("attach", "ns/base", "--path", seeded.root / "v.csv", "--namespace", "mock", "--key", "sequence")

    assert "" == told(seeded, "ls", "schema ns/base", "cols ns/base")
