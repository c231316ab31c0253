"""The examples in docstrings: what they find when they run, and running them.

Every example has the names `root`, `dataset`, `ids` and `tmp_path`, and runs in a folder of its own (see `Examples`).
"""

from __future__ import annotations

import doctest
import functools
import inspect
import io
import os
import shutil
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from usr_core import requirements
from usr_core.cli import session
from usr_core.dataset import Dataset
from usr_core.errors import UsrError
from usr_core.plugin.catalogue import Catalogue
from usr_core.plugin.host import PluginHost
from usr_core.plugin.specs import TransportSpec
from usr_core.plugin.switches import Switches
from usr_core.plugin.transports import Transport
from usr_core.records.ids import record_id
from usr_core.registry.store import register_namespace
from usr_core.testing.memory_transport import MemoryRemote, MemoryTransport

__all__ = ["Examples", "lay_out", "methods_of"]

NAME = "demo/promoters"
SEQUENCES = ("TTGACAGGCTAACTGGATAT", "GATTACAGATTACAGATTAC", "GGGCCCATATCGCGATTACA")
IDS = tuple(record_id("dna", sequence) for sequence in SEQUENCES)
REMOTES = "remotes:\n  lab-server:\n    type: ssh\n    host: lab.example.org\n    base_dir: /srv/usr\n"


class _HostWithAMemoryRemote(PluginHost):
    """Reaches every remote in memory, whatever its file says; all else is what is installed."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(catalogue)
        self.remote = MemoryRemote()
        self.remote.make_folders("/srv/usr")

    def transport(self, scheme: str, settings: Mapping[str, Any]) -> Transport:
        return MemoryTransport(self.remote)

    def transport_spec(self, scheme: str) -> TransportSpec:
        return TransportSpec(
            name=scheme, summary="in memory", factory=lambda _: self.transport(scheme, {}), scheme=scheme
        )


@dataclass(frozen=True)
class Examples:
    """Runs examples, each object's in a fresh folder.

    The folder has a root with the namespace ``lab`` (``lab__gc``, ``lab__sigma``) and a dataset of three records; two
    files, ``more.csv`` with sequences to import and ``scores.csv`` with values to attach; a module ``scores.py`` with a
    function ``gc`` to map; and a remotes file whose
    remote ``lab-server`` is in memory. It is the current folder.

    Args:
        template: What `lay_out` has made.
        folder: An empty folder.
        monkeypatch: Of the test.
        catalogue: The installed plugins, which are looked for once.
    """

    template: Path
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    catalogue: Catalogue = field(default_factory=lambda: Catalogue(Switches()))

    def __post_init__(self) -> None:
        for name in [name for name in os.environ if name.startswith("USR_")]:
            self.monkeypatch.delenv(name)
        self.monkeypatch.setenv("XDG_CONFIG_HOME", str(self.folder / "config"))
        self.monkeypatch.setenv("USR_REMOTES_PATH", "remotes.yaml")
        self.monkeypatch.setenv("TERM", "dumb")
        # An example shows the line of an error; of the hint below it, versions of `doctest` make different things.
        self.monkeypatch.setattr(UsrError, "__notes__", ())

    def names(self, label: str) -> dict[str, object]:
        """Make the folder the current one, and return the names that are there."""
        place = self.folder / label
        shutil.copytree(self.template, place)
        self.monkeypatch.chdir(place)
        self.monkeypatch.setattr(sys, "stdin", io.StringIO())
        self.monkeypatch.setattr(session, "_current", [])
        self.monkeypatch.setattr(requirements, "_any_version_may_run", False)
        dataset = Dataset.open(place / "root", NAME, host=_HostWithAMemoryRemote(self.catalogue))
        return {"root": place / "root", "dataset": dataset, "ids": list(IDS), "tmp_path": place}

    def run(self, label: str, found: object) -> str:
        """Run the examples of an object and its methods; return what differs from what they say, or nothing."""
        told = io.StringIO()
        for number, test in enumerate(_tests_of(label, found)):
            test.globs = self.names(f"{label}-{number}")
            doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=told.write)
        return told.getvalue()


def methods_of(kind: type) -> dict[str, object]:
    """Return methods and properties that a class has, or inherits from a class of ours, by name."""
    ours = [base for base in inspect.getmro(kind) if base.__module__.partition(".")[0] == "usr_core"]
    return {
        name: member
        for base in reversed(ours)
        for name, member in vars(base).items()
        if isinstance(member, (types.FunctionType, classmethod, staticmethod, property, functools.cached_property))
    }


def _tests_of(label: str, found: object) -> Iterator[doctest.DocTest]:
    """Yield the examples of an object and of its methods; the finder of `doctest` takes seconds, looking for lines."""
    documented = {label: found}
    if inspect.isclass(found):
        documented |= {f"{label}.{name}": method for name, method in methods_of(found).items()}
    for name, value in documented.items():
        test = doctest.DocTestParser().get_doctest(value.__doc__ or "", {}, name, name, 0)
        if test.examples:
            yield test


SCORES = """\
import pyarrow.compute as pc


def gc(batch):
    letters = pc.utf8_upper(batch["sequence"])
    found = pc.add(pc.count_substring(letters, "G"), pc.count_substring(letters, "C"))
    return pc.divide(pc.cast(found, "float64"), pc.utf8_length(letters))
"""


def lay_out(folder: Path) -> None:
    """Make what every example finds in its folder (see `Examples`)."""
    root = folder / "root"
    root.mkdir(parents=True)
    register_namespace(root, "lab", [("lab__gc", "float64"), ("lab__sigma", "string")])
    dataset = Dataset.open(root, NAME).init()
    dataset.add_sequences([{"sequence": sequence} for sequence in SEQUENCES], source="promoters.csv")
    values = {"id": IDS, "lab__gc": [0.4, 0.3, 0.55], "lab__sigma": ["sigma70", "sigma32", None]}
    dataset.write_overlay("lab", pa.table(values))
    (folder / "more.csv").write_text("sequence\nTTTACAGCTAGCTCAGTCCT\nCATCATCATGGTGGTGGTAA\n", "ascii")
    (folder / "scores.csv").write_text(f"id,lab__sigma\n{IDS[2]},sigma54\n", "ascii")
    (folder / "scores.py").write_text(SCORES, "ascii")
    (folder / "remotes.yaml").write_text(REMOTES, "ascii")
