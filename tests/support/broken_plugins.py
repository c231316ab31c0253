"""The kinds of broken plugin that a command line has to survive, each with an importer, a command and an event sink."""

from __future__ import annotations

from support.plugins import FakePlugin

__all__ = ["BROKEN", "HOOKS", "broken"]

HOOKS = """\
from usr_core.plugin import EventSinkSpec, ImporterSpec, hookimpl


class Reader:
    def columns(self, request):
        return ["sequence"]

    def read(self, request):
        import pyarrow as pa

        yield pa.record_batch({"sequence": ["ACGT"]})


class Sink:
    def emit(self, event):
        pass

    def close(self):
        pass


@hookimpl
def usr_importers():
    return [ImporterSpec(name="sick", summary="s", factory=Reader, suffixes=(".sick",))]


@hookimpl
def usr_event_sinks():
    return [EventSinkSpec(name="sick", summary="s", factory=Sink)]
"""
"""Hooks with which nothing is wrong."""

_COMMAND = (
    "import typer\n\nwork_app = typer.Typer()\n\n\n@work_app.command()\ndef work() -> None:\n    print('worked')\n"
)

BROKEN: dict[str, tuple[str, str]] = {
    "import error": ("import no_such_module\n", "no_such_module"),
    "slow import": ("import time\n\ntime.sleep(1.3)\n" + HOOKS, "takes 1."),
    "wrong signature": (HOOKS.replace("usr_importers()", "usr_importers(registry)"), "registry"),
    "unknown hook": (HOOKS + "\n\n@hookimpl\ndef usr_importer():\n    return []\n", "'usr_importer'"),
    "raises": (HOOKS.replace("    return [Imp", "    1 / 0\n    return [Imp").replace("        pass", "        1 / 0"),
               "ZeroDivisionError"),
    "hangs": (
        "import pathlib, time\n\npathlib.Path(__file__).with_suffix('.reached').touch()\ntime.sleep(600)\n",
        "did not end within",
    ),
    "exits": ("import sys\n\nsys.exit(3)\n", "SystemExit"),
    "exits at once": ("import os\n\nos._exit(3)\n", "ended the process (exit code 3)"),
    "prints on import": ("print('hello there')\n" + HOOKS, "hello there"),
}  # fmt: skip
"""By kind: the source of the hooks' module, and what the doctor says of it."""


def broken(source: str, *, distribution: str = "") -> FakePlugin:
    """Return a plugin ``sick`` with these hooks, whose command ``work`` breaks as the hooks do."""
    command = source.partition("from usr_core.plugin")[0] + _COMMAND
    plugin = FakePlugin("sick", distribution=distribution, hooks=source).command("work", source=command)
    return plugin.provides("importer", "sick").provides("event_sink", "sick")
