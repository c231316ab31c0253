"""Sync beside 20,000 small files, and over a slow line, on a private sshd.

    python benchmarks/sync_many.py [--files N] [--runs N] [--json]

A push of one event beside many small files: CPU seconds of `usr push` and of all that it starts here, its wall time,
and the bytes that came. Of a pull with nothing to do: the turns that it waits for beyond those of `ssh HOST true`,
counted on the line between ssh and sshd. Needs sshd, ssh and rsync.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import BYTECODE, Job, emit, reached, run_jobs

CHECKOUT = Path(__file__).resolve().parents[1]
# The checkout first: the folder of the core's tests has the core's name.
sys.path += [str(CHECKOUT), str(CHECKOUT / "tests")]

NAME, FEW = "ns/many", "ns/few"
PER_FOLDER = 500

EVENT = """
import sys
from usr_core import Dataset
Dataset.open(sys.argv[1], sys.argv[2]).record_event("benchmark_beat")
"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--files", type=int, default=20_000)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    from support.sshd import HOST, started_sshd

    with tempfile.TemporaryDirectory(prefix="usr-sync-") as folder, started_sshd(Path(folder) / "sshd") as sshd:
        place = Path(folder)
        os.environ.setdefault(BYTECODE, str(place / "bytecode"))
        here, there, remotes, audit = (place / name for name in ("here", "there", "remotes.yaml", "audit.json"))
        make_dataset(here, chosen.files)
        there.mkdir()
        remotes.write_text(f"remotes:\n  far: {{type: ssh, host: {HOST}, user: root, base_dir: {there}}}\n")
        env = {"PATH": sshd.path, "USR_REMOTES_PATH": str(remotes)}
        usr = [str(Path(sys.executable).parent / "usr"), "--root", str(here)]
        push = Job(name="push", argv=[*usr, "push", NAME, "far", "-y", "--audit-json-out", str(audit)], env=env)
        event = Job(name="event", argv=[sys.executable, "-c", EVENT, str(here), NAME])
        few = Job(name="push of few", argv=[*usr, "push", FEW, "far", "-y"], env=env)
        pull = Job(name="pull, nothing to do", argv=[*usr, "pull", FEW, "far", "-y"], env=env)
        true = Job(name="ssh true", argv=["ssh", HOST, "true"], env=env)
        once(push)
        once(few)
        seen, received = [], []
        for _ in range(chosen.runs):
            once(event)
            seen.append(once(push))
            received.append(json.loads(audit.read_text())["data"]["bytes"]["received"])
        with counted(sshd.port) as (port, turns):
            client = sshd.folder / "ssh_config"
            client.write_text(client.read_text().replace(f"Port {sshd.port}\n", f"Port {port}\n"))
            once(pull)
            of_pull, turns[:] = len(turns), []
            once(true)
            of_ssh = len(turns)
    ratios = [
        reached("push beside many, CPU", statistics.median(cpu for cpu, _ in seen)),
        reached("push beside many, time", statistics.median(wall for _, wall in seen)),
        reached("push beside many, received", statistics.median(received) / 1e6),
        reached("turns", of_pull - of_ssh),
    ]
    return 0 if emit({}, ratios, as_json=chosen.json) else 1


def make_dataset(root: Path, files: int) -> None:
    """Make two datasets of three records, one with so many small files beside them, five hundred in a folder."""
    from usr_core import Dataset
    from usr_core.registry.store import register_namespace

    root.mkdir()
    register_namespace(root, "mock", [("mock__score", "float64")])
    for name in (FEW, NAME):
        dataset = Dataset.open(root, name).init()
        dataset.add_sequences([{"sequence": sequence} for sequence in ("ACGT", "TTGACA", "GATTACA")])
    for number in range(files):
        folder = dataset.path / "notes" / f"{number // PER_FOLDER:03}"
        if number % PER_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"note-{number:06}.txt").write_text(f"note {number}\n")


def once(job: Job) -> tuple[float, float]:
    """Run a job once and return its CPU and wall seconds."""
    figure = run_jobs([job], runs=1, warm=False)[job.name]
    return figure.cpu_s, figure.wall_s


@contextmanager
def counted(port: int) -> Iterator[tuple[int, list[None]]]:
    """Stand in front of a port of this machine; the value is our port, and a list that grows with each turn.

    A turn is a request that follows an answer: what comes from the client after something has come from the server.
    """
    door = socket.create_server(("127.0.0.1", 0))
    turns: list[None] = []

    def serve() -> None:
        while True:
            try:
                client, _ = door.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=carry, args=(client, server), daemon=True).start()

    def carry(client: socket.socket, server: socket.socket) -> None:
        other, answered = {client: server, server: client}, False
        while True:
            for source in select.select([client, server], [], [])[0]:
                chunk = source.recv(1 << 16)
                if not chunk:
                    client.close()
                    server.close()
                    return
                if source is client and answered:
                    turns.append(None)
                answered = source is server
                other[source].sendall(chunk)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(door.getsockname()[1]), turns
    finally:
        door.close()


if __name__ == "__main__":
    sys.exit(main())
