"""What shells are offered, asked through the protocol of Typer's completion scripts."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Result, clean_env, run_usr, usr_argv
from support.plugins import FakePlugin, install
from support.small_datasets import make_dataset
from support.tree import tree_digest

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a few datasets, of which ``lab/promoters`` has an overlay; no test changes it."""
    root = tmp_path_factory.mktemp("completion") / "root"
    promoters = make_dataset(root, "lab/promoters")
    promoters.write_overlay_part("mock", scores(promoters.head_arrow(1)["id"].to_pylist()))
    make_dataset(root, "lab/terminators", ())
    make_dataset(root, "plasmids", ())
    return root


def scores(ids: list[str]) -> pa.Table:
    """Return values for the column that `make_dataset` registers."""
    return pa.table({"id": ids, "mock__score": [0.5] * len(ids)})


def asked(shell: str, line: str, *, cwd: Path, env: dict[str, str | Path] | None = None) -> Result:
    """Run the command as the completion script of a shell does, with the cursor at the end of `line`."""
    if shell == "bash":
        words = line.split(" ")
        told = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    else:
        told = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    return run_usr(cwd=cwd, env={"_USR_COMPLETE": f"complete_{shell}", **told, **(env or {})})


def offered(shell: str, line: str, *, cwd: Path, env: dict[str, str | Path] | None = None) -> list[str]:
    """Return what a shell is offered, without its own punctuation; nothing may be said beside it."""
    result = asked(shell, line, cwd=cwd, env=env)
    assert (0, "") == (result.rc, result.err), result
    if shell != "zsh":
        return result.out.split()
    if result.out.strip() == "_files":
        return []
    start, end = "_arguments '*: :((", "))'"
    assert result.out.startswith(start)
    return shlex.split(result.out.strip().removeprefix(start).removesuffix(end))


class TestDatasets:
    @pytest.mark.parametrize("shell", SHELLS)
    def test_are_offered_from_the_root_on_the_line(self, shell: str, root: Path) -> None:
        """``--root X`` before the command is the root."""
        found = offered(shell, f"usr --root {root} head la", cwd=Path("/"))

        assert ["lab/promoters", "lab/terminators"] == found

    def test_are_offered_from_the_root_of_the_environment(self, root: Path) -> None:
        """``USR_ROOT`` is the root where the line names none."""
        found = offered("fish", "usr info ", cwd=Path("/"), env={"USR_ROOT": root})

        assert ["lab/promoters", "lab/terminators", "plasmids"] == found

    def test_are_offered_from_the_root_around_the_current_folder(self, root: Path) -> None:
        """Without either, the root is found as a command finds it."""
        assert ["plasmids"] == offered("bash", "usr get p", cwd=root / "lab")

    def test_are_offered_after_an_equals_sign_that_bash_has_split_off(self, root: Path) -> None:
        """Bash hands ``--root=X`` over as three words."""
        assert ["plasmids"] == offered("bash", f"usr --root = {root} validate pl", cwd=Path("/"))

    @pytest.mark.parametrize(
        "line", ["usr import pl", "usr attach pl", "usr query x -d pl", "usr push pl", "usr maintenance merge --src pl"]
    )
    def test_are_offered_wherever_a_dataset_stands(self, line: str, root: Path) -> None:
        """Arguments and options alike."""
        assert ["plasmids"] == offered("bash", line, cwd=root)

    def test_are_offered_once(self, root: Path) -> None:
        """Behind the dataset of an import stand files, which the shell itself knows."""
        assert [] == offered("bash", "usr import plasmids ", cwd=root)

    def test_that_were_archived_are_offered_to_unarchive(self, tmp_path: Path) -> None:
        """`usr unarchive` takes the ids of ``_archive/`` only."""
        make_dataset(tmp_path / "root", "old", ()).archive()
        make_dataset(tmp_path / "root", "new", ())

        assert ["old"] == offered("bash", "usr unarchive ", cwd=tmp_path / "root")


