"""`make demo` does what each of its explanations says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def test_demo_runs_to_its_end_and_leaves_the_checkout_alone(tmp_path: Path) -> None:
    """Every step of the demo works, both refusals refuse, and what it made lies in the temporary folder."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TMPDIR": str(tmp_path),
        "USR_ROOT": "/nonexistent",
    }
    done = subprocess.run(
        ["sh", CHECKOUT / "scripts" / "demo.sh"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert 2 == done.stdout.count("(refused as it should be, exit code 1)")
    assert "19 promoters, 17 with a published strength" in done.stdout
    (folder,) = tmp_path.iterdir()
    assert ["demo__anderson_promoters.csv", "demo__anderson_promoters.parquet"] == sorted(
        path.name for path in (folder / "exports").iterdir()
    )
