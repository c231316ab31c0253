"""The page of `usr explore` in a real browser: what the server takes until it is ready, for a filter, and for a brush.

    python benchmarks/explore.py [--rows N] [--keep DIR] [--json]

The server's CPU seconds, its greatest memory, and the bytes that one filter sends to the browser, compressed as they
are on the wire. Needs Debian's Chromium. Limits are those for 1,000,000 rows of 60 letters with five attached columns.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from measure import Ratio, emit

LIMITS = {"ready, CPU s": 8.0, "filter, CPU s": 1.0, "filter, kB": 60.0, "brush, CPU s": 0.45, "memory, MB": 550.0}
_QUIET_SECONDS = 1.5


def generate(root: Path, rows: int) -> None:
    """Make the dataset ``big``: random sequences, two related numbers, counts, a plate and a name."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    usr = [str(Path(sys.prefix) / "bin" / "usr"), "--root", str(root)]
    kinds = "strength:float64,noise:float64,reads:int64,plate:string,name:string"
    columns = ",".join(f"lab__{one}" for one in kinds.split(","))
    rng = np.random.default_rng(7)
    letters = np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, rows * 60)]
    bounds = (np.arange(rows + 1) * 60).astype(np.int32)
    sequences = pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(bounds), pa.py_buffer(letters)])
    pq.write_table(pa.table({"sequence": sequences}), root / "sequences.parquet")
    for words in (
        ["namespace", "register", "lab", "--columns", columns],
        ["init", "big"],
        ["import", "big", str(root / "sequences.parquet"), "--quiet"],
    ):
        subprocess.run([*usr, *words], check=True, stdout=subprocess.DEVNULL)
    ids = pq.ParquetFile(root / "big" / "records.parquet").read(["id"]).column("id").combine_chunks()
    strength = rng.lognormal(0, 1, rows)
    values = {
        "id": ids,
        "lab__strength": strength,
        "lab__noise": strength * rng.normal(0.2, 0.05, rows) + 0.1,
        "lab__reads": rng.integers(10, 5_000, rows),
        "lab__plate": pa.array([f"p{one}" for one in rng.integers(1, 5, rows).tolist()]),
        "lab__name": pa.array([f"prom_{row}" for row in range(rows)]),
    }
    pq.write_table(pa.table(values), root / "values.parquet")
    attach = ["attach", "big", str(root / "values.parquet"), "--namespace", "lab", "--key", "id"]
    subprocess.run([*usr, *attach], check=True, stdout=subprocess.DEVNULL)


def measure(root: Path) -> dict[str, float]:
    """Return the figures of one visit."""
    from playwright.sync_api import expect, sync_playwright

    command = [str(Path(sys.prefix) / "bin" / "usr"), "--root", str(root), "explore", "big", "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    figures: dict[str, float] = {}
    try:
        with sync_playwright() as driver:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"))
            page = browser.new_context(viewport={"width": 1280, "height": 2400}).new_page()
            frames: list[bytes] = []

            def keep(payload: str | bytes) -> None:
                frames.append(payload if isinstance(payload, bytes) else payload.encode())

            page.on("websocket", lambda socket: socket.on("framereceived", keep))
            page.goto(url)
            shown = page.locator("#shown")
            expect(shown).to_contain_text(" of ", timeout=120_000)
            figures["ready, CPU s"] = settled(server.pid)

            before = cpu_seconds(server.pid)
            frames.clear()
            text = shown.inner_text()
            box = page.get_by_label("Motif", exact=True).first
            box.fill("TTGACA")
            box.press("Enter")
            expect(shown).not_to_have_text(text, timeout=60_000)
            figures["filter, CPU s"] = settled(server.pid) - before
            packed = zlib.compressobj(wbits=-15)
            figures["filter, kB"] = (
                sum(len(packed.compress(one) + packed.flush(zlib.Z_SYNC_FLUSH)) for one in frames) / 1e3
            )

            page.get_by_role("button", name="Reset filters").first.click()
            expect(shown).to_have_text(text, timeout=60_000)
            before = settled(server.pid)
            chart = page.locator("marimo-vega canvas, marimo-vega svg.marks").first.bounding_box()
            assert chart is not None
            page.mouse.move(chart["x"] + chart["width"] * 0.1, chart["y"] + chart["height"] * 0.4)
            page.mouse.down()
            page.mouse.move(chart["x"] + chart["width"] * 0.3, chart["y"] + chart["height"] * 0.9)
            page.mouse.up()
            expect(shown).not_to_have_text(text, timeout=60_000)
            figures["brush, CPU s"] = settled(server.pid) - before
            status = Path(f"/proc/{server.pid}/status").read_text()
            figures["memory, MB"] = int(status.partition("VmHWM:")[2].split()[0]) / 1e3
            browser.close()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
    return figures


def settled(pid: int) -> float:
    """Return a process's CPU seconds once it has been quiet for a while."""
    last = cpu_seconds(pid)
    while True:
        time.sleep(_QUIET_SECONDS)
        now = cpu_seconds(pid)
        if now - last < 0.05:
            return now
        last = now


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--keep", type=Path, help="make the dataset here, or use the one that is there")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()

    with tempfile.TemporaryDirectory() as made:
        root = (chosen.keep or Path(made)).resolve()
        root.mkdir(exist_ok=True, parents=True)
        if not (root / "values.parquet").exists():
            maker = multiprocessing.get_context("spawn").Process(target=generate, args=(root, chosen.rows))
            maker.start()
            maker.join()
            if maker.exitcode:
                raise SystemExit("the dataset could not be made")
        figures = measure(root)
    ratios = []
    for name, value in figures.items():
        what, _, unit = name.partition(", ")
        ratios.append(Ratio(name=what, yardstick=unit, value=value, limit=LIMITS[name]))
    return 0 if emit({}, ratios, as_json=chosen.json, at={"rows": chosen.rows}) else 1


if __name__ == "__main__":
    raise SystemExit(main())
