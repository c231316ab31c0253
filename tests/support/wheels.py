"""Building wheels from copies of their sources, with pip's own settings and nothing that leads back to the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.cli import Result, Word, clean_env
from support.locks import write_requirements

__all__ = ["CHECKOUT", "Installed", "build_wheel", "install_wheels", "run_builder"]

CHECKOUT = Path(__file__).resolve().parents[2]


def build_wheel(project: Path, parts: Sequence[str], work: Path) -> Path:
    """Build the source distribution of `parts` of a project, and the wheel from it, in the new folder `work`."""
    # From a copy: setuptools would leave `build/` in the checkout, and take stale files from it.
    source = work / "source"
    source.mkdir(parents=True)
    for name in parts:
        if (project / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist")
            shutil.copytree(project / name, source / name, ignore=ignored)
        else:
            shutil.copy(project / name, source)
    run_builder(sys.executable, "-m", "build", "--no-isolation", "--outdir", work / "dist", source)
    (wheel,) = (work / "dist").glob("*.whl")
    return wheel


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A wheel of USR, a venv outside the checkout that has it and its dependencies, and a folder elsewhere."""

    wheel: Path
    venv: Path
    folder: Path

    def run(self, program: str, *words: str | Path) -> Result:
        """Run a program of the venv in `folder`."""
        return run_builder(self.venv / "bin" / program, *words, cwd=self.folder, env=clean_env())

    def usr(self, *words: str | Path) -> Result:
        """Run ``usr`` on a root in `folder`."""
        return self.run("usr", "--root", "root", *words)


def install_wheels(base: Path, *wheels: Word, also: Collection[str] = (), beside: Path | None = None) -> Path:
    """Install wheels into the new venv ``base / "venv"``, and return it.

    What they need comes first, from the lock, with its hashes: the run-time packages and those named `also`. Then the
    wheels find all of it there, as they may fetch nothing. What the venv `beside` has but USR is linked from there.
    """
    locked = write_requirements(base / "requirements.txt", also=also)
    run_builder(sys.executable, "-m", "venv", "--without-pip", base / "venv")
    if beside is not None:
        (theirs,) = beside.glob("lib/python*/site-packages")
        ours = base / "venv" / theirs.relative_to(beside)
        ignored = shutil.ignore_patterns("usr_*", "universal_sequence_record*")
        shutil.copytree(theirs, ours, copy_function=os.link, ignore=ignored, dirs_exist_ok=True)
    # By the pip of this environment: a venv takes longer to get one than all it is needed for.
    install = (sys.executable, "-m", "pip", "--python", base / "venv" / "bin" / "python", "install", "--quiet")
    # Byte code of what is never imported would cost more than all the rest.
    run_builder(*install, "--no-compile", "--require-hashes", "--no-deps", "--requirement", locked)
    run_builder(*install, "--no-index", *wheels)
    return base / "venv"


def run_builder(*argv: Word, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
    """Run a program, and fail the test unless it ends with 0."""
    words = tuple(map(str, argv))
    done = subprocess.run(
        words,
        cwd=cwd,
        env=_builder_env() if env is None else env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    result = Result(args=words, rc=done.returncode, out=done.stdout, err=done.stderr)
    assert result.rc == 0, str(result)
    return result


def _builder_env() -> dict[str, str]:
    """Keep pip's own settings and cache, drop what could lead back to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
