"""The remarks that pyarrow makes on macOS stay out of stderr, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from usr_core.cli.pyarrow_noise import is_suppressed

NOISY = """
import os, sys
os.write(2, b"W: sysctlbyname failed for 'hw.l1dcachesize'\\n")
os.write(2, b"something that matters\\n")
VALUE = 7
"""
RUN = """
import sys
from usr_core.cli.pyarrow_noise import quieten_pyarrow
import os
sys.path.insert(0, sys.argv[1])
quieten_pyarrow(os.environ, platform=sys.argv[2])
import pyarrow
print(pyarrow.VALUE)
"""


def run(folder: Path, platform: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Import a stand-in for pyarrow that writes to file descriptor 2, as the C++ code does."""
    (folder / "pyarrow.py").write_text(NOISY, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-c", RUN, str(folder), platform],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environ},
        timeout=120,
    )


def test_the_remark_is_left_out_and_other_lines_are_not(tmp_path: Path) -> None:
    """Only the line about sysctlbyname goes; the module works."""
    done = run(tmp_path, "darwin")

    assert ("7\n", "something that matters\n") == (done.stdout, done.stderr)


@pytest.mark.parametrize(("platform", "environ"), [("linux", {}), ("darwin", {"USR_SHOW_PYARROW_SYSCTL": "1"})])
def test_it_is_shown_elsewhere_and_on_request(tmp_path: Path, platform: str, environ: dict[str, str]) -> None:
    """Nothing is filtered on another system, or where the remarks are wanted."""
    assert "sysctlbyname" in run(tmp_path, platform, **environ).stderr


@pytest.mark.parametrize(
    ("environ", "suppressed"),
    [
        ({}, True),
        ({"USR_SHOW_PYARROW_SYSCTL": "1"}, False),
        ({"USR_SHOW_PYARROW_SYSCTL": "0"}, True),
        ({"USR_SUPPRESS_PYARROW_SYSCTL": "0"}, False),
        ({"USR_SUPPRESS_PYARROW_SYSCTL": "1", "USR_SHOW_PYARROW_SYSCTL": "1"}, True),
    ],
)
def test_the_older_switch_takes_precedence(environ: dict[str, str], suppressed: bool) -> None:
    """USR_SUPPRESS_PYARROW_SYSCTL decides where it is set."""
    assert suppressed is is_suppressed(environ)
