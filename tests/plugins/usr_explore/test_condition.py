"""Which records a page shows, and whether the command that it prints gives the same ones."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from support.cli import Usr
from support.explore import MOTIF, ROWS, WITH_MOTIF
from usr_core import Dataset
from usr_core.store.questions.motif import motif_pattern
from usr_core.store.questions.motif_hits import motif_records
from usr_explore.condition import (
    Query,
    choose,
    export_line,
    mark_line,
    motif_places,
    narrow,
    python_line,
    where_text,
)
from usr_explore.load import Loaded, load


@pytest.fixture(scope="module")
def dataset(explore_root: Path) -> Dataset:
    return Dataset.open(explore_root, "demo/first")


@pytest.fixture(scope="module")
def loaded(dataset: Dataset) -> Loaded:
    return load(dataset)


class TestChoose:
    @pytest.mark.parametrize(
        "query",
        [
            Query(),
            Query(condition="lab__strength > 12.5 and lab__plate = 'p1'"),
            Query(condition="true"),
            Query(condition="lab__strength is null or lab__reads = 3"),
            Query(motif=MOTIF),
            Query(motif="RYGWNK{2}S"),
            Query(motif="ATTATAN{4,6}TGTCAA", condition="length > 40"),
            Query(motif="^A[CG]{3}", regex=True),
            Query(motif="it's|A", regex=True),
            Query(ranges=(("lab__strength", 3.25, 9.75), ("lab__reads", 0.0, 20.0))),
        ],
    )
    def test_the_printed_condition_gives_the_same_records(self, dataset: Dataset, loaded: Loaded, query: Query) -> None:
        """Conditions, motifs on both strands, expressions and ranges, said as one condition."""
        chosen = choose(loaded, query)
        where = where_text(loaded, chosen.query)

        again = dataset.to_arrow(columns=["id"], where=where or None)["id"].to_pylist()
        assert again == loaded.column("id").filter(chosen.mask).to_pylist()
        assert {} == chosen.faults

    def test_what_can_t_be_used_leaves_the_last_result(self, loaded: Loaded) -> None:
        """The part that is wrong is told by its name; the other part counts."""
        first = choose(loaded, Query(motif=MOTIF, condition="lab__reads < 20"))

        second = choose(loaded, Query(motif="A-C", condition="lab__reads < 10"), first)
        third = choose(loaded, Query(condition="drop table x"), second)

        assert ["motif"] == list(second.faults)
        assert 10 == second.count
        assert "not a motif" in second.faults["motif"]
        assert ["condition"] == list(third.faults)
        assert int((loaded.values("lab__reads") < 10).sum()) == third.count

    def test_a_condition_reaches_no_file(self, loaded: Loaded) -> None:
        """What is not a plain expression over the columns is refused, as by --where."""
        for text in (
            "length > (select 1)",
            "read_text('/etc/passwd') = 'x'",
            "getenv('HOME') = 'x'",
            "1=1); drop table x",
        ):
            assert "condition" in choose(loaded, Query(condition=text)).faults

    def test_each_part_is_counted(self, loaded: Loaded) -> None:
        """So that a page can say which one leaves nothing."""
        chosen = choose(loaded, Query(motif=MOTIF, condition="lab__reads = 49"))

        assert {"condition": ROWS // 50, "motif": WITH_MOTIF} == chosen.counts
        assert 0 == chosen.count

    def test_a_range_leaves_out_what_has_no_value(self, loaded: Loaded) -> None:
        """A null is in no range."""
        chosen = narrow(loaded, choose(loaded, Query()), [("lab__strength", -1e9, 1e9)])

        assert ROWS - 1 == chosen.count

    def test_records_by_hand_are_in_a_file(self, loaded: Loaded) -> None:
        """The commands then read their ids from it."""
        ids = loaded.column("id").to_pylist()[3:5]
        chosen = narrow(loaded, choose(loaded, Query()), ids=ids)

        assert [3, 4] == np.flatnonzero(chosen.mask).tolist()
        assert "ids.txt" in export_line(loaded, chosen.query)
        assert "--id-file ids.txt --split val" in mark_line(loaded, chosen.query, ["--split val"])
        assert "ids.txt" in python_line(loaded, chosen.query)

    @pytest.mark.parametrize("by_hand", [False, True])
    def test_the_printed_commands_run(
        self, explore_root: Path, loaded: Loaded, tmp_path: Path, *, by_hand: bool
    ) -> None:
        """As they are pasted; what marks records is only tried here."""
        chosen = choose(loaded, Query(condition="lab__plate = 'p1'", motif=MOTIF))
        if by_hand:
            chosen = narrow(loaded, choose(loaded, Query()), ids=loaded.column("id").to_pylist()[3:5])
            (tmp_path / "ids.txt").write_text("".join(f"{one}\n" for one in chosen.query.ids or ()))
        usr = Usr(root=explore_root)
        usr.ok(*shlex.split(export_line(loaded, chosen.query))[1:], cwd=tmp_path)
        marking = shlex.split(mark_line(loaded, chosen.query, ["--split val"]))[1:]
        tried = usr.ok(*marking, "--dry-run", "--format", "json", cwd=tmp_path).data

        assert 0 < chosen.count == len((tmp_path / "subset.csv").read_text().splitlines()) - 1
        assert chosen.count in tried.values()

    def test_commands_quote_for_the_shell(self, loaded: Loaded) -> None:
        """A condition with quotes is one word."""
        query = Query(condition="lab__name = 'a b' or lab__plate = '$HOME'")

        assert "--where '(lab__name = '\"'\"'a b'\"'\"' or" in export_line(loaded, query)
        assert mark_line(loaded, Query(), ["--split val"]).endswith("--where true --split val")


class TestPlaces:
    def test_a_motif_is_marked_on_both_strands(self) -> None:
        """A regular expression on the one that is stored; nothing for none."""
        assert [(0, 4, "-"), (4, 8, "+")] == motif_places("CTTTAAAG", "dna", Query(motif="AAAG"))
        assert [(2, 4, "+")] == motif_places("ACGT", "dna", Query(motif="G.", regex=True))
        assert [] == motif_places("ACGT", "dna", Query())


@pytest.mark.parametrize(
    ("kind", "letters"),
    [
        ("dna", "ACGTRYSWKMBDHVN"),
        ("rna", "ACGURYSWKMBDHVN"),
        ("protein", "ACDEFGHIKLMNOPQRSTUVWYBZJX*"),
    ],
)
def test_each_letter_means_the_same_in_the_command_and_on_the_page(kind: str, letters: str) -> None:
    """The page asks the core for a motif; the command that it prints has a regular expression in its place."""
    # A motif needs a letter beside the one for anything.
    for motif in (f"{one}A" if one in "NX" else one for one in letters):
        texts = [other + motif[1:] for other in letters + letters.lower()]

        pattern = re.compile(motif_pattern(motif, [kind]))
        asked = motif_records(pa.array(texts), motif, kind).tolist()
        assert asked == [bool(pattern.search(text)) for text in texts], motif
