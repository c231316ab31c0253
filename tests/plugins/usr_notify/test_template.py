"""Requests in the form of a chat program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.cli import Usr
from support.webhook_server import WebhookServer
from usr_notify.errors import TemplateInvalid
from usr_notify.message import Message
from usr_notify.template import PLACEHOLDERS, Template


def message(dataset: str = "ns/base", **event: object) -> Message:
    payload = json.dumps({"action": "import", "seq": 2, "dataset": {"name": dataset}, **event}).encode()
    return Message(dataset=dataset, action="import", seq=2, key="k", payload=payload)


class TestBody:
    def test_has_the_events_values_in_place_of_names(self) -> None:
        """In texts at any depth, in keys too; everything else stays."""
        made = Template('{"text": "{action} on {dataset}: {rows} rows", "{seq}": [true, {"n": "{{x}} {tool}"}]}')
        body = made.body(message(metrics={"rows_added": 6}, actor={"tool": "densegen"}))

        assert {"text": "import on ns/base: 6 rows", "2": [True, {"n": "{x} densegen"}]} == json.loads(body)

    @pytest.mark.parametrize("value", ['a"}, {"b": "', "back\\slash", "{seq}", "line\nend", "\u2028é", "\udc80", "{{"])
    def test_is_json_whatever_a_value_holds(self, value: str) -> None:
        """No value breaks out of its text, and none is taken for a placeholder."""
        body = json.loads(Template('{"text": "{tool}!"}').body(message(actor={"tool": value})))

        assert ["text"] == list(body)
        assert f"{value}!" == body["text"]

    def test_shows_what_an_event_does_not_say(self) -> None:
        """A question mark, for each placeholder that there is."""
        text = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        empty = Message(dataset="d", action="a", seq=None, key="k", payload=b"[]")

        assert "a d ? ? ? ? ? ? ?" == json.loads(Template(json.dumps(text)).body(empty))


class TestRefusal:
    @pytest.mark.parametrize(
        "text",
        ['{"text": "{acton}"}', '{"text": "{"}', '{"text": "}"}', '{"text": "{}"}', '{"text": "{action.x}"}',
         '{"{no}": 1}', '{"text": {rows}}', "{action} on {dataset}", "", "[" * 100_000],
    )  # fmt: skip
    def test_of_what_is_no_template(self, text: str) -> None:
        """An unknown name, a brace that is not a placeholder, and what is not JSON."""
        with pytest.raises(TemplateInvalid) as caught:
            Template(text)

        assert 2 == caught.value.exit_code

    def test_comes_before_anything_is_sent(
        self, busy: Usr, hook: list[str | Path], server: WebhookServer, cursor: Path
    ) -> None:
        """Neither a request nor a cursor is there; a good one arrives, with the event's own key."""
        said = busy.refuses(2, *hook, "--template", '{"text": "{who}"}').err

        assert "{who}" in said
        assert "{dataset}" in said
        assert ([], False) == (server.received, cursor.exists())

        busy.ok(*hook, "--template", '{"text": "{action} on {dataset}: {rows} rows"}', "--only-actions", "import")
        assert [b'{"text": "import on ns/base: 6 rows"}'] == [request.body for request in server.received]
        assert server.taken[0].startswith("ns/base:2:")

    def test_of_a_template_for_a_program(self, busy: Usr, cursor: Path) -> None:
        """A program makes its own form of it."""
        words = ["notify", "follow", "ns/base", "--cursor", cursor, "--exec", "cat", "--once"]

        assert "--template" in busy.refuses(2, *words, "--template", '{"text": "x"}').err
