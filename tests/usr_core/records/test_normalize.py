"""The stored spelling of a sequence."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.records.normalize import normalize

# Every code point that str.strip removes, and neighbours that it does not.
_BLANKS = [chr(point) for point in range(0x110000) if chr(point).isspace()]
_TEXT = st.text(
    st.one_of(st.sampled_from(_BLANKS), st.sampled_from("ACGT\u200b\ufeff\x00"), st.characters(codec="utf-8"))
)


class TestNormalize:
    @settings(deadline=None)
    @given(_TEXT)
    def test_arrow_trims_exactly_what_str_strip_does(self, text: str) -> None:
        """The bulk path and the single path store the same spelling."""
        assert [normalize(text)] == pc.utf8_trim_whitespace(pa.array([text])).to_pylist()

    def test_all_blank_code_points_are_removed(self) -> None:
        """Twenty-nine code points count as blank."""
        assert 29 == len(_BLANKS)
        assert "" == normalize("".join(_BLANKS))
