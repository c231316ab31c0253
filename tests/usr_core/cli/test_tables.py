"""Tables on terminals of 40, 80 and 200 columns, as the files in ``tables/`` have them.

``PYTHONPATH=.:tests python tests/usr_core/cli/test_tables.py`` writes them anew; read what differs before you commit.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pyarrow as pa
import pytest

from support.small_datasets import make_dataset
from usr_core.cli.main import main
from usr_core.cli.output import Format, emit_table, local_time
from usr_core.cli.tables import fitted_table, wrapped

WIDTHS = (40, 80, 200)
GOLDEN = Path(__file__).with_name("tables")
COMMANDS = (
    "ls",
    "info lab/promoters",
    "head lab/promoters",
    "head lab/promoters --columns id,mock__score",
    "cols lab/promoters",
    "schema lab/promoters",
    "describe lab/promoters --quiet",
    "state get lab/promoters --id 1251c75091b8625e7e37287cc64780cff2c38297",
    "events tail lab/promoters",
    "log lab/promoters",
    "namespace list",
    "namespace show mock",
    "remotes list",
)
REMOTES = """\
remotes:
  lab-server:
    type: ssh
    host: lab.example.org
    user: me
    base_dir: /srv/sequences/of/the/whole/group/usr
  cluster:
    type: ssh
    host: login.cluster.example.org
    port: 2222
    base_dir: /data
"""


def make_root(place: Path) -> None:
    """Make what the commands show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("USR_ACTOR_TOOL", "robot")
        patch.setenv("USR_ACTOR_RUN_ID", "r7")
        _fill_root(place)


def _fill_root(place: Path) -> None:
    dataset = make_dataset(place / "root", "lab/promoters")
    ids = dataset.head_arrow(2)["id"].to_pylist()
    dataset.write_overlay_part("mock", pa.table({"id": ids, "mock__score": [0.5, 1234.25]}))
    dataset.set_state(ids[:1], split="test", qc_status="pass")
    make_dataset(place / "root", "plasmids", ())
    (place / "remotes.yaml").write_text(REMOTES, encoding="utf-8")


def shown(command: str, width: int, place: Path) -> str:
    """Return what a terminal of this width shows; what differs from run to run has one value of the same width."""
    settings = {"COLUMNS": str(width), "USR_REMOTES_PATH": str(place / "remotes.yaml")}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    out = io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(io.StringIO()):
            assert 0 == main(["--root", str(place / "root"), *command.split(), "--format", "rich"])
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-01-02 03:04", out.getvalue())
    text = re.sub(r"\b\d\.\d kB", "1.2 kB", text)
    text = re.sub(r"^(path +)\S+$", r"\1PATH", text, flags=re.MULTILINE)
    return re.sub(r"^(registry +)\S+$", r"\1HASH", text, flags=re.MULTILINE)


def golden_text(width: int, place: Path) -> str:
    """Return the content of the file for this width."""
    return "\n".join(f"$ usr {command}\n{shown(command, width, place)}" for command in COMMANDS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with the root and the remotes file."""
    place = tmp_path_factory.mktemp("tables")
    make_root(place)
    return place


@pytest.mark.parametrize("width", WIDTHS)
class TestCommands:
    def test_print_what_is_written_down(self, width: int, place: Path) -> None:
        """A change of a table is seen here first."""
        assert (GOLDEN / f"{width}.txt").read_text(encoding="utf-8") == golden_text(width, place)

    def test_fit_the_terminal(self, width: int) -> None:
        """A line is longer only where a single word, such as an id, is too long for what stands before it."""
        lines = (GOLDEN / f"{width}.txt").read_text(encoding="utf-8").splitlines()
        too_long = [line for line in lines if len(line) > width and not line.startswith("$")]

        assert [] == [line for line in too_long if len(line.split()) > 2]


class TestFittedTable:
    def test_breaks_texts_between_words(self) -> None:
        """Neither words nor numbers, sizes, times or names in a list are broken."""
        cells = [["a", "one 1,234 or 2.9 kB at 2026-11-20 08:05 of lab__gc,lab__sigma"]]
        lines = fitted_table(cells, ["k", "text"], [False, False], width=20)

        assert ["one 1,234 or", "2.9 kB at", "2026-11-20 08:05", "of lab__gc,", "lab__sigma"] == [
            line[3:] for line in lines[2:]
        ]

    def test_leaves_columns_out_from_the_right_and_counts_them(self) -> None:
        """Their names are told."""
        lines = fitted_table([["x" * 8, "y" * 8, "z" * 8]], ["a", "b", "c"], [False] * 3, width=20)

        assert ["a         b", "────────  ────────", "xxxxxxxx  yyyyyyyy", "1 more column, not", "shown: c"] == lines

    def test_shows_records_where_few_columns_would_be_left(self) -> None:
        """An id of 40 letters beside a sequence is no table on a narrow terminal."""
        lines = fitted_table([["i" * 40, "A" * 60, ""]], ["id", "sequence", "note"], [False] * 3, width=50)

        assert ["record 1", f"id        {'i' * 40}", f"sequence  {'A' * 60}", "note"] == lines

    def test_of_no_rows_is_its_heading(self) -> None:
        """Also where there is no column at all."""
        assert ["a  b", "─  ─"] == fitted_table([], ["a", "b"], [True, True], width=20)
        assert ["", ""] == fitted_table([], [], [], width=20)

    def test_aligns_letters_that_take_two_columns(self) -> None:
        """Letters of East Asia are twice as wide, combining marks have no width."""
        lines = fitted_table([["配列", "1"], ["e\u0301", "22"]], ["n", "m"], [False, True], width=20)

        assert ["n      m", "────  ──", "配列   1", "e\u0301     22"] == lines

    @pytest.mark.parametrize("width", [1, 2, 7, 33])
    def test_keeps_every_word_at_any_width(self, width: int) -> None:
        """Nothing is lost and nothing is cut."""
        text = "promoters of 3,000 plasmids, J23100,J23101 (1.2 MB)"

        assert text.split() == " ".join(wrapped(text, width)).replace(", J23101", ",J23101").split()


class TestLocalTime:
    @pytest.mark.parametrize(
        ("time", "expected"),
        [
            ("2026-11-20T23:05:59.999999Z", "2026-11-21 00:05"),
            ("2026-11-20T08:05:03", "2026-11-20T08:05:03"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("buzzZ", "buzzZ"),
        ],
    )
    def test_is_to_the_minute(self, time: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A time without a zone, and what is none, stay as they are."""
        import time as clock

        monkeypatch.setenv("TZ", "Europe/Berlin")
        clock.tzset()
        try:
            assert expected == local_time(time)
        finally:
            monkeypatch.undo()
            clock.tzset()


def test_plain_is_the_same_at_any_width(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Off a terminal nothing wraps and no column is left out."""
    monkeypatch.setenv("COLUMNS", "20")
    emit_table([{"a": "x" * 30, "b": "one two three"}], ("a", "b"), Format.PLAIN)

    assert f"a{' ' * 29}  b\n{'x' * 30}  one two three\n" == capsys.readouterr().out


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        make_root(Path(folder))
        GOLDEN.mkdir(exist_ok=True)
        for columns in WIDTHS:
            (GOLDEN / f"{columns}.txt").write_text(golden_text(columns, Path(folder)), encoding="utf-8")
