"""A new importer: names and sequences with a tab between."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "importer"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: an importer."""

from usr_core.api import ImporterSpec, hookimpl


@hookimpl
def usr_importers():
    return [ImporterSpec(name="$id", summary="Files of $id", factory=_importer, suffixes=(".$id",))]


def _importer():
    from $package.reader import ${title}Importer  # what it imports is loaded when a file is read

    return ${title}Importer()
'''

_CODE = '''\
"""Files of the format `$id`: a line a record, a name and a sequence with a tab between."""

import io

import pyarrow as pa

from usr_core.api import UsrError, open_source

COLUMNS = ("name", "sequence")


class BadLine(UsrError):
    code = "$upper-101"


class ${title}Importer:
    """The core calls `columns` first, then `read`; it checks alphabets, computes ids and writes."""

    def columns(self, request):
        return list(COLUMNS)

    def read(self, request):
        wanted = [name for name in COLUMNS if request.columns is None or name in request.columns]
        with open_source(request.path) as source:  # unpacks .gz and .zst, and knows when a file changes meanwhile
            held, size = [], 0
            for row, cells in enumerate(_records(source), start=1):
                if len(cells) != len(COLUMNS):
                    raise BadLine(
                        f"The line has {len(cells)} cells.",
                        hint="Write a name, a tab and a sequence in each line.",
                        facts={"file": request.path, "row": row, "value": "\\t".join(cells)},
                    )
                held.append(dict(zip(COLUMNS, cells)))
                size += sum(map(len, cells))
                if size >= request.batch_bytes:  # memory stays bounded, however long the file is
                    source.check_unchanged()
                    yield _batch(held, wanted)
                    held, size = [], 0
            source.check_unchanged()
            if held:
                yield _batch(held, wanted)


def _records(source):
    try:
        for line in io.TextIOWrapper(io.BufferedReader(source.stream()), encoding="utf-8", newline="\\n"):
            if line.strip():
                yield line.rstrip("\\r\\n").split("\\t")
    except UnicodeDecodeError as error:
        raise BadLine(
            f"The file is not UTF-8 text: {error.reason}.",
            hint="Save it as UTF-8.",
            facts={"file": source.path},
        ) from error


def _batch(rows, names):
    return pa.record_batch({name: pa.array([row[name] for row in rows], pa.string()) for name in names})
'''

_TESTS = """\
import pytest

from usr_core.testing import ImporterContract, ManifestContract
from $package.reader import ${title}Importer


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestImporter(ImporterContract):
    types = {"name": "string", "sequence": "string"}
    rows = [
        {"name": "one", "sequence": "ACGT"},
        {"name": "two", "sequence": "TTGACA"},
        {"name": "three", "sequence": "GATTACA"},
    ]
    unicode_rows = [{"name": "λ 日本", "sequence": "ACGT"}]
    suffix = ".$id"
    features = frozenset({"bad_rows", "unicode", "compressed"})

    @pytest.fixture
    def importer(self):
        return ${title}Importer()

    def write_file(self, path, rows):
        path.write_text("".join(f"{row['name']}\\t{row['sequence']}\\n" for row in rows), encoding="utf-8")

    def write_bad_file(self, path, rows, bad):
        lines = [f"{row['name']}\\t{row['sequence']}\\n" for row in rows]
        lines[bad - 1] = "no tab\\n"
        path.write_text("".join(lines), encoding="utf-8")


def test_a_dataset_is_filled(usr_host, dataset_factory, tmp_path):
    (tmp_path / "some.$id").write_text("one\\tACGT\\ntwo\\tTTGACA\\n")
    dataset = dataset_factory(host=usr_host($id="$package.plugin"))

    dataset.import_file(tmp_path / "some.$id")

    assert dataset.to_arrow(columns=["sequence"]).to_pylist() == [{"sequence": "ACGT"}, {"sequence": "TTGACA"}]
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="reader",
    code=_CODE,
    tests=_TESTS,
    usage="Reads files that end in `.$id`: `usr import DATASET --from $id --path FILE`.",
)
