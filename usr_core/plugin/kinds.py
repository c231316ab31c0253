"""The kinds of providers: which hook offers each, and what its specs are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from usr_core.plugin.specs import (
    AlphabetSpec,
    CheckSpec,
    EventSinkSpec,
    ExecutorSpec,
    ExporterSpec,
    FunctionSpec,
    HealthCheckSpec,
    ImporterSpec,
    NamespaceSpec,
    OverlayWriterSpec,
    TransportSpec,
    VerifySpec,
)

__all__ = ["KINDS", "AnySpec", "Kind"]

AnySpec = (
    AlphabetSpec
    | CheckSpec
    | EventSinkSpec
    | ExecutorSpec
    | ExporterSpec
    | FunctionSpec
    | HealthCheckSpec
    | ImporterSpec
    | NamespaceSpec
    | OverlayWriterSpec
    | TransportSpec
    | VerifySpec
)
"""Any of the specs that hooks return."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of provider.

    Attributes:
        name: As in a manifest's ``kind``.
        words: As in a message: ``overlay writer``.
        hook: The hook that offers it.
        spec: The class of its specs.
    """

    name: str
    words: str
    hook: str
    spec: type[AnySpec]


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name="importer", words="importer", hook="usr_importers", spec=ImporterSpec),
        Kind(name="exporter", words="exporter", hook="usr_exporters", spec=ExporterSpec),
        Kind(name="overlay_writer", words="overlay writer", hook="usr_overlay_writers", spec=OverlayWriterSpec),
        Kind(name="verify", words="verify strategy", hook="usr_verify_strategies", spec=VerifySpec),
        Kind(name="transport", words="transport", hook="usr_transports", spec=TransportSpec),
        Kind(name="event_sink", words="event sink", hook="usr_event_sinks", spec=EventSinkSpec),
        Kind(name="namespace", words="namespace", hook="usr_namespaces", spec=NamespaceSpec),
        Kind(name="check", words="check", hook="usr_checks", spec=CheckSpec),
        Kind(name="alphabet", words="alphabet", hook="usr_alphabets", spec=AlphabetSpec),
        Kind(name="health_check", words="health check", hook="usr_health_checks", spec=HealthCheckSpec),
        Kind(name="executor", words="executor", hook="usr_executors", spec=ExecutorSpec),
        Kind(name="function", words="function", hook="usr_functions", spec=FunctionSpec),
    )
}
"""The kinds by the name that a manifest gives them."""
