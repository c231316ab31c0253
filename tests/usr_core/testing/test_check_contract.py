"""The contracts of checks and alphabets pass for what keeps them, and see what does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from usr_core.plugin.specs import CheckSpec, Finding, HealthCheckSpec, HealthRequest
from usr_core.testing import AlphabetContract, CheckContract, HealthCheckContract

HOOKS = """
from usr_core.api import AlphabetSpec, hookimpl

@hookimpl
def usr_alphabets():
    return [AlphabetSpec(name="lab_5", summary="DNA with J", bio_type="dna", letters="ACGTJ")]
"""
BAD = Finding(code="LAB-001", message="it is too short", hint="Leave it out.")


def short_lengths(batches: Iterable[pa.RecordBatch]) -> Iterator[Finding]:
    lengths = [length for batch in batches for length in batch.column("length").to_pylist()]
    rows = tuple(row for row, length in enumerate(lengths, 1) if length < 6)
    if rows:
        yield Finding(code="LAB-001", message="it is too short", hint="Leave it out.", rows=rows, count=len(rows))


def by_batch(batches: Iterable[pa.RecordBatch]) -> Iterator[Finding]:
    for batch in batches:
        yield from short_lengths([batch])


def without_a_hint(batches: Iterable[pa.RecordBatch]) -> Iterator[Finding]:
    yield from (Finding(code=one.code, message=one.message, rows=one.rows) for one in short_lengths(batches))


def hasty(batches: Iterable[pa.RecordBatch]) -> Iterator[Finding]:
    yield BAD


def wrong(batches: Iterable[pa.RecordBatch]) -> list[str]:
    return ["too short"]


class TestCheck(CheckContract):
    types: ClassVar = {"length": "int32"}
    good: ClassVar = ({"length": 6},)
    bad: ClassVar = ({"length": 4}, {"length": 7}, {"length": 5})
    at_fault = (1, 3)
    features = frozenset({"import"})
    check: ClassVar[Callable[..., Any]] = staticmethod(short_lengths)

    @pytest.fixture
    def spec(self) -> CheckSpec:
        return self.made()

    def made(self, at: Sequence[str] = ("validate", "import")) -> CheckSpec:
        return CheckSpec(
            name="lab",
            summary="Long enough",
            factory=lambda: self.check,
            columns=("length",),
            at=frozenset(at),  # type: ignore[arg-type]
        )


@pytest.mark.parametrize(
    ("check", "test"),
    [
        (by_batch, "test_the_cut_of_the_batches_does_not_matter"),
        (without_a_hint, "test_findings_say_what_to_do"),
        (hasty, "test_nothing_is_found_in_good_records"),
        (hasty, "test_every_record_at_fault_is_found"),
        (wrong, "test_findings_say_what_to_do"),
    ],
)
def test_a_faulty_check_is_seen(check: Callable[..., Any], test: str) -> None:
    """By the test that is about the fault."""
    contract = TestCheck()
    contract.check = check  # type: ignore[misc]

    with pytest.raises(Exception, match=r"assert|failed in check"):
        getattr(contract, test)(contract.made())


def test_a_check_that_never_sees_an_import_is_seen() -> None:
    """Where the feature is declared."""
    contract = TestCheck()

    with pytest.raises(AssertionError):
        contract.test_it_refuses_an_import(contract.made(at=("validate",)))


def token(request: HealthRequest) -> Iterator[Finding]:
    if request.root is not None and not (request.root / "token").exists():
        yield Finding(code="LAB-201", message="There is no token.", severity="warning", hint="Ask for one.")


def nosy(request: HealthRequest) -> Iterator[Finding]:
    assert request.root is not None
    (request.root / "seen").write_text("")
    yield from token(request)


class TestHealth(HealthCheckContract):
    check: ClassVar[Callable[..., Any]] = staticmethod(token)

    @pytest.fixture
    def spec(self) -> HealthCheckSpec:
        return self.made()

    def made(self) -> HealthCheckSpec:
        return HealthCheckSpec(name="lab", summary="The token is there", factory=lambda: self.check)

    def make_well(self, root: Path) -> None:
        (root / "token").write_text("x")

    def make_ill(self, root: Path) -> None:
        (root / "other").write_text("x")


def test_a_health_check_that_writes_is_seen(tmp_path: Path) -> None:
    """And one that wants a root where there is none."""
    contract = TestHealth()
    contract.check = nosy  # type: ignore[misc]

    with pytest.raises(AssertionError):
        contract.test_nothing_is_changed(contract.made(), tmp_path)
    with pytest.raises(Exception, match="failed in health_check"):
        contract.test_without_a_root_it_does_not_fail(contract.made())


class TestAlphabet(AlphabetContract):
    alphabet = "lab_5"
    allowed = ("ACGTJ", "acgj")
    refused = ("ACGN", "AC-G")

    @pytest.fixture
    def host(self, usr_host: Callable[..., Any], tmp_plugin: Callable[..., Any]) -> Any:
        made = tmp_plugin("lab", hooks=HOOKS, provides=[("alphabet", "lab_5")])
        type(self).plugin = ("lab", made.module)
        return usr_host(made)
