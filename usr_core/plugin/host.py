"""The plugin host: the core's only way to what plugins offer, with a typed method for each kind.

Plugins are imported when something of theirs is asked for. What a method returns is isolated by
`usr_core.plugin.isolation`: whatever plugin code raises becomes a `PluginCallError` that names the plugin,
except for a `UsrError`, which passes untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from usr_core.errors import UsrError, near_names, offered
from usr_core.plugin.answers import ANSWERS
from usr_core.plugin.catalogue import Catalogue, ProviderEntry
from usr_core.plugin.discovery import PluginRecord, PluginStatus
from usr_core.plugin.errors import AmbiguousImporter, PluginConflict, PluginError, PluginMissing
from usr_core.plugin.executors import Executor, ExecutorRequest
from usr_core.plugin.importing import HostedImporter
from usr_core.plugin.isolation import Isolated, calling, load_error
from usr_core.plugin.kinds import KINDS, AnySpec
from usr_core.plugin.manifest import ProviderClaim
from usr_core.plugin.options import as_option_spec, option_values
from usr_core.plugin.settings import settings_of, takes_settings
from usr_core.plugin.sinks import EventSinks
from usr_core.plugin.specs import (
    AlphabetSpec,
    CheckSpec,
    EventSinkSpec,
    ExecutorSpec,
    Exporter,
    ExporterSpec,
    Finding,
    FunctionSpec,
    HealthCheckSpec,
    HealthRequest,
    ImporterSpec,
    NamespaceSpec,
    OptionSpec,
    OverlayWriter,
    OverlayWriterSpec,
    Transport,
    TransportSpec,
    VerifyRequest,
    VerifySpec,
    VerifyStrategy,
)
from usr_core.plugin.switches import read_switches
from usr_core.records.alphabets import Alphabet

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.plugin.registrar import Registrar

__all__ = ["BoundCheck", "BoundHealthCheck", "PluginHost", "build_provider"]

SpecT = TypeVar("SpecT", bound=AnySpec)
FormatT = TypeVar("FormatT", ImporterSpec, ExporterSpec)

_COMPRESSED = (".gz", ".bgz", ".zst", ".bz2", ".xz")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundCheck:
    """A check that can be run; `run` builds the provider and yields what it finds."""

    spec: CheckSpec
    plugin: str
    run: Callable[[Iterable[pa.RecordBatch]], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundHealthCheck:
    """A health check that can be run; `run` builds the provider, and raises where it can't be loaded."""

    name: str
    plugin: str
    run: Callable[[HealthRequest], Iterable[Finding]]


