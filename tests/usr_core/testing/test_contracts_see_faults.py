"""Each contract passes for what keeps it, and fails, by the test that is about it, for what does not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import clean_env
from usr_core.testing.contract import Contract, needs

IMPORTER = '''
import pytest, pyarrow as pa
from usr_core.errors import UsrError
from usr_core.testing import ImporterContract

class Good:
    """Names and sequences, a line each, with a tab between."""
    def columns(self, request):
        return ["name", "sequence"]
    def lines(self, request):
        try:
            return request.path.read_bytes().decode().split("\\n")[:-1]
        except UnicodeDecodeError as error:
            raise UsrError("no text", hint="h", facts={"file": request.path}) from error
    def read(self, request):
        lines = self.lines(request)
        step = max(1, request.batch_bytes // 64)
        for start in range(0, len(lines), step):
            yield self.batch(request, lines[start:start + step], start)
    def batch(self, request, lines, start):
        cells = [line.split("\\t") for line in lines]
        for row, line in enumerate(cells, start=start + 1):
            if len(line) != 2:
                raise self.error(request, row)
        names = [n for n in self.columns(request) if request.columns is None or n in request.columns]
        return pa.record_batch({n: pa.array([c[n == "sequence"] for c in cells], pa.string()) for n in names})
    def error(self, request, row):
        return UsrError("bad", hint="mend it", facts={"file": request.path, "row": row})

class Base(ImporterContract):
    types = {"name": "string", "sequence": "string"}
    rows = [{"name": n, "sequence": "ACGT"} for n in "abc"]
    unicode_rows = [{"name": "λ日本", "sequence": "ACGT"}]
    features = frozenset({"bad_rows", "unicode"})
    made = Good
    @pytest.fixture
    def importer(self):
        return self.made()
    def write_file(self, path, rows):
        path.write_text("".join(f"{r['name']}\\t{r['sequence']}\\n" for r in rows), encoding="utf-8")
    def write_bad_file(self, path, rows, bad):
        self.write_file(path, [{**r, "name": "a\\tb"} if n == bad else r for n, r in enumerate(rows, start=1)])
'''

IMPORTER_FAULTS = {
    "Swapped": ("columns_are_the_files", 'def columns(self, request):\n        return ["sequence", "name"]'),
    "OneBatch": (
        "batches_are_bounded",
        "def read(self, request):\n        lines = self.lines(request)\n"
        "        if lines:\n            yield self.batch(request, lines, 0)",
    ),
    "Retyped": (
        "batches_are_typed_as_declared",
        "def read(self, request):\n        for batch in super().read(request):\n"
        "            yield batch.cast(pa.schema([(n, pa.large_string()) for n in batch.schema.names]))",
    ),
    "Unwanted": (
        "only_wanted_columns_come",
        "def read(self, request):\n        import dataclasses\n"
        "        return super().read(dataclasses.replace(request, columns=None))",
    ),
    "Remembers": (
        "a_second_read_is_equal",
        "seen = ()\n    def read(self, request):\n        found = list(super().read(request))\n"
        "        self.seen = (*self.seen, *found)\n        return iter(self.seen)",
    ),
    "EmptyBatch": (
        "an_empty_body_yields_nothing",
        "def read(self, request):\n        if not self.lines(request):\n            yield self.batch(request, [], 0)\n"
        "        yield from super().read(request)",
    ),
    "Litters": (
        "reading_changes_nothing",
        "def read(self, request):\n        request.path.with_suffix('.index').touch()\n"
        "        return super().read(request)",
    ),
    "Latin": (
        "text_is_unicode",
        "def lines(self, request):\n        return request.path.read_bytes().decode('latin-1').split('\\n')[:-1]",
    ),
    "Nameless": (
        "a_bad_rows_error_carries_file_and_row",
        "def error(self, request, row):\n        return UsrError('bad', hint='h', facts={'file': request.path})",
    ),
    "CountsPerBatch": (
        "a_bad_row_is_counted_over_all_batches",
        "def batch(self, request, lines, start):\n        return super().batch(request, lines, 0)",
    ),
    "Raw": (
        "damage_is_an_error_in_proper_form",
        "def lines(self, request):\n        return request.path.read_text('utf-8').split('\\n')[:-1]",
    ),
    "Trims": (
        "rows_come_as_written",
        "def batch(self, request, lines, start):\n"
        "        return super().batch(request, [line.upper() for line in lines], start)",
    ),
}

EXPORTER = """
import json, pytest, pyarrow as pa
from usr_core.plugin import ExportResult
from usr_core.testing import ExporterContract
from usr_core.values.json_values import dumps, from_json, to_json

