"""No command imports pandas or pyarrow.dataset, half a second each where they are installed, or numpy.ma, 0.03 s."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from support.cli import clean_env
from usr_core.records.ids import record_id

SEQUENCES = (
    "ACGTACGTACGTACGTAAAA",
    "TTGACAGGCTAACTGGATAT",
    "GGGCCCATATCGCGATTACA",
    "CATCATCATGGTGGTGGTAA",
    "AATTCCGGAATTCCGGTTTT",
    "GATTACAGATTACAGATTAC",
)
IDS = [record_id("dna", sequence) for sequence in SEQUENCES]
COLUMNS = (
    "mock__score:float64,mock__vec:list<float64>,mock__tag:string,mock__count:int64,mock__flag:bool,mock__day:date32,"
    "mock__meta:struct<a:int64,b:list<string>>,mock__emb:fixed_size_list<float32>[2],mock__small:float32"
)

# In one process, since each starts anew with none of them: the first one to import a library is told.
PROGRAM = """
import sys, traceback
from usr_core.cli.main import main

HEAVY = ("pandas", "pyarrow.dataset", "numpy.ma")


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name in HEAVY and not self.found:
            lines = [f"{frame.filename}:{frame.lineno}" for frame in reversed(traceback.extract_stack())]
            self.found = [name, *(line for line in lines if "usr_" in line)][:4]
        return None

    found = []


finder = Finder()
sys.meta_path.insert(0, finder)
for line in sys.stdin:
    words = line.rstrip("\\n").split("\\t")
    sys.argv = ["usr", *words]
    try:
        code = main() or 0
    except SystemExit as ended:
        code = ended.code or 0
    sys.stdout.flush()
    if finder.found:
        sys.exit(f"{' '.join(words)}: {finder.found}")
    if code:
        sys.exit(f"{' '.join(words)}: exit code {code}")
