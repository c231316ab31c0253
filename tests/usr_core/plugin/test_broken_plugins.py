"""A broken plugin leaves the command line usable: silence where it is not needed, one message where it is."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from support.broken_plugins import BROKEN, HOOKS, broken
from support.cli import Result, Usr, clean_env, usr_argv
from support.plugins import install
from support.processes import Child
from support.tree import tree_digest

DUPLICATE = "duplicate name"
KINDS = [*sorted(BROKEN), DUPLICATE]
ENDS_WITH_THE_PLUGIN = {"hangs", "exits at once"}
"""Kinds whose code, once it is asked for, is past any help inside the process."""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def env(kind: str, tmp_path: Path) -> dict[str, Path]:
    """An environment in which the sick plugin is installed."""
    if kind == DUPLICATE:
        plugins = [broken(HOOKS, distribution="lab-a"), broken(HOOKS, distribution="lab-b")]
    else:
        plugins = [broken(BROKEN[kind][0])]
    return {"PYTHONPATH": install(tmp_path / "site", *plugins)}


def quiet(result: Result) -> Result:
    assert (0, "") == (result.rc, result.err), str(result)
    return result


class TestWhereItIsNotNeeded:
    def test_help_lists_its_command(self, kind: str, env: dict[str, Path], usr: Usr) -> None:
        """From the manifest; contested ones are left out, with one line in the footer."""
        shown = quiet(usr.run("--help", env=env, timeout=20)).out

        assert (kind != DUPLICATE) == ("The command work" in shown)
        assert (kind == DUPLICATE) == ("usr plugins list" in shown)

    def test_lists_and_descriptions_work(self, kind: str, env: dict[str, Path], usr: Usr) -> None:
        """Nothing is imported for them."""
        status = "conflict" if kind == DUPLICATE else "ok"
        rows = quiet(usr.run("plugins", "list", "--format", "json", env=env, timeout=20)).data

        assert {status} == {row["status"] for row in rows if row["id"] == "sick"}
        assert (
            status == quiet(usr.run("plugins", "info", "sick", "--format", "json", env=env, timeout=20)).data["status"]
        )

    def test_reading_is_silent(self, env: dict[str, Path], seeded: Usr) -> None:
        """Of a dataset, by any command that asks nothing of it."""
        for words in (
            ["ls"],
            ["info", "ns/base"],
            ["head", "ns/base"],
            ["export", "ns/base", "--fmt", "csv", "--out", "-"],
        ):
            if words[-1] == "-":
                words[-1] = str(seeded.root.parent / "out.csv")
            quiet(seeded.run(*words, env=env, timeout=20))

    def test_it_can_be_switched_off(self, env: dict[str, Path], seeded: Usr) -> None:
        """Then changes are silent too."""
        quiet(seeded.run("--disable-plugin", "sick", "snapshot", "ns/base", env=env, timeout=20))


class TestWhereItIsNeeded:
    def test_a_change_is_made_all_the_same(self, kind: str, env: dict[str, Path], seeded: Usr) -> None:
        """A sink that fails, or can't be loaded, is one warning that names the plugin; the event is in the log."""
        if kind in ENDS_WITH_THE_PLUGIN:
            ended = ended_by_force(seeded, "snapshot", "ns/base", env=env)
            # An interrupt ends the telling of sinks; what ends the whole process is past any help.
            assert (0 if kind == "hangs" else 3) == ended
        else:
            result = seeded.ok("snapshot", "ns/base", env=env, timeout=20)
            warned = [line for line in result.err.splitlines() if line.startswith("warning: ")]
            sick = kind not in (DUPLICATE, "slow import", "prints on import")
            assert [sick] == [bool(warned)], str(result)
            assert all("usr-plugin-sick" in line for line in warned)
            assert "Traceback" not in result.err

        assert "snapshot" == seeded.events("ns/base")[-1]["action"]

    def test_its_importer_is_one_message(self, kind: str, env: dict[str, Path], seeded: Usr) -> None:
        """Exit 4 with plugin, distribution and cause, and the dataset is as it was; or it works after all."""
        (seeded.root.parent / "some.txt").write_text("ACGT\n")
        words = ["import", "ns/base", "--from", "sick", "--path", str(seeded.root.parent / "some.txt")]
        before = tree_digest(seeded.path("ns/base"))
        if kind in ("slow import", "prints on import"):
            assert 0 == seeded.run(*words, env=env, timeout=20).rc
        elif kind in ENDS_WITH_THE_PLUGIN:
            assert 0 != ended_by_force(seeded, *words, env=env)
            assert before == tree_digest(seeded.path("ns/base"))
        else:
            result = seeded.refuses(4, *words, env=env, timeout=20)
            named = ("lab-a 1.0", "lab-b 1.0") if kind == DUPLICATE else ("usr-plugin-sick 1.0", BROKEN[kind][1])
            assert [] == [word for word in named if word not in result.err], str(result)
            assert "hint: " in result.err
            assert before == tree_digest(seeded.path("ns/base"))

    def test_its_command_is_one_message(self, kind: str, env: dict[str, Path], usr: Usr) -> None:
        """Where the command's own module breaks as the hooks do."""
        if kind in ENDS_WITH_THE_PLUGIN:
            assert 0 != ended_by_force(usr, "work", env=env)
        elif kind in ("import error", "exits", DUPLICATE):
            result = usr.refuses(4, "work", env=env, timeout=20)
            assert "1.0" in result.err
        else:
            assert "worked" == usr.ok("work", env=env, timeout=20).out.splitlines()[-1]


def ended_by_force(usr: Usr, *words: str, env: dict[str, Path]) -> int:
    """Run a command, interrupt it as Ctrl-C does where it hangs in the plugin, and return its exit code."""
    import signal

    process = Child(
        [*usr_argv(), "--root", str(usr.root), *words], env=clean_env(env), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        if any(env["PYTHONPATH"].rglob("*.reached")):
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.05)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode
