"""The plugin as the host sees it."""

from __future__ import annotations

from pathlib import Path

from usr_core.plugin.host import PluginHost
from usr_core.plugin.specs import ExportRequest, ImportRequest


class TestPlugin:
    def test_the_host_finds_importer_and_exporter(self, tmp_path: Path) -> None:
        """Both are reached by name, and the importer by the file's ending."""
        import pyarrow as pa

        host = PluginHost()
        schema = pa.schema([("sequence", pa.string())])
        path = tmp_path / "o.parquet"

        host.exporter("parquet").write(
            ExportRequest(path=path, schema=schema), [pa.record_batch([["ACGT"]], schema=schema)]
        )

        assert ".parquet" == host.exporter_spec("parquet").suffix
        assert "parquet" == host.importer_for_path(path)[0]
        (batch,) = host.importer("parquet").read(ImportRequest(path=path))
        assert {"sequence": ["ACGT"]} == batch.to_pydict()
