"""docs/plugins/testing-transports.md works as it is printed, and importing the kit costs nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.cli import clean_env

CHECKOUT = Path(__file__).parents[3]
PAGE = (CHECKOUT / "docs" / "plugins" / "testing-transports.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python as an author does, outside this checkout."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=clean_env(), capture_output=True, text=True, timeout=300, check=False
    )


def test_the_page_is_a_test_module_that_passes(tmp_path: Path):
    """Its blocks are one module; pytest finds the contract's tests in it, and they all pass."""
    (tmp_path / "test_mine.py").write_text("\n".join(BLOCKS), encoding="utf-8")
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py", cwd=tmp_path)
    passed = re.search(r"^(\d+) passed in", done.stdout, re.MULTILINE)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert passed is not None, done.stdout
    assert int(passed[1]) > 100


def test_a_failed_contract_shows_its_values(tmp_path: Path):
    """Assertions of the contract are told as those of the author's own modules."""
    broken = BLOCKS[0].replace("MemoryRemote()  # yours: an object as described below", "Broken()")
    broken += "\n\nclass Broken(MemoryRemote):\n    def names(self, folder):\n        return ['left over']\n"
    (tmp_path / "test_mine.py").write_text(broken, encoding="utf-8")
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "says_what", "test_mine.py", cwd=tmp_path)

    assert 1 == done.returncode
    assert "AssertionError: assert ['left over'] == []" in done.stdout


def test_the_page_names_every_method_of_a_far_side():
    """Whoever writes one finds them all."""
    from usr_core.testing.far_side import FarSide

    names = {name for name in (*vars(FarSide), *FarSide.__annotations__) if not name.startswith("_")}

    assert set() == {name for name in names if f"`{name}" not in PAGE}


def test_importing_the_kit_imports_nothing_heavy(tmp_path: Path):
    """Neither pytest nor pyarrow, nor any module of the kit itself."""
    code = "import usr_core.testing, sys; print([n for n in sys.modules if n.split('.')[0] in ('pytest', 'pyarrow')"
    code += " or n.startswith('usr_core.testing.')])"
    done = python("-c", code, cwd=tmp_path)

    assert ("[]\n", "") == (done.stdout, done.stderr)


def test_the_transport_in_memory_needs_no_pytest(tmp_path: Path):
    """So that it can stand in for a remote outside of tests as well."""
    code = "import usr_core.testing, sys; usr_core.testing.MemoryRemote(); print('pytest' in sys.modules)"
    done = python("-c", code, cwd=tmp_path)

    assert ("False\n", "") == (done.stdout, done.stderr)
