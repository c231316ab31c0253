"""What an overlay writer settles for an attachment, and what is refused before it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.small_datasets import IDS, make_dataset
from support.tables import write_csv
from support.tree import assert_unchanged
from usr_core.errors import ExitCode
from usr_core.plugin.specs import OverlayWriterSpec
from usr_core.store.changes.attach.errors import AttachKeyMissing, AttachRequestInvalid
from usr_core.store.changes.attach.writer_source import attach_namespace, checked_options, key_among
from usr_core.store.errors import NamespaceReservedHere


def spec(key: str = "id", options: tuple[str, ...] = ()) -> OverlayWriterSpec:
    return OverlayWriterSpec(
        name="scorer", summary="scores", factory=NotImplemented, namespace="mock", key=key, options=options
    )


class TestNamespace:
    def test_the_writers_where_none_is_named(self) -> None:
        """What is named wins."""
        assert ("mock", "lab") == (attach_namespace(spec(), None), attach_namespace(spec(), "lab"))

    def test_none_at_all(self) -> None:
        """Wrong usage."""
        with pytest.raises(AttachRequestInvalid) as caught:
            attach_namespace(None, None)

        assert ExitCode.USAGE == caught.value.exit_code

    @pytest.mark.parametrize("name", ["usr", "usr_state"])
    def test_a_reserved_one(self, name: str) -> None:
        """Is refused before the writer reads anything."""
        with pytest.raises(NamespaceReservedHere):
            attach_namespace(spec(), name)


class TestKey:
    @pytest.mark.parametrize(
        ("writers", "present", "key"),
        [
            ("id", ["score", "id", "sequence"], "id"),
            ("id", ["sequence", "score"], "sequence"),
            ("sequence_ci", ["id", "sequence_ci"], "sequence_ci"),
            ("sequence_ci", ["sequence", "id"], "id"),
            ("id", ["score"], "id"),
        ],
    )
    def test_the_writers_or_one_that_the_rows_have(self, writers: str, present: list[str], key: str) -> None:
        """In that order."""
        assert key == key_among(spec(writers), None, present)

    def test_what_is_named_wins(self) -> None:
        """Whatever the rows have."""
        assert "sequence" == key_among(spec(), "sequence", ["id"])

    def test_none_without_a_writer(self) -> None:
        """It has to be said."""
        with pytest.raises(AttachKeyMissing) as caught:
            key_among(None, None, [])

        assert "No join key was named." == caught.value.message


class TestOptions:
    def test_an_option_that_the_writer_does_not_take(self) -> None:
        """Those that it takes are told."""
        with pytest.raises(AttachRequestInvalid) as caught:
            checked_options(spec(options=("model", "job")), {"model": "m", "modle": "m"})

        assert "model, job" in caught.value.hint
        assert "modle" == caught.value.facts["option"]

    def test_options_without_a_writer(self, tmp_path: Path) -> None:
        """Refused, and nothing is written."""
        dataset = make_dataset(tmp_path / "root")
        file = write_csv(tmp_path / "a.csv", ["id", "score"], [[IDS[0], 1]])

        with assert_unchanged(tmp_path), pytest.raises(AttachRequestInvalid):
            dataset.attach(file, "mock", key="id", writer_options={"model": "m"})
