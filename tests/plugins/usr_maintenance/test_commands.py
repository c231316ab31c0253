"""Maintenance as it is typed: dry runs, questions, refusals, and what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import Usr
from support.tables import write_csv
from support.tree import assert_unchanged

DS = "ns/base"
SEQUENCES = ("ACGTACGTACGTACGTAAAA", "TTGACAGGCTAACTGGATAT", "GGGCCCATATCGCGATTACA")


@pytest.fixture
def attached(seeded: Usr, tmp_path: Path) -> Usr:
    """The seeded root with two parts of ``mock``."""
    for number in range(2):
        rows = [(text, number + at) for at, text in enumerate(SEQUENCES[number:])]
        file = write_csv(tmp_path / f"{number}.csv", ["sequence", "score"], rows)
        seeded.ok("attach", DS, "--path", file, "--namespace", "mock", "--key", "sequence", "--allow-overwrite")
    return seeded


def maintain(verb: str, *words: str) -> tuple[str, ...]:
    return ("maintenance", verb, DS, *words)


ASKING = {
    "overlay-compact": ("--namespace", "mock", "--drop"),
    "overlay-remove": ("--namespace", "mock", "--mode", "delete"),
    "overlay-clear": ("--namespace", "mock", "--columns", "score"),
}


class TestQuestions:
    @pytest.mark.parametrize("verb", ASKING)
    def test_no_and_the_end_of_input_change_nothing(self, attached: Usr, verb: str) -> None:
        """Exit 1 and exit 2; a yes does it."""
        words = maintain(verb, *ASKING[verb])
        with assert_unchanged(attached.path(DS)):
            attached.refuses(1, *words, stdin="n\n")
            attached.refuses(2, *words)
        attached.ok(*words, stdin="y\n")

        reason = attached.events(DS)[-1]["maintenance"]["reason"]
        assert f"usr maintenance {verb}" == reason

    @pytest.mark.parametrize("verb", ASKING)
    def test_a_dry_run_does_not_ask(self, attached: Usr, verb: str) -> None:
        """It says what would be, on stdout."""
        with assert_unchanged(attached.path(DS)):
            assert "would" in attached.ok(*maintain(verb, *ASKING[verb], "--dry-run")).out

    def test_compaction_asks_only_where_it_drops(self, attached: Usr) -> None:
        """The sources are archived otherwise, so nothing is lost."""
        out = attached.ok(*maintain("overlay-compact", "--namespace", "mock")).out

        assert "compacted 2 files of mock in ns/base (5 rows) into one part of 3 rows" in out

    def test_dedupe_and_merge_ask_with_the_number(self, attached: Usr, tmp_path: Path) -> None:
        """And take -y for an answer."""
        file = write_csv(tmp_path / "more.csv", ["sequence"], [[SEQUENCES[0].lower()]])
        attached.ok("import", DS, "--from", "csv", "--path", file)
        attached.ok("init", "ns/other")
        attached.ok(
            "import", "ns/other", "--from", "csv", "--path", write_csv(tmp_path / "o.csv", ["sequence"], [["CCCC"]])
        )
        dedupe = maintain("dedupe", "--key", "sequence_ci")
        merge = ("maintenance", "merge", "--dest", DS, "--src", "ns/other")
        with assert_unchanged(attached.root):
            assert "Remove 1 record of 7 from ns/base?" in attached.refuses(2, *dedupe).err
            assert "Add 1 record of ns/other" in attached.refuses(2, *merge).err
        attached.ok(*dedupe, "-y")
        attached.ok(*merge, "-y")

        assert ["dedupe", "merge"] == [event["action"] for event in attached.events(DS)[-2:]]

    def test_nothing_to_do_does_not_ask(self, attached: Usr) -> None:
        """No duplicates, no such values, one part already."""
        attached.ok(*maintain("overlay-compact", "--namespace", "mock"))
        with assert_unchanged(attached.path(DS)):
            for words in (
                maintain("dedupe", "--key", "id"),
                maintain("overlay-clear", "--namespace", "mock", "--columns", "tag"),
                maintain("overlay-compact", "--namespace", "mock", "--drop"),
            ):
                assert "nothing" in attached.ok(*words).out


class TestUsage:
    @pytest.mark.parametrize(
        "words",
        [
            ("maintenance", "dedupe", DS),
            ("maintenance", "dedupe", DS, "--key", "length"),
            ("maintenance", "overlay-remove", DS, "--namespace", "mock", "--mode", "burn", "-y"),
            ("maintenance", "merge", "--dest", DS, "--src", DS, "-y"),
            ("maintenance", "merge", "--dest", DS, "--src", DS, "--require-same-columns", "--union-columns"),
            ("maintenance", "merge", "--dest", DS),
        ],
    )
    def test_wrong_usage_is_exit_2(self, attached: Usr, words: tuple[str, ...]) -> None:
        """And changes nothing."""
        with assert_unchanged(attached.path(DS)):
            assert 2 == attached.run(*words).rc

    def test_an_empty_id_file_does_not_mean_all(self, attached: Usr, tmp_path: Path) -> None:
        """That would unset everything by mistake."""
        empty = tmp_path / "ids.txt"
        empty.write_text("\n")
        with assert_unchanged(attached.path(DS)):
            attached.refuses(
                2,
                *maintain("overlay-clear", "--namespace", "mock", "--columns", "score", "--id-file", str(empty), "-y"),
            )

    def test_a_missing_namespace_is_exit_3(self, attached: Usr) -> None:
        """The hint lists what is there."""
        done = attached.refuses(3, *maintain("overlay-compact", "--namespace", "absent"))

        assert "mock" in done.err
