"""The contracts of checks: of a dataset's records (`CheckContract`), and those of `doctor` (`HealthCheckContract`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from usr_core.plugin.answers import ANSWERS
from usr_core.plugin.isolation import Isolated
from usr_core.plugin.offers import check_spec
from usr_core.plugin.specs import CheckSpec, Finding, HealthCheckSpec, HealthRequest
from usr_core.testing.contract import Contract, needs
from usr_core.testing.fixed_plugins import stranger
from usr_core.testing.samples import arrow_type

__all__ = ["CheckContract", "HealthCheckContract"]

Row = Mapping[str, object]


class CheckContract(Contract):
    """A check finds what is wrong, where it is, and nothing else, however its batches are cut.

    A subclass whose name begins with ``Test`` overrides `spec`, `types`, `good`, `bad` and `at_fault`.

    Attributes:
        types: The columns that the check sees, with their registry types.
        good: Records in which nothing is wrong, as Python values.
        bad: Records of which some are.
        at_fault: The numbers of those, from 1, each once and ascending.
        features: ``import``: the check also runs at an import, and refuses `bad`.
    """

    types: ClassVar[Mapping[str, str]] = {}
    good: ClassVar[Sequence[Row]] = ()
    bad: ClassVar[Sequence[Row]] = ()
    at_fault: ClassVar[Sequence[int]] = ()

    @pytest.fixture
    def spec(self) -> CheckSpec:
        """Return the check's spec."""
        raise NotImplementedError("a subclass of CheckContract supplies the fixture `spec`")

    def test_the_spec_is_one_that_the_host_takes(self, spec: CheckSpec) -> None:
        """Its name, its columns, and when it runs; and `types` are the columns that it asks for."""
        check_spec("check", spec)

        assert set(self.types) == (set(spec.columns) or set(self.types))

    def test_nothing_is_found_in_good_records(self, spec: CheckSpec) -> None:
        """Nor in none."""
        assert self.good, "the contract needs `good`"
        assert [] == self._found(spec, [self._table(self.good)]) == self._found(spec, [])
        assert [] == self._found(spec, [self._table(self.good).slice(0, 0)])

    def test_every_record_at_fault_is_found(self, spec: CheckSpec) -> None:
        """By its number, counted from 1; a finding with many rows says how many there are."""
        found = self._found(spec, [self._table(self.bad)])

        assert found
        assert list(self.at_fault) == sorted({row for one in found for row in one.rows})
        assert all(len(one.rows) <= one.count for one in found)

    def test_findings_say_what_to_do(self, spec: CheckSpec) -> None:
        """In one line each, under a code."""
        for one in self._found(spec, [self._table(self.bad)]):
            _assert_in_form(one)

    def test_the_cut_of_the_batches_does_not_matter(self, spec: CheckSpec) -> None:
        """A record has one number, also where it begins a batch, and where a batch is a slice of a larger one."""
        whole = self._table(self.bad)
        ones = [whole.slice(row, 1) for row in range(whole.num_rows)]
        middle = self._table([*self.good, *self.bad, *self.good]).slice(len(self.good), len(self.bad))

        assert self._found(spec, [whole]) == self._found(spec, ones) == self._found(spec, [middle])

    def test_a_check_keeps_nothing_of_the_last_dataset(self, spec: CheckSpec) -> None:
        """One that the factory has made may be called again."""
        made = spec.factory()
        first = _findings("check", made, [self._table(self.bad)])

        assert first == _findings("check", made, [self._table(self.bad)])
        assert [] == _findings("check", made, [self._table(self.good)])

    @needs("import")
    def test_it_refuses_an_import(self, spec: CheckSpec) -> None:
        """Which only an ``error`` does."""
        assert "import" in spec.at
        assert "error" in {one.severity for one in self._found(spec, [self._table(self.bad)])}

    # ------------------------------------------------------------ inside

    def _table(self, rows: Sequence[Row]) -> pa.RecordBatch:
        schema = pa.schema([(name, arrow_type(spelling)) for name, spelling in self.types.items()])
        columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _found(self, spec: CheckSpec, batches: Sequence[pa.RecordBatch]) -> list[Finding]:
        return _findings("check", spec.factory(), iter(batches))


class HealthCheckContract(Contract):
    """A health check looks at a root, says what is wrong there, and changes nothing.

    A subclass whose name begins with ``Test`` overrides `spec`, `make_well` and `make_ill`.
    """

    @pytest.fixture
    def spec(self) -> HealthCheckSpec:
        """Return the check's spec."""
        raise NotImplementedError("a subclass of HealthCheckContract supplies the fixture `spec`")

    def make_well(self, root: Path) -> None:
        """Make in an empty folder what the check finds nothing wrong with."""
        raise NotImplementedError("a subclass of HealthCheckContract supplies `make_well`")

    def make_ill(self, root: Path) -> None:
        """Make in an empty folder what the check finds something wrong with."""
        raise NotImplementedError("a subclass of HealthCheckContract supplies `make_ill`")

    def test_the_spec_is_one_that_the_host_takes(self, spec: HealthCheckSpec) -> None:
        """Its name, its summary and its factory."""
        check_spec("health_check", spec)

    def test_what_is_well_is_well(self, spec: HealthCheckSpec, tmp_path: Path) -> None:
        """No finding is an error or a warning."""
        self.make_well(tmp_path)

        assert {"note"} >= {one.severity for one in _health(spec, tmp_path)}

    def test_what_is_ill_is_told_with_what_to_do(self, spec: HealthCheckSpec, tmp_path: Path) -> None:
        """Each finding in one line, under a code, and the same every time."""
        self.make_ill(tmp_path)
        found = _health(spec, tmp_path)

        assert {"error", "warning"} & {one.severity for one in found}
        assert found == _health(spec, tmp_path)
        for one in found:
            _assert_in_form(one)

    def test_nothing_is_changed(self, spec: HealthCheckSpec, tmp_path: Path) -> None:
        """Whoever is ill too."""
        self.make_ill(tmp_path)
        before = _entries(tmp_path)
        _health(spec, tmp_path)

        assert before == _entries(tmp_path)

    def test_without_a_root_it_does_not_fail(self, spec: HealthCheckSpec) -> None:
        """`usr doctor` runs anywhere, also where there is no root and no dataset was named."""
        for one in _findings("health_check", spec.factory(), HealthRequest()):
            _assert_in_form(one)


def _health(spec: HealthCheckSpec, root: Path) -> list[Finding]:
    return _findings("health_check", spec.factory(), HealthRequest(root=root))


def _findings(kind: str, made: Any, given: object) -> list[Finding]:
    """Return what a check yields, as the host takes it: a wrong finding is the plugin's error."""
    isolated: Any = Isolated(made, stranger("mine", "mine.plugin"), kind, ANSWERS[kind])
    found: Iterable[Finding] = isolated(given)
    return list(found)


def _assert_in_form(one: Finding) -> None:
    assert one.code == one.code.upper()
    assert one.code.strip()
    assert one.message.strip()
    assert "\n" not in one.message
    assert one.hint.strip(), f"{one.code} has no hint"


def _entries(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
