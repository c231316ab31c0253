"""Arrays as files: the same bytes for the same arrays, whole before they have a name, refused where they are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from usr_densegen.artifacts import FOLDER, ArtifactFolder, read_arrays
from usr_densegen.errors import ArraysInvalid, ArtifactDamaged

ARRAYS = {"logits": np.arange(6, dtype=np.float32).reshape(2, 3), "ragged": [[1, 2], [], [3]], "one": 7}


@pytest.fixture
def folder(tmp_path: Path) -> ArtifactFolder:
    return ArtifactFolder(tmp_path, owner="r1")


class TestStore:
    def test_what_comes_back_is_what_was_given(self, folder: ArtifactFolder, tmp_path: Path) -> None:
        """Types and shapes too; a ragged array is a list of arrays."""
        (ref,) = folder.store([ARRAYS])
        back = read_arrays(tmp_path, ref.ref, ref.sha256)

        assert ("logits", "one", "ragged") == ref.fields
        assert (np.float32, (2, 3)) == (back["logits"].dtype, back["logits"].shape)
        assert [[1, 2], [], [3]] == [row.tolist() for row in back["ragged"]]
        assert 7 == back["one"]
        assert (tmp_path / ref.ref).stat().st_size == ref.size_bytes

    def test_the_same_arrays_are_one_file(self, folder: ArtifactFolder, tmp_path: Path) -> None:
        """In whatever order they are named; other arrays are another."""
        one, again, other = folder.store([ARRAYS, dict(reversed(ARRAYS.items())), {"one": 8}])

        assert one == again
        assert one.ref != other.ref
        assert 2 == len(list((tmp_path / FOLDER).iterdir()))

    def test_a_dead_writers_unfinished_file_goes(self, folder: ArtifactFolder, tmp_path: Path) -> None:
        """That of this run only; another run may be at work."""
        folder.store([ARRAYS])
        for owner in ("r1", "r2"):
            prefix = ArtifactFolder(tmp_path, owner=owner)._prefix
            (tmp_path / FOLDER / f"{prefix}00000000.tmp").write_bytes(b"half")
        folder.clean()

        left = [path.name for path in (tmp_path / FOLDER).glob(".*")]
        assert [f"{ArtifactFolder(tmp_path, owner='r2')._prefix}00000000.tmp"] == left

    def test_an_empty_row_changes_no_type(self, folder: ArtifactFolder, tmp_path: Path) -> None:
        """Integers beyond a float's digits come back as they were."""
        [reference] = folder.store([{"offsets": [[2**53 + 1], [], [1, 2]]}])
        [*rows] = read_arrays(tmp_path, reference.ref, reference.sha256)["offsets"]
        assert [[2**53 + 1], [], [1, 2]] == [row.tolist() for row in rows]
        assert {"int64"} == {str(row.dtype) for row in rows}

    @pytest.mark.parametrize(
        "arrays",
        [
            {},
            {"a": object()},
            {"a": [object()]},
            {"": 1},
            {"a/b": 1},
            {"a.values": 1},
            {"a": [[[1], [2]], [[1]]]},
            {"a.npy": 1},
            {"file": 1},
            {1: 2},
            {"a": [[1], ["x", "y"]]},
            {"a": [[2**63], [1, 2]]},
        ],
    )
    def test_what_is_no_array_is_refused(self, folder: ArtifactFolder, tmp_path: Path, arrays: dict) -> None:
        """Nothing is written, not even the good ones beside it."""
        with pytest.raises(ArraysInvalid):
            folder.store([{"good": 1}, arrays])
        assert [] == list(tmp_path.iterdir())


class TestRead:
    def test_damage_is_told(self, folder: ArtifactFolder, tmp_path: Path) -> None:
        """A changed byte, a missing file, and a name that leads elsewhere."""
        (ref,) = folder.store([ARRAYS])
        path = tmp_path / ref.ref
        path.write_bytes(path.read_bytes().replace(b"\x07", b"\x08"))
        outside = tmp_path / "other.npz"
        outside.write_bytes(b"")

        for name in (ref.ref, f"{FOLDER}/absent.npz", f"{FOLDER}/../../other.npz"):
            with pytest.raises(ArtifactDamaged):
                read_arrays(tmp_path, name, ref.sha256)
