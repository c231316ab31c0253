"""What events say of the files that they added and removed."""

import pytest

from usr_core.events.files_told import changes_told


class TestChangesTold:
    def test_files_are_told_by_name(self):
        """Each with all that the event says of it."""
        kept = {"path": "_derived/lab.parquet", "size_bytes": 7, "kept": ".history/4/_derived/lab.parquet"}

        assert {"_derived/lab.parquet": kept} == changes_told({"artifacts": {"removed": [kept]}}, "removed")

    @pytest.mark.parametrize("listed", [None, "records.parquet", 3, {}, ["records.parquet", None, {}, {"path": 3}]])
    def test_what_has_another_form_is_left_out(self, listed):
        """Other programs write events too, and their lines may hold anything."""
        assert {} == changes_told({"artifacts": {"added": listed}}, "added")

    @pytest.mark.parametrize("event", [None, {}, {"artifacts": None}, {"artifacts": []}])
    def test_an_event_without_files_tells_none(self, event):
        """Neither does a line that is not an event."""
        assert {} == changes_told(event, "added")
