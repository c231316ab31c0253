"""The layout of the code in figures; ends with exit code 1 where one of them is worse than it has been.

    python scripts/layout.py

Circular imports between modules (imports inside functions count), lines by kind, the functions with the most branches,
and hops: the modules of ours that run while one method of `Dataset` runs, which is what a reader opens to follow it.
That layers import downwards only is what import-linter checks.
"""

from __future__ import annotations

import ast
import io
import sys
import tempfile
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import FrameType

CHECKOUT = Path(__file__).resolve().parent.parent
CORE = CHECKOUT / "usr_core"
PLUGINS = CHECKOUT / "plugins"
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests")]  # in this order: tests/usr_core would hide usr_core

from support.imports import circles, module_name  # noqa: E402

# Where a figure gets better, its limit follows it. A feature of the core raises it: runs of functions over records,
# columns copied as bytes, footers read without a Parquet library, and versions (what was replaced is kept, seen,
# compared and brought back) are the newest.
MOST_LINES = 46_000
MOST_BRANCHES = 20
MOST_HOPS = {"import": 50, "attach": 49}
PARSERS = frozenset({"usr_core.registry.type_parser"})
"""Modules of grammars, whose functions may have more branches: one for each form of what they read."""


def main() -> int:
    core = {module_name(path, CHECKOUT): path for path in sorted(CORE.rglob("*.py"))}
    ours = core | {module_name(path, PLUGINS): path for path in sorted(PLUGINS.rglob("*.py"))}
    lines = _lines_by_kind(core.values())
    of_plugins = _lines_by_kind(path for name, path in ours.items() if name not in core)
    cycles = circles({name: path.read_text(encoding="utf-8") for name, path in core.items()})
    branchy = sorted(_branchy_functions(ours), reverse=True)
    hops = _count_hops()

    print("core          " + ", ".join(f"{count:,} {kind}" for kind, count in lines.items()))
    print("plugins       " + ", ".join(f"{count:,} {kind}" for kind, count in of_plugins.items()))
    print(f"cycles        {len(cycles)}" + "".join(f"\n              {' <-> '.join(cycle)}" for cycle in cycles))
    print("branches      " + ", ".join(f"{count} {name}" for count, name in branchy[:3]))
    print("hops          " + ", ".join(f"{count} {verb}" for verb, count in hops.items()))

    faults = [f"circular imports: {' <-> '.join(cycle)}" for cycle in cycles]
    faults += [
        f"{name} has {count} branches, more than {MOST_BRANCHES}" for count, name in branchy if count > MOST_BRANCHES
    ]
    if lines["code"] > MOST_LINES:
        faults.append(f"{lines['code']:,} lines of code in the core, more than {MOST_LINES:,}")
    faults += [
        f"{verb} takes {hops[verb]} modules, more than {most}" for verb, most in MOST_HOPS.items() if hops[verb] > most
    ]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return int(bool(faults))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _lines_by_kind(paths: Iterable[Path]) -> Counter[str]:
    kinds: Counter[str] = Counter(code=0, docstring=0, comment=0, blank=0)
    for path in paths:
        text = path.read_text(encoding="utf-8")
        told = {
            number
            for node in ast.walk(_tree(path))
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        remarks = {
            token.start[0]
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.COMMENT and token.line.lstrip().startswith("#")
        }
        for number, line in enumerate(text.splitlines(), 1):
            kind = (
                "docstring"
                if number in told
                else "comment"
                if number in remarks
                else "code"
                if line.strip()
                else "blank"
            )
            kinds[kind] += 1
    return kinds


def _branchy_functions(modules: Mapping[str, Path]) -> Iterator[tuple[int, str]]:
    """Yield the branches of each function, counted as by McCabe, without those of the functions inside it."""
    for name, path in modules.items():
        if name in PARSERS:
            continue
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield _branches(node), f"{name}.{node.name}"


def _branches(function: ast.AST) -> int:
    count, waiting = 1, list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.If | ast.For | ast.While | ast.IfExp | ast.ExceptHandler | ast.Assert | ast.match_case):
            count += 1
        elif isinstance(node, ast.BoolOp):
            count += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            count += 1 + len(node.ifs)
        waiting.extend(ast.iter_child_nodes(node))
    return count


def _count_hops() -> dict[str, int]:
    """Return how many modules of the core run in an import of one row, and in an attachment of one float to it."""
    import pyarrow as pa

    from usr_core import Dataset
    from usr_core.registry.store import register_namespace

    with tempfile.TemporaryDirectory() as folder:
        register_namespace(Path(folder), "m", [("m__score", "float64")])
        dataset = Dataset.open(folder, "one").init()
        row = {"sequence": "ACGT", "bio_type": "dna", "alphabet": "dna_4"}
        hops = {"import": _modules_run(lambda: dataset.add_sequences([row]))}
        values = pa.table({"id": dataset.head_arrow(1)["id"], "m__score": [1.0]})
        hops["attach"] = _modules_run(lambda: dataset.write_overlay_part("m", values, key="id"))
    return hops


def _modules_run(call: Callable[[], object]) -> int:
    ran: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_globals.get("__name__", "")
        if event == "call" and name.startswith("usr_core.") and not _is_importing(frame):
            ran.add(name)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return len(ran)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__", "").startswith("usr_"):
            return True
        frame = frame.f_back
    return False


if __name__ == "__main__":
    raise SystemExit(main())
