"""Two roots of this machine with a real ssh connection between them, in which faults can be set.

The command is the real `usr`, a child process; the remote side's programs and the ones here are shims (`sync_shims`).
"""

from __future__ import annotations

import getpass
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from support.cli import Result, Word, clean_env, start_usr, usr_argv
from support.forked_cli import ForkedUsr
from support.sshd import HOST, LoopbackSshd
from support.sync_shims import lay_out_shims
from support.sync_states import NAME, State, Templates

__all__ = ["Action", "Lab", "Scenario"]

Action = Literal["pull", "push"]
Scenario = Literal["first", "forward"]
"""Whether the side that takes has no copy yet, or an older one."""

_TRAPS = ("at", "valve", "after", "down", "steps", "counted", "action", "action.log")


@dataclass
class Lab:
    """One pair of roots.

    Args:
        folder: For everything but the roots.
        sshd: The way between them.
        here, there: The roots; made in `folder` by default.
    """

    folder: Path
    sshd: LoopbackSshd
    here: Path = field(default=Path())
    there: Path = field(default=Path())

    def __post_init__(self) -> None:
        self.here = self.folder / "here" if self.here == Path() else self.here
        self.there = self.folder / "there" if self.there == Path() else self.there
        self.control = self.folder / "control"
        near, self._far = lay_out_shims(self.control, ssh=self.sshd.bin / "ssh")
        (self.control / "sshd.pid").write_text(str(self.sshd.process.pid))
        self.use(self.sshd)
        self.remotes = self.control / "remotes.yaml"
        self.write_remote(base_dir=str(self.there))
        self.env = {
            "PATH": f"{near}:{self.sshd.path}",
            "USR_REMOTES_PATH": str(self.remotes),
            "FAULT_LAB": str(self.control),
        }

    def use(self, sshd: LoopbackSshd) -> None:
        """Put the shims on PATH there, after a reset."""
        system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        (sshd.control / "path").write_text(f"{self._far}:{system}")

    def write_remote(self, *, base_dir: str) -> None:
        """Write the remotes file."""
        user = getpass.getuser()
        self.remotes.write_text(f"remotes:\n  far: {{type: ssh, host: {HOST}, user: {user}, base_dir: {base_dir!r}}}\n")
        self.remotes.chmod(0o600)

    # ------------------------------------------------------------ the roots

    def prepare(self, templates: Templates, action: Action, scenario: Scenario) -> None:
        """Give the side that gives the new state, and the other the old one or none; forget every fault."""
        self.mend()
        giver, taker = self.sides(action)
        for root, template in ((giver, templates.new), (taker, templates.old)):
            root.mkdir(exist_ok=True)
            for entry in root.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            shutil.copytree(template, root, dirs_exist_ok=True)
        if scenario == "first":
            shutil.rmtree(taker / NAME.split("/")[0])

    def sides(self, action: Action) -> tuple[Path, Path]:
        """Return the root that gives and the one that takes."""
        return (self.there, self.here) if action == "pull" else (self.here, self.there)

    def states(self, action: Action) -> tuple[State, State]:
        """Return what readers see of the side that gives and of the one that takes."""
        giver, taker = self.sides(action)
        return State.of(giver / NAME), State.of(taker / NAME)

    # ------------------------------------------------------------ faults

    def set_action(self, script: str) -> None:
        """Set what happens at the point: lines of sh, where `harm` is the helper of `sync_shims`."""
        harm = f"harm() {{ '{sys.executable}' -S -E '{self.control}/harm.py' '{self.control}' \"$@\"; }}"
        place = self.control / "action"
        place.write_text(f"#!/bin/sh\n{harm}\n{script}\n")
        place.chmod(0o755)

    def at_step(self, number: int) -> None:
        """Act before the n-th program that runs on the remote side."""
        (self.control / "at").write_text(f"{number}\n")

    def at_byte(self, direction: Literal["fetch", "send"], number: int, mode: str = "action") -> None:
        """Act when so many bytes of an rsync have gone in that direction; modes are those of the valve."""
        (self.control / "valve").write_text(f"{direction} {number} {mode}\n")

    def after_copies(self) -> None:
        """Act after each rsync that ended well, until the action makes `hit`."""
        (self.control / "after").write_text("1\n")

    @property
    def hit(self) -> bool:
        """Whether the fault has happened."""
        return (self.control / "hit").is_dir()

    @property
    def steps(self) -> list[str]:
        """The programs that have run on the remote side since `prepare`, with their arguments."""
        return (self.control / "steps").read_text(errors="replace").splitlines()

    def mend(self) -> None:
        """Take every fault away."""
        for name in _TRAPS:
            (self.control / name).unlink(missing_ok=True)
        shutil.rmtree(self.control / "hit", ignore_errors=True)

    # ------------------------------------------------------------ the command

    def usr(self, *args: Word, timeout: float = 300, tracer: Sequence[str] = ()) -> Result:
        """Run `usr` here, in a fork, under `tracer` if there is one; its process id is known to actions."""
        place = self.control / "usr.pid"
        place.unlink(missing_ok=True)
        rc, out, err = ForkedUsr.run(
            [*usr_argv(), "--root", str(self.here), *map(str, args)],
            cwd=None,
            env=clean_env(self.env),
            given=b"",
            timeout=timeout,
            started=lambda pid: place.write_text(f"{pid}\n"),
            tracer=tracer,
        )
        told = (one.decode("utf-8", "surrogateescape") for one in (out, err))
        return Result(args=tuple(map(str, args)), rc=rc, out=next(told), err=next(told))

    def sync(self, action: Action, *more: Word, timeout: float = 300, tracer: Sequence[str] = ()) -> Result:
        """Run a pull or a push."""
        return self.usr(action, NAME, "far", "-y", *more, timeout=timeout, tracer=tracer)

    def start(self, *args: Word) -> subprocess.Popen[str]:
        """Start `usr` here and return at once."""
        return start_usr(*args, root=self.here, env=self.env)
