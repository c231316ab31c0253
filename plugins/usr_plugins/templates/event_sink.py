"""A new event sink: a line of JSON an event, into a file that the user names."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "event_sink"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: an event sink."""

from usr_core.api import EventSinkSpec, hookimpl


@hookimpl
def usr_event_sinks():
    # Set required=True if a command has to fail where an event can't be delivered; it is committed in any case.
    return [EventSinkSpec(name="$id", summary="Events to a file", factory=_sink, required=False)]


def _sink():
    from $package.sink import ${title}Sink

    return ${title}Sink()
'''

_CODE = '''\
"""Events as lines of JSON in the file that ``USR_${upper_id}_FILE`` names; without that variable, nowhere."""

import json
import os
from pathlib import Path

VARIABLE = "USR_${upper_id}_FILE"


class ${title}Sink:
    """The event is on disk before `emit` is called: nothing that happens here undoes it."""

    def __init__(self):
        self._path = os.environ.get(VARIABLE)

    def emit(self, event):
        if self._path:
            with Path(self._path).open("a", encoding="utf-8") as file:
                file.write(json.dumps(event, ensure_ascii=False, default=str) + "\\n")

    def close(self):
        """Deliver what is left, and free what is held; may come twice."""
'''

_TESTS = """\
import json

import pytest

from usr_core.testing import EventSinkContract, ManifestContract
from $package.plugin import usr_event_sinks
from $package.sink import VARIABLE


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestEventSink(EventSinkContract):
    features = frozenset({"received", "breakable"})

    @pytest.fixture
    def spec(self, tmp_path, monkeypatch):
        self.file = tmp_path / "events"
        monkeypatch.setenv(VARIABLE, str(self.file))
        (spec,) = usr_event_sinks()
        return spec

    def received(self):
        return [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()]

    def break_target(self):
        self.file.mkdir()

    def mend_target(self):
        self.file.rmdir()


def test_events_of_a_dataset_arrive(usr_host, dataset_factory, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "events"))
    dataset_factory(["ACGT"], host=usr_host($id="$package.plugin"))

    assert "init" in (tmp_path / "events").read_text(encoding="utf-8")
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="sink",
    code=_CODE,
    tests=_TESTS,
    usage="Appends every event to a file: `USR_${upper_id}_FILE=events.jsonl usr import …`.",
)
