"""Third-party plugins as an installer would leave them: a package beside a ``dist-info`` folder.

`install` writes them into a folder that goes on ``PYTHONPATH`` of a child process; nothing is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = ["FakePlugin", "install", "toml_text"]

_COMMAND_SOURCE = '''\
import typer

{name}_app = typer.Typer()


@{name}_app.command()
def {name}() -> None:
    """Say who runs."""
    print("ran {command} of {distribution}")
'''


@dataclass(frozen=True)
class FakePlugin:
    """A plugin to be installed; each method returns a changed copy.

    Attributes:
        id: The entry point's name.
        distribution: Name of its distribution, by default ``usr-plugin-<id>``.
        hooks: Source of its ``plugin.py``.
        manifest: Text of its manifest in place of the generated one; None writes none if `bare` is True.
    """

    id: str
    distribution: str = ""
    version: str = "1.0"
    api: str = "1.0"
    hooks: str = ""
    manifest: str | None = None
    bare: bool = False
    entries: tuple[str, ...] = ()
    modules: tuple[tuple[str, str], ...] = field(default=())

    @property
    def name(self) -> str:
        return self.distribution or f"usr-plugin-{self.id.replace('_', '-')}"

    @property
    def package(self) -> str:
        return self.name.replace("-", "_").replace(".", "_").lower()

    def command(
        self, name: str, *, parent: str | None = None, gate: str | None = None, source: str | None = None
    ) -> FakePlugin:
        """Add a command that prints ``ran <command> of <distribution>``, or whose module has another source."""
        module = name.replace("-", "_")
        lines = [f"name = {toml_text(name)}", f'target = "{self.package}.{module}_cli:{module}_app"']
        lines.append(f'summary = "The command {name}"')
        lines += [f"parent = {toml_text(parent)}"] if parent else []
        lines += [f"env-gate = {toml_text(gate)}"] if gate else []
        text = (
            source if source is not None else _COMMAND_SOURCE.format(name=module, command=name, distribution=self.name)
        )
        return replace(
            self,
            entries=(*self.entries, "\n".join(["[[commands]]", *lines])),
            modules=(*self.modules, (f"{module}_cli", text)),
        )

    def provides(self, kind: str, name: str) -> FakePlugin:
        """Declare a provider in the manifest."""
        entry = f"[[provides]]\nkind = {toml_text(kind)}\nname = {toml_text(name)}"
        return replace(self, entries=(*self.entries, entry))

    def manifest_text(self) -> str:
        """Return the manifest that is written."""
        if self.manifest is not None:
            return self.manifest
        head = [f"api = {toml_text(self.api)}", f"id = {toml_text(self.id)}", f'summary = "The plugin {self.id}"']
        return "\n\n".join(["\n".join(head), *self.entries]) + "\n"


def install(site: Path, *plugins: FakePlugin) -> Path:
    """Write plugins into `site` as pip leaves an installed wheel, and return `site`."""
    for plugin in plugins:
        package = site / plugin.package
        package.mkdir(parents=True)
        files = {"__init__": "", "plugin": plugin.hooks, **dict(plugin.modules)}
        for module, source in files.items():
            (package / f"{module}.py").write_text(source, encoding="utf-8")
        if not plugin.bare:
            (package / "usr-plugin.toml").write_text(plugin.manifest_text(), encoding="utf-8")
        metadata = site / f"{plugin.package}-{plugin.version}.dist-info"
        metadata.mkdir()
        _write(metadata / "METADATA", [f"Metadata-Version: 2.1\nName: {plugin.name}\nVersion: {plugin.version}"])
        _write(metadata / "entry_points.txt", ["[usr.plugins]", f"{plugin.id} = {plugin.package}.plugin"])
        _write(metadata / "RECORD", [])
    return site


def toml_text(value: str) -> str:
    """Return a basic TOML string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