"""


def cell(value: object) -> str:
    text = json.dumps(value) if isinstance(value, list | dict) else str(value)
    return "" if value is None else '"' + text.replace('"', '""') + '"'


def write_inputs(place: Path) -> None:
    """Files in every format, with nulls, lists, structs, dates, numbers of all sizes and text with marks."""
    (place / "s.csv").write_text(
        "sequence,source,created_at\n"
        + "".join(f"{one},,\n" for one in SEQUENCES[:3])
        + "".join(f"{one},a lab,2026-01-01T00:00:00Z\n" for one in SEQUENCES[3:])
    )
    (place / "s.jsonl").write_text("".join(json.dumps({"sequence": one[::-1]}) + "\n" for one in SEQUENCES))
    (place / "s.fa").write_text("".join(f">r{row} text\n{one[1:]}\n" for row, one in enumerate(SEQUENCES)))
    (place / "s.fq").write_text(
        "".join(f"@r{row} text\n{one[2:]}\n+\n{'I' * 18}\n" for row, one in enumerate(SEQUENCES))
    )
    rows = [
        {
            "sequence": one,
            "score": row / 3,
            "vec": [row, 2.5],
            "tag": f'"t", {row}',
            "count": row,
            "flag": row % 2 == 0,
            "day": f"2026-01-0{row + 1}",
            "meta": {"a": row, "b": ["x"]},
            "emb": [row, 0.5],
            "small": 1234567936.0,
        }
        for row, one in enumerate(SEQUENCES)
    ]
    rows[2] = {"sequence": SEQUENCES[2], **dict.fromkeys(list(rows[2])[1:])}
    (place / "v.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = [",".join(rows[0]), *(",".join(map(cell, row.values())) for row in rows)]
    (place / "v.csv").write_text("".join(f"{line}\n" for line in lines))
    (place / "twice.csv").write_text(
        "sequence,score,count\n" + "".join(f"{one},{row / 3},{row}\n" for row, one in enumerate(SEQUENCES * 2))
    )
    (place / "ids.txt").write_text("".join(f"{one}\n" for one in IDS))
    np.save(place / "e.npy", np.arange(12, dtype=np.float32).reshape(6, 2))
    np.save(place / "llr.npy", np.arange(2, dtype=np.float64))
    (place / "labels.csv").write_text(
        f"id,y_sfxi,intensity_log2_offset_delta\n{IDS[3]},{';'.join('12345678')},0.5\n{IDS[4]},,\n"
    )
    sites = [
        {"id": IDS[3], "used_tfbs": ["lexA:CTGT", "cpxR:GAGA"]},
        {"id": IDS[4], "used_tfbs": ["lexA:CTGT"]},
    ]
    (place / "dg.jsonl").write_text("".join(json.dumps(row) + "\n" for row in sites))
    (place / "share").mkdir()


ATTACH = "attach a/b {file} --namespace mock --allow-overwrite"
OPTIONS = "--writer-option model=evo2-7b --writer-option run-id=r1"
COMMANDS = f"""
init a/b
import a/b {{place}}/s.csv
import a/b {{place}}/s.jsonl
init a/c
import a/c {{place}}/s.fa
init a/d
import a/d {{place}}/s.fq
{ATTACH.format(file="{place}/v.csv")} --key sequence
{ATTACH.format(file="{place}/v.jsonl")} --key sequence_norm
{ATTACH.format(file="{place}/v.csv")} --key sequence_ci --columns score,tag
{ATTACH.format(file="{place}/twice.csv")} --key sequence --columns score --repeats mean
{ATTACH.format(file="{place}/twice.csv")} --key sequence --columns score --repeats median
{ATTACH.format(file="{place}/twice.csv")} --key sequence --columns count --repeats last
attach a/b {{place}}/e.npy --into mock__emb --ids {{place}}/ids.txt --allow-overwrite
export a/b --format csv --out {{place}}/o1.csv
export a/b --format jsonl --out {{place}}/o1.jsonl
export a/b --format parquet --out {{place}}/o1.parquet
export a/c --format fasta --out {{place}}/o1.fa
export a/d --format fastq --out {{place}}/o1.fastq
export a/c --format genbank --out {{place}}/o1.gb
export a/b --format csv --out {{place}}/o2.csv --where mock__score>0.1
export a/b --format csv --out {{place}}/o3.csv --sort mock__score:desc --limit 3
export a/b --format csv --out {{place}}/o4.csv --sample 3 --seed 1
{ATTACH.format(file="{place}/o1.parquet")} --key id
import a/c {{place}}/o1.parquet
head a/b
head a/b --format json
head a/b -n 3 --sort mock__score
info a/b
schema a/b
cols a/b
ls
get a/b --id {IDS[0]}
get a/b --id {IDS[0]} --format json
cell a/b --row 1 --col mock__vec
grep a/b --pattern GATT
describe a/b
query select(count(*))from"a/b"
validate a/b --strict
delete a/b --id {IDS[0]} --id {IDS[1]}
restore a/b --id {IDS[1]}
state set a/b --id {IDS[2]} --split train
state get a/b --id {IDS[2]}
state set a/b --where mock__score>0.2 --split test
state clear a/b --id {IDS[2]}
export a/b --format csv --out {{place}}/o5.csv
maintenance dedupe a/b --key id --dry-run
maintenance dedupe a/b --key sequence_ci --dry-run
maintenance merge --src a/c --dest a/b --dry-run
maintenance overlay-compact a/b --namespace mock
validate a/b
materialize a/b --snapshot-before
attach a/b {{place}}/v.csv --namespace mock --key sequence --allow-overwrite
validate a/b --strict
snapshot a/b
events tail a/b
log a/b
events verify a/b
compare a/b a/c
doctor a/b
namespace list
namespace show mock
namespace register lab --from-file {{place}}/v.csv --yes
plugins list
plugins info csv
maintenance registry-freeze a/b
infer register --dim 2
infer pending a/b --column infer__llr --limit 2 --out {{place}}/llr.ids
infer pending a/b --column infer__llr --format json
attach a/b --writer infer --path {{place}}/llr.npy {OPTIONS} --writer-option ids={{place}}/llr.ids
namespace register opal --from-plugin opal
attach a/b --writer opal --path {{place}}/labels.csv
validate a/b --strict
namespace register densegen --from-plugin densegen
attach a/b {{place}}/dg.jsonl --namespace densegen --key id
densegen dedupe a/b --dry-run
densegen repair a/b --filter-single-tf --dry-run
densegen repair a/b --filter-single-tf --yes --quiet
grep a/b --motif GATTNNA --mismatches 1
maintenance merge --src a/d --dest a/b --yes
maintenance overlay-clear a/b --namespace mock --columns mock__tag,mock__vec,mock__meta --yes
maintenance dedupe a/b --key sequence_ci --yes
archive a/c
ls --archived
unarchive a/c
remotes add share --type folder --base-dir {{place}}/share
push a/b share --yes
diff a/b share --verify parquet
pull a/b share --yes
head {{place}}/o1.parquet
"""


def test_no_command_imports_them(tmp_path: Path) -> None:
    """Every way in and out, every verb: with values of every type, nulls and deleted records."""
    assert find_spec("pandas") is not None, "without it, nothing would be seen"
    root = tmp_path / "root"
    root.mkdir()
    write_inputs(tmp_path)
    words = [line.split() for line in COMMANDS.format(place=tmp_path).strip().splitlines()]
    words.insert(0, ["namespace", "register", "mock", "--columns", COLUMNS])

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input="".join("\t".join(one) + "\n" for one in words),
        env=clean_env({"USR_ROOT": root, "USR_REMOTES_PATH": tmp_path / "remotes.yaml"}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
