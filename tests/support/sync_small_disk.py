"""A program that pulls and pushes onto a disk that is too small, in a mount namespace of its own.

Run it under ``unshare`` (`argv`); it mounts a tmpfs, starts an sshd that sees it, and prints one JSON line a point.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # as a file: the packages of the checkout are two folders up
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from support.sshd import started_sshd
from support.sync_faults import check_after_fault
from support.sync_lab import Action, Lab
from support.sync_states import NAME, Templates, check_whole_copy

__all__ = ["FREE", "argv"]

FREE = (0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95, 1.0, 1.02)
"""Free space at each point, as a part of what the files to move need."""


def argv(templates: Path, side: str, action: Action, points: list[int]) -> list[str]:
    """Return the command that tries `points` with the root ``here`` or ``there`` on a small disk."""
    unshare = shutil.which("unshare")
    assert unshare, "unshare is missing; install it (Debian: apt-get install util-linux)"
    alone = [unshare, "--mount"] if os.geteuid() == 0 else [unshare, "--mount", "--map-root-user"]
    return [*alone, sys.executable, "-s", __file__, str(templates), side, action, *map(str, points)]


def main() -> None:
    templates = Templates(Path(sys.argv[1]) / "old", Path(sys.argv[1]) / "new")
    side, action = sys.argv[2], "pull" if sys.argv[3] == "pull" else "push"
    with tempfile.TemporaryDirectory(prefix="usr-disk-") as folder:
        place = Path(folder)
        (place / "disk").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(place / "disk")], check=True, timeout=120)
        try:
            with started_sshd(place / "sshd") as sshd:
                lab = Lab(place / "lab", sshd, **{side: place / "disk" / "root"})
                for point in map(int, sys.argv[4:]):
                    told = _try_point(lab, templates, side, action, point)  # type: ignore[arg-type]
                    sys.stdout.write(json.dumps({"point": point, **told}) + "\n")
        finally:
            subprocess.run(["umount", str(place / "disk")], check=True, timeout=120)


def _try_point(lab: Lab, templates: Templates, side: str, action: Action, point: int) -> dict[str, Any]:
    first = point in (3, 7)
    lab.prepare(templates, action, "first" if first else "forward")
    before = lab.states(action)
    needed = templates.moved_bytes(first=first)
    ballast = (lab.here if side == "here" else lab.there).parent / "ballast"
    _fill(ballast, leave=int(needed * FREE[point]))
    done = lab.sync(action)
    assert "Traceback" not in done.err + done.out, str(done)
    check_after_fault(lab, action, before, source_may_change=False)
    ballast.unlink()
    again = lab.sync(action)
    assert again.rc == 0, f"{again}\nafter\n{done}"
    assert check_whole_copy(lab.here) == check_whole_copy(lab.there)
    giver, taker = lab.states(action)
    assert giver == taker
    return {"code": done.rc, "message": done.err, "folder": str(lab.here / NAME)}


def _fill(ballast: Path, *, leave: int) -> None:
    free = os.statvfs(ballast.parent)
    with ballast.open("wb") as handle:
        os.posix_fallocate(handle.fileno(), 0, max(1, free.f_bavail * free.f_frsize - leave))


if __name__ == "__main__":
    main()
