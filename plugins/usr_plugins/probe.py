"""Load one plugin and tell what happened: the child process of ``usr plugins doctor``.

``python -P -m usr_plugins.probe ID DISTRIBUTION REPORT`` appends lines of JSON to the file REPORT, a line a step, so
that whatever the plugin does to this process (hang, exit, crash) the parent knows what it was doing. Standard output
and error are left to the plugin: what it prints there is a finding.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from usr_core.api import TransportSpec, UsrError
from usr_core.api.plugins import (
    KINDS,
    AnySpec,
    InstalledPlugin,
    Manifest,
    PluginRecord,
    PluginStatus,
    Registrar,
    load_object,
    load_target,
    locate,
    other_plugins,
    own_plugins,
    parse_manifest,
)
from usr_core.testing.heavy_modules import HEAVY_MODULES
from usr_plugins.trial import try_offers

__all__ = ["main"]


class _Report:
    """The file of steps and findings."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, **line: object) -> None:
        self._file.write(f"{json.dumps(line)}\n")
        self._file.flush()

    @contextmanager
    def step(self, doing: str, fix: str) -> Iterator[None]:
        """Name what is being done; a `UsrError` out of it is a problem with `fix`, unless it has a better one."""
        self(doing=doing)
        try:
            yield
        except UsrError as error:
            cause = error.facts.get("cause")
            self(problem=f"{error.message}: {cause}" if cause else error.message, fix=fix)
        self(done=doing)


def main() -> None:
    """Examine the plugin that the arguments name."""
    plugin_id, distribution, report = sys.argv[1:4]
    (installed,) = (
        plugin
        for plugin in (*own_plugins(), *other_plugins())
        if plugin.id == plugin_id and plugin.distribution.key == distribution
    )
    with Path(report).open("a", encoding="utf-8") as file:
        _examine(_record(installed), _Report(file))


def _record(installed: InstalledPlugin) -> PluginRecord:
    manifest: Manifest | None = None
    place = locate(installed).manifest
    if place is not None:
        manifest = parse_manifest(Path(place).read_text(encoding="utf-8"), file=place)
    return PluginRecord(installed, PluginStatus.OK, manifest=manifest)


def _examine(record: PluginRecord, report: _Report) -> None:
    seconds, heavy = _timed(
        report,
        f"importing {record.installed.module}",
        "Fix the import; `python -X importtime -c 'import …'` shows where it stops.",
        lambda: load_object(record, record.installed.value),
    )
    report(import_ms=round(seconds * 1000, 1), heavy_modules=heavy)
    registrar = Registrar(lambda _text, _started: None)
    offered: dict[str, tuple[AnySpec, ...]] = {}
    with report.step("registering its hooks", "Give hooks the names and arguments of usr_core.plugin.hookspecs."):
        registrar.load(record)
        for hook in registrar.ignored.get(record, ()):
            report(ignored=hook)
        offered = _compare_offers(record, registrar, report)
        _compare_policy(record, registrar, report)
    for claim in record.commands:
        seconds, heavy = _timed(
            report,
            f"importing {claim.target}",
            f"Let `target` of the command {' '.join(claim.path)!r} name a typer.Typer that holds a command.",
            lambda claim=claim: load_target(record, claim),  # type: ignore[misc]
        )
        report(command=" ".join(claim.path), import_ms=round(seconds * 1000, 1), heavy_modules=heavy)
    try_offers(record, offered, report.step)  # last, as factories import what is heavy


def _timed(report: _Report, doing: str, fix: str, load: Callable[[], object]) -> tuple[float, list[str]]:
    before = set(sys.modules)
    started = time.perf_counter()
    with report.step(doing, fix):
        load()
    seconds = time.perf_counter() - started
    return seconds, sorted(HEAVY_MODULES & (set(sys.modules) - before))


def _compare_offers(record: PluginRecord, registrar: Registrar, report: _Report) -> dict[str, tuple[AnySpec, ...]]:
    """Compare what the hooks offer with the manifest; return what they offer, by kind."""
    found: dict[str, tuple[AnySpec, ...]] = {}
    declared = {(claim.kind, claim.name) for claim in record.provides}
    for kind in KINDS.values():
        with report.step(f"calling {kind.hook}", f"Let {kind.hook} return {kind.spec.__name__} objects."):
            found[kind.name] = registrar.specs(record, kind.name)
            for spec in found[kind.name]:
                name = spec.scheme if isinstance(spec, TransportSpec) else spec.name
                report(offered={"kind": kind.name, "name": name})
                if record.manifest is not None and (kind.name, name) not in declared:
                    report(
                        problem=f"it offers the {kind.words} {name!r}, which its manifest does not declare",
                        fix=f'Add [[provides]] with kind = "{kind.name}" and name = "{name}" to usr-plugin.toml.',
                    )
                declared.discard((kind.name, name))
            for _, name in sorted(claim for claim in declared if claim[0] == kind.name):
                report(
                    problem=f"its manifest declares the {kind.words} {name!r}, which {kind.hook} does not offer",
                    fix=f"Offer it in {kind.hook}, or take it out of usr-plugin.toml.",
                )
    return found


def _compare_policy(record: PluginRecord, registrar: Registrar, report: _Report) -> None:
    """Compare the hook `usr_choose_verify` with what the manifest says of it."""
    kinds = {claim.kind for claim in record.provides}
    implements = registrar.implements(record, "usr_choose_verify")
    if implements and record.manifest is not None and not kinds & {"verify", "verify_policy"}:
        report(
            problem="it implements usr_choose_verify, which its manifest does not declare, so it is never asked",
            fix=f'Add [[provides]] with kind = "verify_policy" and name = "{record.id}" to usr-plugin.toml.',
        )
    if not implements and "verify_policy" in kinds:
        report(
            problem="its manifest declares a verify_policy, and it does not implement usr_choose_verify",
            fix="Implement the hook, or take the entry out of usr-plugin.toml.",
        )


if __name__ == "__main__":
    main()
