"""Running the checks that plugins offer over the merged view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from usr_core.errors import UsrError
from usr_core.plugin.specs import CheckSpec, Finding
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.checks.validate.report import FindingList
from usr_core.store.parts.files import NamespaceOverlay
from usr_core.store.view.merged_view import MergedView

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MOST_FINDINGS", "Check", "run_checks"]

MOST_FINDINGS = 1_000
"""Of one check; what comes after is counted."""


class Check(Protocol):
    """What `PluginHost.checks` gives: a spec, its plugin, and a call that is isolated."""

    @property
    def spec(self) -> CheckSpec: ...

    @property
    def plugin(self) -> str: ...

    @property
    def run(self) -> Callable[[Iterable[pa.RecordBatch]], Iterable[Finding]]: ...


def run_checks(
    checks: Sequence[Check],
    base: OpenParquet,
    overlays: Mapping[str, NamespaceOverlay],
    findings: FindingList,
    *,
    strict: bool,
) -> None:
    """Run each check that concerns the dataset over the columns that it names, deleted records left out.

    A check is not run where the dataset has no column of its namespace, or lacks one of its columns; a check that
    names no columns gets all. A check that raises is a finding, and the others go on. With `strict` a check's warning
    counts as an error.
    """
    if not checks:
        return
    try:
        view = MergedView(base, overlays)
        known = view.schema().names
    except UsrError:
        return  # what keeps the view from opening was reported
    for check in checks:
        spec = check.spec
        if "validate" not in spec.at:
            continue
        if spec.namespace is not None and not any(name.startswith(f"{spec.namespace}__") for name in known):
            continue
        if any(name not in known for name in spec.columns):
            continue
        try:
            _take(check, view, findings, strict=strict)
        except UsrError as error:
            findings.add_error(error)


def _take(check: Check, view: MergedView, findings: FindingList, *, strict: bool) -> None:
    held: list[Finding] = []
    more = 0
    for finding in check.run(view.batches(list(check.spec.columns) or None)):
        if len(held) < MOST_FINDINGS:
            held.append(replace(finding, severity="error") if strict and finding.severity == "warning" else finding)
        else:
            more += 1
    findings.extend(held)
    if more:
        findings.add(
            "USR-VALID-095",
            f"the check {check.spec.name} of the plugin {check.plugin} has {more:,} more findings",
            hint="Fix those that are listed, then validate again.",
            severity="warning",
            count=more,
        )
