"""docs/python.md runs as it is printed, and is about every way of reading."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.cli import clean_env
from usr_core.dataset.reading import Reading

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MACHINERY = {"view", "iter_grep", "base_rows", "validate"}


def test_the_page_runs(tmp_path: Path) -> None:
    """Its blocks are one program, which says how much it keeps, and leaves only what it is to write."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(BLOCKS)],
        cwd=tmp_path,
        env=clean_env(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (0, "", ["usr gc demo/promoters"]) == (
        done.returncode, done.stdout, [line.rpartition(": ")[2] for line in done.stderr.splitlines()],
    )  # fmt: skip
    assert {"datasets", "parts.fasta", "promoters.parquet"} == {entry.name for entry in tmp_path.iterdir()}


def test_every_way_of_reading_is_on_the_page() -> None:
    """A reading method that nobody can find out about is missing here."""
    methods = {name for name in vars(Reading) if not name.startswith("_")}

    assert set() == {name for name in methods - MACHINERY if f".{name}(" not in "".join(BLOCKS)}