class PluginHost:
    """What installed plugins offer, under the user's switches.

    Args:
        catalogue: The installed plugins; by default those that the environment's switches allow.
        report: Takes one line about a plugin that failed where the work can go on without it.
        root: The folder of the root that is worked in; its ``usr.toml`` has settings of plugins.
        hold_events: Keep events until `close`, so that what a command has done is printed before event sinks are told.

    Example:
        >>> from usr_core.api import PluginHost
        >>> host = PluginHost()
        >>> host.importer_for_path(tmp_path / "promoters.csv.gz")[0], host.exporter_spec("jsonl").suffix
        ('csv', '.jsonl')
        >>> "hash" in host.names_of("verify"), host.namespace_spec("infer").name
        (True, 'infer')
        >>> next(record.status.value for record in host.plugins() if record.id == "csv")
        'ok'
        >>> host.importer("embl")
        Traceback (most recent call last):
            ...
        usr_core.plugin.errors.PluginMissing: there is no importer 'embl'
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        *,
        report: Callable[[str], None] | None = None,
        hold_events: bool = False,
        root: Path | None = None,
    ) -> None:
        self.catalogue = catalogue if catalogue is not None else Catalogue(read_switches())
        self.report = report if report is not None else _ignore
        self._hold_events = hold_events
        self.root = root

    # ------------------------------------------------------------ formats

    def importer(self, name: str) -> HostedImporter:
        """Return the importer of that name.

        Raises:
            PluginMissing: No active plugin offers it.
            PluginError: Its plugin is refused, or broken.
        """
        record, spec = self._spec("importer", name, ImporterSpec)
        return cast(HostedImporter, self._build("importer", record, spec))

    def importer_for_path(self, path: Path) -> tuple[str, HostedImporter]:
        """Return the importer for a file's ending, also below that of a compression, with its name.

        Built-in importers keep their endings. Between third parties ``".fa" = "NAME"`` under ``[plugins.prefer]``
        decides, where NAME is an importer, a plugin's id or a distribution.

        Raises:
            PluginMissing: No active importer reads such files.
            AmbiguousImporter: Several do, and none is preferred.
        """
        file_name = _uncompressed(path)
        fitting = self._with_ending("importer", ImporterSpec, file_name)
        if not fitting:
            raise self._no_importer(path)
        record, spec = _built_in_or_only(fitting) or self._preferred(fitting, file_name, path)
        return spec.name, cast(HostedImporter, self._build("importer", record, spec))

    def _no_importer(self, path: Path) -> PluginMissing:
        known = sorted({suffix for _, spec in self._all_specs("importer", ImporterSpec) for suffix in spec.suffixes})
        return PluginMissing(
            "no importer reads files with this ending",
            hint=f"Name one (available: {self._available('importer')}), or rename the file to one of: "
            f"{', '.join(known) or 'none'}.{self._not_asked('importer')}",
            facts={"file": path},
        )

    def _with_ending(self, kind: str, form: type[FormatT], file_name: str) -> list[tuple[PluginRecord, FormatT]]:
        """Return what reads or writes files whose name, in lower case and without a compression's ending, is this."""
        return [
            (record, spec)
            for record, spec in self._all_specs(kind, form)
            if any(file_name.endswith(suffix.lower()) for suffix in _suffixes(spec))
        ]

    def _preferred(
        self, fitting: Sequence[tuple[PluginRecord, ImporterSpec]], file_name: str, path: Path
    ) -> tuple[PluginRecord, ImporterSpec]:
        """Return the importer that the user prefers for a file.

        Raises:
            AmbiguousImporter: None of them is preferred.
        """
        preferred = self.catalogue.switches.preferred
        choices = {choice for ending, choice in preferred.items() if _is_ending(ending, file_name)}
        chosen = [
            (record, spec)
            for record, spec in fitting
            if any(choice in (spec.name, record.id) or record.is_named(choice) for choice in choices)
        ]
        if len(chosen) == 1:
            return chosen[0]
        names = ", ".join(spec.name for _, spec in fitting)
        ending = next(s for s in fitting[0][1].suffixes if file_name.endswith(s.lower()))
        raise AmbiguousImporter(
            f"several importers read files with this ending: {names}",
            hint=f'Name one with --from, or put "{ending}" = "{fitting[0][1].name}" (or another) under '
            "[plugins.prefer] in the configuration file.",
            facts={"file": path},
        )

    def exporter(self, name: str) -> Exporter:
        """Return the exporter of that name; errors as `importer`."""
        record, spec = self._spec("exporter", name, ExporterSpec)
        return cast(Exporter, self._build("exporter", record, spec))

    def exporter_for_path(self, path: Path) -> str:
        """Return the name of the exporter for a file's ending, also below that of a compression; a built-in one first.

        Raises:
            PluginMissing: No active exporter writes such files.
            AmbiguousImporter: Several of third parties do.

        Example:
            >>> from pathlib import Path
            >>> dataset.host.exporter_for_path(Path("best.fasta.gz"))
            'fasta'
        """
        fitting = self._with_ending("exporter", ExporterSpec, _uncompressed(path))
        if (found := _built_in_or_only(fitting)) is not None:
            return found[1].name
        names = ", ".join(spec.name for _, spec in fitting)
        if fitting:
            raise AmbiguousImporter(
                f"several exporters write files with this ending: {names}",
                hint="Name one with --fmt.",
                facts={"file": path},
            )
        raise PluginMissing(
            "no exporter writes files with this ending",
            hint=f"Name one with --fmt (available: {self._available('exporter')}).{self._not_asked('exporter')}",
            facts={"file": path},
        )

    def exporter_spec(self, name: str) -> ExporterSpec:
        """Return what an exporter says of itself, without building it; errors as `importer`."""
        return self._spec("exporter", name, ExporterSpec)[1]

    def overlay_writer(self, name: str) -> OverlayWriter:
        """Return the overlay writer of that name; errors as `importer`.

        Example:
            >>> host = dataset.host
            >>> hasattr(host.overlay_writer("infer"), "batches")
            True
        """
        record, spec = self._spec("overlay_writer", name, OverlayWriterSpec)
        return cast(OverlayWriter, self._build("overlay_writer", record, spec))

    def overlay_writer_spec(self, name: str) -> OverlayWriterSpec:
        """Return what an overlay writer says of itself, without building it; errors as `importer`.

        Example:
            >>> dataset.host.overlay_writer_spec("infer").namespace
            'infer'
        """
        return self._spec("overlay_writer", name, OverlayWriterSpec)[1]

    def options(self, kind: str, name: str | None = None) -> dict[str, tuple[OptionSpec, ...]]:
        """Return what ``--option`` may set for providers of a kind, by name: of one, or of every one that works.

        Args:
            kind: ``importer``, ``exporter`` or ``overlay_writer``.
            name: The provider; errors as `importer`.

        Example:
            >>> [option.name for option in dataset.host.options("exporter", "csv")["csv"]]
            ['delimiter', 'spreadsheet_safe']
        """
        form = KINDS[kind].spec
        specs = self._all_specs(kind, form) if name is None else [self._spec(kind, name, form)]
        return {spec.name: tuple(map(as_option_spec, getattr(spec, "options", ()))) for _, spec in specs}

    # ------------------------------------------------------------ transfers

    def verify_strategy(self, name: str) -> VerifyStrategy:
        """Return the verify strategy of that name; errors as `importer`.

        Example:
            >>> from usr_core.api import FileRef
            >>> strategy = dataset.host.verify_strategy("size")
            >>> strategy.fingerprint(FileRef(path=tmp_path / "more.csv", size_bytes=51)).facts
            {'size_bytes': 51}
        """
        record, spec = self._spec("verify", name, VerifySpec)
        return cast(VerifyStrategy, self._build("verify", record, spec))

    def verify_specs(self) -> tuple[VerifySpec, ...]:
        """Return every working verify strategy's spec, the strongest first, then by name.

        Example:
            >>> [spec.name for spec in dataset.host.verify_specs() if spec.name in dataset.host.trusted_verify()]
            ['hash', 'parquet', 'size']
        """
        specs = (spec for _, spec in self._all_specs("verify", VerifySpec))
        return tuple(sorted(specs, key=lambda spec: (-spec.strength, spec.name)))

    def choose_verify(self, request: VerifyRequest) -> str | None:
        """Return the strategy that plugins choose for ``auto``, or None where none has an opinion.

        Raises:
            PluginCallError: A plugin's policy raised, or chose a strategy that is not available.

        Example:
            >>> from usr_core.api import VerifyRequest
            >>> dataset.host.choose_verify(VerifyRequest(requested="auto", available=("hash", "size")))
            'hash'
        """
        records = {entry.record for kind in ("verify", "verify_policy") for entry in self.catalogue.providers(kind)}
        for record in sorted(records, key=lambda record: (record.is_own, record.id)):
            if self._loads(record) and (chosen := self._registrar.choose_verify(record, request)) is not None:
                return chosen
        return None

    def trusted_verify(self) -> frozenset[str]:
        """Return the strategies whose strength counts: built-in ones, and those that the user's configuration prefers.

        A preference is ``"verify:NAME" = "DISTRIBUTION"`` under ``[plugins.prefer]``.

        Example:
            >>> sorted(dataset.host.trusted_verify())
            ['hash', 'parquet', 'size']
        """
        preferred = self.catalogue.switches.preferred
        return frozenset(
            entry.claim.name
            for entry in self.catalogue.providers("verify")
            if entry.record.is_own or entry.record.is_named(preferred.get(f"verify:{entry.claim.name}"))
        )

    def transport(self, scheme: str, settings: Mapping[str, Any]) -> Transport:
        """Return the transport for a scheme, built with a remote's settings; errors as `importer`.

        Example:
            >>> from usr_core.api.sync import Remote
            >>> remote = Remote(name="lab-server", type="ssh", host="lab.example.org", base_dir="/srv/usr")
            >>> transport = dataset.host.transport("ssh", remote.settings())
            >>> transport.traffic()
            Traffic(sent=0, received=0)
        """
        record, spec = self._spec("transport", scheme, TransportSpec)
        return cast(Transport, self._build("transport", record, spec, settings))

    def transport_spec(self, scheme: str) -> TransportSpec:
        """Return what a transport says of itself, without building it; errors as `importer`.

        Example:
            >>> dataset.host.transport_spec("ssh").scheme
            'ssh'
        """
        return self._spec("transport", scheme, TransportSpec)[1]

    # ------------------------------------------------------------ namespaces and checks

    def namespace_spec(self, plugin_id: str) -> NamespaceSpec:
        """Return the columns of the namespace that a plugin owns; errors as `importer`."""
        return self._spec("namespace", plugin_id, NamespaceSpec)[1]

    def alphabet(self, name: str) -> Alphabet | None:
        """Return a plugin's alphabet of that name, or None where no plugin declares it.

        Raises:
            PluginError: Its plugin is refused, or broken.

        Example:
            >>> dataset.host.alphabet("dna_6") is None
            True
        """
        if self.catalogue.find_provider("alphabet", name) is None:
            return None
        record, spec = self._spec("alphabet", name, AlphabetSpec)
        return _alphabet(record, spec)

    def alphabets(self) -> tuple[Alphabet, ...]:
        """Return the alphabets of every plugin that works, by name; the others are reported.

        Example:
            >>> [alphabet.plugin for alphabet in dataset.host.alphabets()]
            []
        """
        return tuple(_alphabet(record, spec) for record, spec in self._all_specs("alphabet", AlphabetSpec))

    def foreign_checks(self) -> tuple[BoundCheck, ...]:
        """Return the checks of third parties, as `checks` does; no built-in plugin has one that runs at import.

        Example:
            >>> dataset.host.foreign_checks()
            ()
        """
        return self._checks(foreign=True)

    def checks(self) -> tuple[BoundCheck, ...]:
        """Return every declared check, sorted by name; one that can't be loaded raises when it is run.

        Checks of plugins that the user has switched off are left out.

        Example:
            >>> [check.spec.name for check in dataset.host.checks() if check.plugin == "opal"]
            ['opal_intensity', 'opal_vectors']
        """
        return self._checks(foreign=False)

    def _checks(self, *, foreign: bool) -> tuple[BoundCheck, ...]:
        def wanted(entry: ProviderEntry) -> bool:
            return not foreign or not entry.record.is_own

        found = [self._bound(entry) for entry in self.catalogue.providers("check") if wanted(entry)]
        for entry in filter(wanted, self.catalogue.refused("check")):
            if entry.record.status is not PluginStatus.DISABLED:
                reason, hint = entry.refusal or ("", "")
                error = PluginError(f"the check {entry.claim.name!r} can't be run: {reason}", hint=hint)
                found.append(_unloadable(entry, error))
        return tuple(sorted(found, key=lambda check: check.spec.name))

    def health_checks(self) -> tuple[BoundHealthCheck, ...]:
        """Return every declared health check, sorted by name; one that can't be loaded raises when it is run.

        Those of plugins that the user has switched off are left out.

        Example:
            >>> [check.name for check in dataset.host.health_checks()]
            []
        """
        refused = [e for e in self.catalogue.refused("health_check") if e.record.status is not PluginStatus.DISABLED]
        entries = [*self.catalogue.providers("health_check"), *refused]
        checks = [
            BoundHealthCheck(
                name=entry.claim.name, plugin=entry.record.id, run=partial(self._examine, entry.claim.name)
            )
            for entry in entries
        ]
        return tuple(sorted(checks, key=lambda check: check.name))

    def _examine(self, name: str, request: HealthRequest) -> Iterable[Finding]:
        record, spec = self._spec("health_check", name, HealthCheckSpec)
        return cast(Iterable[Finding], self._build("health_check", record, spec)(request))

    def _bound(self, entry: ProviderEntry) -> BoundCheck:
        try:
            record, spec = self._spec("check", entry.claim.name, CheckSpec)
        except PluginError as error:
            return _unloadable(entry, error)
        return BoundCheck(spec=spec, plugin=record.id, run=self._check_runner(record, spec))

    # ------------------------------------------------------------ runs

    def executor_spec(self, name: str) -> ExecutorSpec:
        """Return what an executor says of itself, without building it; errors as `importer`.

        Example:
            >>> dataset.host.executor_spec("inline").detached
            False
        """
        return self._spec("executor", name, ExecutorSpec)[1]

    def executor_options(
        self, name: str, given: Mapping[str, object], *, flags: Collection[str] = ()
    ) -> dict[str, object]:
        """Return the options of an executor in their types, defaults included.

        Args:
            name: The executor.
            given: What it is given.
            flags: The options that a command has as flags of their own, for hints.

        Raises:
            OptionInvalid: It does not take such an option.
            PluginError: As `importer`.

        Example:
            >>> dataset.host.executor_options("inline", {})
            {}
        """
        return option_values(f"executor {name}", self.executor_spec(name).options, given, flags=flags)

    def executor(self, name: str, request: ExecutorRequest) -> Executor:
        """Return the executor of that name, made for a run; the request's options are checked.

        Raises:
            OptionInvalid: It does not take such an option.
            PluginError: As `importer`.

        Example:
            >>> from usr_core.api.runs import ExecutorRequest
            >>> executor = dataset.host.executor("inline", ExecutorRequest(run_id="4f1d", folder=tmp_path, shards=1))
            >>> executor.wait(0.1)
            []
        """
        record, spec = self._spec("executor", name, ExecutorSpec)
        options = self.executor_options(name, request.options)
        return cast(Executor, self._build("executor", record, spec, replace(request, options=options)))

    def function_spec(self, name: str) -> tuple[str, FunctionSpec]:
        """Return the id of the plugin that offers a function, and what it says of it; errors as `importer`.

        Example:
            >>> dataset.host.function_spec("folding_energy")
            Traceback (most recent call last):
                ...
            usr_core.plugin.errors.PluginMissing: there is no function 'folding_energy'
        """
        record, spec = self._spec("function", name, FunctionSpec)
        return record.id, spec

    def function(self, name: str) -> Callable[..., Any]:
        """Return a plugin's function, made and isolated; errors as `importer`.

        Example:
            >>> dataset.host.function("folding_energy")
            Traceback (most recent call last):
                ...
            usr_core.plugin.errors.PluginMissing: there is no function 'folding_energy'
        """
        record, spec = self._spec("function", name, FunctionSpec)
        return cast("Callable[..., Any]", self._build("function", record, spec))

    # ------------------------------------------------------------ events

    @cached_property
    def sinks(self) -> EventSinks:
        """The event sinks of this process.

        Example:
            >>> dataset.host.sinks.failures
            0
        """
        return EventSinks(
            self._offered_sinks,
            partial(self._build, "event_sink"),
            self._tolerate,
            self.report,
            hold=self._hold_events,
        )

    def emit(self, event: Mapping[str, Any]) -> None:
        """Hand a committed event to every sink that wants its action; errors as `EventSinks.emit`.

        Example:
            >>> for line in dataset.events(n=1):
            ...     dataset.host.emit(line.event)
        """
        self.sinks.emit(event)

    def close(self, *, tell: bool = True) -> None:
        """Tell the sinks what is held unless not to `tell`, and close those that were opened; as `EventSinks.close`.

        Example:
            >>> from usr_core.api import PluginHost
            >>> host = PluginHost(hold_events=True)
            >>> host.emit({"action": "gc_done"})
            >>> host.close()
        """
        if "sinks" in self.__dict__:
            self.sinks.close(tell=tell)

    # ------------------------------------------------------------ what there is

    def names_of(self, kind: str) -> tuple[str, ...]:
        """Return the names of the usable providers of a kind, from manifests alone, sorted."""
        return tuple(entry.claim.name for entry in self.catalogue.providers(kind))

    def plugins(self) -> tuple[PluginRecord, ...]:
        """Return every installed plugin with its status, including what this process found out by using it."""
        failures = self._registrar.failures if "_registrar" in self.__dict__ else {}
        found = []
        for record in self.catalogue.all:
            status, error = failures.get(record, (record.status, None))
            found.append(
                record if error is None else record._replace(status=status, reason=error.message, hint=error.hint)
            )
        return tuple(found)

    # ------------------------------------------------------------ inside

    def _build(self, kind: str, record: PluginRecord, spec: Any, *arguments: Any) -> Any:
        settings = settings_of(record, self.catalogue.switches.configured, self.root)
        return build_provider(kind, record, spec, *arguments, settings=settings)

    @cached_property
    def _registrar(self) -> Registrar:
        from usr_core.plugin.registrar import Registrar

        return Registrar(self.catalogue.trace)

    def _spec(self, kind: str, name: str, form: type[SpecT]) -> tuple[PluginRecord, SpecT]:
        entry = self._entry(kind, name)
        for spec in self._registrar.specs(entry.record, kind):
            if isinstance(spec, form) and _handle(spec) == name:
                return entry.record, spec
        words = KINDS[kind].words
        raise load_error(entry.record, f"it declares the {words} {name!r}, and {KINDS[kind].hook} does not offer it")

    def _entry(self, kind: str, name: str) -> ProviderEntry:
        entry = self.catalogue.find_provider(kind, name)
        words = KINDS[kind].words
        if entry is None:
            undeclared = self._without_manifest(name)
            if undeclared is not None:
                return ProviderEntry(claim=ProviderClaim(kind, name), record=undeclared)
            self._refuse_unreadable(words, name)
            near = near_names(name, self.names_of(kind))
            meant = f"Did you mean {offered(near)}? " if near else ""
            raise PluginMissing(
                f"there is no {words} {name!r}",
                hint=f"{meant}Available: {self._available(kind)}. Install a plugin that offers it, or see "
                f"`usr plugins list`.{self._not_asked(kind)}",
            )
        if entry.refusal is None:
            return entry
        reason, hint = entry.refusal
        by_status = {PluginStatus.DISABLED: PluginMissing, PluginStatus.CONFLICT: PluginConflict}
        raise by_status.get(entry.record.status, PluginError)(
            f"the {words} {name!r} can't be used: {reason}", hint=f"{hint} Available: {self._available(kind)}."
        )

    def _without_manifest(self, name: str) -> PluginRecord | None:
        """Return the plugin without a manifest that is asked for by its id."""
        for record in self.catalogue.all:
            if record.id == name and record.status is PluginStatus.NO_MANIFEST:
                return record
        return None

    def _refuse_unreadable(self, words: str, name: str) -> None:
        """Raise for a plugin of this name that can't be used, as its manifest can't be read.

        Raises:
            PluginError: Such a plugin is installed.
        """
        for record in self.catalogue.all:
            if record.id == name and not record.usable:
                raise PluginError(
                    f"no {words} {name!r} can be used: {record.origin} is {record.status.value}: {record.reason}",
                    hint=record.hint,
                )

    def _not_asked(self, kind: str) -> str:
        """Return a sentence about the plugins that offer this kind and can't be used, or nothing."""
        refused = [f"{entry.claim.name}: {(entry.refusal or ('', ''))[0]}" for entry in self.catalogue.refused(kind)]
        return f" Installed, and can't be used: {'; '.join(refused)}." if refused else ""

    def _available(self, kind: str) -> str:
        names = self.names_of(kind)
        return ", ".join(("auto", *names) if kind == "verify" else names) or "none"

    def _all_specs(self, kind: str, form: type[SpecT]) -> Iterator[tuple[PluginRecord, SpecT]]:
        """Yield the declared specs of every plugin that works, by name; the others are reported."""
        for entry in self.catalogue.providers(kind):
            try:
                yield self._spec(kind, entry.claim.name, form)
            except PluginError as error:
                self._tolerate(error)

    def _loads(self, record: PluginRecord) -> bool:
        try:
            self._registrar.load(record)
        except PluginError as error:
            self._tolerate(error)
            return False
        return True

    def _tolerate(self, error: UsrError) -> None:
        """Report a failure after which the work can go on; under ``USR_PLUGINS_STRICT=1`` raise it instead."""
        if self.catalogue.switches.strict:
            raise error
        cause = error.facts.get("cause")
        self.report(f"{error.message}: {cause}" if cause else error.message)

    def _offered_sinks(self) -> Iterator[tuple[PluginRecord, str, Callable[[], EventSinkSpec]]]:
        for entry in self.catalogue.providers("event_sink"):
            name = entry.claim.name
            yield entry.record, name, partial(self._spec_of, name)

    def _spec_of(self, name: str) -> EventSinkSpec:
        return self._spec("event_sink", name, EventSinkSpec)[1]

    def _check_runner(
        self, record: PluginRecord, spec: CheckSpec
    ) -> Callable[[Iterable[pa.RecordBatch]], Iterable[Finding]]:
        def run(batches: Iterable[pa.RecordBatch]) -> Iterable[Finding]:
            return cast(Iterable[Finding], self._build("check", record, spec)(batches))

        return run


