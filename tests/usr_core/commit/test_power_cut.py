"""The order of what reaches the disk: no name is relied on before it, and what it names, is durable."""

from __future__ import annotations

import re

from support.strace import Call


def _short(call: Call) -> str:
    """Return the call with names only: ``fsync .usr.tmp/T``, ``rename a -> b``."""
    names = re.findall(r"/dataset/?([^\">]*)", call.line)
    plain = [re.sub(r"[0-9a-f]{16}", "T", name) or "." for name in names]
    if call.name in ("rename", "link"):
        return f"{call.name} {plain[0]} -> {plain[1]}"
    return f"{call.name} {plain[0]}"


class TestOrder:
    def _index(self, lines: list[str], wanted: str, *, after: int = -1) -> int:
        found = [i for i, line in enumerate(lines) if i > after and line == wanted]
        assert found, f"no {wanted!r} after {lines[after] if after >= 0 else 'the beginning'}:\n" + "\n".join(lines)
        return found[0]

    def test_of_one_change_survives_a_power_cut_anywhere(self, calls: list[Call]) -> None:
        """Content before its name, staging before the record, that before its operations, these before the event."""
        lines = [_short(call) for call in calls if call.name != "openat"]
        link = self._index(lines, "link .usr.commit.2.T.tmp -> .usr.commit.2.json")

        staged = [
            self._index(lines, f"fsync .usr.tmp/T/{name}") for name in ("0.parquet", "1.md", "2.parquet", "3.txt")
        ]
        staging = self._index(lines, "fsync .usr.tmp/T", after=max(staged))
        parent = self._index(lines, "fsync .usr.tmp", after=staging)
        folder = self._index(lines, "fsync .", after=parent)
        record = self._index(lines, "fsync .usr.commit.2.T.tmp", after=folder)
        assert record < link

        durable = self._index(lines, "fsync .", after=link)
        renames = [i for i, line in enumerate(lines) if line.startswith(("rename", "mkdir _derived"))]
        assert durable < min(renames)
        changed = [".", "_derived", "_derived/new", "_derived/old", "_derived/_archived", "_derived/_archived/old/1"]
        applied = [self._index(lines, f"fsync {name}", after=max(renames)) for name in changed]

        event = self._index(lines, "pwrite64 .events.log", after=max(applied))
        logged = self._index(lines, "fsync .events.log", after=event)
        assert logged < self._index(lines, "unlink .usr.commit.2.json")

    def test_removes_the_record_before_what_it_names(self, calls: list[Call]) -> None:
        """A reader that still finds the record finds the staging too."""
        lines = [_short(call) for call in calls]

        removed = self._index(lines, "unlink .usr.commit.2.json")
        assert removed < min(i for i, line in enumerate(lines) if line.startswith("unlinkat"))

    def test_reserves_the_event_before_the_commit_point(self, calls: list[Call]) -> None:
        """A full or read-only disk is found while nothing can be seen."""
        lines = [_short(call) for call in calls]

        assert self._index(lines, "fallocate .events.log") < self._index(
            lines, "link .usr.commit.2.T.tmp -> .usr.commit.2.json"
        )
