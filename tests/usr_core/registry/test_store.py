"""Reading a root's registry and registering namespaces in it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from support.processes import Child
from usr_core.fs.errors import LockTimeout
from usr_core.fs.lock import hold_lock
from usr_core.registry.document import STATE_ENTRY
from usr_core.registry.errors import (
    ColumnSpecError,
    InvalidNamespace,
    NamespaceDiffers,
    RegistryInvalid,
    RegistryMissing,
    ReservedNamespace,
    ReservedNamespaceAltered,
)
from usr_core.registry.store import load_registry, read_registry, register_namespace

SCORE = [("mock__score", "float64")]
BOTH = [*SCORE, ("mock__vec", "list<float32>")]


def content(root: Path) -> bytes:
    return (root / "registry.yaml").read_bytes()


def dataset(root: Path, name: str, *columns: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    pq.write_table(
        pa.table({column: pa.array([], pa.string()) for column in ("id", *columns)}), folder / "records.parquet"
    )
    (folder / ".events.log").write_text("{}\n")
    return folder


class TestRegister:
    def test_the_first_registration_writes_the_reserved_state_too(self, tmp_path):
        """registry.yaml holds the namespace and usr_state, and loads as what was returned."""
        result = register_namespace(tmp_path, "mock", BOTH, owner="me")

        assert (True, True, ("mock__score", "mock__vec")) == (result.created, result.written, result.added)
        assert {"mock", "usr_state"} == set(load_registry(tmp_path).namespaces)
        assert result.registry == load_registry(tmp_path)
        assert STATE_ENTRY == result.registry.namespaces["usr_state"]

    def test_the_file_is_written_for_people(self, tmp_path):
        """Names stand before types, text is not escaped, and nothing is left beside it but the lock."""
        register_namespace(tmp_path, "mock", SCORE, description="größe")

        assert "    - name: mock__score\n      type: float64\n" in content(tmp_path).decode()
        assert "größe" in content(tmp_path).decode()
        assert {".usr.lock", "registry.yaml"} == {path.name for path in tmp_path.iterdir()}

    def test_the_same_columns_again_change_no_byte(self, tmp_path):
        """In another order, with other blanks, they are the same."""
        register_namespace(tmp_path, "mock", BOTH)
        before = content(tmp_path)
        result = register_namespace(tmp_path, "mock", [("mock__vec", "list< float32 >"), *SCORE])

        assert not result.written
        assert before == content(tmp_path)

    def test_new_columns_go_behind_the_old_ones(self, tmp_path):
        """Wherever they stand in the list that is given."""
        register_namespace(tmp_path, "mock", SCORE, owner="me", description="d")
        result = register_namespace(tmp_path, "mock", [("mock__a", "bool"), *SCORE])

        assert ("mock__score", "mock__a") == result.entry.column_names
        assert ("me", "d", ("mock__a",)) == (result.entry.owner, result.entry.description, result.added)

    def test_owner_and_description_change_alone(self, tmp_path):
        """They need no overwrite, and leave the contract as it is."""
        old = register_namespace(tmp_path, "mock", SCORE, owner="me")
        new = register_namespace(tmp_path, "mock", SCORE, description="what")

        assert ("me", "what") == (new.entry.owner, new.entry.description)
        assert old.registry.contract_hash("mock") == new.registry.contract_hash("mock")

    @pytest.mark.parametrize(
        "columns", [[("mock__vec", "list<float32>")], [("mock__score", "float32"), ("mock__vec", "list<float32>")]]
    )
    def test_changing_or_removing_needs_overwrite_and_names_the_datasets(self, tmp_path, columns):
        """Overlays as file or parts, materialized columns and archived datasets are found; others are not named."""
        register_namespace(tmp_path, "mock", BOTH)
        before = content(tmp_path)
        (dataset(tmp_path, "ns/parts") / "_derived" / "mock").mkdir(parents=True)
        (dataset(tmp_path, "flat") / "_derived").mkdir()
        (tmp_path / "flat/_derived/mock.parquet").touch()
        dataset(tmp_path, "ns/folded", "mock__score")
        dataset(tmp_path, "_archive/ns/away", "mock__score")
        dataset(tmp_path, "ns/other", "mocks__score")
        (dataset(tmp_path, "ns/broken") / "records.parquet").write_bytes(b"PAR1")
        using = ("flat", "ns/broken", "ns/folded", "ns/parts", "_archive/ns/away")

        with pytest.raises(NamespaceDiffers) as caught:
            register_namespace(tmp_path, "mock", columns)

        assert using == caught.value.datasets
        assert before == content(tmp_path)
        result = register_namespace(tmp_path, "mock", columns, overwrite=True)
        assert using == result.datasets
        assert 1 == len(result.changed)
        assert [name for name, _ in columns] == list(result.entry.column_names)

    @pytest.mark.parametrize(
        ("name", "columns", "error"),
        [
            ("usr", [("usr__a", "bool")], ReservedNamespace),
            ("usr_state", [("usr_state__masked", "string")], ReservedNamespace),
            ("a__b", [("a__b__c", "bool")], InvalidNamespace),
            ("é", [("é__c", "bool")], InvalidNamespace),
            ("a", [], ColumnSpecError),
            ("a", [("a__x", "bool"), ("a__x", "int8")], ColumnSpecError),
            ("a", [("a__1", "bool")], ColumnSpecError),
            ("a", [("x", "bool")], ColumnSpecError),
        ],
    )
    def test_a_refused_registration_leaves_nothing_behind(self, tmp_path, name, columns, error):
        """Not even a lock file."""
        with pytest.raises(error):
            register_namespace(tmp_path, name, columns)

        assert [] == list(tmp_path.iterdir())

    def test_an_invalid_file_is_not_replaced(self, tmp_path):
        """A registration does not paper over a registry that can't be read."""
        (tmp_path / "registry.yaml").write_text("namespaces: [\n")

        with pytest.raises(RegistryInvalid):
            register_namespace(tmp_path, "mock", SCORE)

        assert b"namespaces: [\n" == content(tmp_path)

    def test_permissions_of_the_file_are_kept(self, tmp_path):
        """A registry that a group may write stays so."""
        register_namespace(tmp_path, "mock", SCORE)
        (tmp_path / "registry.yaml").chmod(0o660)
        register_namespace(tmp_path, "other", [("other__a", "bool")])

        assert 0o660 == stat.S_IMODE((tmp_path / "registry.yaml").stat().st_mode)

    def test_a_held_lock_is_waited_for_and_then_an_error(self, tmp_path):
        """Nothing is written while another process registers."""
        with hold_lock(tmp_path / ".usr.lock", timeout=1, command="test"), pytest.raises(LockTimeout):
            register_namespace(tmp_path, "mock", SCORE, lock_timeout=0.05)

        assert not (tmp_path / "registry.yaml").exists()

    def test_registrations_at_the_same_time_are_all_kept(self, tmp_path):
        """Four processes register eight namespaces each, and none is lost."""
        program = (
            "import sys; from pathlib import Path; from usr_core.registry.store import register_namespace as r\n"
            "for n in range(8): r(Path(sys.argv[1]), f'ns{sys.argv[2]}_{n}', [(f'ns{sys.argv[2]}_{n}__a', 'bool')])"
        )
        running = [Child([sys.executable, "-c", program, str(tmp_path), str(n)]) for n in range(4)]

        assert [0] * 4 == [process.wait(60) for process in running]
        assert 33 == len(load_registry(tmp_path).namespaces)