def build_provider(
    kind: str, record: PluginRecord, spec: Any, *arguments: Any, settings: Mapping[str, object] = MappingProxyType({})
) -> Any:
    """Call a spec's factory and return what it gave, isolated; an importer as a `HostedImporter`.

    A factory that needs one positional argument more than `arguments` gets the plugin's `settings` as its last one.

    Raises:
        PluginCallError: The factory raised, or gave something without the methods of its kind.

    Example:
        >>> from usr_core.api import ImportRequest, PluginHost
        >>> from usr_core.api.plugins import Registrar, build_provider
        >>> csv = next(record for record in PluginHost().plugins() if record.id == "csv")
        >>> spec, *_ = Registrar(trace=lambda text, started: None).specs(csv, "importer")
        >>> importer = build_provider("importer", csv, spec)
        >>> importer.columns(ImportRequest(path=tmp_path / "more.csv"))
        ['sequence']
    """
    name = f"{KINDS[kind].words} {_handle(spec)}"
    with calling(record, f"{name}, factory"):
        if takes_settings(spec.factory, given=len(arguments)):
            arguments = (*arguments, settings)
        provider = spec.factory(*arguments)
    if kind == "importer":
        return HostedImporter(provider, record, spec)
    return Isolated(provider, record, name, ANSWERS[kind])


