"""What a transport's contract needs of the remote side: to prepare it and to look at it from outside."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol

from usr_core.plugin.transports import Transport

__all__ = ["Direction", "FarSide"]

Direction = Literal["fetch", "send"]


class FarSide(Protocol):
    """A fresh remote with its transport; the fixture ``remote`` of a contract returns one.

    Attributes:
        transport: The transport under test, not yet connected or connected.
        root: An empty, writable, absolute folder there.
        declared: Features of this stand-in: ``interrupt`` (`cut` and `mend` work), ``other_locker`` (`held_lock`
            works). What is not declared is not tested, and its methods are not called; they need not exist.
    """

    transport: Transport
    root: str
    declared: frozenset[str]

    def write(self, path: str, content: bytes) -> None:
        """Give a file this content, making its folders; not through the transport."""
        ...

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        ...

    def exists(self, path: str) -> bool:
        """Tell whether something has that name, a link that leads nowhere included."""
        ...

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return the regular files at any depth below a folder, relative, sorted; [] where there is no such folder."""
        ...

    def cut(self, direction: Direction, after_bytes: int) -> None:
        """Let every transfer in that direction break off after so many bytes, until `mend`."""
        ...

    def mend(self) -> None:
        """Let transfers through again."""
        ...

    def held_lock(self, folder: str) -> AbstractContextManager[object]:
        """Hold the dataset's lock as a stranger; `TimeoutError`, within a second, where somebody else has it."""
        ...
