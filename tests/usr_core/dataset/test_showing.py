"""How datasets, roots and results show themselves at a prompt and in a notebook."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import is_dataclass
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest

import usr_core.api.results
from support.small_datasets import IDS, make_dataset
from support.tree import assert_unchanged
from usr_core import Dataset, Root
from usr_core.dataset.parquet_table import ParquetTable
from usr_core.registry.store import register_namespace
from usr_core.values.showing import LINE, Shown

SCRIPT = "<script>alert('&')</script>"


class Cells(HTMLParser):
    """The texts and tags of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with six records, whose tags would be HTML."""
    root = tmp_path_factory.mktemp("showing") / "root"
    made = make_dataset(root)
    register_namespace(root, "lab", {"lab__tag": "string", "lab__vec": "list<float32>"})
    made.write_overlay("lab", pa.table({"id": IDS, "lab__tag": [SCRIPT] * 6, "lab__vec": [[0.5] * 500] * 6}))
    return root


@pytest.fixture
def dataset(template: Path, tmp_path: Path) -> Dataset:
    """A copy of it."""
    shutil.copytree(template, tmp_path / "root")
    return Dataset.open(tmp_path / "root", "ns/base")


SHOWN: dict[str, Callable[[Dataset], object]] = {
    "dataset": lambda dataset: dataset,
    "table": lambda dataset: ParquetTable(dataset.layout.records),
    "query": lambda dataset: dataset.query(f"select lab__tag, '{SCRIPT.replace(chr(39), '')}' as \"<b>\" from d"),
    "sql": lambda dataset: dataset.sql("select lab__tag from records"),
    "describe": lambda dataset: dataset.describe(),
    "overview": lambda dataset: dataset.overview(),
    "validate": lambda dataset: dataset.validate(),
    "delete": lambda dataset: dataset.delete(IDS[:1], reason=SCRIPT),
    "root": lambda dataset: Root(dataset.ref.root),
    "registry": lambda dataset: Root(dataset.ref.root).registry,
    "event": lambda dataset: next(dataset.events(n=1)),
}


@pytest.mark.parametrize("asked", SHOWN.values(), ids=SHOWN)
def test_html_is_tables_of_text(dataset: Dataset, asked: Callable[[Dataset], object]) -> None:
    """No value becomes a tag, no colour is named, and nothing is loaded from elsewhere."""
    html = asked(dataset)._repr_html_()  # type: ignore[attr-defined]
    cells = Cells(html)

    assert cells.tags <= {"div", "strong", "table", "tr", "td", "th"}
    assert cells.attributes <= {"style"}
    assert not re.search(r"color|background|url\(|http", html)


@pytest.mark.parametrize("asked", SHOWN.values(), ids=SHOWN)
def test_text_is_bounded(dataset: Dataset, asked: Callable[[Dataset], object]) -> None:
    """Some lines, none of which is long."""
    lines = repr(asked(dataset)).splitlines()

    assert len(lines) <= 40
    assert max(map(len, lines)) <= 2 * LINE


class TestDataset:
    def test_a_dataset_shows_its_size_and_first_records(self, dataset: Dataset) -> None:
        """Of six records five are shown, with what is attached to them."""
        dataset.delete(IDS[:1])

        title, header, first, *_ = lines = repr(dataset).splitlines()

        assert title == f"Dataset('ns/base', root={str(dataset.ref.root)!r}): 5 records, 9 columns"
        assert ["id", "sequence", "length", "lab__tag"] == header.split()[:4]
        assert first.startswith(IDS[1][:20])
        assert "TTGACAGGCT" in first
        assert 7 == len(lines) - ("not shown" in lines[-1])

    def test_values_of_html_are_shown_as_text(self, dataset: Dataset) -> None:
        """A tag in a value is read, not run."""
        html = dataset._repr_html_()

        assert "<script" not in html
        assert any(text.startswith("<script>") for text in Cells(html).texts)
        assert "[0.5, 0.5, 0.5, … (500)]" in Cells(html).texts

    @pytest.mark.parametrize(
        ("break_", "told"),
        [
            (lambda dataset: dataset.layout.records.write_bytes(b"PAR1"), "can't be read"),
            (lambda dataset: dataset.layout.records.unlink(), "can't be read"),
            (lambda dataset: (dataset.path / "_derived" / "lab.parquet").write_bytes(b"PAR1"), "can't be read"),
            (lambda dataset: setattr(dataset, "ref", Dataset.open(dataset.ref.root, "ns/new").ref), "not made yet"),
        ],
    )
    def test_what_can_not_be_read_says_so_on_one_line(
        self, dataset: Dataset, break_: Callable[[Dataset], object], told: str
    ) -> None:
        """A repr never raises: a debugger asks for it at the worst moment."""
        break_(dataset)

        assert 1 == len(repr(dataset).splitlines())
        assert told in repr(dataset)
        assert told in "".join(Cells(dataset._repr_html_()).texts)

    def test_looking_changes_nothing(self, dataset: Dataset) -> None:
        """No lock is taken, and no file is made."""
        with assert_unchanged(dataset.ref.root):
            repr(dataset), dataset._repr_html_(), repr(Root(dataset.ref.root))

    def test_control_characters_are_made_visible(self, dataset: Dataset) -> None:
        """A value can't move the cursor, or begin a line."""
        dataset.write_overlay("lab", pa.table({"id": IDS[:1], "lab__tag": ["\x1b[2J\nx"]}))

        assert "\\x1b[2J\\nx" in repr(dataset)


class TestResults:
    def test_a_result_shows_what_was_done_and_its_event(self, dataset: Dataset) -> None:
        """The event is its action and number; what has nothing to tell is left out."""
        done = dataset.add_sequences([{"sequence": "TATAATTATA"}])

        assert "added=1" in repr(done)
        assert "event=<import, 4>" in repr(done)
        assert "findings" not in repr(done)

    def test_an_overview_shows_its_columns_as_a_table(self, dataset: Dataset) -> None:
        """Below its figures; in HTML as well."""
        assert re.search(r"^  lab__tag +string +True +overlay$", repr(dataset.overview()), re.MULTILINE)
        assert {"lab__tag", "overlay"} <= set(Cells(dataset.overview()._repr_html_()).texts)

    def test_a_query_result_shows_its_first_rows(self, dataset: Dataset) -> None:
        """Below the line that it always had."""
        found = dataset.query("select length, sequence from d order by sequence limit 2")

        assert ["SqlResult(2 rows: length, sequence)", "length  sequence"] == repr(found).splitlines()[:2]
        assert 4 == len(repr(found).splitlines())

    def test_a_root_names_its_datasets(self, dataset: Dataset) -> None:
        """One a line."""
        assert [f"Root({str(dataset.ref.root)!r}): 1 dataset", "ns/base"] == repr(Root(dataset.ref.root)).splitlines()

    def test_every_result_of_a_public_method_shows_itself(self) -> None:
        """Those that are dataclasses, found by what the methods promise to return."""
        names = {
            name: getattr(usr_core.api.results, name)
            for name in usr_core.api.results.__all__
            if name.endswith("Outcome") or name in ("Added", "Description", "Overview", "ValidationReport", "Removed")
        }

        assert 14 <= len(names)
        assert [] == [name for name, kind in names.items() if not (is_dataclass(kind) and issubclass(kind, Shown))]
