"""Importing what sequence formats hold: FASTA against CSV with the same names, GenBank against Biopython.

The FASTA file and the CSV file hold the same sequences, names and descriptions; both imports keep them in a
namespace. The GenBank file holds plasmids with features; Biopython parses it alone, and comes with
`pip install '.[bench]'`: without it its figure is left out. CPU seconds of whole commands, in turns, medians.

usage: python benchmarks/import_formats.py [ROWS [PLASMIDS [RUNS]]]
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from measure import Job, compare, emit, run_jobs

LENGTH = 60
PLASMID = 5_000
FEATURES = 20
PARSE = """
import sys
from Bio import SeqIO
for record in SeqIO.parse(sys.argv[1], "genbank"):
    pass
"""


def main(arguments: list[str]) -> int:
    rows, plasmids, runs = (int(text) for text in [*arguments, *["1000000", "1000", "3"][len(arguments) :]])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _write_records(place, rows)
        _write_plasmids(place / "plasmids.gb", plasmids)
        usr = str(Path(sys.executable).with_name("usr"))
        columns = "fasta__name:string,fasta__description:string"
        for words in (["init", "d", "--new-root"], ["namespace", "register", "fasta", "--columns", columns]):
            subprocess.run([usr, "--root", str(place / "empty"), *words], check=True, capture_output=True, timeout=60)

        def importing(name: str, file: str, *words: str) -> Job:
            """Each run imports into a fresh copy of the empty root."""
            root = shlex.quote(str(place / "root"))
            command = shlex.join([usr, "--root", str(place / "root"), "import", "d", str(place / file), *words])
            script = f"rm -rf {root}; cp -r {shlex.quote(str(place / 'empty'))} {root}; exec {command} --quiet"
            return Job(name=name, argv=["sh", "-ec", script])

        jobs = [
            importing("csv", "records.csv", "--keep", "fasta"),
            importing("fasta", "records.fasta"),
            importing("genbank", "plasmids.gb"),
        ]
        if find_spec("Bio"):
            jobs.append(Job(name="biopython", argv=[sys.executable, "-c", PARSE, str(place / "plasmids.gb")]))
        figures = run_jobs(jobs, runs=runs)
    ratios = [compare(figures, "fasta", "csv", limit=1.15)]
    if "biopython" in figures:
        ratios.append(compare(figures, "genbank", "biopython", limit=1.2))
    return 0 if emit(figures, ratios, at={"rows": rows, "letters": LENGTH}) else 1


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
            # In the columns of the format: Biopython warns of other lines, which costs it time.
            file.write(f"LOCUS       p{number:<15} {PLASMID:>11} bp    DNA     circular SYN 21-JAN-2022\n")
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