class TestLoad:
    def test_a_root_without_registry_is_a_typed_error(self, tmp_path):
        """A missing file is not an empty registry."""
        with pytest.raises(RegistryMissing):
            load_registry(tmp_path)

    @pytest.mark.parametrize("change", ["drop", "lose a column", "retype", "add a column"])
    def test_an_altered_state_namespace_stops_every_change(self, tmp_path, change):
        """load_registry refuses; looking at the registry is still possible."""
        register_namespace(tmp_path, "mock", SCORE)
        document = yaml.safe_load(content(tmp_path))
        columns = document["namespaces"]["usr_state"]["columns"]
        if change == "drop":
            del document["namespaces"]["usr_state"]
        elif change == "lose a column":
            columns.pop()
        elif change == "retype":
            columns[0]["type"] = "string"
        else:
            columns.append({"name": "usr_state__more", "type": "bool"})
        (tmp_path / "registry.yaml").write_text(yaml.safe_dump(document))

        with pytest.raises(ReservedNamespaceAltered):
            load_registry(tmp_path)
        assert "mock" in read_registry(tmp_path).namespaces

    def test_a_registration_puts_a_missing_state_namespace_back(self, tmp_path):
        """A registry written by hand becomes whole; an altered state namespace is not overwritten."""
        (tmp_path / "registry.yaml").write_text("namespaces: {mock: {columns: {mock__score: float64}}}\n")
        register_namespace(tmp_path, "other", [("other__a", "bool")])

        assert {"mock", "other", "usr_state"} == set(load_registry(tmp_path).namespaces)

    def test_neither_pyarrow_nor_numpy_is_imported(self, tmp_path):
        """Loading and registering stay cheap."""
        program = (
            "import sys; from pathlib import Path; from usr_core.registry.store import *\n"
            "root = Path(sys.argv[1])\n"
            "register_namespace(root, 'a', [('a__x', 'list<float64>')]); load_registry(root)\n"
            "assert not {'pyarrow', 'numpy', 'duckdb', 'rich'} & set(sys.modules)"
        )

        assert 0 == subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=120).returncode
