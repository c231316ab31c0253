"""A new overlay writer with its namespace: a tool's table of ids and scores."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "overlay_writer"
name = "$id"

[[provides]]
kind = "namespace"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: its namespace, and a writer that turns the tool's output into rows of it."""

from usr_core.api import NamespaceSpec, OverlayWriterSpec, hookimpl

COLUMNS = (("${id}__score", "float64"), ("${id}__label", "string"))


@hookimpl
def usr_namespaces():
    return [NamespaceSpec(name="$id", summary="Results of $id", columns=COLUMNS)]


@hookimpl
def usr_overlay_writers():
    return [OverlayWriterSpec(name="$id", summary="Output of $id", factory=_writer, namespace="$id", key="id")]


def _writer():
    from $package.output import ${title}Writer  # what it imports is loaded when an output is attached

    return ${title}Writer()
'''

_CODE = '''\
"""The tool's output: a line a record, with its id, a score and a label, and tabs between."""

import pyarrow as pa

from usr_core.api import UsrError

BATCH_ROWS = 10_000
SCHEMA = pa.schema([("id", pa.string()), ("score", pa.float64()), ("label", pa.string())])


class BadOutput(UsrError):
    code = "$upper-101"


class ${title}Writer:
    """The core finds the records, checks the types against the registry, and writes the part."""

    def batches(self, request):
        try:
            file = request.path.open(encoding="utf-8")
        except OSError as error:
            raise BadOutput(
                f"The output can't be read: {error.strerror}.",
                hint="Give the file that $id has written.",
                facts={"file": request.path},
            ) from error
        with file:
            held = []
            for row, line in enumerate(file, start=1):
                held.append(_cells(request.path, row, line))
                if len(held) >= BATCH_ROWS:
                    yield pa.RecordBatch.from_pylist(held, schema=SCHEMA)
                    held = []
            yield pa.RecordBatch.from_pylist(held, schema=SCHEMA)


def _cells(path, row, line):
    try:
        key, score, label = line.rstrip("\\n").split("\\t")
        return {"id": key, "score": float(score) if score else None, "label": label or None}
    except ValueError as error:
        raise BadOutput(
            f"The line is not one of $id's: {error}.",
            hint="Run $id again.",
            facts={"file": path, "row": row, "value": line.strip()},
        ) from error
'''

_TESTS = """\
import pytest

from usr_core.testing import ManifestContract, OverlayWriterContract
from $package.plugin import COLUMNS, usr_overlay_writers


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestOverlayWriter(OverlayWriterContract):
    columns = dict(COLUMNS)
    features = frozenset({"bad_rows"})

    @pytest.fixture
    def spec(self):
        (spec,) = usr_overlay_writers()
        return spec

    def write_output(self, path, keys):
        path.write_text("".join(f"{key}\\t{number / 2}\\tλ{number}\\n" for number, key in enumerate(keys)), "utf-8")

    def expected(self, keys):
        return [{"${id}__score": number / 2, "${id}__label": f"λ{number}"} for number, _ in enumerate(keys)]

    def write_bad_output(self, path, keys, bad):
        lines = [f"{key}\\t0.5\\tlabel\\n" for key in keys]
        lines[bad - 1] = lines[bad - 1].replace("0.5", "half")
        path.write_text("".join(lines), "utf-8")
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="output",
    code=_CODE,
    tests=_TESTS,
    usage="Attaches what `$id` writes: `usr namespace register $id --from-plugin $id`, then\n"
    "`usr attach DATASET --writer $id --namespace $id --key id --path FILE`.",
)
