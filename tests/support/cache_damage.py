"""Every way in which the files of the position cache may not be what they should be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hypothesis import strategies as st

__all__ = ["DAMAGES", "damage_a_file"]

DAMAGES = ("cut", "longer", "zeros", "removed", "swapped", "foreign", "bits")


def damage_a_file(folder: Path, data: st.DataObject, *, foreign: Mapping[str, bytes]) -> None:
    """Change one file of the cache in `folder`: which one and how is drawn.

    Args:
        folder: Where the files are.
        data: Draws.
        foreign: A list and a segment of another dataset, by suffix.
    """
    files = sorted(folder.iterdir(), key=lambda one: (one.suffix, one.stat().st_size))
    file = files[data.draw(st.integers(0, len(files) - 1))]
    content = file.read_bytes()
    share = st.floats(0, 1, exclude_max=True)
    damage = data.draw(st.sampled_from(DAMAGES))
    if damage == "cut":
        file.write_bytes(content[: int(data.draw(share) * len(content))])
    elif damage == "longer":
        file.write_bytes(content + data.draw(st.binary(min_size=1, max_size=50)))
    elif damage == "zeros":
        start = int(data.draw(share) * len(content))
        file.write_bytes(content[:start] + bytes(len(content) - start))
    elif damage == "removed":
        file.unlink()
    elif damage == "swapped":
        file.write_bytes(files[data.draw(st.integers(0, len(files) - 1))].read_bytes())
    elif damage == "foreign":
        file.write_bytes(foreign[file.suffix])
    else:
        changed = bytearray(content)
        for place, bit in data.draw(st.lists(st.tuples(share, st.integers(0, 7)), min_size=1, max_size=9)):
            changed[int(place * len(content))] ^= 1 << bit
        file.write_bytes(changed)
