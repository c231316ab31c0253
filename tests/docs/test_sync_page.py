"""docs/operations/sync.md does what it says, over ssh, and explains every error that sync has."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.docs import examples_of, run_page
from support.error_codes import coded_errors
from support.sshd import LoopbackSshd, started_sshd
from support.sync_page import ready_page, save_scripts, serve_cluster

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "sync.md"
JSON_PAGE = PAGE.parents[1] / "reference" / "json.md"
ROOMS = ("USR-SYNC-", "USR-TRANSPORT-", "USR-REMOTES-")
ROW = re.compile(r"^\| `(USR-[A-Z]+-\d{3})` \| \S.* \| \S.* \|$", re.MULTILINE)


def keys_of(audit: dict[str, Any]) -> set[str]:
    """Return the keys of an audit and of the objects in it."""
    return set(audit).union(*(keys_of(value) for value in audit.values() if isinstance(value, dict)))


def documented_keys() -> set[str]:
    """Return the words in code marks of the section about audits, those inside braces too."""
    text = JSON_PAGE.read_text(encoding="utf-8")
    (section,) = re.findall(r"^## `usr diff`, `usr pull`, `usr push`\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    return {word for code in re.findall(r"`([^`]+)`", section) for word in re.split(r"[{},]\s*", code)}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short name: a shared ssh connection is a socket, whose path has about 100 bytes."""
    with tempfile.TemporaryDirectory(prefix="usr-page-") as folder:
        yield Path(folder)


@pytest.fixture
def cluster(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackSshd]:
    with started_sshd(place / "sshd") as sshd:
        monkeypatch.setenv("PATH", sshd.path)
        serve_cluster(sshd, place / "home")
        yield sshd


def test_every_example_of_the_page_runs(cluster: LoopbackSshd, place: Path) -> None:
    """In order, between two folders here and one on a host that is reached by ssh."""
    for name in ("work", "project"):
        (place / name).mkdir()
    save_scripts(PAGE, place / "work")

    page = ready_page(PAGE, into=place, home=place / "home", project=place / "project")
    run_page(page, place / "work", {"HOME": str(place / "home")})

    assert any(command.startswith("rsync --server") for command in cluster.commands())
    laptop = place / "work" / "laptop"
    audits = [json.loads((laptop / name).read_text(encoding="utf-8"))["data"] for name in ("audit.json", "copy.json")]
    audits += [json.loads(line) for line in (laptop / "lab/promoters/.sync.log").read_text("utf-8").splitlines()]
    assert set() == {key for audit in audits for key in keys_of(audit)} - documented_keys()


def test_every_block_of_the_page_is_run(tmp_path: Path) -> None:
    """A block is either commands or a script that a command runs."""
    blocks = re.findall(r"^```(\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    scripts = save_scripts(PAGE, tmp_path)
    commands = [example.command for example in examples_of(PAGE)]

    assert {"console", "sh"} == set(blocks)
    assert blocks.count("sh") == len(scripts)
    assert all(any(script.name in command for command in commands) for script in scripts)


def test_every_error_of_sync_is_explained() -> None:
    """What happened and what to do stands on the page for each code of sync, transports and remotes."""
    explained = ROW.findall(PAGE.read_text(encoding="utf-8"))
    codes = set(coded_errors())

    assert set() == {code for code in codes if code.startswith(ROOMS)} - set(explained)
    assert set() == set(explained) - codes
