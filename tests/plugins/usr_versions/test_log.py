"""``usr log`` as it is typed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from support.cli import Usr
from support.tree import assert_unchanged
from usr_core import Dataset
from usr_core.api.commands import local_time
from usr_core.api.events import last_entries

DS = "ns/base"


@pytest.fixture
def busy(seeded: Usr) -> Usr:
    """The seeded dataset after a snapshot and a deletion: four versions."""
    seeded.ok("snapshot", DS)
    seeded.ok("delete", DS, "--where", "length > 1")
    return seeded


class TestLog:
    def test_the_newest_comes_first(self, busy: Usr):
        """Number, time, action, what changed, records, actor; reading changes nothing."""
        with assert_unchanged(busy.root):
            lines = busy.ok("log", DS).out.splitlines()

        assert ["version", "time", "action", "change", "rows", "actor"] == lines[0].split()
        assert ["4", "3", "2", "1"] == [line.split()[0] for line in lines[1:]]
        assert "new dataset" in lines[-1]

    @pytest.mark.parametrize("fmt", ["plain", "rich"])
    def test_times_are_local_and_to_the_minute(self, busy: Usr, fmt: str):
        """As in every other table; the exact time stands in JSON."""
        exact = busy.events(DS)[-1]["timestamp_utc"]

        told = busy.ok("log", DS, "--limit", "1", "--format", fmt).out

        assert local_time(exact) in told and exact not in told

    def test_json_has_a_document_of_versions(self, busy: Usr):
        """Each key as docs/reference/json.md lists it."""
        data = busy.ok("log", DS, "--format", "json", "--limit", "1").data

        event = busy.events(DS)[-1]
        assert {
            "dataset": DS,
            "versions": [
                {
                    "version": 4,
                    "time": event["timestamp_utc"],
                    "action": "delete",
                    "actor": {"tool": "usr", "run_id": event["actor"]["run_id"]},
                    "rows": 6,
                    "change": f"{event['metrics']['rows']} records deleted",
                    "tags": [],
                }
            ],
        } == data

    def test_twenty_by_default_and_zero_is_all(self, seeded: Usr):
        """However many there are."""
        log = seeded.path(DS) / ".events.log"
        log.write_text("".join(f'{{"action":"x","seq":{number}}}\n' for number in range(1, 31)), encoding="utf-8")

        def versions(*options: str) -> list[int]:
            data = seeded.ok("log", DS, "--format", "json", *options).data
            return [one["version"] for one in data["versions"]]

        assert list(range(30, 10, -1)) == versions()
        assert [30, 29] == versions("-n", "2")
        assert list(range(30, 0, -1)) == versions("--limit", "0")

    def test_an_unknown_dataset_and_wrong_usage(self, busy: Usr):
        """Exit 3 and 2."""
        busy.refuses(3, "log", "ns/none")
        busy.refuses(2, "log", DS, "--limit", "-1")


class TestLargeLog:
    def test_only_the_end_of_a_large_log_is_read(self, seeded: Usr, monkeypatch: pytest.MonkeyPatch):
        """The last 20 of 100,000 events cost a few blocks of the file."""
        log = seeded.path(DS) / ".events.log"
        event = json.dumps(seeded.events(DS)[-1] | {"seq": 0})
        log.write_text("".join(event.replace('"seq": 0', f'"seq": {n}') + "\n" for n in range(1, 100_001)))
        blocks: list[int] = []
        pread = os.pread
        monkeypatch.setattr(os, "pread", lambda fd, size, at: blocks.append(size) or pread(fd, size, at))

        entries = Dataset.open(seeded.root, DS).log(limit=20)

        assert list(range(100_000, 99_980, -1)) == [entry.version for entry in entries]
        assert sum(blocks) < 1_000_000 < log.stat().st_size


class TestChange:
    def test_each_verb_says_what_it_changed(self, seeded: Usr, tmp_path: Path):
        """Counts and names, from the event alone."""
        dataset = Dataset.open(seeded.root, DS)
        ids = dataset.head_arrow(2)["id"].to_pylist()
        dataset.add_sequences([{"sequence": "ACGTTTGCA"}], source="plate 7")
        dataset.set_state(ids, split="train")
        dataset.delete(ids[:1])
        dataset.restore(ids[:1])
        dataset.snapshot()
        other = Dataset.open(seeded.root, "ns/other").init()
        other.add_sequences([{"sequence": "ACGTTTGCA"}, {"sequence": "GGGCATTTA"}])
        with dataset.maintenance("test"):
            dataset.merge(other)
        dataset.rollback(2)

        told = {entry.action: entry.change for entry in reversed(dataset.log())}

        assert "+1 record from plate 7" == told["import"]
        assert "state of 2 records" == told["state_set"]
        assert "1 record deleted" == told["delete"]
        assert "1 record restored" == told["restore"]
        assert "a copy of the base was kept" == told["snapshot"]
        assert "+1 record from ns/other" == told["merge"]
        assert "as it was at version 2" == told["rollback"]

    def test_an_action_of_a_tool_says_its_counts(self, seeded: Usr):
        """Those that are not zero, by the names that the tool gave them."""
        dataset = Dataset.open(seeded.root, DS)
        dataset.record_event("densegen_health", metrics={"tried": 1200, "kept": 0, "note": "x"})

        assert "tried 1,200" == dataset.log(limit=1)[0].change

    def test_one_is_not_told_as_many(self, tmp_path: Path):
        """Each count stands with its noun."""
        log = tmp_path / ".events.log"
        events = [
            {
                "action": "import",
                "args": {"keep": "lab"},
                "metrics": {"rows_added": 1, "rows_skipped": 2, "rows_kept": 1},
            },
            {
                "action": "merge",
                "args": {"source": {"name": "ns/b"}},
                "metrics": {"rows_added": 0, "cells_from_source": 1, "columns_added": 1, "rows_carried": 2},
            },
            {"action": "materialize", "args": {"namespaces": ["lab"]}, "metrics": {"rows_dropped": 1}},
        ]
        log.write_text("".join(f"{json.dumps(event)}\n" for event in events), encoding="utf-8")

        assert [
            "lab into the base, -1 deleted record",
            "+0 records, 1 value replaced or filled, 1 new column, overlay values on 2 records from ns/b",
            "+1 record, 2 records skipped, values of lab on 1 record",
        ] == [entry.change for entry in last_entries(log)]

    @pytest.mark.parametrize("line", ['{"action":"import"}', '{"action":"merge","args":7,"metrics":[]}', "[]", "{}"])
    def test_an_odd_event_is_no_fault(self, seeded: Usr, line: str):
        """What it does not say is left out."""
        log = seeded.path(DS) / ".events.log"
        log.write_text(f"{line}\n", encoding="utf-8")

        entries = Dataset.open(seeded.root, DS).log()
        assert len(entries) == (0 if line == "[]" else 1)