class TestColumns:
    @pytest.mark.parametrize("shell", SHELLS)
    def test_are_those_of_the_dataset_on_the_line(self, shell: str, root: Path) -> None:
        """Columns of the base, then those of overlays."""
        found = offered(shell, f"usr --root {root} grep lab/promoters --column ", cwd=Path("/"))

        base = ["id", "bio_type", "sequence", "alphabet", "length", "source", "created_at"]
        assert [*base, "mock__score"] == found

    def test_of_a_list_keep_what_is_there(self, root: Path) -> None:
        """A name behind a comma is offered with the names before it, and none of those again."""
        assert ["id,length"] == offered("bash", "usr head lab/promoters --columns id,le", cwd=root)
        assert [] == offered("bash", "usr head lab/promoters --columns id,id", cwd=root)

    def test_a_key_is_fixed_or_a_column(self, root: Path) -> None:
        """What an attachment is keyed by may be a column; without a dataset, the fixed keys are left."""
        fixed = ["id", "sequence", "sequence_norm", "sequence_ci"]
        asked = offered("bash", "usr attach lab/promoters --key ", cwd=root)
        assert fixed == asked[:4] and "source" in asked[4:]
        assert fixed == offered("bash", "usr attach lab/none --key ", cwd=root)

    def test_of_a_parquet_file(self, root: Path) -> None:
        """A file has its columns too."""
        line = "usr cell lab/promoters/records.parquet --col le"

        assert ["length"] == offered("bash", line, cwd=root)

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_with_a_meaning_to_a_shell_are_not_offered(self, shell: str, tmp_path: Path) -> None:
        """A file of somebody else may have any names, and a shell takes what it is offered as it is."""
        odd = [
            "$(touch x)",
            "`touch x`",
            'e\\");touch x #',
            "a b",
            "it's",
            "two\nlines",
            "a;b",
            "a\\",
            "-x",
            "a\x1b[0m",
            "*",
        ]
        pq.write_table(pa.table({name: [1] for name in [*odd, "plain", "größe"]}), tmp_path / "in.parquet")

        assert ["plain", "größe"] == offered(shell, "usr head in.parquet --columns ", cwd=tmp_path)

    def test_are_those_that_the_dataset_has(self, tmp_path: Path) -> None:
        """Also with state, deleted records, nested types, and a namespace that was folded into the base."""
        dataset = make_dataset(tmp_path / "root", "one")
        ids = dataset.head_arrow(2)["id"].to_pylist()
        dataset.write_overlay_part("mock", scores(ids[:1]))
        dataset.set_state(ids=ids[:1], masked=True, lineage=[ids[1]])
        dataset.delete(ids=ids[1:])
        with dataset.maintenance(reason="test"):
            dataset.materialize(namespaces=["mock"], drop_overlays=True)

        expected = sorted(column.name for column in dataset.columns())
        assert expected == sorted(offered("bash", "usr head one --columns ", cwd=tmp_path / "root"))


class TestVersions:
    @pytest.fixture
    def tagged(self, tmp_path: Path) -> Path:
        """A root with a dataset of three versions, of which the second is called ``good``."""
        dataset = make_dataset(tmp_path / "root", "lab/one")
        dataset.tag("good")
        return tmp_path / "root"

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("usr head lab/one --at ", ["good", "now", "3", "2", "1"]),
            ("usr rollback lab/one --to g", ["good"]),
            ("usr tag remove lab/", ["lab/one"]),
            ("usr tag remove lab/one ", ["good"]),
            ("usr compare lab/", ["lab/one"]),
        ],
    )
    def test_are_offered_where_they_are_taken(self, line: str, expected: list[str], tagged: Path) -> None:
        """Tags, then the last numbers, the newest first."""
        assert expected == offered("bash", line, cwd=tagged)

    @pytest.mark.parametrize("shell", ["zsh", "fish"])
    def test_stand_behind_the_name_of_the_dataset(self, shell: str, tagged: Path) -> None:
        """`usr compare D@` takes them in one word with it."""
        assert ["lab/one@good"] == offered(shell, "usr compare lab/one@g", cwd=tagged)


class TestOtherNames:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("usr namespace show ", ["mock", "usr_state"]),
            ("usr head --namespaces usr_state,mo", ["usr_state,mock"]),
            ("usr export plasmids --fmt fast", ["fasta", "fastq"]),
            ("usr import --from par", ["parquet"]),
            ("usr state set --split t", ["train", "test"]),
            ("usr state set --qc-status f", ["fail"]),
            ("usr maintenance dedupe --keep ", ["keep-first", "keep-last"]),
            ("usr import --alphabet rna", ["rna_4", "rna_5", "rna_15"]),
            ("usr push plasmids lab --verify h", ["hash"]),
            ("usr remotes add x --type s", ["ssh"]),
            ("usr attach --writer d", ["densegen"]),
            ("usr namespace register --from-plugin inf", ["infer"]),
            ("usr plugins info val", ["validate"]),
            ("usr info --format js", ["json"]),
        ],
    )
    def test_are_offered_where_they_are_taken(self, line: str, expected: list[str], root: Path) -> None:
        """Namespaces, formats, splits, plugins and fixed choices."""
        assert expected == offered("bash", line, cwd=root)

    def test_of_remotes_are_those_of_the_remotes_file(self, tmp_path: Path) -> None:
        """``--remotes-config`` on the line, or ``USR_REMOTES_PATH``."""
        file = tmp_path / "remotes.yaml"
        file.write_text("remotes:\n  lab:\n    type: ssh\n    host: h\n    base_dir: /x\n", encoding="utf-8")

        assert ["lab"] == offered("bash", f"usr --remotes-config {file} pull plasmids ", cwd=tmp_path)
        assert ["lab"] == offered(
            "bash", "usr remotes doctor --remote ", cwd=tmp_path, env={"USR_REMOTES_PATH": str(file)}
        )

    def test_of_third_parties_come_from_their_manifests(self, tmp_path: Path, root: Path) -> None:
        """An exporter whose plugin can't be imported is offered: nobody has imported it."""
        explosive = "raise SystemExit('imported')\n"
        install(tmp_path / "site", FakePlugin("bomb", hooks=explosive).provides("exporter", "bomb"))

        assert ["bomb"] == offered(
            "bash", "usr export plasmids --fmt bo", cwd=root, env={"PYTHONPATH": tmp_path / "site"}
        )