class Good:
    def write(self, request, batches):
        rows = 0
        with request.path.open("w", encoding="utf-8", newline="") as file:
            for batch in self.taken(batches):
                for row in zip(*[self.cells(column) for column in batch.columns]):
                    file.write(dumps(list(row)) + "\\n")
                rows += batch.num_rows
        return self.result(rows, request.path)
    def taken(self, batches):
        return batches
    def cells(self, column):
        return to_json(column)
    def result(self, rows, path):
        return ExportResult(rows=rows, size_bytes=path.stat().st_size)

class Base(ExporterContract):
    features = frozenset({"round_trip"})
    made = Good
    @pytest.fixture
    def exporter(self):
        return self.made()
    def read_back(self, path, schema):
        rows = [json.loads(line) for line in path.read_text("utf-8").split("\\n")[:-1]]
        return pa.table([from_json([r[i] for r in rows], f.type) for i, f in enumerate(schema)], schema=schema)
"""

EXPORTER_FAULTS = {
    "HoldsAll": ("few_batches_are_held_at_a_time", "def taken(self, batches):\n        return list(batches)"),
    "Miscounts": (
        "rows_and_bytes_are_counted",
        "def result(self, rows, path):\n        return ExportResult(rows=rows, size_bytes=0)",
    ),
    "Litters": (
        "nothing_but_the_file_is_left",
        "def result(self, rows, path):\n        path.with_name('extra').touch()\n"
        "        return super().result(rows, path)",
    ),
    "Swallows": (
        "an_error_of_the_batches_comes_out",
        "def taken(self, batches):\n        try:\n            yield from batches\n        except RuntimeError:\n"
        "            pass",
    ),
    "NoNulls": (
        "every_value_reads_back[string]",
        "def cells(self, column):\n"
        "        return ['' if v is None and pa.types.is_string(column.type) else v for v in to_json(column)]",
    ),
    "Reverses": (
        "rows_keep_their_order",
        "def cells(self, column):\n        return to_json(column)[::-1]",
    ),
    "NeedsRows": (
        "zero_batches_give_a_valid_empty_file",
        "def taken(self, batches):\n        batches = list(batches)\n        batches[0]\n        return batches",
    ),
}

OVERLAY = """
import pytest, pyarrow as pa
from usr_core.errors import UsrError
from usr_core.plugin import OverlayWriterSpec
from usr_core.testing import OverlayWriterContract

class Good:
    key, column = "id", "score"
    def batches(self, request):
        try:
            lines = self.lines(request)
        except OSError as error:
            raise UsrError("absent", hint="h", facts={"file": request.path}) from error
        rows = [{self.key: self.cleaned(line), self.column: self.score(n)} for n, line in enumerate(lines)]
        schema = pa.schema([(self.key, pa.string()), (self.column, pa.float64())])
        yield pa.RecordBatch.from_pylist(rows, schema=schema)
    def lines(self, request):
        return request.path.read_text().split()
    def cleaned(self, key):
        return key
    def score(self, number):
        return number / 2

class Base(OverlayWriterContract):
    columns = {"lab__score": "float64"}
    made = Good
    @pytest.fixture
    def spec(self):
        return OverlayWriterSpec(name="lab", summary="s", factory=self.made, namespace="lab")
    def write_output(self, path, keys):
        path.write_text("\\n".join(keys))
    def expected(self, keys):
        return [{"lab__score": n / 2} for n, _ in enumerate(keys)]
"""

OVERLAY_FAULTS = {
    "WrongKey": ("the_core_attaches_it", "def cleaned(self, key):\n        return key[:-1]"),
    "OtherNamespace": ("other_columns_are_the_namespaces", "column = 'other__score'"),
    "Wrong": ("values_are_the_outputs", "def score(self, number):\n        return 0.0"),
    "Raw": ("a_missing_output_is_an_error", "def lines(self, request):\n        return list(open(request.path + 'x'))"),
    "Litters": (
        "reading_changes_nothing",
        "def lines(self, request):\n        request.path.with_name('x').touch()\n        return super().lines(request)",
    ),
}

SINK = """
import json, pytest
from usr_core.plugin import EventSinkSpec
from usr_core.testing import EventSinkContract

class Good:
    path = None
    def __init__(self):
        self.file = None
    def emit(self, event):
        with self.path.open("a") as file:
            file.write(json.dumps(event) + "\\n")
    def close(self):
        pass

class Base(EventSinkContract):
    features = frozenset({"received", "breakable"})
    made = Good
    @pytest.fixture
    def spec(self, tmp_path):
        self.made.path = tmp_path / "events"
        return EventSinkSpec(name="lab", summary="s", factory=self.made)
    def received(self):
        return [json.loads(line) for line in self.made.path.read_text().splitlines()]
    def break_target(self):
        self.made.path.mkdir()
    def mend_target(self):
        self.made.path.rmdir()
