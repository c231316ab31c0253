"""Large or ragged arrays as ``.npz`` files of the dataset, named by their content.

A name is the digest of the file's bytes, and the bytes are the same for the same arrays; so writing them twice, as a
run does that goes on after a kill, makes one file. A file is whole before it has its name.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from usr_core.api.files import file_system_error, make_folders, read_regular, share, sync_folder, write_new
from usr_densegen.errors import ArraysInvalid, ArtifactDamaged

__all__ = ["FOLDER", "ArtifactFolder", "ArtifactRef", "read_arrays"]

FOLDER = "_artifacts/densegen_npz"
_VALUES, _OFFSETS = ".values", ".offsets"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRef:
    """A file of arrays, as a record refers to it.

    Attributes:
        ref: Its name, relative to the dataset's folder.
        sha256: Of its bytes, 64 hexadecimal digits.
        size_bytes: Its size.
        fields: Names of the arrays, as they were given, sorted.
    """

    ref: str
    sha256: str
    size_bytes: int
    fields: tuple[str, ...]

    def as_columns(self) -> dict[str, object]:
        """Return the bare columns of the namespace that hold the reference."""
        return {
            "npz_ref": self.ref,
            "npz_sha256": self.sha256,
            "npz_bytes": self.size_bytes,
            "npz_fields": list(self.fields),
        }


class ArtifactFolder:
    """The artifacts of one dataset, for one writer.

    Args:
        dataset: The dataset's folder.
        owner: Names the writer: what an earlier one of this name left unfinished is removed by `clean`.
    """

    def __init__(self, dataset: Path, *, owner: str) -> None:
        self._dataset = dataset
        self._place = dataset / FOLDER
        self._prefix = f".{hashlib.sha256(owner.encode('utf-8', 'replace')).hexdigest()[:12]}-"

    def clean(self) -> None:
        """Remove the unfinished files of a writer of this name that was killed."""
        for path in self._place.glob(f"{self._prefix}*.tmp"):
            with contextlib.suppress(OSError):
                path.unlink()

    def store(self, arrays: Sequence[Mapping[str, object]]) -> list[ArtifactRef]:
        """Keep the arrays of several records, each in a file; when this returns, they survive a power cut.

        An array is anything that numpy takes. A ragged one is a list of one-dimensional arrays: their values are
        kept end to end, with the offsets at which each begins.

        Raises:
            ArraysInvalid: The arrays are not a mapping of arrays, or hold objects.
            FileSystemError: The disk refuses; whole files that were written before stay.
        """
        packed = [(_packed(one), tuple(sorted(map(str, one)))) for one in arrays]
        if not packed:
            return []
        try:
            make_folders(self._place, below=self._dataset, like=self._dataset)
            refs = [self._write(content, fields) for content, fields in packed]
            sync_folder(self._place)
        except OSError as error:
            raise file_system_error(error, self._place, "keep the arrays of a record") from error
        return refs

    def _write(self, content: bytes, fields: tuple[str, ...]) -> ArtifactRef:
        digest = hashlib.sha256(content).hexdigest()
        name = f"{digest}.npz"
        if not _has_size(self._place / name, len(content)):
            temporary = self._place / f"{self._prefix}{secrets.token_hex(4)}.tmp"
            try:
                write_new(temporary, content)
                share(temporary, like=self._dataset)
                os.rename(temporary, self._place / name)  # noqa: PTH104 - the POSIX call, atomic
            finally:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)
        return ArtifactRef(ref=f"{FOLDER}/{name}", sha256=digest, size_bytes=len(content), fields=fields)


def read_arrays(dataset: Path, ref: str, sha256: str) -> dict[str, Any]:
    """Return the arrays that a record refers to, by name; a ragged one is a list of arrays.

    Args:
        dataset: The dataset's folder.
        ref: The record's ``densegen__npz_ref``.
        sha256: The record's ``densegen__npz_sha256``; the file is read only if it has this digest.

    Raises:
        ArtifactDamaged: The file is missing, outside of the dataset, or not the one that was written.
    """
    path = dataset / ref
    if not path.resolve().is_relative_to((dataset / FOLDER).resolve()):
        raise ArtifactDamaged(path=path, reason=f"it is not in {FOLDER}/")
    try:
        content = read_regular(path)
    except OSError as error:
        raise ArtifactDamaged(path=path, reason="the file can't be read") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactDamaged(path=path, reason="its content is not what was written")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        stored = {name: file[name] for name in file.files}
    return dict(_unpacked(stored))


def _packed(arrays: Mapping[str, object]) -> bytes:
    if not arrays:
        raise ArraysInvalid(reason="there is no array")
    flat: dict[str, npt.NDArray[Any]] = {}
    given: list[object] = list(arrays)  # what a caller gave may be anything
    odd = next((name for name in given if not isinstance(name, str)), None)
    if odd is not None:
        raise ArraysInvalid(reason=f"an array can't be called {odd!r}", field=str(odd))
    for name in sorted(arrays):
        # NumPy adds .npy to names in the archive, and two of its own arguments can't be names.
        if not name or "/" in name or name.endswith((_VALUES, _OFFSETS, ".npy")) or name in ("file", "allow_pickle"):
            raise ArraysInvalid(reason=f"an array can't be called {name!r}", field=name)
        flat.update(_flattened(name, arrays[name]))
    buffer = io.BytesIO()
    # Neither times nor compression: the same arrays give the same bytes on every machine.
    np.savez(buffer, allow_pickle=False, **flat)
    return buffer.getvalue()


def _flattened(name: str, value: object) -> dict[str, npt.NDArray[Any]]:
    if isinstance(value, list | tuple) and value and all(isinstance(one, list | tuple | np.ndarray) for one in value):
        rows = [_array(name, one) for one in value]
        if len({row.shape for row in rows}) > 1:
            if any(row.ndim != 1 for row in rows):
                raise ArraysInvalid(reason="a ragged array has rows of more than one dimension", field=name)
            kinds = {row.dtype.kind for row in rows if len(row)}
            if len(kinds) > 1:
                raise ArraysInvalid(reason="its rows are of different types", field=name)
            # An empty row has no type of its own; it must not turn the others' integers into floats.
            filled = [row for row in rows if len(row)] or rows
            offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
            return {f"{name}{_VALUES}": np.concatenate(filled), f"{name}{_OFFSETS}": offsets}
    return {name: _array(name, value)}


def _array(name: str, value: object) -> npt.NDArray[Any]:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ArraysInvalid(reason=str(error), field=name) from error
    if array.dtype.hasobject:
        raise ArraysInvalid(reason="it holds objects", field=name)
    return array


def _unpacked(stored: Mapping[str, npt.NDArray[Any]]) -> Iterator[tuple[str, Any]]:
    for name, array in stored.items():
        if name.endswith(_OFFSETS):
            continue
        if name.endswith(_VALUES):
            plain = name.removesuffix(_VALUES)
            yield plain, np.split(array, stored[f"{plain}{_OFFSETS}"][1:-1])
        else:
            yield name, array


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False
