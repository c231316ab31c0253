"""A new importer: labels and sequences, with an option, and with a namespace for what a record has no column for."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "importer"
name = "$id"

[[provides]]
kind = "namespace"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: an importer, and the namespace of its further columns."""

from usr_core.api import ImporterSpec, NamespaceSpec, OptionSpec, hookimpl


@hookimpl
def usr_importers():
    separator = OptionSpec(name="separator", default="tab", choices=("tab", "comma"), help="Between label and sequence")
    return [
        ImporterSpec(
            name="$id",
            summary="Files of $id",
            factory=_importer,
            suffixes=(".$id",),
            options=(separator,),
            namespace="$id",
        )
    ]


@hookimpl
def usr_namespaces():
    return [NamespaceSpec(name="$id", summary="What files of $id hold", columns=(("${id}__label", "string"),))]


def _importer():
    from $package.reader import ${title}Importer  # what it imports is loaded when a file is read

    return ${title}Importer()
'''

_CODE = '''\
"""Files of the format `$id`: a line a record, a label and a sequence with a tab or a comma between."""

import io

import pyarrow as pa

from usr_core.api import Opened, UsrError, open_source

COLUMNS = ("${id}__label", "sequence")
SEPARATORS = {"tab": "\\t", "comma": ","}


class BadLine(UsrError):
    code = "$upper-101"


class ${title}Importer:
    """The core checks letters, computes ids, keeps the columns of the namespace, and writes."""

    def open(self, request):
        return Opened.begun(_steps(request))  # closes the file, also where only the names of columns are wanted


def _steps(request):
    with open_source(request.path) as source:  # unpacks .gz and .zst, and knows when a file changes meanwhile
        yield COLUMNS  # first the names of all columns, then batches of those that are wanted
        wanted = [name for name in COLUMNS if request.columns is None or name in request.columns]
        separator = SEPARATORS[request.options.get("separator", "tab")]  # the host has checked the choice
        held, size = [], 0
        for row, cells in enumerate(_records(source, separator), start=1):
            if len(cells) != len(COLUMNS):
                raise BadLine(
                    f"The line has {len(cells)} cells.",
                    hint="Write a label and a sequence in each line, or say what is between: --option separator=comma.",
                    facts={"file": request.path, "row": row, "value": separator.join(cells)},
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


def _records(source, separator):
    try:
        for line in io.TextIOWrapper(io.BufferedReader(source.stream()), encoding="utf-8", newline="\\n"):
            if line.strip():
                yield line.rstrip("\\r\\n").split(separator)
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
from $package.reader import SEPARATORS, ${title}Importer


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestImporter(ImporterContract):
    types = {"${id}__label": "string", "sequence": "string"}
    rows = [
        {"${id}__label": "one", "sequence": "ACGT"},
        {"${id}__label": "two", "sequence": "TTGACA"},
        {"${id}__label": "three", "sequence": "GATTACA"},
    ]
    unicode_rows = [{"${id}__label": "λ 日本", "sequence": "ACGT"}]
    suffix = ".$id"
    namespace = "$id"
    dialects = ({"separator": "comma"},)
    features = frozenset({"bad_rows", "unicode", "compressed", "namespace", "options"})

    @pytest.fixture
    def importer(self):
        return ${title}Importer()

    def write_file(self, path, rows):
        self.write_dialect(path, rows, {"separator": "tab"})

    def write_dialect(self, path, rows, options):
        path.write_text(
            "".join(SEPARATORS[options["separator"]].join(row.values()) + "\\n" for row in rows), encoding="utf-8"
        )

    def write_bad_file(self, path, rows, bad):
        self.write_file(path, rows)
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        lines[bad - 1] = "no separator\\n"
        path.write_text("".join(lines), encoding="utf-8")


def test_a_dataset_is_filled(usr_host, dataset_factory, tmp_path):
    (tmp_path / "some.$id").write_text("one,ACGT\\ntwo,TTGACA\\n")
    dataset = dataset_factory(host=usr_host($id="$package.plugin"))

    dataset.import_file(tmp_path / "some.$id", options={"separator": "comma"})

    assert dataset.to_arrow(columns=["sequence", "${id}__label"]).to_pylist() == [
        {"sequence": "ACGT", "${id}__label": "one"},
        {"sequence": "TTGACA", "${id}__label": "two"},
    ]
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="reader",
    code=_CODE,
    tests=_TESTS,
    usage="Reads files that end in `.$id`: `usr import DATASET FILE`, also with `--option separator=comma`.",
    api="1.1",
)
