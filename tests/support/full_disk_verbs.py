"""A program that runs the verbs of a dataset on file systems of many sizes, in a mount namespace of its own.

    unshare --mount python tests/support/full_disk_verbs.py PLACE COUNT size|inodes ROWS   (PLACE is empty)

It makes a root in memory, mounts a tmpfs for each case, and prints one JSON line a case. A verb either succeeds, or
says that space is missing and leaves every byte as it was. Where native code ends the process, the program ends.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":  # as a file: the packages of the checkout are two folders up
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import pyarrow as pa
import pyarrow.parquet as pq

from support.small_datasets import make_dataset
from support.tree import tree_differences, tree_digest
from usr_core.commit.transaction import Transaction
from usr_core.dataset import Dataset
from usr_core.fs.errors import DiskFull
from usr_core.registry.store import register_namespace

__all__ = ["VERBS", "argv"]

ROWS = int(sys.argv[4]) if __name__ == "__main__" else 0
MARGIN = 64 << 10
INODES = 24


def argv(place: Path, count: int, kind: str, rows: int) -> list[str]:
    """Return the command that tries each verb on `count` sizes (or numbers of inodes) below `place`."""
    unshare = shutil.which("unshare")
    assert unshare, "unshare is missing; install it (Debian: apt-get install util-linux)"
    alone = [unshare, "--mount"] if os.geteuid() == 0 else [unshare, "--mount", "--map-root-user"]
    return [*alone, sys.executable, "-X", "faulthandler", "-s", __file__, str(place), str(count), kind, str(rows)]


def _import(dataset: Dataset, given: Path) -> None:
    dataset.import_file(given / "more.parquet")


def _attach(dataset: Dataset, given: Path) -> None:
    dataset.attach(given / "values.parquet", namespace="mock", key="id", allow_overwrite=True)


def _materialize(dataset: Dataset, _: Path) -> None:
    with dataset.maintenance("test") as held:
        held.materialize()


def _compact(dataset: Dataset, _: Path) -> None:
    with dataset.maintenance("test") as held:
        held.compact_overlay("mock")


def _export(dataset: Dataset, _: Path) -> None:
    for suffix in ("parquet", "csv", "jsonl"):
        dataset.export(dataset.ref.root / f"out.{suffix}", fmt=suffix)


def _session(dataset: Dataset, _: Path) -> None:
    letters = random.Random(3)
    with dataset.writer(name="test", namespaces=["mock"]) as writer:
        for _part in range(6):
            rows = [{"sequence": sequence} for sequence in _sequences(letters, ROWS // 6)]
            writer.add(rows, overlays={"mock": [{"score": letters.random()} for _row in rows]})


# What is called, and up to which part of the root's size there is room beside the root.
VERBS: dict[str, tuple[Callable[[Dataset, Path], None], float]] = {
    "import": (_import, 1.1),
    "attach": (_attach, 0.8),
    "materialize": (_materialize, 0.8),
    "compact": (_compact, 0.6),
    "export": (_export, 4.5),
    "session": (_session, 2.4),
}


def main() -> None:
    place, count, kind = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    given, mount = place / "given", place / "mount"
    given.mkdir()
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(given)], check=True, timeout=60)
    root = _prepare(given)
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    entries = sum(1 for _ in root.rglob("*"))
    for name, (verb, most) in VERBS.items():
        for number in range(count):
            option = f"size={size + MARGIN + int(size * most * (number + 0.5) / count)}"
            if kind == "inodes":
                option = f"size=1g,nr_inodes={entries + 3 + number * INODES // count}"
            subprocess.run(["mount", "-t", "tmpfs", "-o", option, "none", str(mount)], check=True, timeout=60)
            try:
                told = _try_verb(verb, shutil.copytree(root, mount / "root"), given)
            finally:
                subprocess.run(["umount", "--lazy", str(mount)], check=True, timeout=60)
            print(json.dumps({"verb": name, "case": option, **told}), flush=True)


def _prepare(given: Path) -> Path:
    """Make the root and the files that verbs read."""
    root = given / "root"
    dataset = make_dataset(root, sequences=())
    register_namespace(root, "mock", [("mock__score", "float64"), ("mock__tag", "string")])
    letters = random.Random(1)
    pq.write_table(pa.table({"sequence": _sequences(letters, ROWS)}), given / "first.parquet")
    pq.write_table(pa.table({"sequence": _sequences(letters, ROWS)}), given / "more.parquet")
    dataset.import_file(given / "first.parquet")
    ids = dataset.to_arrow(columns=["id"]).column("id")
    scores = pa.array([letters.random() for _ in range(len(ids))])
    values = pa.table({"id": ids, "mock__score": scores, "mock__tag": scores.cast(pa.string())})
    pq.write_table(values, given / "values.parquet")
    for _ in range(2):
        dataset.write_overlay_part("mock", values)
    return root


def _sequences(letters: random.Random, count: int) -> list[str]:
    return ["".join(letters.choices("ACGT", k=60)) for _ in range(count)]


def _try_verb(verb: Callable[[Dataset, Path], None], root: Path, given: Path) -> dict[str, str]:
    dataset = Dataset.open(root, "ns/base")
    before = tree_digest(root)
    try:
        verb(dataset, given)
    except DiskFull as error:
        # A session has made changes of its own before, and keeps what it took in its journal.
        if verb is not _session:
            changed = [line for line in tree_differences(before, tree_digest(root)) if not _may_stay(line)]
            assert not changed, changed
        assert not dataset.verify_events()
        assert not dataset.validate().findings
        return {"told": error.message}
    with Transaction(dataset.layout, command="check"):
        pass
    assert not dataset.validate(strict=True).findings
    return {"told": "done"}


def _may_stay(line: str) -> bool:
    return line.endswith(".usr.lock") or line.startswith("added: out.")  # an export that was done before


if __name__ == "__main__":
    main()
