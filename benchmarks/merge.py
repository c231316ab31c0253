"""The merged view against the best SQL: 1 M rows, 5 namespaces of 20 parts, everything to Arrow.

    python benchmarks/merge.py [--rows N] [--parts P] [--shuffled] [--runs N] [--shuffled] [--foreign]

Every measurement is a process of its own; both sides alternate, medians of `--runs`, and the values are compared.
`--shuffled` writes the parts in random order, as foreign writers may. `--foreign` leaves out the note by which USR
knows its own parts, whose keys need no looking at in a point read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import Figure, Ratio, emit, reached

NAMESPACES = [f"ns{number}" for number in range(5)]


def generate(
    folder: Path, rows: int, parts: int, *, shuffled: bool, namespaces: list[str], foreign: bool = False
) -> None:
    """Write a dataset: each part has its share of the rows and a tenth of rewritten ones; 2 % of values are null."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(5)
    letters = np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, rows * 60)].tobytes()
    sequences = [letters[at : at + 60] for at in range(0, rows * 60, 60)]
    ids = pa.array([hashlib.sha1(b"dna|" + one, usedforsecurity=False).hexdigest() for one in sequences])
    base = pa.table(
        {
            "id": ids,
            "bio_type": pa.array(["dna"] * rows),
            "sequence": pa.array([one.decode() for one in sequences]),
            "alphabet": pa.array(["dna_4"] * rows),
            "length": pa.array(np.full(rows, 60, np.int32)),
            "source": pa.array(["benchmark"] * rows),
            "created_at": pa.array(np.full(rows, 1_600_000_000_000_000), pa.timestamp("us", tz="UTC")),
        }
    )
    write(pq, base, folder / "records.parquet", rows)
    for namespace in namespaces:
        place = folder / "_derived" / namespace
        place.mkdir(parents=True)
        order = rng.permutation(rows)
        bounds = np.linspace(0, rows, parts + 1).astype(int)
        for number in range(parts):
            own = order[bounds[number] : bounds[number + 1]]
            mine = np.unique(np.concatenate([own, rng.choice(rows, max(1, len(own) // 10), replace=False)]))
            if shuffled:
                rng.shuffle(mine)
            values = number + (mine % 1000) / 1000.0
            table = pa.table(
                {
                    "id": ids.take(pa.array(mine)),
                    f"{namespace}__a": pa.array(values, mask=rng.random(len(mine)) < 0.02),
                    f"{namespace}__b": pa.array(-values),
                }
            ).replace_schema_metadata(
                {
                    "usr:overlay_namespace": namespace,
                    "usr:overlay_key": "id",
                    "usr:overlay_created_at": f"2026-01-01T00:00:00.{number:06d}Z",
                    **({} if foreign else {"usr:overlay_unique_keys": str(len(mine))}),
                }
            )
            write(pq, table, place / f"part-{number:05d}.parquet", len(mine))


def write(pq, table, path, rows):
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=1,
        row_group_size=131_072,
        use_dictionary=[
            name for name in table.column_names if name in ("bio_type", "alphabet", "source", "length", "created_at")
        ],
        write_page_index=True,
        bloom_filter_options={"id": {"ndv": max(1, min(rows, 131_072)), "fpp": 0.001}},
    )


def by_usr(folder: Path, names: list[str] | None) -> tuple[object, float, float]:
    import pyarrow as pa

    from usr_core.commit.file_tree import FileTree
    from usr_core.store.view.merged_view import MergedView

    wall, cpu = time.perf_counter(), time.process_time()
    with MergedView.open(FileTree(folder)) as view:
        table = pa.Table.from_batches(view.batches(names), view.schema(names))
    return table, time.perf_counter() - wall, time.process_time() - cpu


def by_duckdb(folder: Path, names: list[str] | None) -> tuple[object, float, float]:
    import duckdb

    select, joins = ["b.*"], []
    for ns in NAMESPACES:
        merged = ", ".join(
            f"last({ns}__{c} order by file_index) filter ({ns}__{c} is not null) as {ns}__{c}" for c in "ab"
        )
        joins.append(
            f"left join (select id, {merged} from read_parquet('{folder}/_derived/{ns}/part-*.parquet') group by id)"
            f" {ns} on b.id = {ns}.id"
        )
        select += [f"{ns}.{ns}__{c}" for c in "ab"]
    sql = f"select {', '.join(select)} from read_parquet('{folder}/records.parquet') b {' '.join(joins)}"
    connection = duckdb.connect()
    connection.execute("set threads = 2; set TimeZone = 'UTC'")
    wall, cpu = time.perf_counter(), time.process_time()
    table = connection.sql(sql).to_arrow_table()
    return table, time.perf_counter() - wall, time.process_time() - cpu


def digest(table) -> str:
    """Return a digest of all overlay values in the order of the ids."""
    import pyarrow.compute as pc

    order = pc.sort_indices(table.column("id"))
    total = hashlib.sha256()
    for ns in NAMESPACES:
        for c in "ab":
            column = table.column(f"{ns}__{c}").take(order)
            total.update(pc.is_null(column).combine_chunks().to_numpy(zero_copy_only=False).tobytes())
            total.update(column.fill_null(0.0).to_numpy().tobytes())
    return total.hexdigest()


def child(side: str, folder: Path) -> None:
    import resource

    table, wall, cpu = (by_usr if side == "usr" else by_duckdb)(folder, None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": peak, "rows": len(table), "digest": digest(table)}))


def run(*arguments: str) -> dict:
    out = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])


def compare(folder: Path, options: argparse.Namespace) -> bool:
    runs: dict[str, list[dict]] = {"usr": [], "duckdb": []}
    for _ in range(options.runs):
        for side, results in runs.items():
            results.append(run("--child", side, "--folder", str(folder)))
    figures = {
        side: Figure(
            name=side,
            runs=options.runs,
            cpu_s=statistics.median(one["cpu"] for one in results),
            wall_s=statistics.median(one["wall"] for one in results),
            peak_mib=max(one["peak_mb"] for one in results),
        )
        for side, results in runs.items()
    }
    ratio = figures["usr"].wall_s / figures["duckdb"].wall_s
    same = len({result["digest"] for results in runs.values() for result in results}) == 1
    print(f"values equal: {same}")
    # The target is for twenty parts in order.
    plain = options.parts == 20 and not options.shuffled and not options.foreign
    stated = reached("merge", ratio)
    if not plain:
        stated = Ratio(name=stated.name, yardstick=stated.yardstick, value=ratio, limit=stated.limit)
    at = {"rows": options.rows, "namespaces": len(NAMESPACES), "parts": options.parts}
    return emit(figures, [stated], at=at) and same


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--parts", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--foreign", action="store_true")
    parser.add_argument("--keep", type=Path, help="generate into (or reuse) this folder")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.folder)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        if not (folder / "records.parquet").exists():
            generate(
                folder,
                options.rows,
                options.parts,
                shuffled=options.shuffled,
                namespaces=NAMESPACES,
                foreign=options.foreign,
            )
        return 0 if compare(folder, options) else 1


if __name__ == "__main__":
    raise SystemExit(main())
