"""Programs that stand before others on PATH, here and on the remote side, and let a fault happen at a chosen point.

On the remote side every program that `agent.sh` runs is counted: the n-th is a point of the run that no sleep decides.
rsync there runs behind a valve that counts its bytes. What happens is `control/action`, once: it makes `control/hit`.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

__all__ = ["COUNTED", "lay_out_shims"]

COUNTED = (
    "find", "sha256sum", "flock", "mkdir", "ln", "mv", "cp", "rm", "rmdir", "sync", "cat", "cmp", "fallocate", "sort",
    "touch", "tail",
)  # fmt: skip

_STEP = """#!/bin/sh
control='{control}'
if [ -s "$control/at" ]; then
    read -r at <"$control/at"
    printf '%s %s\\n' {name} "$*" >>"$control/steps"
    if [ "$(wc -l <"$control/steps")" -ge "$at" ] && {mkdir} "$control/hit" 2>/dev/null; then
        "$control/action" </dev/null >>"$control/action.log" 2>&1
    fi
fi
exec {real} "$@"
"""

_FAR_RSYNC = """#!/bin/sh
control='{control}'
[ ! -s "$control/valve" ] || exec '{python}' -S -E '{control}/valve.py' "$control" {real} "$@"
exec {real} "$@"
"""

_NEAR_RSYNC = """#!/bin/sh
control='{control}'
[ -s "$control/after" ] || exec {real} "$@"
{real} "$@"
code=$?
[ $code != 0 ] || [ -d "$control/hit" ] || "$control/action" </dev/null >>"$control/action.log" 2>&1
exit $code
"""

_NEAR_SSH = """#!/bin/sh
if [ -e '{control}/down' ]; then
    echo 'kex_exchange_identification: Connection closed by remote host' >&2
    exit 255
fi
exec {real} "$@"
"""

_VALVE = '''"""valve.py CONTROL COMMAND…: run rsync's far half, count its bytes, and do what control/valve says at one.

It says: DIRECTION BYTE MODE. action: run control/action there, once. flip: change that byte, once. cut: kill rsync
there, in every run. count: nothing. Totals are appended to control/counted.
"""
import os, signal, subprocess, sys, threading

control, command = sys.argv[1], sys.argv[2:]
direction, at, mode = open(control + "/valve").read().split()
at = int(at)
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
counts = {"send": 0, "fetch": 0}

def first():
    try:
        os.mkdir(control + "/hit")
    except FileExistsError:
        return False
    return True

def strike(chunk, start):
    """Let the fault happen; return what goes on instead of `chunk`."""
    if mode == "flip" and first():
        place = at - start
        return chunk[:place] + bytes([chunk[place] ^ 0x20]) + chunk[place + 1 :]
    if mode == "cut":
        first()
        child.kill()
    if mode == "action" and first():
        with open(control + "/action.log", "ab") as log:
            subprocess.call([control + "/action"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return chunk

def pump(source, target, way):
    while chunk := os.read(source, 32768):
        start = counts[way]
        counts[way] += len(chunk)
        if way == direction and start <= at < counts[way]:
            # What came before the point goes on first.
            os.write(target, chunk[: at - start]) if mode != "flip" else None
            rest = strike(chunk, start) if mode == "flip" else strike(chunk[at - start :], at)
        else:
            rest = chunk
        view = memoryview(rest)
        while view:
            view = view[os.write(target, view) :]

def feed():
    try:
        pump(0, child.stdin.fileno(), "send")
    except OSError:
        pass
    child.stdin.close()

threading.Thread(target=feed, daemon=True).start()
try:
    pump(child.stdout.fileno(), 1, "fetch")
except OSError:
    child.kill()
code = child.wait()
with open(control + "/counted", "a") as told:
    told.write("%d %d\\n" % (counts["fetch"], counts["send"]))
os._exit(code if code >= 0 else 12)
'''

_HARM = '''"""harm.py CONTROL KIND …: what an action does to processes and to staged files."""
import glob, os, pathlib, signal, sys

control, kind, rest = sys.argv[1], sys.argv[2], sys.argv[3:]

def processes(name, mark):
    """Yield the processes of a program whose environment has that mark: ours, and nobody else's."""
    for place in pathlib.Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                if (place / "comm").read_text().strip() == name and mark in (place / "environ").read_bytes():
                    yield int(place.name)
            except OSError:
                pass

def kill(pids):
    for pid in list(pids):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

near, far = ("FAULT_LAB=" + control).encode(), ("PATH=" + control + "/far").encode()
if kind == "usr":
    kill([int(open(control + "/usr.pid").read())])
elif kind == "ssh":
    kill(processes("ssh", near))
elif kind == "sshd":
    parent = open(control + "/sshd.pid").read().strip()
    for place in pathlib.Path("/proc").iterdir():
        try:
            if place.name.isdecimal() and (place / "stat").read_text().rpartition(") ")[2].split()[1] == parent:
                kill([int(place.name)])
        except OSError:
            pass
elif kind == "rsync":
    kill(processes("rsync", near if rest[0] == "near" else far))
elif kind == "agent":  # with everything that it has started, us included
    os.killpg(0, signal.SIGKILL)
elif kind == "agent-alone":  # what it has started goes on
    kill([os.getpgid(0)])
elif kind == "flip":
    for name in sorted(glob.glob(rest[0], include_hidden=True, recursive=True)):
        content = bytearray(pathlib.Path(name).read_bytes())
        was = os.stat(name)
        content[int(float(rest[1]) * (len(content) - 1))] ^= 0x20
        pathlib.Path(name).write_bytes(content)
        os.utime(name, ns=(was.st_atime_ns, was.st_mtime_ns))
        os.mkdir(control + "/hit")
        break
else:
    sys.exit(kind)
'''


def lay_out_shims(control: Path, *, ssh: Path) -> tuple[Path, Path]:
    """Write the programs below `control`; return the folders for PATH here and for PATH there."""
    near, far = control / "near", control / "far"
    near.mkdir(parents=True)
    far.mkdir()
    words = {"control": control, "python": sys.executable, "mkdir": _real("mkdir")}
    for name in COUNTED:
        _program(far / name, _STEP.format(name=name, real=_real(name), **words))
    _program(far / "rsync", _FAR_RSYNC.format(real=_real("rsync"), **words))
    _program(near / "rsync", _NEAR_RSYNC.format(real=_real("rsync"), **words))
    _program(near / "ssh", _NEAR_SSH.format(real=ssh, **words))
    (control / "valve.py").write_text(_VALVE)
    (control / "harm.py").write_text(_HARM)
    return near, far


def _real(program: str) -> str:
    found = shutil.which(program, path="/usr/local/bin:/usr/bin:/bin") or shutil.which(program)
    assert found is not None, f"{program} is missing; make programs"
    return os.path.realpath(found) if program == "rsync" else found


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
