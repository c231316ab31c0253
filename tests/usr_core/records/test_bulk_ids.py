"""White space around texts goes as `str.strip` removes it."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.records.bulk_ids import trimmed

LETTERS = st.sampled_from("AC\x1c\x1f\x7f \t\u0085\u00a0\u200b\u2003\u3000é")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.text(LETTERS, max_size=4), max_size=6), st.integers(0, 2))
def test_texts_are_stripped(texts: list[str | None], skipped: int) -> None:
    """A null stays null, in a slice as well."""
    found = trimmed(pa.array(texts, pa.string()).slice(skipped))

    assert [None if text is None else text.strip() for text in texts[skipped:]] == found.to_pylist()


@pytest.mark.parametrize("texts", [["ACGT", "!", "~"], ["A b", "", None], []], ids=str)
def test_what_has_no_white_space_around_it_is_not_copied(texts: list[str | None]) -> None:
    """The very array comes back."""
    column = pa.array(texts, pa.string())

    assert trimmed(column) is column
