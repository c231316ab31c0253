"""A dataset whose very first change was cut off behind its commit point is a dataset."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.cli import Usr, clean_env

PROGRAM = """
import os, sys
from usr_core.commit import transaction
from usr_core.dataset import Dataset
def die(self, step):
    if step is transaction.Step.LINKED: os._exit(9)
transaction.Transaction._reached = die
Dataset.open(sys.argv[1], "ns/base").init(source="cut off")
"""


def test_is_found_read_and_finished(tmp_path: Path) -> None:
    """It is listed and shown as if its first change were done, and the next writer does it."""
    usr = Usr(root=tmp_path)
    usr.ok("namespace", "register", "mock", "--columns", "mock__score:float64")
    died = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], env=clean_env(), check=False, timeout=120)
    assert 9 == died.returncode
    assert not (usr.path("ns/base") / "records.parquet").exists()

    assert "ns/base" in usr.ok("ls").out
    assert 0 == usr.ok("info", "ns/base", "--format", "json").data["rows"]
    usr.ok("snapshot", "base")
    assert (usr.path("ns/base") / "records.parquet").is_file()
    assert ["init", "snapshot"] == [event["action"] for event in usr.events("ns/base")]
    usr.ok("validate", "ns/base", "--strict")
