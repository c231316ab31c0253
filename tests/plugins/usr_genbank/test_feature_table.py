"""The feature table: what is read at once is what is read line by line."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from usr_genbank.feature_table import read_features, read_table

INDENT = " " * 21
PIECES = st.sampled_from(
    [
        "/note=",
        "/translation=",
        "/pseudo",
        "/",
        '"',
        '""',
        "=",
        "abc",
        " ",
        "  ",
        "\t",
        "a b",
        "12..34",
        "join(",
        ",",
        "ü",
    ]
)
LINES = st.tuples(
    st.sampled_from([INDENT, INDENT, INDENT, " " * 5, " " * 5, " " * 20, " " * 23, "\t", "", " "]),
    st.sampled_from(["", "", "CDS             ", "CDS ", "misc_difference "]),
    st.lists(PIECES, max_size=5).map("".join),
).map("".join)


def told(read: object, text: object) -> object:
    """Return the features, or the error, in a form that can be compared."""
    try:
        return [(one.type, one.location, one.qualifiers) for one in read(text)]  # type: ignore[operator]
    except ValueError as error:
        return str(error)


def line_by_line(text: str) -> object:
    """Read as it was always read."""
    lines = text.split("\n")
    return told(read_features, [line[5:] if line[:5].isspace() else line.lstrip() for line in lines])


@settings(deadline=None, max_examples=400)
@given(st.lists(LINES, max_size=6).map("\n".join))
@example(f'     CDS             1..2\n{INDENT}/note="a\n{INDENT}/b ""c\n{INDENT}  d "\n{INDENT}/x=1  ')
@example(f'     CDS             join(1..2,\n{INDENT}3..4)  \n{INDENT}/note="a" b"\n{INDENT}c"')
@example(f'     CDS             1..2\n{INDENT}/translation="MA\n{INDENT}\n{INDENT}K"\n{INDENT}stray\n{INDENT}/note="""')
def test_any_table_is_read_as_line_by_line(text: str) -> None:
    """Open quotes, stray lines, blanks and tabs in odd places included."""
    assert line_by_line(text) == told(read_table, text)


def test_a_long_open_quote_takes_no_time() -> None:
    """What the pattern can't match is given up at once."""
    text = f'     CDS             1..2\n{INDENT}/note="' + "\n".join([f"{INDENT}{'a b ' * 14}"] * 20_000)[21:]

    assert line_by_line(text) == told(read_table, text)


@pytest.mark.parametrize("first", [f'{INDENT}/note="a"', f"{INDENT}1..2"])
def test_a_table_begins_with_a_feature(first: str) -> None:
    """A qualifier or a location before the first one is an error."""
    with pytest.raises(ValueError, match=r"/note|1"):
        read_table(first)
