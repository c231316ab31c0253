"""Plugins in use: imported once, checked against the hooks, asked for their specs one at a time.

pluggy's own loading is not used: it imports every plugin and stops at the first that raises, and one call of
a hook stops at the first implementation that raises. Here each plugin is imported when something of it is
needed, and asked alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pluggy

from usr_core.plugin.answers import a_text, named
from usr_core.plugin.discovery import PluginRecord, PluginStatus
from usr_core.plugin.errors import PluginError
from usr_core.plugin.hookspecs import PROJECT, UsrHooks
from usr_core.plugin.isolation import calling, load_error, loading
from usr_core.plugin.kinds import KINDS, AnySpec
from usr_core.plugin.loading import load_object
from usr_core.plugin.offers import check_spec
from usr_core.plugin.specs import NamespaceSpec, VerifyRequest

__all__ = ["Registrar"]


@dataclass
class Registrar:
    """Loads plugins and collects their specs.

    Attributes:
        trace: Says something under ``USR_TRACE_PLUGINS=1``.
        failures: What went wrong with which plugin, by its entry point; it is not tried again.
        ignored: Hooks of plugins for a higher minor version of the API, which this one does not have.

    Example:
        >>> from usr_core.api import PluginHost
        >>> from usr_core.api.plugins import Registrar
        >>> csv = next(record for record in PluginHost().plugins() if record.id == "csv")
        >>> registrar = Registrar(trace=lambda text, started: None)
        >>> [spec.name for spec in registrar.specs(csv, "importer")], registrar.failures
        (['csv', 'tsv'], {})
        >>> registrar.implements(csv, "usr_importers"), registrar.implements(csv, "usr_checks")
        (True, False)
    """

    trace: Callable[[str, float | None], None]
    failures: dict[PluginRecord, tuple[PluginStatus, PluginError]] = field(default_factory=dict)
    ignored: dict[PluginRecord, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(UsrHooks)
        self._objects: dict[PluginRecord, object] = {}
        self._specs: dict[tuple[PluginRecord, str], tuple[AnySpec, ...]] = {}

    def specs(self, record: PluginRecord, kind_name: str) -> tuple[AnySpec, ...]:
        """Return what one plugin's hook of a kind offers, sorted by name.

        Raises:
            PluginLoadError: The plugin can't be imported, or what it offers is of the wrong form.
            PluginCallError: The hook raised, or a field of what it offers is of the wrong form.
        """
        key = (record, kind_name)
        if key not in self._specs:
            self.load(record)
            try:
                self._specs[key] = self._collect(record, kind_name)
            except PluginError as error:
                self.failures[record] = (PluginStatus.FAILED, error)
                raise
        return self._specs[key]

    def load(self, record: PluginRecord) -> None:
        """Import a plugin and register its hooks, once.

        Raises:
            PluginLoadError: The plugin can't be imported, or a hook does not fit; raised again at each later attempt.

        Example:
            >>> from usr_core.api import PluginHost
            >>> from usr_core.api.plugins import Registrar
            >>> csv = next(record for record in PluginHost().plugins() if record.id == "csv")
            >>> registrar = Registrar(trace=lambda text, started: print(text))
            >>> registrar.load(csv)
            imported usr_csv.plugin
        """
        if record in self.failures:
            raise self.failures[record][1]
        if record in self._objects:
            return
        started = time.perf_counter()
        try:
            found = load_object(record, record.installed.value)
        except PluginError as error:
            self.failures[record] = (PluginStatus.UNIMPORTABLE, error)
            raise
        self.trace(f"imported {record.installed.value}", started)
        try:
            self._register(record, found)
        except PluginError as error:
            self.failures[record] = (PluginStatus.FAILED, error)
            raise
        self._objects[record] = found

    def implements(self, record: PluginRecord, hook: str) -> bool:
        """Tell whether a loaded plugin implements a hook."""
        callers = self._manager.get_hookcallers(self._objects[record]) or []
        return any(caller.name == hook for caller in callers)

    def choose_verify(self, record: PluginRecord, request: VerifyRequest) -> str | None:
        """Return what one loaded plugin's ``usr_choose_verify`` answers, None where it has none.

        Raises:
            PluginCallError: The hook raised, or answered with something that is not available.

        Example:
            >>> from usr_core.api import PluginHost, VerifyRequest
            >>> from usr_core.api.plugins import Registrar
            >>> verify = next(record for record in PluginHost().plugins() if record.id == "verify")
            >>> registrar = Registrar(trace=lambda text, started: None)
            >>> registrar.load(verify)
            >>> registrar.choose_verify(verify, VerifyRequest(requested="auto", available=("size",)))
            'size'
        """
        with calling(record, "usr_choose_verify"):
            answer = self._only(record, "usr_choose_verify")(request=request)
            if answer is None:
                return None
            chosen = a_text(answer, "what it returned")
            if chosen not in request.available:
                raise ValueError(f"it chose {chosen!r}, which is not among those available: {request.available}")
        return chosen

    def _only(self, record: PluginRecord, hook: str) -> pluggy.HookCaller:
        """Return a caller of a hook that reaches one plugin alone, so that nobody's error hides another's answer."""
        others = [other for key, other in self._objects.items() if key != record]
        return self._manager.subset_hook_caller(hook, others)

    def _register(self, record: PluginRecord, found: object) -> None:
        name = f"{record.id} of {record.installed.distribution.key}"
        with loading(record, "registering its hooks"):
            self._manager.register(found, name)
        callers = self._manager.get_hookcallers(found) or []
        unknown = sorted(
            caller.name
            for caller in callers
            if not caller.has_spec()
            and any(impl.plugin is found and not impl.optionalhook for impl in caller.get_hookimpls())
        )
        if unknown and record.manifest is not None and record.manifest.is_newer:
            self.ignored[record] = tuple(unknown)
        elif unknown:
            self._manager.unregister(found)
            raise load_error(record, f"it implements {unknown[0]!r}, which is not a hook of this API")

    def _collect(self, record: PluginRecord, kind_name: str) -> tuple[AnySpec, ...]:
        kind = KINDS[kind_name]
        started = time.perf_counter()
        offered: list[Any] = []
        with calling(record, kind.hook):
            for answer in self._only(record, kind.hook)():
                if isinstance(answer, (str, bytes, Mapping)) or not isinstance(answer, Iterable):
                    raise TypeError(f"it returned {named(answer)}; a list of {kind.spec.__name__} is wanted")
                offered.extend(answer)
        self.trace(f"called {kind.hook} of {record.id}", started)
        for spec in offered:
            if not isinstance(spec, kind.spec):
                what = f"{kind.hook} offers {named(spec)} where a {kind.spec.__name__} belongs"
                raise load_error(record, what)
            with calling(record, kind.hook):
                check_spec(kind_name, spec)
            if isinstance(spec, NamespaceSpec) and spec.name != record.id:
                what = f"{kind.hook} offers the namespace {spec.name!r}, and a plugin owns the one of its id only"
                raise load_error(record, what)
        names = [spec.name for spec in offered]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            raise load_error(record, f"{kind.hook} offers {repeated!r} twice")
        return tuple(sorted(offered, key=lambda spec: str(spec.name)))
