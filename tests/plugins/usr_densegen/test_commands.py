"""``usr densegen`` as it is typed: tables, questions, refusals."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr
from support.tree import assert_unchanged
from usr_core.dataset import Dataset

DS = "densegen/demo"
LEXA, CPXR = "lexA:TACTGTATATAA", "cpxR:GTAAAGGATTTA"
SEQUENCES = ("AAAACCCC", "CCCCGGGG", "GGGGTTTT", "aaaacccc")


@pytest.fixture
def dense(usr: Usr, tmp_path: Path) -> Usr:
    """A root with DenseGen's namespace, four records, and its output attached to three of them."""
    usr.ok("namespace", "register", "--from-plugin", "densegen")
    usr.ok("init", DS)
    file = tmp_path / "s.csv"
    file.write_text("sequence\n" + "".join(f"{text}\n" for text in SEQUENCES))
    usr.ok("import", DS, "--path", file)
    out = tmp_path / "out.parquet"
    used = pa.array([[LEXA, CPXR], [LEXA], [LEXA, CPXR]])
    pq.write_table(pa.table({"sequence": [SEQUENCES[0], SEQUENCES[1], SEQUENCES[3]], "used_tfbs": used}), out)
    usr.ok("attach", DS, "--writer", "densegen", "--path", out)
    return usr


def sequences(usr: Usr) -> list[str]:
    return Dataset.open(usr.root, DS).to_arrow()["sequence"].to_pylist()


class TestRepair:
    def test_a_dry_run_shows_what_would_go_and_why(self, dense: Usr) -> None:
        """And changes nothing, and does not ask."""
        words = ("densegen", "repair", DS, "--filter-single-tf", "--drop-id-seq-only", "--dedupe", "keep-first")
        with assert_unchanged(dense.path(DS)):
            out = dense.ok(*words, "--dry-run").out

        assert "would remove 3 records of 4 from densegen/demo" in out
        rows = [line.split(maxsplit=3) for line in out.splitlines()]
        assert [["2", "CCCCGGGG", "used TFBSs of one TF"], ["3", "GGGGTTTT", "id and sequence only"]] == [
            [row[0], *row[2:]] for row in rows if row and row[0] in "23"
        ]
        assert "duplicate" in out

    def test_it_asks_and_takes_no_for_an_answer(self, dense: Usr) -> None:
        """Exit 1 for no, 2 for silence; yes does it, and tells of the snapshot."""
        words = ("densegen", "repair", DS, "--drop-id-seq-only")
        with assert_unchanged(dense.path(DS)):
            assert "Remove 1 record of 4 from densegen/demo?" in dense.refuses(1, *words, stdin="n\n").err
            dense.refuses(2, *words)
        out = dense.ok(*words, stdin="y\n").out

        assert "removed 1 record of 4" in out
        assert "_snapshots/records-" in out
        assert "usr densegen repair" == dense.events(DS)[-1]["maintenance"]["reason"]

    def test_inside_the_folder_the_dataset_need_not_be_named(self, dense: Usr) -> None:
        """As for every command."""
        dense.ok("densegen", "repair", "--filter-single-tf", "-y", cwd=dense.path(DS))

        assert [SEQUENCES[0], *SEQUENCES[2:]] == sequences(dense)

    @pytest.mark.parametrize(("answer", "gone"), [("first", SEQUENCES[3]), ("last", SEQUENCES[0]), ("y", SEQUENCES[3])])
    def test_ask_asks_which_one_stays(self, dense: Usr, answer: str, gone: str) -> None:
        """Once, and then whether to go on."""
        dense.ok("densegen", "repair", DS, "--dedupe", "ask", stdin=f"{answer}\ny\n")

        assert [text for text in SEQUENCES if text != gone] == sequences(dense)

    def test_ask_can_be_answered_with_neither(self, dense: Usr) -> None:
        """Off is an answer; anything else stops; -y means the first."""
        words = ("densegen", "repair", DS, "--dedupe", "ask")
        with assert_unchanged(dense.path(DS)):
            dense.ok(*words, stdin="off\n")
            dense.refuses(1, *words, stdin="perhaps\n")
            dense.refuses(2, *words)
        dense.ok(*words, "-y")

        assert SEQUENCES[3] not in sequences(dense)

    def test_nothing_to_do_says_so_and_does_not_ask(self, dense: Usr) -> None:
        """Exit 0, nothing changed."""
        dense.ok("densegen", "repair", DS, "--drop-id-seq-only", "-y")
        with assert_unchanged(dense.path(DS)):
            assert "nothing" in dense.ok("densegen", "repair", DS, "--drop-id-seq-only").out
            assert "nothing" in dense.ok("densegen", "repair", DS, "--drop-id-seq-only", "-y").out

    def test_wrong_words_are_refused(self, dense: Usr) -> None:
        """No rule, no such choice, no such column."""
        with assert_unchanged(dense.path(DS)):
            dense.refuses(2, "densegen", "repair", DS)
            dense.refuses(2, "densegen", "repair", DS, "--dedupe", "newest")
            dense.refuses(1, "densegen", "repair", DS, "--drop-single-tf")
            dense.refuses(3, "densegen", "repair", "densegen/absent", "--drop-id-seq-only")


class TestDedupe:
    def test_it_keeps_the_one_that_is_asked_for(self, dense: Usr) -> None:
        """By default the first."""
        with assert_unchanged(dense.path(DS)):
            assert "would remove 1 record of 4" in dense.ok("densegen", "dedupe", DS, "--dry-run").out
            dense.refuses(2, "densegen", "dedupe", DS, "--keep", "off")
        dense.ok("densegen", "dedupe", DS, "--keep", "keep-last", "-y")

        assert list(SEQUENCES[1:]) == sequences(dense)
        assert ["repair_densegen"] == [event["action"] for event in dense.events(DS)[-1:]]