"""

SINK_FAULTS = {
    "Alters": ("every_event_is_taken_and_none_changed", "def emit(self, event):\n        event['seen'] = True"),
    "ClosesOnce": (
        "closing_twice_is_closing",
        "def close(self):\n        assert self.file is None\n        self.file = 1",
    ),
    "KnowsActions": (
        "what_is_new_to_it_is_taken",
        "def emit(self, event):\n        {'init': 1, 'attach': 1, 'delete': 1}[event['action']]\n"
        "        super().emit(event)",
    ),
    "Forgets": ("events_arrive_in_order", "def emit(self, event):\n        event['seq'] == 3 or super().emit(event)"),
    "Overwrites": (
        "a_second_sink_goes_on",
        "def __init__(self):\n        self.path.exists() and not self.path.is_dir() and self.path.unlink()",
    ),
    "Hides": (
        "a_failure_does_not_break_the_command",
        "def emit(self, event):\n        if not self.path.is_dir():\n            super().emit(event)",
    ),
    "Litters": (
        "the_working_folder_stays_as_it_is",
        "def close(self):\n        open('left', 'w').close()",
    ),
}


@pytest.mark.parametrize(
    ("module", "faults"),
    [(IMPORTER, IMPORTER_FAULTS), (EXPORTER, EXPORTER_FAULTS), (OVERLAY, OVERLAY_FAULTS), (SINK, SINK_FAULTS)],
    ids=["importer", "exporter", "overlay writer", "event sink"],
)
def test_each_fault_is_seen_by_the_test_about_it(module: str, faults: dict[str, tuple[str, str]], tmp_path: Path):
    """And nothing is found where there is no fault."""
    text = f"{module}\nclass TestGood(Base):\n    pass\n"
    for name, (_, body) in faults.items():
        text += f"\n\nclass {name}(Good):\n    {body}\n\nclass Test{name}(Base):\n    made = {name}\n"
    (tmp_path / "test_faults.py").write_text(text, encoding="utf-8")
    # All tests where there is no fault; else those about it, as any other one says nothing here.
    wanted = " or ".join(["TestGood", *(f"(Test{name} and test_{about})" for name, (about, _) in faults.items())])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rf", "--tb=no", "-pno:cacheprovider", "-k", wanted, "test_faults.py"],
        cwd=tmp_path, env=clean_env(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    failed = re.findall(r"^FAILED test_faults.py::Test(\w+)::test_(\S+)", done.stdout, re.MULTILINE)

    assert " error" not in done.stdout.splitlines()[-1], done.stdout
    assert [] == [test for name, test in failed if name == "Good"]
    assert {} == {
        name: about
        for name, (about, _) in faults.items()
        if not any(of == name and test.startswith(about) for of, test in failed)
    }


class TestFeatures:
    def test_undeclared_ones_leave_no_test(self):
        """So that pytest has nothing to skip; a subclass of a subclass may declare more."""

        class Kept(Contract):
            @needs("a")
            def test_a(self) -> None: ...

            def test_always(self) -> None: ...

        class Plain(Kept): ...

        class More(Plain):
            features = frozenset({"a"})

        assert (False, True) == (callable(Plain.test_a), callable(Plain.test_always))
        assert callable(More.test_a)
        assert callable(Kept.test_a)

    def test_unknown_ones_are_refused(self):
        """A misspelled feature would leave its tests out in silence."""

        class Kept(Contract):
            @needs("a")
            def test_a(self) -> None: ...

        with pytest.raises(TypeError, match="there are: a"):
            type("Misspelled", (Kept,), {"features": frozenset({"b"})})


def test_the_fixtures_import_nothing_heavy(tmp_path: Path):
    """Every test session of an environment that has USR imports them."""
    code = (
        "import usr_core.testing.fixtures, sys; print(sorted({'pyarrow', 'duckdb', 'numpy', 'yaml', 'typer', 'pluggy'"
    )
    code += ", 'usr_core.plugin.host', 'usr_core.dataset'} & set(sys.modules) - set(before)))"
    done = subprocess.run(
        [sys.executable, "-c", f"import pytest, sys; before = list(sys.modules); {code}"],
        cwd=tmp_path, env=clean_env(), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert ("[]\n", "") == (done.stdout, done.stderr)


class TestTmpPlugin:
    SOURCE = "from usr_core.plugin import hookimpl\n\n@hookimpl\ndef usr_importers():\n    return []\n"

    def test_is_seen_by_the_host_it_is_given_to(self, usr_host, tmp_plugin):
        """And by no other; nothing that is installed is there either."""
        plugin = tmp_plugin("lab", hooks=self.SOURCE, provides=[("importer", "lab")])

        assert ("lab",) == usr_host(plugin).names_of("importer")
        assert () == usr_host().names_of("importer")

    def test_is_forgotten(self, tmp_plugin):
        """The next test may write another of the same id."""
        import importlib

        module = tmp_plugin("kit_test", hooks="NUMBER = 1\n").module
        assert 1 == importlib.import_module(module).NUMBER
