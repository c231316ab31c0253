"""``usr attach --writer infer``: arrays and tables of model outputs, and what is refused of them."""

from __future__ import annotations

import gzip
import math
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr
from support.small_datasets import IDS, make_dataset
from support.tree import assert_unchanged
from usr_core.api.registry import register_namespace
from usr_core.dataset import Dataset
from usr_infer.registration import register_outputs, wanted_columns

DS = "ns/base"


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Six records, a vector of three numbers, and another model's of two."""
    made = make_dataset(tmp_path / "root")
    root = tmp_path / "root"
    register_outputs(root, wanted_columns(dim=3, model=None, job=None, outputs=()))
    register_outputs(root, wanted_columns(dim=2, model="evo2", job="ll", outputs=()))
    register_outputs(root, [("infer__flag", "bool"), ("infer__ragged", "list<float32>"), ("infer__count", "int64")])
    return made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder for the model's files."""
    folder = tmp_path / "model"
    folder.mkdir()
    return folder


def words(file: Path, *options: str) -> list[str | Path]:
    return [
        "attach",
        DS,
        "--writer",
        "infer",
        "--path",
        file,
        *(w for one in options for w in ("--writer-option", one)),
    ]


def attach(dataset: Dataset, file: Path, *options: str) -> str:
    return Usr(root=dataset.ref.root).ok(*words(file, *options)).out


def refused(dataset: Dataset, code: str, file: Path, *options: str, rc: int = 1) -> str:
    """Attach, expect that error and an unchanged root, and return what was said."""
    with assert_unchanged(dataset.ref.root):
        err = Usr(root=dataset.ref.root).refuses(rc, *words(file, *options)).err
    assert f"error[{code}]" in err
    return err


def column(dataset: Dataset, name: str) -> list[object]:
    return dataset.to_arrow(columns=[name])[name].to_pylist()


