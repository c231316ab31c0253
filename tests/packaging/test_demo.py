"""`make demo` does what each of its explanations says, and the examples of USR's predecessor run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from support.cli import Usr, clean_env
from support.docs import path_with_usr
from usr_core import Dataset

CHECKOUT = Path(__file__).resolve().parents[2]


def test_demo_runs_to_its_end_and_leaves_the_checkout_alone(tmp_path: Path) -> None:
    """Every step of the demo works, both refusals refuse, and what it made lies in the temporary folder."""
    # With a variable of Python's each command would have to start one.
    given = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = {**given, "PATH": path_with_usr(), "TMPDIR": str(tmp_path), "USR_ROOT": "/nonexistent"}
    done = subprocess.run(
        ["sh", CHECKOUT / "scripts" / "demo.sh"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert 2 == done.stdout.count("(refused as it should be, exit code 1)")
    assert "19 promoters, 17 with a published strength" in done.stdout
    (folder,) = tmp_path.iterdir()
    assert ["demo__anderson_promoters.csv", "demo__anderson_promoters.parquet", "strongest.fasta"] == sorted(
        path.name for path in (folder / "exports").iterdir()
    )


# The copy-and-paste quickstart of USR's predecessor, with only the paths of its files changed.
QUICKSTART = """
set -e
usr --root "$ROOT" namespace register quickstart \\
  --columns 'quickstart__X_value:list<float64>,quickstart__intensity_log2_offset_delta:float64'
usr --root "$ROOT" init "$DATASET" --source "readme quickstart"
usr --root "$ROOT" import "$DATASET" --from csv \\
  --path demo_material/demo_sequences.csv \\
  --bio-type dna --alphabet dna_4
usr --root "$ROOT" attach "$DATASET" \\
  --path demo_material/demo_attachment_one.csv \\
  --namespace quickstart --key sequence --key-col sequence --columns X_value
usr --root "$ROOT" attach "$DATASET" \\
  --path demo_material/demo_y_sfxi.csv \\
  --namespace quickstart --key sequence --key-col sequence --columns intensity_log2_offset_delta --allow-missing
usr --root "$ROOT" materialize "$DATASET" --yes --snapshot-before
usr --root "$ROOT" export "$DATASET" --fmt parquet --out "$OUT_DIR"
"""


def test_the_predecessors_quickstart_ends_with_its_records_in(tmp_path: Path) -> None:
    """Pasted as it was, it exports every sequence of the demo file with its values."""
    root, exports = tmp_path / "root", tmp_path / "exports"
    root.mkdir()
    exports.mkdir()
    done = subprocess.run(
        ["sh", "-c", QUICKSTART],
        cwd=CHECKOUT / "datasets",
        env=clean_env(
            {"PATH": path_with_usr(), "ROOT": root, "DATASET": "densegen/quickstart_demo", "OUT_DIR": exports}
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    (exported,) = exports.iterdir()
    table = pq.read_table(exported)
    assert 19 == table.num_rows == len(set(table["sequence"].to_pylist()))
    assert (0, 2) == tuple(
        table[f"quickstart__{name}"].null_count for name in ("X_value", "intensity_log2_offset_delta")
    )


# The Python example of USR's predecessor, with only its import line changed.
EXAMPLE = """
from pathlib import Path
from usr_core import Dataset

# Run from repo root.
root = Path("src/dnadesign/usr/datasets").resolve()

ds = Dataset.open(root, "densegen/demo_py")
ds.init(source="python quickstart")

result = ds.add_sequences(
    [{"sequence": "ACGTACGTAC"}],
    bio_type="dna",
    alphabet="dna_4",
    source="unit-test",
)
print(result.added)

overlay_df = ds.head(1, include_deleted=True)[["id"]].assign(mock__score=1.0)
ds.write_overlay("mock", overlay_df, key="id")

print(ds.head(3))
"""


class TestPredecessorsPythonExample:
    @pytest.fixture
    def usr(self, tmp_path: Path) -> Usr:
        """A root where the example looks for it, with the namespace that it writes."""
        root = tmp_path / "src" / "dnadesign" / "usr" / "datasets"
        root.mkdir(parents=True)
        usr = Usr(root=root)
        usr.ok("namespace", "register", "mock", "--columns", "mock__score:float64")
        return usr

    @staticmethod
    def run(folder: Path, before: str = "") -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", before + EXAMPLE]
        return subprocess.run(
            argv, cwd=folder, env=clean_env(), capture_output=True, text=True, timeout=120, check=False
        )

    def test_runs_with_pandas(self, usr: Usr, tmp_path: Path) -> None:
        """It ends with a record that has its value."""
        done = self.run(tmp_path)

        assert (0, "") == (done.returncode, done.stderr)
        assert done.stdout.startswith("1\n")
        assert [1.0] == Dataset.open(usr.root, "densegen/demo_py").to_arrow()["mock__score"].to_pylist()

    def test_says_what_to_install_without_pandas(self, usr: Usr, tmp_path: Path) -> None:
        """The error comes from `head`, before the overlay is written."""
        done = self.run(tmp_path, "import sys\nsys.modules['pandas'] = None\n")

        assert 1 == done.returncode
        assert "pip install pandas" in done.stderr.splitlines()[-1]
        assert ["init", "import"] == [event["action"] for event in usr.events("densegen/demo_py")]
        assert not (usr.path("densegen/demo_py") / "_derived").exists()
