"""Files with one id a line."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.small_datasets import IDS
from usr_core.store.changes.id_file import id_file_column, read_id_file
from usr_core.store.changes.record_errors import IdFileLineInvalid


def file_of(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "ids.txt"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        f"{IDS[0]}\n{IDS[1]}\n",
        f"{IDS[0]}\n{IDS[1]}",
        f"\n\n{IDS[0]}\n   \n{IDS[1]}\n\n",
        f"{IDS[0]}\r\n{IDS[1]}\r\n",
        f"\ufeff{IDS[0]}\n{IDS[1]}\n",
        f"\ufeff\r\n  {IDS[0]} \t\n{IDS[1]}",
    ],
    ids=["plain", "no last newline", "blank lines", "CRLF", "byte-order mark", "all of it"],
)
def test_ids_are_read_whatever_surrounds_them(tmp_path: Path, content: str) -> None:
    """Blank lines, white space, CRLF and a byte-order mark do not matter."""
    path = file_of(tmp_path, content.encode())

    assert list(IDS[:2]) == list(read_id_file(path)) == id_file_column(path).to_pylist()


def test_an_empty_file_names_no_ids(tmp_path: Path) -> None:
    """A file without content yields nothing."""
    path = file_of(tmp_path, b"")

    assert [] == list(read_id_file(path)) == id_file_column(path).to_pylist()


@pytest.mark.parametrize(
    "line",
    [IDS[1].upper(), IDS[1][:-1], IDS[1] + "0", f"{IDS[1]},{IDS[2]}", "g" * 40, "# a remark"],
    ids=["upper case", "short", "long", "two", "no hex", "remark"],
)
def test_a_line_that_is_no_id_is_named_by_file_and_number(tmp_path: Path, line: str) -> None:
    """The error tells the file, the line, blank ones counted, and what stands there."""
    path = file_of(tmp_path, f"{IDS[0]}\n\n{line}\n".encode())

    with pytest.raises(IdFileLineInvalid) as caught:
        list(read_id_file(path))

    assert (str(path), 3, line) == (caught.value.file, caught.value.line, caught.value.value)


def test_bytes_that_are_no_text_are_an_error_and_not_a_crash(tmp_path: Path) -> None:
    """UTF-16 and binary files are refused at their first line."""
    with pytest.raises(IdFileLineInvalid) as caught:
        list(read_id_file(file_of(tmp_path, IDS[0].encode("utf-16"))))

    assert 1 == caught.value.line


def test_a_file_without_line_ends_is_not_taken_into_memory(tmp_path: Path) -> None:
    """Of a line of any length the first 4 KiB are enough to refuse it."""
    with pytest.raises(IdFileLineInvalid) as caught:
        list(read_id_file(file_of(tmp_path, b"a" * 1_000_000)))

    assert 4_096 == len(caught.value.value)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids can be piped in; errors then name standard input."""
    piped = io.BytesIO(f"{IDS[0]}\n".encode())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=piped))

    assert [IDS[0]] == list(read_id_file(Path("-")))
    piped.seek(0)
    piped.write(b"no id\n")
    piped.seek(0)
    with pytest.raises(IdFileLineInvalid, match="standard input, line 1"):
        list(read_id_file(Path("-")))


@pytest.mark.parametrize("lines", [f"{IDS[0]}\r\n\r\n", f"{IDS[0]}\n{IDS[1]}\n"], ids=["CRLF", "plain"])
def test_lines_are_counted_through_all_of_a_long_file(tmp_path: Path, lines: str) -> None:
    """Ids are read by the block; a bad line far behind is named by its number in the file."""
    path = file_of(tmp_path, lines.encode() * 60_000 + b"no id")
    read = read_id_file(path)

    assert IDS[0] == next(read)
    with pytest.raises(IdFileLineInvalid) as caught:
        list(read)
    assert 120_001 == caught.value.line


def test_an_id_across_two_blocks_is_one_id(tmp_path: Path) -> None:
    """Whatever the lengths of lines, none is cut in two."""
    content = "".join(f"{IDS[n % 6]}{' ' * (n % 7)}\n" for n in range(60_000))

    assert [IDS[n % 6] for n in range(60_000)] == list(read_id_file(file_of(tmp_path, content.encode())))


@pytest.mark.parametrize(
    "odd",
    [IDS[1].upper(), IDS[1][:-1] + "g", IDS[1][:20] + "\n" + IDS[1][20:-1]],
    ids=["upper case", "no hex", "two short lines"],
)
def test_what_is_no_id_among_plain_lines_is_found(tmp_path: Path, odd: str) -> None:
    """Lines of forty letters are told from ids, and a line end within forty letters from one behind them."""
    path = file_of(tmp_path, f"{IDS[0]}\n{odd}\n{IDS[2]}\n".encode())

    with pytest.raises(IdFileLineInvalid) as caught:
        id_file_column(path)

    assert (2, odd.partition("\n")[0]) == (caught.value.line, caught.value.value)