class TestArrays:
    def test_the_files_name_says_the_output(self, dataset: Dataset, place: Path) -> None:
        """And the ids lie beside it; float32 becomes float64 exactly, and NaN is a value."""
        np.save(place / "llr.npy", np.array([0.1, math.nan, math.inf], dtype=np.float32))
        (place / "llr.ids").write_text("".join(f"{one}\n" for one in (IDS[3], IDS[0], IDS[5])))
        out = attach(dataset, place / "llr.npy")

        found = column(dataset, "infer__llr")
        assert "attached infer__llr to 3 records of ns/base\n" == out
        assert [True, False, False, False, False, False] == [v is not None and math.isnan(v) for v in found]
        assert (float(np.float32(0.1)), math.inf, None) == (found[3], found[5], found[1])

    def test_a_named_column_of_vectors(self, dataset: Dataset, place: Path) -> None:
        """Values arrive bit by bit, from either byte order and memory order."""
        values = np.arange(18, dtype=np.float32).reshape(6, 3) / 7
        for name, array in {
            "plain": values, "big": values.astype(">f4"), "columns": np.asfortranarray(values),
        }.items():  # fmt: skip
            np.save(place / f"{name}.npy", array)
            file = place / f"{name}.npy"
            usr = Usr(root=dataset.ref.root)
            usr.ok(*words(file, "column=embedding", "rows=dataset"), "--allow-overwrite")
            found = dataset.to_arrow(columns=["infer__embedding"])["infer__embedding"]
            assert values.tobytes() == found.combine_chunks().flatten().to_numpy().tobytes()

    def test_many_rows_come_in_batches(self, tmp_path: Path, place: Path) -> None:
        """Batches follow the ids; vectors keep their rows across them."""
        from usr_core.plugin.specs import OverlayRequest
        from usr_infer.writer import InferWriter

        rows, size = 70_000, 128
        values = np.arange(rows, dtype=np.float32)[:, None] + np.zeros(size, dtype=np.float32)
        np.save(place / "embedding.npy", values)
        ids = [f"{row:040x}" for row in range(rows)]
        (place / "embedding.ids.txt").write_text("\n".join(ids))
        types = {"infer__embedding": pa.list_(pa.float32(), size)}
        request = OverlayRequest(path=place / "embedding.npy", namespace="infer", types=types)
        batches = list(InferWriter().batches(request))

        assert max(batch.nbytes for batch in batches) < 24 << 20
        assert ids == [one for batch in batches for one in batch.column("id").to_pylist()]
        firsts = np.concatenate([b.column("infer__embedding").flatten().to_numpy()[::size] for b in batches])
        assert np.array_equal(np.arange(rows, dtype=np.float32), firsts)

    def test_rows_in_the_datasets_order_leave_deleted_records_out(self, dataset: Dataset, place: Path) -> None:
        """As `usr export` gives them."""
        dataset.delete([IDS[1]], reason="test")
        np.save(place / "llr.npy", np.arange(5.0))
        attach(dataset, place / "llr.npy", "rows=dataset")

        assert [0.0, None, 1.0, 2.0, 3.0, 4.0] == dataset.to_arrow(columns=["infer__llr"], include_deleted=True)[
            "infer__llr"
        ].to_pylist()

    @pytest.mark.parametrize("name", ["ids.txt", "ids.txt.gz", "ids.csv", "ids.jsonl", "ids.parquet", "ids.npy"])
    def test_a_file_of_ids(self, dataset: Dataset, place: Path, name: str) -> None:
        """Of lines, of a table with a column `id`, or an array of texts."""
        ids = [IDS[2], IDS[4]]
        lines = "".join(f"{one}\r\n" for one in ids)
        if name.endswith(".gz"):
            (place / name).write_bytes(gzip.compress(lines.encode()))
        elif name.endswith(".txt"):
            (place / name).write_text(f"\ufeff{lines}", encoding="utf-8")
        elif name.endswith(".csv"):
            (place / name).write_text(f"note,id\nx,{ids[0]}\ny,{ids[1]}\n")
        elif name.endswith(".jsonl"):
            (place / name).write_text("".join(f'{{"id": "{one}"}}\n' for one in ids))
        elif name.endswith(".parquet"):
            pq.write_table(pa.table({"id": ids}), place / name)
        else:
            np.save(place / name, np.array(ids, dtype="S40"))
        np.save(place / "scores.npy", np.array([2.0, 4.0]))
        attach(dataset, place / "scores.npy", "column=llr", f"ids={place / name}")

        assert [None, None, 2.0, None, 4.0, None] == column(dataset, "infer__llr")

    def test_other_kinds_of_value(self, dataset: Dataset, place: Path) -> None:
        """Truth values, whole numbers, texts, and vectors for a list column."""
        arrays = {
            "flag": np.array([True, False]),
            "count": np.array([2**62, -1]),
            "run_id": np.array(["r1", "λ"]),
            "ragged": np.ones((2, 5), dtype=np.float16),
        }
        np.savez(place / "o.npz", id=np.array(IDS[:2]), **arrays)
        attach(dataset, place / "o.npz")

        row = dataset.get(IDS[1]).to_pylist()[0]
        assert (False, -1, "λ", [1.0] * 5) == tuple(row[f"infer__{name}"] for name in arrays)


class TestArchives:
    def test_model_and_job_choose_the_columns(self, dataset: Dataset, place: Path) -> None:
        """The options fill no column of another model, and an array without a column is named."""
        np.savez_compressed(
            place / "o.npz", ids=np.array(IDS), embedding=np.ones((6, 2), np.float32), llr=np.arange(6.0), extra=1
        )
        done = Usr(root=dataset.ref.root).ok(*words(place / "o.npz", "model=evo2", "job=ll"))

        assert [0.0, 1.0, 2.0, 3.0, 4.0, 5.0] == column(dataset, "infer__evo2__ll__llr")
        assert [[1.0, 1.0]] * 6 == column(dataset, "infer__evo2__ll__embedding")
        assert "ignored column: infer__evo2__ll__extra" in done.err
        assert "infer__llr" not in dataset.to_arrow().column_names

    def test_model_and_run_are_values_of_every_row(self, dataset: Dataset, place: Path) -> None:
        """Of columns of their own, and in the event's arguments."""
        np.savez(place / "o.npz", ids=np.array(IDS[:1]), llr=np.array([1.0]))
        attach(dataset, place / "o.npz", "model=evo2-7b/base", "run-id=r1")

        assert ["evo2-7b/base", None] == column(dataset, "infer__model")[:2]
        assert ["r1", None] == column(dataset, "infer__run_id")[:2]
        args = next(dataset.events(n=1)).event["args"]
        assert ("infer", {"model": "evo2-7b/base", "run-id": "r1"}) == (args["writer"], args["writer_options"])

    def test_no_rows_are_no_change(self, dataset: Dataset, place: Path) -> None:
        """And no error: a run may have found nothing to do."""
        np.savez(place / "o.npz", ids=np.array([], dtype="U40"), llr=np.array([]))
        with assert_unchanged(dataset.ref.root):
            out = attach(dataset, place / "o.npz")

        assert "no rows" in out


