"""Machines whose clock is centuries away, and logs that such a machine has written."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from support.small_datasets import IDS, make_dataset
from support.tree import assert_unchanged
from usr_core.commit.errors import ClockExhausted
from usr_core.dataset import Dataset

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Let this machine's clock go on from so many seconds behind 1970."""
    started = time.monotonic()
    monkeypatch.setattr(time, "time_ns", lambda: int((seconds + time.monotonic() - started) * 1e9))
    monkeypatch.setattr(time, "time", lambda: seconds + time.monotonic() - started)


def stamp_last_event(dataset: Dataset, clock: str) -> None:
    log = dataset.layout.event_log
    lines = log.read_text().splitlines()
    lines[-1] = json.dumps({**json.loads(lines[-1]), "clock": clock}, separators=(",", ":"))
    log.write_text("\n".join(lines) + "\n")


def change_in_each_way(dataset: Dataset) -> list[str]:
    """Make every kind of change and return the clocks of the events, in the log's order."""
    scores = pa.table({"id": list(IDS), "mock__score": [1.0] * len(IDS)})
    dataset.write_overlay_part("mock", scores)
    dataset.write_overlay_part("mock", scores)
    dataset.add_sequences([{"sequence": "ACGTTTTT"}])
    dataset.set_state([IDS[0]], masked=True)
    dataset.delete([IDS[1]], reason="test")
    dataset.snapshot()
    with dataset.maintenance("test") as held:
        held.compact_overlay("mock")
        held.materialize()
    return [line.event["clock"] for line in dataset.events()]  # type: ignore[index]


@pytest.mark.parametrize("year", [1902, 1969, 2262, 2300, 9999])
def test_every_change_works_in_any_year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, year: int) -> None:
    """Nanoseconds since 1970 overflow in 2262 and seconds in 1901; the format keeps microseconds up to 9999."""
    set_clock(monkeypatch, int((datetime(year, 5, 4, tzinfo=UTC) - EPOCH).total_seconds()))
    dataset = make_dataset(tmp_path)

    clocks = change_in_each_way(dataset)

    assert sorted(set(clocks)) == clocks
    assert all(clock.startswith(f"{year}-05-04T") for clock in clocks)
    assert [] == list(dataset.validate(strict=True).findings)
    assert str(year) in str(dataset.to_arrow(columns=["created_at"]).column(0)[0])


def test_a_log_from_the_future_is_continued_behind_it(tmp_path: Path) -> None:
    """The next change is a microsecond later, so that it wins."""
    dataset = make_dataset(tmp_path)
    stamp_last_event(dataset, "9998-12-31T23:59:59.999999Z")

    clocks = change_in_each_way(dataset)

    assert sorted(clocks[2:]) == clocks[2:]
    assert "9999-01-01T00:00:00.000000Z" == clocks[2]


@pytest.mark.parametrize("clock", ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999-23:00"])
def test_behind_the_last_clock_nothing_is_written(tmp_path: Path, clock: str) -> None:
    """An event that is stamped with the end of time is told as such, and nothing changes."""
    dataset = make_dataset(tmp_path)
    stamp_last_event(dataset, clock)

    with assert_unchanged(dataset.path), pytest.raises(ClockExhausted, match="last event's clock"):
        dataset.add_sequences([{"sequence": "ACGTTTTT"}])


def test_a_machine_behind_the_year_9999_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock is what is told."""
    dataset = make_dataset(tmp_path)
    set_clock(monkeypatch, 300_000_000_000)

    with assert_unchanged(dataset.path), pytest.raises(ClockExhausted, match="this machine's clock"):
        dataset.snapshot()
