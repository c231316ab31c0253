"""A program, run in a mount namespace of its own: what happens on a full disk, here and there.

The sshd is its own too: the one of the tests does not see this namespace's mounts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from support.sshd import SshFarSide, started_sshd
from usr_core.errors import UsrError
from usr_core.plugin.transports import FetchRequest, LockRequest, SendRequest
from usr_core.testing.commit_jobs import Job


def main(small: Path, roomy: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(small)], check=True, timeout=120)
    with tempfile.TemporaryDirectory(prefix="usr-sshd-") as folder, started_sshd(Path(folder) / "sshd") as sshd:
        os.environ["PATH"] = sshd.path
        far = SshFarSide(sshd, str(small))
        try:
            _transfers(far, small, roomy)
            _commit(far, small)
        finally:
            far.transport.close()


def _transfers(far: SshFarSide, small: Path, roomy: Path) -> None:
    (roomy / "big").write_bytes(os.urandom(3 << 20))
    into = small / "into"
    into.mkdir()
    for word, call in (
        ("fetch", lambda: far.transport.fetch(FetchRequest(folder=str(roomy), files=("big",), into=into))),
        ("send", lambda: far.transport.send(SendRequest(source=roomy, files=("big",), into=str(into)))),
    ):
        try:
            call()
        except UsrError as error:
            sys.stdout.write(f"{word} {type(error).__name__}\n")
        subprocess.run(["find", str(into), "-mindepth", "1", "-delete"], check=True, timeout=120)


def _commit(far: SshFarSide, small: Path) -> None:
    job = Job(remote=far, line=b"x" * 300_000)
    job.lay_out()
    before = job.found()
    with far.transport.lock(LockRequest(folder=job.folder, timeout=1, label="x")):
        with (small / "ballast").open("wb") as ballast:
            free = os.statvfs(small)
            ballast.write(b"x" * (free.f_bavail * free.f_frsize - 100_000))
        try:
            far.transport.commit(job.request())
        except UsrError as error:
            sys.stdout.write(f"commit {type(error).__name__} {'unchanged' if job.found() == before else 'changed'}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
