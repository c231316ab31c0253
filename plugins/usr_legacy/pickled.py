"""Reading a ``.pt`` file of plain values without torch, and without running anything that it holds.

A pickle is a program for a small machine, and some of its instructions call functions. Here every instruction is
looked at before any is carried out: only those that build None, truth values, numbers, text, bytes, lists, tuples,
dicts and sets are let through, and the unpickler that then carries them out can't look up a name. A file that names
what tensors are made of is left to torch; any other name is refused as code. Nothing is skipped and nothing guessed.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import IO

from usr_core.api.places import refuse_archived_path
from usr_legacy.errors import LegacyFileInvalid, LegacyHoldsCode

__all__ = ["HoldsTensors", "read_plain"]

_LARGEST = 4 << 30
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_PLAIN = frozenset(
    [
        "PROTO",
        "FRAME",
        "STOP",
        "MARK",
        "POP",
        "POP_MARK",
        "DUP",
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "UNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "EMPTY_LIST",
        "APPEND",
        "APPENDS",
        "LIST",
        "EMPTY_TUPLE",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
        "TUPLE3",
        "EMPTY_DICT",
        "DICT",
        "SETITEM",
        "SETITEMS",
        "EMPTY_SET",
        "ADDITEMS",
        "FROZENSET",
        "GET",
        "BINGET",
        "LONG_BINGET",
        "PUT",
        "BINPUT",
        "LONG_BINPUT",
        "MEMOIZE",
    ]
)
_MEMO = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_OF_TENSORS = ("torch.", "collections.OrderedDict", "numpy.")


class HoldsTensors(Exception):
    """The file names what torch makes tensors of; only torch can read it.

    Attributes:
        name: The first such name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _PlainUnpickler(pickle.Unpickler):
    """The second barrier: an instruction that looks up a name would find none, should one be let through."""

    def find_class(self, module: str, name: str) -> object:
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: object) -> object:
        raise pickle.UnpicklingError("it refers to a part of the file")


def read_plain(path: Path) -> object:
    """Return the object of a file that torch or pickle has saved.

    Raises:
        LegacyFileInvalid: The file was not saved by torch or pickle, or is damaged.
        LegacyHoldsCode: The file names something that is neither a plain value nor part of a tensor.
        HoldsTensors: The file names parts of tensors only.
    """
    refuse_archived_path(path)
    try:
        with path.open("rb") as handle:
            if zipfile.is_zipfile(handle):
                return _objects(path, io.BytesIO(_zipped(path, handle)), 1)[0]
            # Not up to the limit: a read of so many bytes takes the memory for them first.
            size = os.fstat(handle.fileno()).st_size
            if size > _LARGEST:
                raise _too_large(path)
            handle.seek(0)
            content = handle.read(size)
    except OSError as error:
        raise LegacyFileInvalid(
            path=path, reason=f"The file can't be read: {error.strerror}.", hint="Check the path and its permissions."
        ) from None
    # In memory: a length that the file only claims is met with its end, and what was looked at is what is built.
    held = io.BytesIO(content)
    first = _objects(path, held, 1)[0]
    # Before 1.6, torch wrote a magic number, a version and the machine's sizes first, each its own pickle.
    return _objects(path, held, 3)[2] if type(first) is int and first == _TORCH_MAGIC else first


def _zipped(path: Path, handle: IO[bytes]) -> bytes:
    try:
        with zipfile.ZipFile(handle) as archive:
            members = [member for member in archive.infolist() if member.filename.split("/")[1:] == ["data.pkl"]]
            if len(members) != 1:
                raise LegacyFileInvalid(
                    path=path, reason="The file is a zip archive, but not one that torch has saved."
                )
            if members[0].file_size > _LARGEST:
                raise _too_large(path)
            return archive.read(members[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        if isinstance(error, LegacyFileInvalid):
            raise
        raise _damaged(path) from None


def _objects(path: Path, handle: IO[bytes], count: int) -> list[object]:
    """Return the next objects of the file; each is looked at whole before it is built."""
    found = []
    for _ in range(count):
        start = handle.tell()
        _look(path, handle)
        end = handle.tell()
        handle.seek(start)
        try:
            found.append(_PlainUnpickler(io.BytesIO(handle.read(end - start))).load())
        except (pickle.UnpicklingError, ValueError, TypeError, EOFError, LookupError, AttributeError, RecursionError):
            raise _damaged(path) from None
    return found


def _look(path: Path, handle: IO[bytes]) -> None:
    """Go through the instructions of one pickle without carrying out any.

    The whole of it is looked at, so that code behind a tensor is told as code.
    """
    tensors: str | None = None
    texts: list[str] = []
    count = 0
    try:
        for opcode, argument, _position in pickletools.genops(handle):
            count += 1
            if isinstance(argument, str) and "UNICODE" in opcode.name:
                texts = [*texts[-1:], argument]
            if opcode.name in _MEMO and int(argument or 0) > 2 * count + 1:
                raise _damaged(path)  # it would make the unpickler reserve memory for nothing
            if opcode.name in _PLAIN:
                continue
            name = _named(opcode.name, argument, texts)
            if name is not None:
                if not name.startswith(_OF_TENSORS):
                    raise LegacyHoldsCode(path=path, name=name)
                tensors = tensors or name
            elif tensors is None:
                raise LegacyHoldsCode(path=path, name=opcode.name)
    except (ValueError, EOFError, LookupError, OverflowError) as error:
        if isinstance(error, LegacyHoldsCode | LegacyFileInvalid):
            raise
        raise _damaged(path) from None
    if tensors is not None:
        raise HoldsTensors(tensors)


def _named(opcode: str, argument: object, texts: list[str]) -> str | None:
    """Return what an instruction looks up, or None for one that looks nothing up."""
    if opcode in ("GLOBAL", "INST"):
        return str(argument).replace(" ", ".", 1)
    if opcode == "STACK_GLOBAL":
        return ".".join(texts) if len(texts) == 2 else "a name that is put together"
    if opcode in ("EXT1", "EXT2", "EXT4"):
        return "a registered extension"
    return None


def _too_large(path: Path) -> LegacyFileInvalid:
    return LegacyFileInvalid(path=path, reason="The file holds more than 4 GiB.", hint="Save it in smaller pieces.")


def _damaged(path: Path) -> LegacyFileInvalid:
    return LegacyFileInvalid(
        path=path,
        reason="The file is damaged, or was saved by something other than torch or pickle.",
        hint="Copy it again, and compare its size with the original's; a table has to end in .csv.",
    )
