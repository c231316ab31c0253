"""The fixtures of the test kit, which pytest finds through the entry point ``pytest11``.

Every test session of an environment that has USR imports this module: nothing heavy at its top.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from usr_core.dataset import Dataset
    from usr_core.plugin.host import PluginHost
    from usr_core.testing.memory_transport import MemoryTransport

__all__ = ["DatasetFactory", "HostFactory", "PluginFactory", "TmpPlugin"]


_A_NAMESPACE = {"mock": {"mock__score": "float64"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class TmpPlugin:
    """A plugin that lies in a temporary folder, as an installer would leave it.

    Attributes:
        id: Its id.
        module: The module with its hooks, importable in this process.
        site: The folder to put on ``PYTHONPATH`` for a child process that has to see it.
    """

    id: str
    module: str
    site: Path


PluginFactory = Callable[..., TmpPlugin]
HostFactory = Callable[..., "PluginHost"]
DatasetFactory = Callable[..., "Dataset"]


@pytest.fixture
def tmp_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginFactory]:
    """Write plugins: ``tmp_plugin("lab", hooks=source, provides=[("importer", "lab")])``.

    Further keywords: ``files``, a mapping of file names inside the package to texts, and ``manifest``, a text in place
    of the generated one. The package is ``usr_plugin_<id>``; it is forgotten after the test.
    """
    site = tmp_path / "usr-plugins"
    written: list[str] = []

    def write(
        plugin_id: str,
        *,
        hooks: str = "",
        provides: Sequence[tuple[str, str]] = (),
        manifest: str | None = None,
        files: Mapping[str, str] | None = None,
    ) -> TmpPlugin:
        import importlib

        if not written:
            site.mkdir()
            monkeypatch.syspath_prepend(str(site))
        package = f"usr_plugin_{plugin_id}"
        claims = "".join(f'\n[[provides]]\nkind = "{kind}"\nname = "{name}"\n' for kind, name in provides)
        made = f'api = "1.0"\nid = "{plugin_id}"\nsummary = "The plugin {plugin_id}"\n{claims}'
        content = {"__init__.py": "", "plugin.py": hooks, "usr-plugin.toml": made if manifest is None else manifest}
        for name, text in {**content, **(files or {})}.items():
            path = site / package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        distribution = f"usr-plugin-{plugin_id.replace('_', '-')}"
        metadata = site / f"{package}-0.1.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 0.1\n", "utf-8")
        (metadata / "entry_points.txt").write_text(f"[usr.plugins]\n{plugin_id} = {package}.plugin\n", "utf-8")
        importlib.invalidate_caches()
        written.append(package)
        return TmpPlugin(id=plugin_id, module=f"{package}.plugin", site=site)

    yield write
    for name in list(sys.modules):
        if name.partition(".")[0] in written:
            del sys.modules[name]


@pytest.fixture
def usr_host() -> Iterator[HostFactory]:
    """Make hosts that see what they are given and nothing that is installed.

    ``usr_host(fasta="usr_plugin_fasta.plugin")`` takes ids and modules, ``usr_host(tmp_plugin(…))`` plugins of
    `tmp_plugin`. A host is a `usr_core.plugin.host.PluginHost`; its ``report`` is pytest's failure. All are closed.
    """
    hosts: list[PluginHost] = []

    def make(*plugins: TmpPlugin, report: Callable[[str], None] | None = None, **modules: str) -> PluginHost:
        from usr_core.plugin.host import PluginHost
        from usr_core.testing.fixed_plugins import FixedCatalogue

        named = [*((plugin.id, plugin.module) for plugin in plugins), *modules.items()]
        hosts.append(PluginHost(FixedCatalogue(named), report=report if report is not None else pytest.fail))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


@pytest.fixture
def dataset_factory(tmp_path: Path) -> DatasetFactory:
    """Make datasets: ``dataset_factory(["ACGT"], namespaces={"lab": {"lab__score": "float64"}})``.

    Without `namespaces` the root has one, ``mock``, as a root needs a registry. Further keywords: ``name``
    (``test/data``) and ``host``, one of `usr_host`. All lie in one root, ``tmp_path/"root"``.
    """

    def make(
        sequences: Sequence[str] = (),
        *,
        name: str = "test/data",
        namespaces: Mapping[str, Mapping[str, str]] | None = None,
        host: PluginHost | None = None,
    ) -> Dataset:
        from usr_core.dataset import Dataset
        from usr_core.registry.store import register_namespace

        root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        for namespace, columns in (namespaces or _A_NAMESPACE).items():
            register_namespace(root, namespace, list(columns.items()))
        dataset = Dataset.open(root, name, host=host).init()
        if sequences:
            dataset.add_sequences([{"sequence": sequence} for sequence in sequences])
        return dataset

    return make


@pytest.fixture
def memory_transport() -> MemoryTransport:
    """Return a transport to an empty remote side in memory."""
    from usr_core.testing.memory_transport import MemoryRemote, MemoryTransport

    return MemoryTransport(MemoryRemote())
