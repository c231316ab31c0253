"""What a validation found, and the list it is gathered in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from usr_core.errors import UsrError, visible
from usr_core.plugin.specs import Finding, Severity
from usr_core.values.showing import Shown

__all__ = ["FIRST_ROWS", "FindingList", "RegistryMode", "ValidationReport"]

RegistryMode = Literal["either", "current", "frozen", "contract"]

FIRST_ROWS = 20
"""How many row numbers a finding holds; its count is of all."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ValidationReport(Shown):
    """The outcome of one validation.

    Attributes:
        dataset: The dataset's name.
        mode: What the registry hashes were compared with.
        strict: Whether the strict checks were made.
        findings: Everything found: the base first, then overlays by namespace, the log, leftovers, plugins' checks.
        rows: Records of the base, 0 where it can't be read.
        overlays: Overlay files checked.
        seconds: Wall time.

    Example:
        >>> report = dataset.validate()
        >>> report.ok, report.mode, report.rows, report.overlays
        (True, 'either', 3, 1)
    """

    dataset: str
    mode: RegistryMode
    strict: bool
    findings: tuple[Finding, ...]
    rows: int
    overlays: int
    seconds: float

    def _shown(self) -> Mapping[str, object]:
        return {"ok": self.ok, **Shown._shown(self)}

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings and notes do not count."""
        return not any(finding.severity == "error" for finding in self.findings)


class FindingList:
    """Findings in the order in which they were made."""

    def __init__(self) -> None:
        self._found: list[Finding] = []

    def add(
        self,
        code: str,
        message: str,
        *,
        hint: str,
        file: str | None = None,
        severity: Severity = "error",
        rows: Sequence[int] = (),
        count: int = 1,
    ) -> None:
        """Add a finding; of `rows` (1 is the first record of `file`) the first `FIRST_ROWS` are kept."""
        self._found.append(
            Finding(
                code=code,
                message=message,
                severity=severity,
                file=file,
                rows=tuple(int(row) for row in rows[:FIRST_ROWS]),
                count=count,
                hint=hint,
            )
        )

    def add_error(self, error: UsrError, *, severity: Severity = "error", file: str | None = None) -> None:
        """Add an error of another package, under its own code, so that one fault has one code in every command."""
        shown = file if file is not None else error.facts.get("file")
        row = error.facts.get("row")
        details = [f"{name} {visible(str(error.facts[name]))}" for name in ("value", "cause") if name in error.facts]
        self.add(
            error.code,
            f"{error.message} ({'; '.join(details)})" if details else error.message,
            hint=error.hint,
            file=None if shown is None else str(shown),
            severity=severity,
            rows=(row,) if isinstance(row, int) else (),
        )

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add findings that are ready."""
        self._found.extend(findings)

    def all(self) -> tuple[Finding, ...]:
        """Return them, in order."""
        return tuple(self._found)
