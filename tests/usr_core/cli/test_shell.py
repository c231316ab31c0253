"""The shell around commands: help, stubs, switches, gates, errors and exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import Result, Usr, clean_env, run_usr, start_usr, usr_argv
from support.plugins import FakePlugin, install

EXPLOSIVE = "print('imported')\nraise SystemExit('imported')\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder for installed plugins."""
    return tmp_path / "site"


def run(site: Path, *args: str | Path, env: dict[str, str] | None = None, stdin: str = "") -> Result:
    return run_usr(*args, cwd=site.parent, env={"PYTHONPATH": site, **(env or {})}, stdin=stdin)


def command_source(body: str, *, name: str = "work", head: str = "") -> str:
    """Return a command module whose function does `body`."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"import typer\n{head}\n{name}_app = typer.Typer()\n@{name}_app.command()\ndef {name}() -> None:\n{lines}\n"


class TestHelp:
    def test_lists_commands_without_importing_them(self, site: Path) -> None:
        """A plugin whose modules would end the process is in the list."""
        install(site, FakePlugin("bomb", hooks=EXPLOSIVE).command("explode", source=EXPLOSIVE))
        result = run(site, "--help")

        assert (0, "") == (result.rc, result.err)
        assert "explode The command explode" in " ".join(result.out.split())

    def test_imports_nothing_heavy_and_no_plugin(self, site: Path) -> None:
        """Neither data libraries, nor rich, nor pluggy, nor any plugin's package."""
        install(site, FakePlugin("fine").command("work"))
        program = (
            "import sys\nfrom usr_core.cli.main import main\ncode = main(['--help'])\n"
            "print('loaded', *sorted({n.partition('.')[0] for n in sys.modules}), file=sys.stderr)\nsys.exit(code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=clean_env({"PYTHONPATH": str(site)}),
            cwd=site,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        loaded = set(done.stderr.split())

        heavy = {"pyarrow", "duckdb", "yaml", "rich", "pydantic", "numpy", "pandas", "pluggy", "importlib_metadata"}
        assert set() == loaded & heavy
        assert {"usr_core"} == {name for name in loaded if name.startswith("usr_")}

    def test_ends_with_one_line_about_broken_plugins(self, site: Path) -> None:
        """The footer names id and status."""
        install(site, FakePlugin("newer", api="7.0"))

        assert "newer (incompatible)" in " ".join(run(site, "--help").out.split())

    def test_is_shown_where_the_command_is_missing(self, site: Path) -> None:
        """``usr`` alone is wrong usage and says how it is used."""
        result = run(site)

        assert (2, "") == (result.rc, result.out)
        assert result.err.startswith("Usage: usr")

    def test_of_a_command_imports_that_command(self, site: Path) -> None:
        """Its own options are shown; other plugins stay out."""
        install(site, FakePlugin("fine").command("work"), FakePlugin("bomb").command("explode", source=EXPLOSIVE))
        result = run(site, "work", "--help")

        assert (0, True) == (result.rc, "Usage: usr work" in result.out)

    def test_works_with_a_bad_configuration_file(self, site: Path, tmp_path: Path) -> None:
        """Help says that the file is bad; a command refuses to guess (exit 2)."""
        install(site, FakePlugin("fine").command("work"))
        config = tmp_path / "usr" / "config.toml"
        config.parent.mkdir()
        config.write_text("[plugins]\ncolour = 1\n")
        env = {"XDG_CONFIG_HOME": str(tmp_path)}

        assert (0, True) == ((shown := run(site, "--help", env=env)).rc, "plugins.colour" in shown.out)
        assert (2, True) == ((refused := run(site, "work", env=env)).rc, "USR-PLUGIN-008" in refused.err)


class TestCommands:
    def test_of_a_third_party_run(self, site: Path) -> None:
        """A single-command application is a plain command."""
        install(site, FakePlugin("fine").command("work"))

        assert "ran work of usr-plugin-fine\n" == run(site, "work").out

    def test_join_a_mount_point(self, site: Path) -> None:
        """A third party's command stands below ``maintenance``, and in its help."""
        install(site, FakePlugin("fine").command("scrub", parent="maintenance"))

        assert "ran scrub of usr-plugin-fine\n" == run(site, "maintenance", "scrub").out
        assert "The command scrub" in run(site, "maintenance", "--help").out

    def test_can_be_groups(self, site: Path) -> None:
        """An application with several commands, or with a callback, is a group."""
        source = (
            "import typer\nwork_app = typer.Typer()\n"
            "@work_app.command()\ndef one() -> None:\n    print('one')\n"
            "@work_app.command()\ndef two() -> None:\n    print('two')\n"
        )
        install(site, FakePlugin("fine").command("work", source=source))

        assert "two\n" == run(site, "work", "two").out

    def test_an_empty_mount_point_is_not_shown(self, site: Path) -> None:
        """As ``legacy`` where the one plugin that has commands there is off."""
        site.mkdir()
        off = {"USR_PLUGINS_DISABLE": "legacy"}

        assert "  legacy" in run(site, "--help").out
        assert "  legacy" not in run(site, "--help", env=off).out
        assert 0 != run(site, "legacy", "convert", env=off).rc

    @pytest.mark.parametrize(
        "before", [["--root", "plugins"], ["--debug"], ["--lock-timeout=3", "--remotes-config", "x"]]
    )
    def test_are_found_behind_root_options(self, site: Path, before: list[str]) -> None:
        """The value of an option is not taken for the command."""
        install(site, FakePlugin("fine").command("work"))

        assert 0 == run(site, *before, "work").rc

    def test_unknown_ones_get_suggestions(self, site: Path) -> None:
        """A near miss is exit 2 and names what was probably meant."""
        install(site, FakePlugin("fine").command("work"))
        result = run(site, "wrok")

        assert (2, True, True) == (result.rc, "error[USR-CLI-002]" in result.err, "Did you mean work?" in result.err)

    def test_a_value_without_its_option_is_told_of_it(self, site: Path) -> None:
        """As where a pattern is given alone, or a condition without its quotes."""
        install(site, FakePlugin("fine").command("work"))
        result = run(site, "work", "extra")

        assert (2, True) == (result.rc, "an option's name stands before its value" in result.err)

    def test_that_conflict_are_refused_with_both_names(self, site: Path) -> None:
        """Exit 4, and the way out."""
        install(site, FakePlugin("one").command("same"), FakePlugin("two").command("same"))
        result = run(site, "same")

        assert 4 == result.rc
        assert all(word in result.err for word in ("usr-plugin-one 1.0", "usr-plugin-two 1.0", "[plugins.prefer]"))

    def test_of_a_disabled_plugin_are_missing(self, site: Path) -> None:
        """With no plugin allowed even a built-in command is exit 4."""
        site.mkdir()
        result = run(site, "plugins", "list", env={"USR_PLUGINS": ""})

        assert (4, True) == (result.rc, "USR_PLUGINS" in result.err)

    def test_that_can_not_be_imported_are_exit_4(self, site: Path) -> None:
        """The error names plugin, distribution and cause; no traceback without --debug."""
        install(site, FakePlugin("bomb").command("explode", source="import no_such_module\n"))
        result = run(site, "explode")

        assert (4, "") == (result.rc, result.out)
        assert all(word in result.err for word in ("USR-PLUGIN-003", "usr-plugin-bomb 1.0", "no_such_module"))
        assert "Traceback" not in result.err
        assert "Traceback" in run(site, "--debug", "explode").err

    def test_whose_target_is_no_application_are_exit_4(self, site: Path) -> None:
        """What the manifest points at is checked."""
        install(site, FakePlugin("odd").command("work", source="work_app = 3\n"))

        assert (4, True) == ((result := run(site, "work")).rc, "not a typer.Typer but a int" in result.err)

    def test_unrelated_ones_do_not_mind_a_broken_plugin(self, site: Path) -> None:
        """Silence, where nothing of it is needed."""
        install(site, FakePlugin("fine").command("work"), FakePlugin("newer", api="7.0").command("later"))
        result = run(site, "work")

        assert (0, "") == (result.rc, result.err)

    def test_under_strict_any_problem_is_fatal(self, site: Path) -> None:
        """But ``usr plugins`` still tells what is wrong."""
        install(site, FakePlugin("fine").command("work"), FakePlugin("newer", api="7.0"))
        env = {"USR_PLUGINS_STRICT": "1"}

        assert 4 == run(site, "work", env=env).rc
        assert 0 == run(site, "plugins", "list", env=env).rc

    def test_warn_of_a_switch_that_switches_nothing(self, site: Path) -> None:
        """A misspelled id after --disable-plugin is said."""
        install(site, FakePlugin("fine").command("work"))
        result = run(site, "--disable-plugin", "fien", "work")

        assert (0, "warning: --disable-plugin fien: no plugin of that id is installed\n") == (result.rc, result.err)

    def test_are_traced_on_demand(self, site: Path) -> None:
        """USR_TRACE_PLUGINS=1 talks on stderr."""
        install(site, FakePlugin("fine").command("work"))
        result = run(site, "work", env={"USR_TRACE_PLUGINS": "1"})

        assert "usr: plugins: read the manifest of fine: ok" in result.err
        assert "ran work of usr-plugin-fine\n" == result.out


class TestGate:
    def test_hides_and_refuses(self, site: Path) -> None:
        """Not in help, and exit 2 with the variable's name."""
        install(site, FakePlugin("fine").command("mock", parent="dev", gate="USR_SHOW_DEV_COMMANDS"))
        refused = run(site, "dev", "mock")

        assert "dev" not in run(site, "--help").out.partition("Commands:")[2]
        assert (2, True) == (refused.rc, "USR_SHOW_DEV_COMMANDS=1" in refused.err)

    @pytest.mark.parametrize(("value", "code"), [("1", 0), ("0", 2), ("", 2), ("true", 2)])
    def test_opens_at_1_alone(self, site: Path, value: str, code: int) -> None:
        """Any other value keeps it shut."""
        install(site, FakePlugin("fine").command("mock", gate="USR_SHOW_DEV_COMMANDS"))

        assert code == run(site, "mock", env={"USR_SHOW_DEV_COMMANDS": value}).rc


class TestExitCodes:
    def work(self, site: Path, body: str, *args: str, head: str = "", stdin: str = "") -> Result:
        install(site, FakePlugin("fine").command("work", source=command_source(body, head=head)))
        return run(site, *args, "work", stdin=stdin)

    def test_of_an_error_in_proper_form(self, site: Path) -> None:
        """Code, facts and hint on stderr, each on a line of its own; control characters visible."""
        result = self.work(
            site,
            "raise UsrError('bad\\x1b[2Jcell', hint='mend it', facts={'file': 'a.csv', 'row': 3, 'value': 'x\\ny'})",
            head="from usr_core.errors import UsrError",
        )

        assert (1, "") == (result.rc, result.out)
        expected = "error[USR-GENERAL-001]: bad\\x1b[2Jcell\n  file: a.csv\n  row: 3\n  value: x\\ny\nhint: mend it\n"
        assert expected == result.err

    def test_of_something_unforeseen(self, site: Path) -> None:
        """One line with the exception's type and the third party's name."""
        result = self.work(site, "{}['secret']")

        assert (1, 1) == (result.rc, len(result.err.splitlines()))
        assert all(
            word in result.err for word in ("error[USR-INTERNAL-001]", "KeyError", "usr-plugin-fine 1.0", "--debug")
        )

    def test_of_running_out_of_memory(self, site: Path) -> None:
        """An error of its own, blamed on nobody, and no traceback."""
        result = self.work(site, "raise MemoryError")

        assert (1, True, False) == (result.rc, "error[USR-GENERAL-002]" in result.err, "Traceback" in result.err)

    @pytest.mark.parametrize(
        ("body", "code", "said"),
        [
            ("open('/no/such/file')", 3, "/no/such/file"),
            ("open('/')", 1, "file: /"),
            ("import errno; raise OSError(errno.ENOSPC, 'full', '/x/y')", 1, "/x/y"),
            ("import errno; raise OSError(errno.EROFS, 'ro', '/x/y')", 1, "read-only"),
        ],
    )
    def test_of_the_operating_systems_refusal(self, site: Path, body: str, code: int, said: str) -> None:
        """The file is named and the error has a code of its own."""
        result = self.work(site, body)

        assert (code, True, True) == (result.rc, said in result.err, "error[USR-FS-" in result.err)

    @pytest.mark.parametrize(
        ("body", "code"), [("raise typer.Exit(6)", 6), ("raise SystemExit(5)", 5), ("return 7", 0)]
    )
    def test_of_a_command_that_chooses(self, site: Path, body: str, code: int) -> None:
        """typer.Exit carries a code; a returned value is none."""
        assert code == self.work(site, body).rc

    def test_of_an_interrupt(self, site: Path) -> None:
        """130 and one line."""
        result = self.work(site, "raise KeyboardInterrupt")

        assert (130, "interrupted\n") == (result.rc, result.err)

    @pytest.mark.parametrize(
        "args", [["--bogus"], ["work", "--bogus"], ["work", "extra"], ["--lock-timeout", "-1", "work"], ["--root"]]
    )
    def test_of_wrong_usage(self, site: Path, args: list[str]) -> None:
        """Exit 2 in the form of every error."""
        install(site, FakePlugin("fine").command("work"))
        result = run(site, *args)

        assert (2, "", True, True) == (
            result.rc, result.out, result.err.startswith("error[USR-CLI-001]: "), "\nhint: `usr" in result.err,
        )  # fmt: skip

    def test_of_a_choice_that_was_not_made_names_both(self, site: Path) -> None:
        """An option that has to be given, one way or the other."""
        err = run(site, "maintenance", "history", "lab/one").err

        assert err.startswith("error[USR-CLI-001]: Missing option '--keep' or '--none'\n")

    def test_of_a_reader_that_has_left(self, site: Path) -> None:
        """A closed pipe is quiet: 141, as SIGPIPE would leave it."""
        install(site, FakePlugin("fine").command("work", source=command_source("for i in range(100000): print(i)")))
        with start_usr("work", cwd=site, env={"PYTHONPATH": site}) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()
            complaint = process.stderr.read()

        assert (141, "") == (process.returncode, complaint)

    def test_of_output_that_can_not_be_written(self, site: Path) -> None:
        """A full disk behind stdout is an error, not success."""
        install(site, FakePlugin("fine").command("work"))
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [*usr_argv(), "work"],
                env=clean_env({"PYTHONPATH": str(site)}),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=120,
            )

        assert (1, True) == (done.returncode, done.stderr.startswith("error[USR-CLI-006]"))

    def test_of_output_in_another_encoding(self, site: Path) -> None:
        """A terminal that knows ASCII only costs letters, not the command."""
        install(site, FakePlugin("fine").command("work", source=command_source("print('λ')")))
        result = run(site, "work", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"})

        assert (0, "\\u03bb\n") == (result.rc, result.out)


class TestCompletion:
    def complete(self, site: Path, words: str, count: int) -> set[str]:
        env = {"_USR_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(count)}
        result = run(site, env=env)
        return set(result.out.split())

    def test_offers_commands_without_importing_them(self, site: Path) -> None:
        """The first word is completed from manifests."""
        install(site, FakePlugin("bomb", hooks=EXPLOSIVE).command("explode", source=EXPLOSIVE))

        assert {"explode"} == self.complete(site, "usr explod", 1)

    def test_offers_a_commands_own_options(self, site: Path) -> None:
        """The invoked command is imported for that."""
        source = (
            "import typer\nwork_app = typer.Typer()\n@work_app.command()\ndef work(fast: bool = False) -> None: ...\n"
        )
        install(site, FakePlugin("fine").command("work", source=source))

        assert {"--fast"} == self.complete(site, "usr work --fas", 2)

    def test_offers_what_a_mount_point_holds(self, site: Path) -> None:
        """The second word of ``maintenance``."""
        install(site, FakePlugin("fine").command("scrub", parent="maintenance"))

        assert {"scrub"} == self.complete(site, "usr maintenance scr", 2)

    def test_is_silent_about_a_broken_command(self, site: Path) -> None:
        """Nothing is printed into somebody's command line."""
        install(site, FakePlugin("bomb").command("explode", source="import no_such_module\n"))
        env = {"_USR_COMPLETE": "complete_bash", "COMP_WORDS": "usr explode --f", "COMP_CWORD": "2"}
        result = run(site, env=env)

        assert ("", "") == (result.out, result.err)


class TestVersion:
    def test_is_the_distributions(self, site: Path) -> None:
        """Also behind other root options."""
        site.mkdir()

        assert "usr 0.1.0\n" == run(site, "--debug", "--version").out


def test_main_can_be_called_twice_in_one_process(capfd: pytest.CaptureFixture[str]) -> None:
    """Each call is a run of its own with its own session."""
    from usr_core.cli.main import main
    from usr_core.cli.session import current_session

    os.environ.pop("_USR_COMPLETE", None)
    assert 0 == main(["--lock-timeout", "5", "plugins", "list"])
    assert 5.0 == current_session().lock_timeout
    assert 0 == main(["plugins", "list"])
    assert 60.0 == current_session().lock_timeout
    assert "plugins" in capfd.readouterr().out


class TestAFullOutput:
    def test_a_change_whose_report_is_lost_is_no_failure(self, seeded: Usr):
        """The change stands, the exit code is 0, and stderr says that only the report is missing."""
        code, err = into_full(seeded, "snapshot", "ns/base")

        assert 0 == code
        assert "the change was made, only its report is lost" in err
        assert "snapshot" == seeded.events("ns/base")[-1]["action"]

    def test_a_read_whose_result_is_lost_fails(self, seeded: Usr):
        """Exit code 1, and the error is about standard output."""
        code, err = into_full(seeded, "info", "ns/base")

        assert 1 == code
        assert "error[USR-CLI-006]: standard output can't be written" in err


def into_full(usr: Usr, *args: str) -> tuple[int, str]:
    """Run a command whose standard output is a full disk."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*usr_argv(), "--root", str(usr.root), *args],
            stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=clean_env(), check=False,
            timeout=120,
        )  # fmt: skip
    return done.returncode, done.stderr
