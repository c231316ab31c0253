"""The scripts behind the Makefile: what they do on a machine that lacks something, and on one that lacks nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
TOOLS = ("sh", "cat", "cksum", "dirname", "head", "id", "ls", "mkdir", "rm")

# Stands for an interpreter: recent enough, able to make a venv (of itself), and noting what pip is asked for.
PYTHON = """#!/bin/sh
case $* in
    *version_info*\\<*) exit {too_old} ;;
    *version_info*) echo 3.11 ;;
    *ensurepip*) exit {no_venv} ;;
    "-m venv"*) mkdir -p .venv/bin && cat "$0" >.venv/bin/python && /bin/chmod +x .venv/bin/python ;;
    *"pip install"*) echo "$*" >>installs ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH that holds the few programs the scripts are allowed to need, and no apt-get."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but what the bootstrap looks at."""
    place = tmp_path / "checkout"
    (place / "plugins" / "usr_one").mkdir(parents=True)
    (place / "plugins" / "usr_one" / "__init__.py").touch()
    (place / "pyproject.toml").write_text("[project]\n")
    (place / "requirements").mkdir()
    for name in ("dev", "runtime"):
        (place / "requirements" / f"{name}.txt").write_text("pluggy==1.7.0 --hash=sha256:00\n")
    shutil.copytree(SCRIPTS, place / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    return place


def add_python(programs: Path, *, too_old: bool = False, no_venv: bool = False) -> None:
    script = programs / "python3"
    script.write_text(PYTHON.format(too_old=int(too_old), no_venv=int(no_venv)))
    script.chmod(0o755)


def run(script: Path, *words: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", script, *words],
        env={"PATH": str(path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def installs(checkout: Path) -> list[str]:
    """Return what pip was asked to install, in order: a lock's file, or the folder that `--editable` names."""
    return [line.split()[-1] for line in (checkout / "installs").read_text().splitlines()]


class TestPrograms:
    def test_says_nothing_where_all_are_there(self, programs: Path) -> None:
        """The usual case costs nothing and prints nothing."""
        done = run(SCRIPTS / "programs.sh", "cat", "id", path=programs)

        assert (0, "", "") == (done.returncode, done.stdout, done.stderr)

    def test_names_each_missing_package_once_in_one_line(self, programs: Path) -> None:
        """Where nothing can be installed, the line can be pasted; the programs' package names are Debian's."""
        done = run(SCRIPTS / "programs.sh", "no-such-a", "cat", "no-such-a", "no-such-b", path=programs)

        assert 1 == done.returncode
        assert "make: please install first (Debian names): apt-get install no-such-a no-such-b\n" == done.stderr


class TestBootstrap:
    def test_installs_once(self, programs: Path, checkout: Path) -> None:
        """A second run finds everything as it was and asks pip for nothing."""
        add_python(programs)
        for _ in range(2):
            assert 0 == run(checkout / "scripts" / "bootstrap.sh", "dev", path=programs).returncode

        assert ["requirements/dev.txt", "."] == installs(checkout)

    def test_development_tools_are_added_and_kept(self, programs: Path, checkout: Path) -> None:
        """`make test` after `make demo` installs more; `make demo` after `make test` nothing less."""
        add_python(programs)
        for extra in ("runtime", "dev", "runtime"):
            assert 0 == run(checkout / "scripts" / "bootstrap.sh", extra, path=programs).returncode

        assert ["requirements/runtime.txt", ".", "requirements/dev.txt", "."] == installs(checkout)

    @pytest.mark.parametrize("changed", ["pyproject.toml", "plugins/usr_two/__init__.py", "requirements/runtime.txt"])
    def test_installs_again_after_a_change(self, programs: Path, checkout: Path, changed: str) -> None:
        """An editable install does not see new dependencies, entry points or packages by itself."""
        add_python(programs)
        run(checkout / "scripts" / "bootstrap.sh", "runtime", path=programs)
        (checkout / changed).parent.mkdir(exist_ok=True)
        (checkout / changed).write_text("# changed\n")
        run(checkout / "scripts" / "bootstrap.sh", "runtime", path=programs)

        assert ["requirements/runtime.txt", "."] * 2 == installs(checkout)

    def test_only_locked_files_are_fetched(self, programs: Path, checkout: Path) -> None:
        """pip checks each against a hash, and neither a dependency nor a build environment adds another."""
        add_python(programs)
        run(checkout / "scripts" / "bootstrap.sh", "runtime", path=programs)
        locked, project = (checkout / "installs").read_text().splitlines()

        assert "--require-hashes --no-deps" in locked
        assert "--no-deps --no-build-isolation" in project

    def test_torch_is_added_by_version(self, programs: Path, checkout: Path) -> None:
        """Its build depends on the machine, so no hash could be right everywhere; what it costs is said."""
        add_python(programs)
        run(checkout / "scripts" / "bootstrap.sh", "dev", path=programs)
        done = run(checkout / "scripts" / "bootstrap.sh", "torch", path=programs)

        assert (0, True) == (done.returncode, "200 MB" in done.stderr)
        assert installs(checkout)[-1].startswith("torch==")

    def test_an_old_python_is_one_line(self, programs: Path, checkout: Path) -> None:
        """The line says what is needed and how to name another interpreter."""
        add_python(programs, too_old=True)
        done = run(checkout / "scripts" / "bootstrap.sh", "runtime", path=programs)

        assert 1 == done.returncode
        assert "make: Python 3.11 or later is needed and was not found; set PYTHON=/path/to/python3\n" == done.stderr

    def test_a_python_without_venv_names_its_package(self, programs: Path, checkout: Path) -> None:
        """Debian ships the interpreter without what makes a venv."""
        add_python(programs, no_venv=True)
        done = run(checkout / "scripts" / "bootstrap.sh", "runtime", path=programs)

        assert 1 == done.returncode
        assert "make: please install first (Debian names): apt-get install python3.11-venv\n" == done.stderr
        assert not (checkout / ".venv").exists()


def test_every_script_is_executable() -> None:
    """Each can be called by its name."""
    assert [] == [path.name for path in SCRIPTS.glob("*.sh") if not os.access(path, os.X_OK)]
