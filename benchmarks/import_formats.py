"""Importing what sequence formats hold: FASTA against CSV with the same names, GenBank against Biopython.

The FASTA file and the CSV file hold the same sequences, names and descriptions; both imports keep them in a
namespace. The GenBank file holds plasmids with features; Biopython parses it alone, and comes with
`pip install '.[bench]'`: without it its figure is left out. CPU seconds of whole commands, in turns, medians.

usage: python benchmarks/import_formats.py [ROWS [PLASMIDS [RUNS]]]
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

LENGTH = 60
PLASMID = 5_000
FEATURES = 20
LIMITS = {"fasta / csv": 1.15, "genbank / biopython": 1.2}


def main(arguments: list[str]) -> int:
    rows, plasmids, runs = (int(text) for text in [*arguments, *["1000000", "1000", "3"][len(arguments) :]])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _write_records(place, rows)
        _write_plasmids(place / "plasmids.gb", plasmids)
        jobs = {
            "csv": ["import", "d", str(place / "records.csv"), "--keep", "fasta", "--quiet"],
            "fasta": ["import", "d", str(place / "records.fasta"), "--quiet"],
            "genbank": ["import", "d", str(place / "plasmids.gb"), "--quiet"],
        }
        seconds: dict[str, list[float]] = {name: [] for name in jobs} | {"biopython": []}
        for turn in range(runs + 1):
            for name, words in jobs.items():
                spent = _import(place / f"{name}{turn}", words)
                if turn:  # the first one warms caches
                    seconds[name].append(spent)
            if find_spec("Bio"):
                spent = _cpu([sys.executable, "-c", PARSE, str(place / "plasmids.gb")])
                if turn:
                    seconds["biopython"].append(spent)
    medians = {name: statistics.median(times) for name, times in seconds.items() if times}
    print(f"{rows:,} records, {plasmids:,} plasmids; CPU seconds: { ({n: round(s, 2) for n, s in medians.items()}) }")
    failed = 0
    for pair, limit in LIMITS.items():
        ours, theirs = pair.split(" / ")
        if ours in medians and theirs in medians:
            ratio = medians[ours] / medians[theirs]
            failed += ratio > limit
            print(f"{pair}: {ratio:.2f}, at most {limit}: {'holds' if ratio <= limit else 'TOO MUCH'}")
    return int(bool(failed))


PARSE = """
import sys
from Bio import SeqIO
for record in SeqIO.parse(sys.argv[1], "genbank"):
    pass
"""


def _import(root: Path, words: list[str]) -> float:
    usr = [str(Path(sys.executable).with_name("usr")), "--root", str(root)]
    subprocess.run([*usr, "init", "d", "--new-root"], check=True, capture_output=True, timeout=60)
    columns = "fasta__name:string,fasta__description:string"
    subprocess.run(
        [*usr, "namespace", "register", "fasta", "--columns", columns], check=True, capture_output=True, timeout=60
    )
    return _cpu([*usr, *words])


def _cpu(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, timeout=1800)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _write_records(place: Path, rows: int) -> None:
    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(1).integers(0, 4, (rows, LENGTH), np.uint8)]
    with (place / "records.fasta").open("wb") as fasta, (place / "records.csv").open("wb") as csv:
        csv.write(b"sequence,fasta__name,fasta__description\n")
        for row, sequence in enumerate(letters):
            text = sequence.tobytes()
            fasta.write(b">r%d sample=%d plate 3\n%b\n" % (row, row % 7, text))
            csv.write(b"%b,r%d,sample=%d plate 3\n" % (text, row, row % 7))


def _write_plasmids(path: Path, count: int) -> None:
    generator = np.random.default_rng(2)
    with path.open("w", encoding="ascii") as file:
        for number in range(count):
            letters = "".join("acgt"[at] for at in generator.integers(0, 4, PLASMID))
            file.write(f"LOCUS       p{number:<15} {PLASMID} bp    DNA     circular SYN 21-JAN-2022\n")
            file.write(f"DEFINITION  plasmid {number}.\nACCESSION   p{number}\nVERSION     p{number}\n")
            file.write("KEYWORDS    .\nFEATURES             Location/Qualifiers\n")
            for feature in range(FEATURES):
                start = feature * PLASMID // FEATURES + 1
                file.write(f"     CDS             {start}..{start + 98}\n")
                file.write(f'                     /label="part {feature}"\n                     /note="made up"\n')
            file.write("ORIGIN\n")
            for start in range(0, PLASMID, 60):
                blocks = " ".join(letters[at : at + 10] for at in range(start, min(start + 60, PLASMID), 10))
                file.write(f"{start + 1:>9} {blocks}\n")
            file.write("//\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