class TestSilence:
    @pytest.mark.parametrize("shell", SHELLS)
    @pytest.mark.parametrize(
        "line",
        [
            "usr --root nowhere head ",
            "usr --root file head ",
            "usr --root broken head one --columns ",
            "usr --root broken namespace show ",
            "usr --remotes-config file push one ",
            "usr head one --no-such-option ",
            "usr head 'one ",
        ],
    )
    def test_nothing_is_said_where_nothing_can_be_offered(self, shell: str, line: str, tmp_path: Path) -> None:
        """A root, registry, base or remotes file that is broken or missing offers nothing, and nothing is written."""
        (tmp_path / "file").write_text("\0", encoding="utf-8")
        broken = tmp_path / "broken" / "one"
        broken.mkdir(parents=True)
        (broken / "records.parquet").write_bytes(b"PAR1" + b"\xff" * 40 + (40).to_bytes(4, "little") + b"PAR1")
        (broken / ".events.log").write_text("{\n", encoding="utf-8")
        (tmp_path / "broken" / "registry.yaml").write_text("namespaces: [", encoding="utf-8")
        before = tree_digest(tmp_path)

        result = asked(shell, line, cwd=tmp_path)

        assert ("", "") == (result.out.strip().removeprefix("_files"), result.err)
        assert before == tree_digest(tmp_path)

    def test_a_command_that_can_not_be_imported_offers_nothing(self, tmp_path: Path) -> None:
        """What its module prints or raises stays out of the line."""
        source = "import sys\nprint('loud')\nprint('loud', file=sys.stderr)\nraise RuntimeError('broken')\n"
        install(tmp_path / "site", FakePlugin("loud").command("shout", source=source))

        result = asked("bash", "usr shout ", cwd=tmp_path, env={"PYTHONPATH": tmp_path / "site"})

        assert ("", "") == (result.out.strip(), result.err)


def test_bash_itself_completes_a_dataset(root: Path) -> None:
    """The script of ``--show-completion``, sourced by a bash that asks for a word."""
    bash = shutil.which("bash")
    assert bash is not None
    usr = usr_argv()[0]
    script = (
        f'eval "$(_USR_COMPLETE=source_bash {shlex.quote(usr)})"\n'
        f"COMP_WORDS=({shlex.quote(usr)} --root = {shlex.quote(str(root))} head pl); COMP_CWORD=5\n"
        f'_usr_completion {shlex.quote(usr)}\nprintf "%s\\n" "${{COMPREPLY[@]}}"\n'
    )
    done = subprocess.run(
        [bash, "--norc", "-c", script], env=clean_env(), capture_output=True, text=True, check=True, timeout=120
    )

    assert ("plasmids\n", "") == (done.stdout, done.stderr)


@pytest.mark.parametrize("line", ["usr head ", "usr head lab/promoters --columns ", "usr export plasmids --fmt "])
def test_nothing_heavy_and_no_provider_is_imported(line: str, root: Path) -> None:
    """Neither a data library, nor rich, nor a plugin's hooks: only the module of the command itself."""
    program = (
        "import json, sys\nfrom usr_core.cli.main import main\nmain([])\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **clean_env({"USR_ROOT": root, "_USR_COMPLETE": "complete_bash"}),
            "COMP_WORDS": os.linesep.join(words),
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    loaded = json.loads(done.stderr)

    assert done.stdout.split()
    heavy = {"pyarrow", "duckdb", "yaml", "rich", "pydantic", "numpy", "pandas", "pluggy"}
    assert set() == heavy & {name.partition(".")[0] for name in loaded}
    assert [] == [name for name in loaded if name.endswith(".plugin") and name != "usr_core.plugin"]
    assert "usr_core.plugin.host" not in loaded
