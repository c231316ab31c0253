"""A venv for plugins under test, which sees this environment's packages without installing them anew."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.cli import Result, Word, clean_env, run_usr

__all__ = ["ScratchVenv", "make_venv"]

# As pip has it done, which begins three processes a project; the backend is imported once here, and forks.
_BUILD = """
import os, sys, tomllib
from importlib import import_module
from pathlib import Path

wheels, *projects = sys.argv[1:]
for project in projects:
    backend = import_module(tomllib.loads(Path(project, "pyproject.toml").read_text())["build-system"]["build-backend"])
    child = os.fork()
    if not child:
        os.chdir(project)
        backend.build_wheel(wheels)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{project} can't be built")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScratchVenv:
    """A venv that holds what `install` is given; everything else comes from this environment."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def install(self, *projects: Path) -> None:
        """Build and install projects from their folders, without their dependencies and without the network."""
        wheels = self.folder / "wheels"
        wheels.mkdir()
        built = self._run([sys.executable, "-c", _BUILD, str(wheels), *map(str, projects)], None, None)
        assert 0 == built.rc, str(built)
        done = self.pip("install", "--quiet", "--no-deps", "--no-index", *sorted(wheels.iterdir()))
        assert 0 == done.rc, str(done)

    def pip(self, *words: Word) -> Result:
        """Run this environment's pip for the venv."""
        return self._run([sys.executable, "-m", "pip", "--python", str(self.python), *map(str, words)], None, None)

    def run(self, *words: Word, cwd: Path, env: Mapping[str, Word] | None = None) -> Result:
        """Run the interpreter with these words in a folder."""
        return self._run([str(self.python), *map(str, words)], cwd, clean_env(env))

    def usr(self, *words: Word, cwd: Path, env: Mapping[str, Word] | None = None) -> Result:
        """Run the command ``usr`` in a folder, with what is installed here."""
        return run_usr(*words, cwd=cwd, env={"PYTHONPATH": self.packages, **(env or {})})

    @property
    def packages(self) -> Path:
        """The folder of its packages."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    @staticmethod
    def _run(argv: list[str], cwd: Path | None, env: Mapping[str, str] | None) -> Result:
        done = subprocess.run(
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=600,
            check=False,
        )  # fmt: skip
        return Result(args=tuple(argv), rc=done.returncode, out=done.stdout, err=done.stderr)


def make_venv(folder: Path) -> ScratchVenv:
    """Make the venv; nothing is fetched."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    venv = ScratchVenv(folder=folder)
    # Behind the venv's own packages, with the .pth files there, an editable install of this checkout among them.
    ours = sysconfig.get_path("purelib")
    (venv.packages / "outer.pth").write_text(f"import site; site.addsitedir({ours!r})\n", encoding="utf-8")
    return venv
