"""What starting costs: ``usr --help`` over importing Typer, ``import usr_core`` over a bare Python, and what 50
installed plugins add to ``usr --help`` (at most 25 ms of CPU time) and to ``usr head`` (nothing that can be measured).

A shell that completes a word waits for it: a dataset's id in a root of 2,000, or a column, may take 0.2 s of CPU time.
So may what is asked of a dataset of three records; `usr ls` of 2,000 datasets at most four times the import of Typer.

python benchmarks/startup.py [--runs N] [--json]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from measure import Figure, Job, Ratio, compare, emit, reached, run_jobs

from support.plugins import FakePlugin, install

EXTRA_PLUGINS = 50
MOST_ADDED_S = 0.025
DATASETS = 2000
MOST_COMPLETION_S = 0.2
SMALL = ("schema", "cols", "info", "snapshot", "init")


def make_dataset(usr: str, root: Path) -> None:
    """Make a dataset ``ns/base`` of a few records."""
    root.mkdir()
    (root / "some.csv").write_text("sequence\nACGT\nTTGACA\nGATTACA\n", encoding="utf-8")
    register = ["namespace", "register", "mock", "--columns", "mock__score:float64"]
    fill = ["import", "ns/base", "--from", "csv", "--path", "some.csv"]
    for words in (register, ["init", "ns/base"], fill):
        subprocess.run([usr, "--root", ".", *words], cwd=root, check=True, stdout=subprocess.DEVNULL)


def make_many(source: Path, root: Path) -> None:
    """Fill a root with copies of a dataset, a hundred in each namespace."""
    root.mkdir()
    shutil.copy(source.parents[1] / "registry.yaml", root)
    for number in range(DATASETS):
        shutil.copytree(source, root / f"ns{number // 100:02}" / f"set{number:04}", ignore=shutil.ignore_patterns("_*"))


def completion(name: str, usr: str, cwd: Path, *words: str) -> Job:
    """Return the run of the command for a shell whose cursor stands behind `words`."""
    told = {"_USR_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(["usr", *words, ""])}
    return Job(name=name, argv=[usr], cwd=cwd, env={**told, "COMP_CWORD": str(len(words) + 1)})


def small(usr: str, root: Path, command: str) -> Job:
    """Return a run of a command for a dataset of three records; `usr init` makes another one and takes it away."""
    words = ["init", "ns/new", "--dry-run"] if command == "init" else [command, "ns/base"]
    return Job(name=f"usr {command}", argv=[usr, "--root", str(root), *words], cwd=root)


def within(figures: Mapping[str, Figure], name: str) -> Ratio:
    """Return what the completion `name` costs over the most that it may."""
    value = figures[name].cpu_s / MOST_COMPLETION_S
    return Ratio(name=name, yardstick=f"{MOST_COMPLETION_S} s CPU", value=value, limit=1.0)


def added(figures: Mapping[str, Figure], name: str, without: str) -> Ratio:
    """Return what `name` costs more than `without`, over the most that it may."""
    more = figures[name].cpu_s - figures[without].cpu_s
    return Ratio(name=f"({name}) - ({without})", yardstick="25 ms CPU", value=more / MOST_ADDED_S, limit=1.0)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=15)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()

    python, usr = sys.executable, str(Path(sys.prefix) / "bin" / "usr")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for number in range(EXTRA_PLUGINS):
            name = f"extra{number:02}"
            install(place / "site", FakePlugin(name).command(name).provides("importer", name))
        make_dataset(usr, place / "root")
        make_many(place / "root" / "ns" / "base", place / "many")
        head = [usr, "--root", str(place / "root"), "head", "ns/base"]
        extra = {"PYTHONPATH": str(place / "site")}
        jobs = [
            Job(name="bare python", argv=[python, "-c", "pass"], cwd=place),
            Job(name="import usr_core", argv=[python, "-c", "import usr_core"], cwd=place),
            Job(name="import typer", argv=[python, "-c", "import typer"], cwd=place),
            Job(name="usr --help", argv=[usr, "--help"], cwd=place),
            Job(name="usr --help, 50 more plugins", argv=[usr, "--help"], env=extra, cwd=place),
            Job(name="usr head", argv=head, cwd=place),
            Job(name="usr head, 50 more plugins", argv=head, env=extra, cwd=place),
            Job(name="usr plugins list", argv=[usr, "plugins", "list"], cwd=place),
            Job(name="usr ls", argv=[usr, "--root", str(place / "root"), "ls"], cwd=place),
            Job(name=f"usr ls, {DATASETS} datasets", argv=[usr, "--root", str(place / "many"), "ls"], cwd=place),
            *(small(usr, place / "root", command) for command in SMALL),
            completion(f"completing 1 of {DATASETS} ids", usr, place, "--root", "many", "head"),
            completion("completing a column", usr, place, "--root", "root", "head", "ns/base", "--columns"),
        ]
        figures = run_jobs(jobs, runs=chosen.runs)
    ratios = [
        compare(figures, "usr --help", "import typer", target="help"),
        compare(figures, "usr --help, 50 more plugins", "import typer", target="help, 50 plugins"),
        compare(figures, "import usr_core", "bare python", limit=1.5),
        added(figures, "usr --help, 50 more plugins", "usr --help"),
        # Two medians of the same command differ by this much.
        compare(figures, "usr head, 50 more plugins", "usr head", limit=1.05),
        compare(figures, "usr ls", "import typer", target="ls"),
        compare(figures, f"usr ls, {DATASETS} datasets", "import typer", target="ls of many"),
        *(reached("init" if one == "init" else f"{one} of 3", figures[f"usr {one}"].cpu_s) for one in SMALL),
        within(figures, f"completing 1 of {DATASETS} ids"),
        within(figures, "completing a column"),
    ]
    return 0 if emit(figures, ratios, as_json=chosen.json) else 1


if __name__ == "__main__":
    sys.exit(main())
