"""A dataset that nobody damaged is valid in every mode, and looking at it changes nothing."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pytest

from support.damage import NAME, ROWS, codes, part_of, rewrite
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.registry.store import register_namespace
from usr_core.roots.errors import DatasetMissing
from usr_core.store.checks.validate import RegistryMode

MODES: tuple[RegistryMode, ...] = ("either", "current", "frozen", "contract")


class TestHealthy:
    @pytest.mark.parametrize("strict", [False, True])
    @pytest.mark.parametrize("mode", MODES)
    def test_has_no_finding(self, healthy: Dataset, mode: RegistryMode, strict: bool) -> None:
        """Base, parts, reserved files, materialized columns, log and chain hold in each mode, also strictly."""
        with assert_unchanged(healthy.ref.root):
            report = healthy.validate(strict=strict, registry_mode=mode)

        assert report.findings == ()
        assert (report.ok, report.rows, report.overlays) == (True, ROWS, 4)

    def test_empty_dataset_has_no_finding(self, healthy: Dataset) -> None:
        """A dataset without a record is valid."""
        empty = Dataset.open(healthy.ref.root, "empty").init()

        assert empty.validate(strict=True).findings == ()

    def test_optional_columns_without_nulls_are_fine(self, healthy: Dataset) -> None:
        """The seven columns may be OPTIONAL as long as nothing in them is null."""
        rewrite(healthy.layout.records, lambda table: table.cast(_optional(table.schema)))

        assert healthy.validate().findings == ()

    def test_large_and_dictionary_text_is_fine(self, healthy: Dataset) -> None:
        """Text may be stored under another Arrow spelling: readers and writers take it."""

        def spelled(table: pa.Table) -> pa.Table:
            kinds = {
                "id": pa.large_string(),
                "sequence": pa.large_string(),
                "source": pa.dictionary(pa.int8(), pa.string()),
            }
            fields = [pa.field(field.name, kinds.get(field.name, field.type)) for field in table.schema]
            return table.cast(pa.schema(fields, metadata=table.schema.metadata))

        rewrite(healthy.layout.records, spelled)

        assert healthy.validate().findings == ()

    def test_progress_counts_every_row(self, healthy: Dataset) -> None:
        """Base rows and overlay rows are counted, each once."""
        told: list[int] = []

        healthy.validate(progress=told.append)

        assert sum(told) == ROWS + ROWS + 10 + 4 + 1

    def test_missing_base_is_no_dataset(self, healthy: Dataset) -> None:
        """Without records.parquet there is nothing to validate."""
        healthy.layout.records.unlink()

        with pytest.raises(DatasetMissing):
            healthy.validate()


class TestModes:
    def test_another_namespace_breaks_only_current(self, healthy: Dataset) -> None:
        """An unrelated registration changes the root's hash; the frozen one still holds."""
        register_namespace(healthy.ref.root, "later", [("later__x", "int64")])

        assert {mode: healthy.validate(registry_mode=mode, strict=True).ok for mode in MODES} == {
            "either": True,
            "current": False,
            "frozen": True,
            "contract": True,
        }

    def test_frozen_needs_no_registry_in_the_root(self, healthy: Dataset) -> None:
        """A dataset can be validated on its own."""
        (healthy.ref.root / "registry.yaml").unlink()

        assert healthy.validate(registry_mode="frozen", strict=True).findings == ()

    @pytest.mark.parametrize("mode", ["either", "contract"])
    def test_a_frozen_registry_stands_in_for_a_missing_one(self, healthy: Dataset, mode: RegistryMode) -> None:
        """A dataset that was just pulled into an empty root is valid, with a note; `current` says what is missing."""
        (healthy.ref.root / "registry.yaml").unlink()

        report = healthy.validate(strict=True, registry_mode=mode)

        assert (report.ok, codes(report, "note")) == (True, {"USR-VALID-042"})
        assert "USR-REGISTRY-006" in codes(healthy.validate(registry_mode="current"))

    def test_another_registry_in_the_root_leaves_the_frozen_ones_to_go_by(self, healthy: Dataset) -> None:
        """A root that knows none of the dataset's namespaces keeps its registry, and the dataset is valid."""
        (healthy.ref.root / "registry.yaml").unlink()
        register_namespace(healthy.ref.root, "unrelated", [("unrelated__x", "int64")])

        assert healthy.validate(strict=True).findings == ()

    def test_frozen_needs_a_frozen_registry(self, healthy: Dataset) -> None:
        """Without any, the mode has nothing to compare with."""
        shutil.rmtree(healthy.layout.registry_folder)

        assert codes(healthy.validate(registry_mode="frozen")) == {"USR-VALID-040", "USR-VALID-018", "USR-VALID-050"}

    def test_changed_columns_break_contract_of_their_namespace_alone(self, healthy: Dataset) -> None:
        """The contract mode names the parts of the namespace that was changed, and no other file."""
        columns = [("mock__score", "float32"), ("mock__vec", "fixed_size_list<float32>[3]"), ("mock__tag", "string")]
        register_namespace(healthy.ref.root, "mock", columns, overwrite=True)

        report = healthy.validate(registry_mode="contract")

        assert {finding.file for finding in report.findings} == {
            f"_derived/mock/{part_of(healthy.path, index=index).name}" for index in range(2)
        }
        assert codes(report) == {"USR-VALID-051", "USR-VALID-054"}

    def test_types_go_by_the_registry_that_the_file_names(self, healthy: Dataset) -> None:
        """A column registered anew with another type does not make older files wrong while their registry is frozen."""
        columns = [("mock__score", "float32"), ("mock__vec", "fixed_size_list<float32>[3]"), ("mock__tag", "string")]
        register_namespace(healthy.ref.root, "mock", columns, overwrite=True)

        assert healthy.validate(registry_mode="either", strict=True).ok


class TestConcurrentWriter:
    def test_reads_one_state_while_a_record_is_alive(self, healthy: Dataset) -> None:
        """A committed change that is not applied yet is validated as if it were, and is a leftover only strictly."""
        from usr_core.commit.record import CommitRecord, Publish

        staged = healthy.layout.staging / "txn-1"
        staged.mkdir(parents=True)
        part = part_of(healthy.path)
        part.rename(staged / "part")
        relative = f"_derived/mock/{part.name}"
        size = healthy.layout.event_log.stat().st_size
        record = CommitRecord(
            seq=99,
            txn="txn-1",
            operations=(Publish(staged="part", final=relative, undo=None),),
            folders=(),
            line=b'{"event_version":1}\n',
            offset=size,
        )
        (healthy.path / record.name()).write_bytes(record.encode())

        plain, strict = healthy.validate(), healthy.validate(strict=True)

        assert (plain.findings, plain.overlays) == ((), 4)
        assert codes(strict) == {"USR-VALID-090"}


def _optional(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, field.type) for field in schema], metadata=schema.metadata)


def test_name_is_reported(healthy: Dataset) -> None:
    """The report says what was validated, and how."""
    report = healthy.validate(strict=True, registry_mode="current")

    assert (report.dataset, report.mode, report.strict) == (NAME, "current", True)
    assert report.seconds > 0
