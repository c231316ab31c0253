"""What every command says about itself."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from support.cli import run_usr
from support.commands import built_in_commands
from support.plugins import FakePlugin, install

COMMANDS = built_in_commands()
ROOT_OPTIONS = {"--root", "--remotes-config"}


def examples_of(command: str) -> list[str]:
    """Return the example lines of a command."""
    _, heading, lines = (COMMANDS[command].epilog or "").partition("Examples:\n")
    assert heading, f"usr {command} has no examples"
    return [line.strip() for line in lines.splitlines()]


@pytest.mark.parametrize("command", sorted(COMMANDS))
class TestExamples:
    def test_are_lines_of_this_command_that_can_be_parsed(self, command: str) -> None:
        """Each names the command, options that it has, and values that they take; nothing is run."""
        for line in examples_of(command):
            words = shlex.split(line)
            assert "usr" == words.pop(0)
            while words[0] in ROOT_OPTIONS:
                words = words[2:]
            path = command.split()
            assert path == words[: len(path)]

            COMMANDS[command].make_context(command, words[len(path) :])

    def test_are_one_or_two_that_fit_a_terminal(self, command: str) -> None:
        """More belong into the documentation; a line that wraps can't be copied."""
        lines = examples_of(command)

        assert 1 <= len(lines) <= 2
        assert [] == [line for line in lines if len(line) > 110]


@pytest.mark.parametrize("words", ["", "head", "namespace", "namespace register", "maintenance", "maintenance merge"])
def test_short_help_is_help(words: str) -> None:
    """``-h`` prints what ``--help`` prints: of `usr`, of a command, of groups and of what is in them."""
    short, long = (run_usr(*words.split(), option) for option in ("-h", "--help"))

    assert (0, "") == (short.rc, short.err)
    assert short.out == long.out
    assert "-h, --help" in short.out


GROUPS = [
    "",
    "densegen",
    "events",
    "infer",
    "legacy",
    "maintenance",
    "map",
    "namespace",
    "notify",
    "plugins",
    "remotes",
]


@pytest.mark.parametrize("words", [*GROUPS, "snapshot", "state"])
def test_a_list_of_commands_says_whole_sentences(words: str) -> None:
    """Not one is cut off in a terminal of 80 columns; what is more to say stands in the command's own help."""
    told = run_usr(*words.split(), "--help", env={"COLUMNS": "80"}).out
    _, _, listed = told.partition("Commands:")

    assert [] == [line for line in listed.splitlines() if line.endswith("...")]


def test_short_help_is_help_of_third_parties_too(tmp_path: Path) -> None:
    """A plugin's command need not do anything for it."""
    install(tmp_path / "site", FakePlugin("fine").command("work"))

    result = run_usr("work", "-h", cwd=tmp_path, env={"PYTHONPATH": tmp_path / "site"})

    assert 0 == result.rc
    assert result.out.startswith("Usage: usr work")


def test_examples_end_the_help_line_by_line() -> None:
    """They are not wrapped into one paragraph."""
    result = run_usr("ls", "--help")

    assert result.out.endswith("\n  Examples:\n    usr ls\n    usr ls --archived\n")


class TestChoices:
    @pytest.mark.parametrize(
        ("words", "option", "expected"),
        [
            ("export", "--format, --fmt", {"csv", "embl", "fasta", "genbank", "jsonl", "parquet", "tsv"}),
            ("import", "--from", {"csv", "excel", "fasta", "fastq", "genbank", "jsonl", "parquet", "tsv"}),
            ("import", "--bio-type", {"dna", "rna", "protein"}),
            ("import", "--alphabet", {"dna_4", "rna_15", "protein_20", "auto"}),
            ("attach", "--writer", {"densegen", "infer", "opal"}),
            ("push", "--verify", {"hash", "parquet", "size", "auto"}),
            ("remotes add", "--type", {"folder", "ssh"}),
            ("state set", "--split", {"train", "val", "test", "holdout"}),
        ],
    )
    def test_stand_beside_the_option(self, words: str, option: str, expected: set[str]) -> None:
        """What can be given is in the help."""
        out = run_usr(*words.split(), "--help", env={"COLUMNS": "160"}).out
        (listed,) = [line.split()[0] for line in out.split(f"  {option} ")[1:]]

        assert expected <= set(listed.split("|"))

    def test_of_third_parties_are_known_without_importing_them(self, tmp_path: Path) -> None:
        """A plugin's manifest is enough."""
        bomb = FakePlugin("bomb", hooks="raise SystemExit('imported')\n").provides("exporter", "bomb")
        install(tmp_path / "site", bomb)

        result = run_usr("export", "--help", cwd=tmp_path, env={"PYTHONPATH": tmp_path / "site"})

        assert (0, "") == (result.rc, result.err)
        assert "--format, --fmt bomb|csv|" in result.out


class TestSpelling:
    """One thing has one spelling in every command; older ones are kept beside it."""

    TOGETHER = (
        ("--limit", "-n"),
        ("-n", "--limit"),
        ("--fmt", "--format"),
        ("--force", "--overwrite"),
        ("--allow-overwrite", "--overwrite"),
        ("--col", "--column"),
        ("--yes", "-y"),
    )

    @pytest.mark.parametrize(("spelling", "other"), TOGETHER)
    def test_of_an_option_goes_with_another(self, spelling: str, other: str) -> None:
        """Whoever has learned one command can type the other."""
        all_options = [option.opts for command in COMMANDS.values() for option in command.params]

        taken = [opts for opts in all_options if spelling in opts]
        assert taken
        assert [] == [opts for opts in taken if other not in opts]
