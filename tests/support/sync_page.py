"""The remote side of docs/operations/sync.md: what the page calls ``cluster`` is an sshd on this machine.

The page shows a host alias, a login name and folders as a user would have them. For the test its text is copied with
the login name, the home folder and the cluster's project folder replaced by real ones; commands are run unchanged.
"""

from __future__ import annotations

import getpass
import re
from pathlib import Path

from support.docs import path_with_usr
from support.sshd import HOST, LoopbackSshd

__all__ = ["ready_page", "save_scripts", "serve_cluster"]

_SCRIPT = re.compile(r"^```sh\n(# (\S+\.sh)\b.*?)^```$", re.MULTILINE | re.DOTALL)

_CLUSTER = """Host cluster
    HostName 127.0.0.1
    Port {port}
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
    HostKeyAlias {host}
    StrictHostKeyChecking yes
Include {home}/.ssh/config
"""

# Stands for typing a password once: the host takes the key that the option -i names.
_COPY_ID = """#!/bin/sh
[ "$1" = -i ] && [ "$3" = cluster ] || exit 2
cat "$2" >>'{folder}/authorized_keys'
"""


def serve_cluster(sshd: LoopbackSshd, home: Path) -> None:
    """Let the host be known as ``cluster``, with ``usr`` on its PATH.

    Nobody may log in yet, and the client knows no key: what the page does has to be enough. The user's own
    ``~/.ssh/config`` is in force.
    """
    (home / ".ssh").mkdir(mode=0o700, parents=True)
    with (sshd.folder / "ssh_config").open("a", encoding="utf-8") as config:
        config.write(_CLUSTER.format(port=sshd.port, folder=sshd.folder, host=HOST, home=home))
    (sshd.folder / "authorized_keys").write_text("")
    program = sshd.bin / "ssh-copy-id"
    program.write_text(_COPY_ID.format(folder=sshd.folder))
    program.chmod(0o755)
    (sshd.control / "path").write_text(path_with_usr())


def ready_page(page: Path, *, into: Path, home: Path, project: Path) -> Path:
    """Copy a page so that it can be run here: its words for what is elsewhere are replaced, its lines stay."""
    text = page.read_text(encoding="utf-8")
    for word, real in {"/project/lab": str(project), "~/": f"{home}/", "jdoe": getpass.getuser()}.items():
        assert word in text, word
        text = text.replace(word, real)
    ready = into / page.name
    ready.write_text(text, encoding="utf-8")
    return ready


def save_scripts(page: Path, folder: Path) -> list[Path]:
    """Save the page's shell scripts under the names that their first lines give."""
    saved = []
    for text, name in _SCRIPT.findall(page.read_text(encoding="utf-8")):
        saved.append(folder / name)
        saved[-1].write_text(text, encoding="utf-8")
    return saved
