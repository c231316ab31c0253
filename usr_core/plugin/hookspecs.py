"""The hooks of plugin API 1.2: what a plugin can be asked, and what it promises by answering.

A plugin implements the hooks it needs, as functions of its entry-point module marked with `hookimpl`,
and repeats each of them in its manifest's ``[[provides]]``. Hooks return specs, which are cheap to build;
the host selects one, calls its factory, and calls the provider itself, isolated. No hook is called for
``--help`` or for listings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
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
        VerifyRequest,
        VerifySpec,
    )

__all__ = ["PROJECT", "UsrHooks", "hookimpl"]

PROJECT = "usr"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's function as the implementation of the hook of the same name."""


class UsrHooks:
    """Every hook; ``self`` is not part of an implementation's arguments."""

    @hookspec
    def usr_importers(self) -> Iterable[ImporterSpec]:  # type: ignore[empty-body]
        """Offer to read file formats for ``usr import --from NAME`` and ``usr attach``.

        Called when an importer that the manifest declares is asked for by name, or when a file's ending has
        to find its importer. Building a spec must be cheap: import readers inside ``factory``.

        An importer yields Arrow batches of what the file says and nothing else: the core checks alphabets,
        computes ids, looks for duplicates and writes. Text stays text; a row that can't be read is a
        `UsrError` that knows file and row.

        Conflicts: a name offered twice is refused, with both distributions named.
        Since: API 1.0. Contract tests: ``usr_core.testing.ImporterContract``.
        """

    @hookspec
    def usr_exporters(self) -> Iterable[ExporterSpec]:  # type: ignore[empty-body]
        """Offer to write file formats for ``usr export --fmt NAME``.

        Called when an exporter that the manifest declares is asked for by name.

        An exporter writes the temporary file it is given, holding a bounded number of batches at a time. The
        core renames the file when the exporter has returned, and removes it when it raises.

        Conflicts: a name offered twice is refused, with both distributions named.
        Since: API 1.0. Contract tests: ``usr_core.testing.ExporterContract``.
        """

    @hookspec
    def usr_overlay_writers(self) -> Iterable[OverlayWriterSpec]:  # type: ignore[empty-body]
        """Offer to read a tool's output files for ``usr attach --writer NAME``.

        Called when a writer that the manifest declares is asked for by name.

        A writer yields batches holding the spec's key and columns of its namespace. The core resolves keys,
        checks types against the registry, and writes the part; a writer never touches the dataset's folder.

        Conflicts: a name offered twice is refused, with both distributions named.
        Since: API 1.0. Contract tests: ``usr_core.testing.OverlayWriterContract``.
        """

    @hookspec
    def usr_verify_strategies(self) -> Iterable[VerifySpec]:  # type: ignore[empty-body]
        """Offer ways to tell whether two copies of a file are equal, for ``--verify NAME``.

        Called when a transfer verifies. ``strength`` orders strategies: of two that a remote can serve,
        ``auto`` prefers the stronger one, and every step down is printed.

        ``compare`` is symmetric, and sees one flipped byte at equal size if the strategy claims to hash.

        Conflicts: a name offered twice is refused, with both distributions named.
        Since: API 1.0. Contract tests: ``usr_core.testing.VerifyContract``.
        """

    @hookspec
    def usr_transports(self) -> Iterable[TransportSpec]:  # type: ignore[empty-body]
        """Offer ways to reach a remote root.

        Called once, the first time a command needs a remote; never for ``--help``. Yield one spec per
        scheme, declared in the manifest under the scheme's name. Import network libraries inside ``factory``.

        The host owns staging, locking order, verification and promotion. A transport moves bytes and
        reports what it saw; it must not touch ``records.parquet`` in place.

        Conflicts: a scheme offered twice is refused, with both distributions named.
        Since: API 1.0. Contract tests: ``usr_core.testing.TransportContract``.
        """

    @hookspec
    def usr_event_sinks(self) -> Iterable[EventSinkSpec]:  # type: ignore[empty-body]
        """Offer to receive events after their commit.

        Called at the first mutation of a process. The event is already on disk: a sink can't undo it. Its
        failure is reported and counted, and makes the command fail only where the spec says ``required``.

        Conflicts: a name offered twice is refused, with both distributions named.
        Since: API 1.0. Contract tests: ``usr_core.testing.EventSinkContract``.
        """

    @hookspec
    def usr_namespaces(self) -> Iterable[NamespaceSpec]:  # type: ignore[empty-body]
        """Describe the columns of the namespace that this plugin owns.

        Called for ``usr namespace register --from-plugin ID``. A plugin owns the namespace whose name is its
        id, and describes no other.

        Conflicts: an id is unique, so a namespace has one owner.
        Since: API 1.0. Contract tests: ``usr_core.testing.ManifestContract``.
        """

    @hookspec
    def usr_checks(self) -> Iterable[CheckSpec]:  # type: ignore[empty-body]
        """Offer checks whose findings ``usr validate`` and ``usr doctor`` report.

        Called when a dataset is validated, and when records are imported, for checks whose spec says so. A check sees
        batches of the columns it names, in the base's row order, once; it reports what it finds and changes nothing.

        Conflicts: a name offered twice is refused, with both distributions named.
        Since: API 1.0.
        """

    @hookspec
    def usr_alphabets(self) -> Iterable[AlphabetSpec]:  # type: ignore[empty-body]
        """Offer alphabets beside those of USR, for ``usr import --alphabet NAME`` and the column ``alphabet``.

        Called when an alphabet is asked for that USR does not have, also by `validate` for a dataset whose sequences
        have it. The letters are data: whoever reads the dataset later needs the same plugin to judge them.

        Conflicts: a name offered twice is refused, with both distributions named.
        Since: API 1.1. Contract tests: ``usr_core.testing.ManifestContract``.
        """

    @hookspec
    def usr_health_checks(self) -> Iterable[HealthCheckSpec]:  # type: ignore[empty-body]
        """Offer checks of the machine, the root or a dataset's folder, whose findings ``usr doctor`` reports.

        Called by `doctor`. A check is told where the root and the dataset are; it reads, reports and changes nothing.
        One that fails is a finding itself.

        Conflicts: a name offered twice is refused, with both distributions named.
        Since: API 1.1. Contract tests: ``usr_core.testing.ManifestContract``.
        """

    @hookspec
    def usr_executors(self) -> Iterable[ExecutorSpec]:  # type: ignore[empty-body]
        """Offer to run the shards of `usr map`, for ``--executor NAME``.

        Called when an executor that the manifest declares is asked for by name. Import libraries of clusters inside
        ``factory``.

        An executor runs each shard at least once by `usr_core.api.runs.run_shard`, or says that it did not. It writes
        nothing else of the dataset; the core looks at what the shards left, runs lost ones again, and commits.

        Conflicts: a name offered twice is refused, with both distributions named.
        Since: API 1.2. Contract tests: ``usr_core.testing.ExecutorContract``.
        """

    @hookspec
    def usr_functions(self) -> Iterable[FunctionSpec]:  # type: ignore[empty-body]
        """Offer functions of records, for ``usr map --fn NAME``.

        Called when a function that the manifest declares is asked for by name, in every worker. Import what it needs,
        and load a model, inside ``factory``.

        Conflicts: a name offered twice is refused, with both distributions named.
        Since: API 1.2. Contract tests: ``usr_core.testing.FunctionContract``.
        """

    @hookspec(firstresult=True)
    def usr_choose_verify(self, request: VerifyRequest) -> str | None:
        """Choose the verify strategy that ``--verify auto`` stands for, or return None to leave it to others.

        Asked once a transfer, of the plugins that declare a verify strategy. The first answer wins; third
        parties are asked by id, the built-in policy last. An answer that is not among ``request.available``
        is an error.

        Since: API 1.0.
        """
