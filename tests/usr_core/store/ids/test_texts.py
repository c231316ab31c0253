"""A few ids are found by their letters where an index finds them by numbers."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.texts import places_of_few

IDS = [f"{number:040x}" for number in (1, 16, 17, 2**150, 2**160 - 1)]
LIKE_IDS = ["0", IDS[0][:20], IDS[1] + "0", IDS[2].upper(), "f" * 39, "é" * 20, "0" * 80]
OTHERS = [None, "", *LIKE_IDS, *(f"{number:040x}" for number in range(9))]


def places(among: list[str | None], *, first: int = 0) -> list[int]:
    ids = {one.encode(): number for number, one in enumerate(IDS)}
    return places_of_few(ids, pa.array(among, pa.string())[first:]).tolist()


@pytest.mark.parametrize("seed", range(20))
def test_they_are_where_the_index_finds_them(seed: int) -> None:
    """Among nulls, empty and other texts, in slices, several times each."""
    rng = random.Random(seed)
    among = [rng.choice((*IDS, *OTHERS)) for _ in range(rng.choice((0, 1, 50)))]
    first = rng.randrange(len(among) + 1)
    index = BaseIndex.from_ids([pa.array(IDS, pa.string())])

    assert index.positions(pa.array(among, pa.string())[first:]).tolist() == places(among, first=first)


def test_letters_over_the_border_of_two_rows_are_no_id() -> None:
    """Nor is a part of a longer text."""
    assert [-1, -1, -1, 4] == places([IDS[4][:20], IDS[4][20:], f"0{IDS[3]}", IDS[4]])


def test_a_null_has_no_place_whatever_bytes_lie_below_it() -> None:
    """A writer may leave a text where it says that there is none."""
    whole = pa.array([IDS[0], IDS[1]], pa.string())
    among = pa.Array.from_buffers(pa.string(), 2, [pa.py_buffer(b"\x02"), *whole.buffers()[1:]])

    assert [-1, 1] == places_of_few({one.encode(): number for number, one in enumerate(IDS)}, among).tolist()
