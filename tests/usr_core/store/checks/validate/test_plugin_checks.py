"""Checks of plugins see the merged view's columns that they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa
import pytest

from support.damage import ROWS, codes
from usr_core.dataset import Dataset
from usr_core.errors import UsrError
from usr_core.plugin.host import BoundCheck
from usr_core.plugin.specs import CheckSpec, Finding
from usr_core.store.checks.validate import ValidationReport, validate_dataset


class Recorder:
    """A check that notes what it is given."""

    def __init__(self) -> None:
        self.seen: list[pa.RecordBatch] = []

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterable[Finding]:
        self.seen += list(batches)
        return [Finding(code="LAB-001", message="seen", rows=(1,))]


class Raising:
    """A check that the host turned into an error of its own."""

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterable[Finding]:
        raise UsrError("the check broke", hint="mend it")


def _check(
    run: Callable[..., Iterable[Finding]], *, columns: tuple[str, ...] = (), namespace: str | None = None
) -> BoundCheck:
    spec = CheckSpec(name="lab", summary="", factory=lambda: run, columns=columns, namespace=namespace)
    return BoundCheck(spec=spec, plugin="lab", run=run)


def _validate(dataset: Dataset, *checks: BoundCheck) -> ValidationReport:
    return validate_dataset(dataset.ref, checks=checks)


class TestChecks:
    def test_get_the_columns_they_name(self, healthy: Dataset) -> None:
        """A check sees these columns of every live record, in order, and what it finds is in the report."""
        run = Recorder()

        report = _validate(healthy, _check(run, columns=("mock__tag", "id")))

        assert [batch.schema.names for batch in run.seen] == [["mock__tag", "id"]]
        assert sum(map(len, run.seen)) == ROWS - 1
        assert (codes(report), report.ok) == ({"LAB-001"}, False)

    @pytest.mark.parametrize("strict", [False, True])
    def test_a_warning_fails_the_strict_validation_only(self, healthy: Dataset, strict: bool) -> None:
        """A lab can make its own rule a gate, and still look at a dataset that breaks it."""
        doubt = Finding(code="LAB-002", message="doubtful", severity="warning")

        report = validate_dataset(healthy.ref, checks=[_check(lambda _: [doubt])], strict=strict)

        assert ["LAB-002"] == [finding.code for finding in report.findings]
        assert report.ok is not strict

    @pytest.mark.parametrize("options", [{"namespace": "densegen"}, {"columns": ("densegen__x",)}])
    def test_of_another_namespace_are_not_run(self, healthy: Dataset, options: dict[str, object]) -> None:
        """A check whose columns are not there has nothing to say."""
        run = Recorder()

        report = _validate(healthy, _check(run, **options))  # type: ignore[arg-type]

        assert (run.seen, report.ok) == ([], True)

    def test_that_raise_are_findings(self, healthy: Dataset) -> None:
        """A broken check fails the validation, and the next one still runs."""
        report = _validate(healthy, _check(Raising()), _check(Recorder()))

        assert codes(report) == {UsrError.code, "LAB-001"}
