"""A new exporter: a header and a line a record, with tabs between."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "exporter"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: an exporter."""

from usr_core.api import ExporterSpec, hookimpl


@hookimpl
def usr_exporters():
    return [ExporterSpec(name="$id", summary="Files of $id", factory=_exporter, suffix=".$id", streams=True)]


def _exporter():
    from $package.writer import ${title}Exporter  # what it imports is loaded when a file is written

    return ${title}Exporter()
'''

_CODE = '''\
"""Files of the format `$id`: a header and a line a record; cells are JSON, with tabs between."""

from usr_core.api import ExportResult
from usr_core.api.arrow import dumps, to_json


class ${title}Exporter:
    """The core gives batches of exactly `request.schema`, and compares what `write` says with what it took."""

    def write(self, request, batches):
        rows = 0
        with request.open() as file:
            file.write(_line(dumps(name) for name in request.schema.names))
            for batch in batches:  # one at a time: a dataset may be larger than memory
                columns = [to_json(column) for column in batch.columns]
                file.writelines(_line(map(dumps, row)) for row in zip(*columns))
                rows += batch.num_rows
            size = file.tell()
        return ExportResult(rows=rows, size_bytes=size)


def _line(cells):
    return ("\\t".join(cells) + "\\n").encode()
'''

_TESTS = """\
import json

import pyarrow as pa
import pytest

from usr_core.testing import ExporterContract, ManifestContract
from usr_core.api.arrow import from_json
from $package.writer import ${title}Exporter


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestExporter(ExporterContract):
    features = frozenset({"round_trip", "streams"})

    @pytest.fixture
    def exporter(self):
        return ${title}Exporter()

    def read_back(self, path, schema):
        _, *lines = path.read_bytes().decode().removesuffix("\\n").split("\\n")
        rows = [[json.loads(cell) for cell in line.split("\\t")] for line in lines]
        columns = [from_json([row[index] for row in rows], field.type) for index, field in enumerate(schema)]
        return pa.Table.from_arrays(columns, schema=schema)


def test_a_dataset_is_written(usr_host, dataset_factory, tmp_path):
    dataset = dataset_factory(["ACGT", "TTGACA"], host=usr_host($id="$package.plugin"))

    dataset.export(fmt="$id", out=tmp_path / "out", columns=["sequence"])

    assert '"ACGT"' in (tmp_path / "out").read_text()
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="writer",
    code=_CODE,
    tests=_TESTS,
    usage="Writes files of the format `$id`: `usr export DATASET --fmt $id --out FILE`.",
)
