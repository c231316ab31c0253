"""``usr events verify`` as it is typed."""

from __future__ import annotations

from support.cli import Usr
from support.tree import assert_unchanged

DS = "ns/base"


class TestVerify:
    def test_a_whole_chain(self, seeded: Usr):
        """One line, or one object, and exit 0; nothing is changed."""
        with assert_unchanged(seeded.root):
            out = seeded.ok("events", "verify", DS).out

        assert "ns/base: the chain of 2 events is whole\n" == out
        data = seeded.ok("events", "verify", DS, "--format", "json").data
        assert {"dataset": DS, "ok": True, "events": 2, "faults": []} == data

    def test_an_edited_line_is_named(self, seeded: Usr):
        """Exit 1 with a finding, on stdout, in either form."""
        log = seeded.path(DS) / ".events.log"
        log.write_bytes(log.read_bytes().replace(b'"action":"init"', b'"action":"imit"'))
        plain = seeded.run("events", "verify", DS)
        json = seeded.run("events", "verify", DS, "--format", "json")

        assert (1, 1) == (plain.rc, json.rc)
        assert "edited" in plain.out
        assert (False, [1], ["edited"]) == (
            json.data["ok"],
            [fault["line"] for fault in json.data["faults"]],
            [fault["kind"] for fault in json.data["faults"]],
        )

    def test_a_deleted_line_is_found(self, seeded: Usr):
        """The line behind the gap is named."""
        seeded.ok("snapshot", DS)
        log = seeded.path(DS) / ".events.log"
        first, _, third = log.read_bytes().splitlines(keepends=True)
        log.write_bytes(first + third)
        result = seeded.run("events", "verify", DS, "--format", "json")

        assert [(2, "deleted")] == [(fault["line"], fault["kind"]) for fault in result.data["faults"]]

    def test_an_unknown_dataset(self, seeded: Usr):
        """Exit 3."""
        seeded.refuses(3, "events", "verify", "ns/none")