class TestTables:
    def test_lists_become_vectors(self, dataset: Dataset, place: Path) -> None:
        """Keyed by sequence where the file has no ids."""
        table = {"sequence": ["TTGACAGGCT"], "embedding": [[1.0, 2.0, 3.0]], "infer__llr": [0.5], "other": [1]}
        pq.write_table(pa.table(table), place / "o.parquet")
        attach(dataset, place / "o.parquet", "model=evo2")

        assert [1.0, 2.0, 3.0] == column(dataset, "infer__embedding")[1]
        assert (0.5, "evo2") == (column(dataset, "infer__llr")[1], column(dataset, "infer__model")[1])

    def test_a_vector_of_another_length_has_its_row(self, dataset: Dataset, place: Path) -> None:
        """Counted from 1."""
        table = {"id": list(IDS[:2]), "embedding": [[1.0, 2.0, 3.0], [1.0]]}
        pq.write_table(pa.table(table), place / "o.parquet")

        assert "row: 2" in refused(dataset, "USR-ATTACH-007", place / "o.parquet")


class TestRefusals:
    def write(self, place: Path, array: np.ndarray, ids: int | None = None) -> Path:
        np.save(place / "llr.npy", array)
        (place / "llr.ids").write_text("".join(f"{one}\n" for one in IDS[: len(array) if ids is None else ids]))
        return place / "llr.npy"

    @pytest.mark.parametrize(("ids", "row"), [(2, 3), (5, 4), (0, 1)])
    def test_another_number_of_ids(self, dataset: Dataset, place: Path, ids: int, row: int) -> None:
        """Both numbers, both files, and the first row or id without a counterpart."""
        err = refused(dataset, "USR-INFER-107", self.write(place, np.zeros(3), ids))

        assert all(text in err for text in ("3 rows", f"{ids} ids", "llr.ids", f"row: {row}"))

    def test_another_number_of_records(self, dataset: Dataset, place: Path) -> None:
        """With rows=dataset."""
        assert "6 ids" in refused(dataset, "USR-INFER-107", self.write(place, np.zeros(5)), "rows=dataset")

    def test_no_ids_at_all(self, dataset: Dataset, place: Path) -> None:
        """Every way to give them is told."""
        np.save(place / "llr.npy", np.zeros(6))
        err = refused(dataset, "USR-INFER-106", place / "llr.npy")

        assert all(text in err for text in ("llr.ids", "ids=FILE", "rows=dataset"))

    def test_several_files_of_ids(self, dataset: Dataset, place: Path) -> None:
        """Nobody guesses."""
        file = self.write(place, np.zeros(2))
        (place / "llr.ids.csv").write_text("id\n")

        assert "llr.ids.csv" in refused(dataset, "USR-INFER-106", file)

    def test_an_empty_line_among_ids(self, dataset: Dataset, place: Path) -> None:
        """Is a row without a key."""
        file = self.write(place, np.zeros(3))
        (place / "llr.ids").write_text(f"{IDS[0]}\n\n{IDS[1]}\n")

        assert "row: 2" in refused(dataset, "USR-ATTACH-003", file)

    @pytest.mark.parametrize(
        ("array", "said"),
        [
            (np.zeros((2, 3)), "a vector a row"),
            (np.zeros((2, 3, 1)), "a table a row"),
            (np.float64(1.0), "a number alone"),
            (np.array(["a", "b"]), "float64"),
            (np.array([True, False]), "bool"),
        ],
    )
    def test_an_array_that_does_not_fit_its_column(
        self, dataset: Dataset, place: Path, array: np.ndarray, said: str
    ) -> None:
        """Before a row of it is read."""
        np.save(place / "llr.npy", array)
        err = refused(dataset, "USR-INFER-105", place / "llr.npy", "rows=dataset")

        assert said in err

    @pytest.mark.parametrize("shape", [(6, 4), (6,), (6, 3, 1)])
    def test_vectors_of_another_length(self, dataset: Dataset, place: Path, shape: tuple[int, ...]) -> None:
        """The shape and the column are told."""
        np.save(place / "e.npy", np.zeros(shape, np.float32))
        err = refused(dataset, "USR-INFER-105", place / "e.npy", "column=embedding", "rows=dataset")

        assert "shape: " + "x".join(map(str, shape)) in err

    def test_numbers_that_float32_can_not_hold(self, dataset: Dataset, place: Path) -> None:
        """Digits are not lost silently; the row is told."""
        values = np.zeros((6, 3))
        values[4, 1] = 0.1
        np.save(place / "e.npy", values)

        assert "row: 5" in refused(dataset, "USR-ATTACH-007", place / "e.npy", "column=embedding", "rows=dataset")

    @pytest.mark.parametrize(
        "array", [np.array([1.5, None], dtype=object), np.zeros(2, complex), np.zeros(2, [("a", "f4")])]
    )
    def test_kinds_of_value_that_are_not_read(self, dataset: Dataset, place: Path, array: np.ndarray) -> None:
        """Nothing is ever unpickled."""
        np.save(place / "llr.npy", array)

        assert "llr.npy" in refused(dataset, "USR-INFER-104", place / "llr.npy", "rows=dataset")

    def test_a_cut_off_array(self, dataset: Dataset, place: Path) -> None:
        """The row that is not whole is told."""
        file = self.write(place, np.zeros(6))
        file.write_bytes(file.read_bytes()[:-12])

        assert "row: 5" in refused(dataset, "USR-INFER-104", file)

    @pytest.mark.parametrize(
        "content", [b"", b"id,llr\n", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\x00{'a'", b"PK\x03\x04xx"]
    )
    def test_files_that_are_none(self, dataset: Dataset, place: Path, content: bytes) -> None:
        """One clear error."""
        (place / "llr.npy").write_bytes(content)
        refused(dataset, "USR-INFER-104", place / "llr.npy", "rows=dataset")

    def test_a_damaged_archive(self, dataset: Dataset, place: Path) -> None:
        """Its checksum says so."""
        np.savez(place / "o.npz", ids=np.array(IDS), llr=np.arange(6.0))
        content = (place / "o.npz").read_bytes()
        where = content.index(np.arange(6.0).tobytes())
        (place / "o.npz").write_bytes(content[: where + 40] + b"\xff" + content[where + 41 :])

        assert "damaged" in refused(dataset, "USR-INFER-104", place / "o.npz")

    def test_arrays_of_two_lengths(self, dataset: Dataset, place: Path) -> None:
        """Both are told."""
        np.savez(place / "o.npz", ids=np.array(IDS), llr=np.zeros(6), log_likelihood=np.zeros(5))
        err = refused(dataset, "USR-INFER-105", place / "o.npz")

        assert all(text in err for text in ("5 rows", "6"))

    def test_outputs_without_a_column(self, dataset: Dataset, place: Path) -> None:
        """What is registered is told."""
        np.savez(place / "o.npz", ids=np.array(IDS), typo=np.zeros(6))
        err = refused(dataset, "USR-INFER-108", place / "o.npz")

        assert all(text in err for text in ("infer__typo", "infer__llr"))

    def test_an_archive_without_arrays(self, dataset: Dataset, place: Path) -> None:
        """Any other zip file."""
        with zipfile.ZipFile(place / "o.npz", "w") as archive:
            archive.writestr("readme.txt", "x")
        refused(dataset, "USR-INFER-108", place / "o.npz")

    def test_a_table_without_a_key(self, dataset: Dataset, place: Path) -> None:
        """Neither id nor sequence."""
        pq.write_table(pa.table({"llr": [1.0]}), place / "o.parquet")
        refused(dataset, "USR-INFER-106", place / "o.parquet")

    @pytest.mark.parametrize(
        ("code", "options"),
        [
            ("USR-INFER-103", ["rows=mine"]),
            ("USR-INFER-103", ["rows=dataset", "ids=x.txt"]),
            ("USR-INFER-103", ["job=j"]),
            ("USR-INFER-103", ["model="]),
            ("USR-INFER-101", ["model=evo2-7b", "job=j"]),
            ("USR-ATTACH-011", ["modle=x"]),
            ("USR-CLI-001", ["model"]),
            ("USR-CLI-001", ["model=a", "model=b"]),
        ],
    )
    def test_options_that_make_no_sense(self, dataset: Dataset, place: Path, code: str, options: list[str]) -> None:
        """Exit 2."""
        refused(dataset, code, self.write(place, np.zeros(2)), *options, rc=2)

    def test_ids_twice(self, dataset: Dataset, place: Path) -> None:
        """In the archive, and in an option."""
        np.savez(place / "o.npz", ids=np.array(IDS), llr=np.zeros(6))
        refused(dataset, "USR-INFER-103", place / "o.npz", "rows=dataset", rc=2)

    def test_a_missing_file(self, dataset: Dataset, place: Path) -> None:
        """Exit 3, for the output and for its ids."""
        refused(dataset, "USR-IMPORT-002", place / "llr.npy", rc=3)
        refused(dataset, "USR-IMPORT-002", self.write(place, np.zeros(2)), f"ids={place / 'none.txt'}", rc=3)

    def test_a_namespace_that_nobody_registered(self, tmp_path: Path, place: Path) -> None:
        """Exit 3, with the way out."""
        bare = make_dataset(tmp_path / "bare")
        refused(bare, "USR-REGISTRY-009", self.write(place, np.zeros(2)), rc=3)


class TestInto:
    """``usr attach --into``: one array for one column."""

    def usr(self, dataset: Dataset) -> Usr:
        return Usr(root=dataset.ref.root)

    def test_rows_are_in_the_datasets_order_where_there_are_no_ids(self, dataset: Dataset, place: Path):
        """The column is of any namespace; a deleted record has no row."""
        register_namespace(dataset.ref.root, "lab", [("lab__vec", "fixed_size_list<float32>[2]")])
        dataset.delete(IDS[1:2])
        file = place / "emb.npy"
        np.save(file, np.arange(10, dtype="float32").reshape(5, 2))

        assert "attached lab__vec to 5 records" in self.usr(dataset).ok("attach", DS, file, "--into", "lab__vec").out
        assert [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]] == column(dataset, "lab__vec")[:3]

    def test_ids_are_taken_from_the_file_that_is_named_else_from_beside_the_array(self, dataset: Dataset, place: Path):
        """Never is the dataset's order taken where there are ids."""
        file = place / "emb.npy"
        np.save(file, np.array([1.0, 2.0]))
        for name, ids in (("emb.ids", (5, 4)), ("other.txt", (3, 2))):
            (place / name).write_text("".join(f"{IDS[at]}\n" for at in ids), encoding="utf-8")
        self.usr(dataset).ok("attach", DS, file, "--into", "infer__llr")
        self.usr(dataset).ok("attach", DS, file, "--into", "llr", "--namespace", "infer", "--ids", place / "other.txt")

        assert [None, None, 2.0, 1.0, 2.0, 1.0] == column(dataset, "infer__llr")

    def test_the_one_array_of_an_archive_is_taken_whatever_its_name(self, dataset: Dataset, place: Path):
        """With the ids that lie in it; several arrays are refused."""
        np.savez(place / "one.npz", arr_0=np.array([7.0]), ids=np.array([IDS[3]]))
        np.savez(place / "two.npz", a=np.zeros(6), b=np.zeros(6))
        self.usr(dataset).ok("attach", DS, place / "one.npz", "--into", "infer__llr")
        with assert_unchanged(dataset.ref.root):
            err = self.usr(dataset).refuses(2, "attach", DS, place / "two.npz", "--into", "infer__llr").err

        assert 7.0 == column(dataset, "infer__llr")[3]
        assert "error[USR-INFER-103]" in err and "2 arrays" in err

    @pytest.mark.parametrize(
        ("rc", "options"),
        [
            (1, ["--into", "infer__llr"]),
            (2, ["--into", "llr"]),
            (2, ["--into", "infer__llr", "--namespace", "lab"]),
            (2, ["--into", "infer__llr", "--writer", "infer"]),
            (2, ["--into", "infer__llr", "--from", "csv"]),
            (2, ["--namespace", "infer", "--ids", "x.txt"]),
            (1, ["--into", "infer__nope"]),
            (3, ["--into", "other__llr"]),
            (2, []),
            (2, ["--namespace", "infer"]),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, dataset: Dataset, place: Path, rc: int, options: list[str]):
        """Another number of rows too; nothing is written."""
        np.save(place / "emb.npy", np.zeros(5))
        with assert_unchanged(dataset.ref.root):
            err = self.usr(dataset).refuses(rc, "attach", DS, place / "emb.npy", *options).err

        assert rc != 2 or "as in --into infer__m__embedding" in err