def _handle(spec: AnySpec) -> str:
    """Return what a spec is asked for by: a transport's scheme, every other one's name."""
    return spec.scheme if isinstance(spec, TransportSpec) else spec.name


def _alphabet(record: PluginRecord, spec: AlphabetSpec) -> Alphabet:
    return Alphabet(name=spec.name, bio_type=spec.bio_type, letters=spec.letters, plugin=record.id)


def _unloadable(entry: ProviderEntry, error: PluginError) -> BoundCheck:
    """Return a check that says why it can't be run."""

    def run(_: Iterable[pa.RecordBatch]) -> Iterable[Finding]:
        raise error

    spec = CheckSpec(name=entry.claim.name, summary="", factory=lambda: run)
    return BoundCheck(spec=spec, plugin=entry.record.id, run=run)


def _suffixes(spec: ImporterSpec | ExporterSpec) -> tuple[str, ...]:
    return (spec.suffix, *spec.suffixes) if isinstance(spec, ExporterSpec) else spec.suffixes


def _built_in_or_only(fitting: Sequence[tuple[PluginRecord, FormatT]]) -> tuple[PluginRecord, FormatT] | None:
    """Return the only built-in one, or else the only one; None where that does not decide."""
    own = [found for found in fitting if found[0].is_own]
    return (own or fitting)[0] if len(own) == 1 or len(fitting) == 1 else None


def _uncompressed(path: Path) -> str:
    """Return a file's name in lower case, without the ending of a compression."""
    name = path.name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return name


def _is_ending(preference: str, file_name: str) -> bool:
    return preference.startswith(".") and file_name.endswith(preference.lower())


def _ignore(_: str) -> None:
    return None
