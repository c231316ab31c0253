"""The reader of plain pickles: what it reads, and what it refuses before anything is run."""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest

from support.cli import run_usr
from usr_legacy.errors import LegacyFileInvalid, LegacyHoldsCode, TorchMissing
from usr_legacy.pickled import HoldsTensors, read_plain
from usr_legacy.tensors import load_rows_object

PLAIN = [
    {"sequence": "ACGT", "n": 3, "big": 1 << 80, "f": -1.5, "none": None, "yes": True, "b": b"x", "t": (1, (2, "é"))},
    {"sequence": "GGGG", "list": [{"a": ["b", []]}], "set": {1, 2}},
]
# As torch 2 writes `[{"sequence": "ACGT", "emb": torch.tensor([1.0, 2.0])}]`.
TENSOR = (
    b"\x80\x02]q\x00}q\x01(X\x08\x00\x00\x00sequenceq\x02X\x04\x00\x00\x00ACGTq\x03X\x03\x00\x00\x00embq\x04"
    b"ctorch._utils\n_rebuild_tensor_v2\nq\x05((X\x07\x00\x00\x00storageq\x06ctorch\nFloatStorage\nq\x07X\x01\x00\x00"
    b"\x000q\x08X\x03\x00\x00\x00cpuq\tK\x02tq\nQK\x00K\x02\x85q\x0bK\x01\x85q\x0c\x89ccollections\nOrderedDict\nq\r)"
    b"Rq\x0etq\x0fRq\x10ua."
)


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.place),)


def zipped(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}/data.pkl", content)
        archive.writestr(f"{path.stem}/version", "3\n")
    return path


def old_form(path: Path, content: bytes) -> Path:
    parts = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    path.write_bytes(b"".join([*parts, content, pickle.dumps([], 2)]))
    return path


def bare(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


FORMS = [zipped, old_form, bare]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_are_read_as_they_were(tmp_path: Path, form, protocol: int) -> None:  # type: ignore[no-untyped-def]
    """From every form that torch has written, in every protocol that needs no names for them."""
    rows = [{name: value for name, value in row.items() if protocol >= 4 or name not in ("set", "b")} for row in PLAIN]

    assert rows == read_plain(form(tmp_path / "x.pt", pickle.dumps(rows, protocol)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_is_refused_and_not_run(tmp_path: Path, form, protocol: int) -> None:  # type: ignore[no-untyped-def]
    """Wherever it stands; also behind something that is plain."""
    for number, rows in enumerate(([Evil(tmp_path / "made")], [{"x": [Evil(tmp_path / "made")]}, {}])):
        path = form(tmp_path / f"{number}.pt", pickle.dumps(rows, protocol))
        with pytest.raises(LegacyHoldsCode) as caught:
            load_rows_object(path)
        assert "posix.mkdir" == caught.value.name

    assert not (tmp_path / "made").exists()


def test_the_same_file_is_dangerous_to_pickle(tmp_path: Path) -> None:
    """So that the tests above can fail."""
    pickle.loads(pickle.dumps([Evil(tmp_path / "made")], 2))

    assert (tmp_path / "made").is_dir()


@pytest.mark.parametrize(
    "content",
    [
        b"(S'touch made'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'touch made'\no.",  # OBJ
        b"cos\nsystem\n(S'touch made'\ntR.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0atouch made\x85R.",  # STACK_GLOBAL
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93h\x00\x85R.",
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02]K\x01}b.",  # BUILD
        b"Px\n.",  # PERSID
        TENSOR[:-1] + b"cos\nsystem\n(S'touch made'\ntR0.",  # behind a tensor
    ],
)
def test_every_way_to_a_function_is_refused(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the instruction, before it is carried out."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LegacyHoldsCode):
        read_plain(bare(tmp_path / "x.pt", content))

    assert not (tmp_path / "made").exists()


def test_tensors_need_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the error names the extra; the reader itself takes none."""
    monkeypatch.setitem(sys.modules, "torch", None)
    path = zipped(tmp_path / "x.pt", TENSOR)
    with pytest.raises(HoldsTensors):
        read_plain(path)
    with pytest.raises(TorchMissing) as caught:
        load_rows_object(path)

    assert "universal-sequence-record[legacy]" in caught.value.hint
    assert 4 == caught.value.exit_code


def test_an_ordered_dict_is_left_to_torch(tmp_path: Path) -> None:
    """It is made by a call."""
    with pytest.raises(HoldsTensors):
        read_plain(zipped(tmp_path / "x.pt", pickle.dumps([OrderedDict(a=1)], 2)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"sequence\nACGT\n",
        b"\x80\x02]",
        pickle.dumps(PLAIN, 2)[:40],
        b"\x80\x02r" + struct.pack("<I", 1 << 31) + b".",
        b"\x80\x02]r" + struct.pack("<I", 1 << 31) + b".",
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.",
        b"\x80\x02\x8b" + struct.pack("<i", -5) + b".",
        b"\x80\x02h\x05.",
        b"\x80\x020.",
        b"\x80\x02}]K\x01s.",
    ],
)
@pytest.mark.parametrize("form", [zipped, bare])
def test_a_damaged_file(tmp_path: Path, form, content: bytes) -> None:  # type: ignore[no-untyped-def]
    """One typed error, at once, whatever is wrong; no memory is taken for what a length only claims."""
    with pytest.raises(LegacyFileInvalid):
        read_plain(form(tmp_path / "x.pt", content))


def test_a_zip_that_torch_has_not_written(tmp_path: Path) -> None:
    """Or one that is damaged."""
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(PLAIN, 4))
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps(PLAIN, 4))
    damaged = bytearray(whole.getvalue())
    damaged[45] ^= 0xFF
    other = tmp_path / "y.pt"
    other.write_bytes(damaged)
    for one in (path, other, tmp_path / "none.pt", tmp_path):
        with pytest.raises(LegacyFileInvalid):
            read_plain(one)


def test_no_pickle_is_loaded_by_the_command_without_the_look(tmp_path: Path) -> None:
    """End to end: exit 1, one error, and nothing was made."""
    (tmp_path / "root").mkdir()
    run_usr("namespace", "register", "lab", "--columns", "lab__x:bool", root=tmp_path / "root")
    run_usr("init", "ns/d", root=tmp_path / "root")
    path = zipped(tmp_path / "x.pt", pickle.dumps([Evil(tmp_path / "made")], 2))
    done = run_usr("legacy", "convert", "ns/d", path, root=tmp_path / "root")

    assert (1, 1) == (done.rc, done.err.count("error[USR-LEGACY-102]"))
    assert not (tmp_path / "made").exists()
