"""Every command that writes can be tried, and tells what it did, or would do, as one JSON document."""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pytest
import typer.main

from support.cli import Result, run_usr
from support.small_datasets import IDS, SEQUENCES, make_dataset
from usr_core import Dataset, register_namespace

PLUGINS = Path(__file__).parents[3] / "plugins"
ENV = {"USR_SHOW_DEV_COMMANDS": "1"}


def whole_tree(folder: Path) -> dict[str, str]:
    """Return every entry below a folder with the digest of its content; no file is left out."""
    found = {}
    for place in sorted(folder.rglob("*")):
        kind = "link" if place.is_symlink() else "folder" if place.is_dir() else ""
        found[place.relative_to(folder).as_posix()] = kind or hashlib.sha256(place.read_bytes()).hexdigest()
    return found


@dataclass(frozen=True, slots=True)
class Case:
    """A command that writes: its words, its answer to a question, and keys of its document."""

    words: str
    keys: frozenset[str]
    answer: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The words before the first argument, as the tree of commands has them."""
        words = self.words.split()
        return " ".join(words[:2] if words[0] in GROUPS else words[:1])


GROUPS = {
    "densegen",
    "dev",
    "infer",
    "legacy",
    "maintenance",
    "map",
    "namespace",
    "notify",
    "plugins",
    "remotes",
    "state",
    "tag",
}


def case(words: str, keys: str, *answer: str) -> Case:
    return Case(words, frozenset(keys.split()), answer)


ID = IDS[0]
CASES = [
    case("init ns/new", "dataset path"),
    case("init ns/new --new-root", "dataset path"),
    case("import ns/base more.csv --keep mock", "dataset rows_read added skipped kept event"),
    case("attach ns/base scores.csv --namespace mock --key id --allow-overwrite", "dataset part columns event"),
    case("materialize ns/base", "dataset namespaces columns rows snapshot event", "-y"),
    case("snapshot ns/base", "dataset file"),
    case("archive ns/base", "dataset path"),
    case("unarchive ns/old", "dataset path"),
    case(f"delete ns/base --id {ID}", "dataset deleted already_deleted missing event"),
    case("restore ns/base --where length>1", "dataset restored not_deleted missing event"),
    case(f"state set ns/base --id {ID} --split val", "dataset changed unchanged missing event"),
    case("state clear ns/base --where length>1", "dataset changed unchanged missing event"),
    case("maintenance registry-freeze ns/base", "dataset changed registry_hash"),
    case("maintenance overlay-compact ns/base --namespace mock", "dataset parts rows part event", "-y"),
    case("maintenance overlay-remove ns/base --namespace mock --mode archive", "dataset parts rows event", "-y"),
    case("maintenance overlay-clear ns/base --namespace mock --columns score", "dataset columns cells event", "-y"),
    case("maintenance dedupe ns/base --key sequence_ci", "dataset groups rows_dropped examples event", "-y"),
    case("maintenance merge --dest ns/base --src ns/other", "dataset source rows_added duplicates event", "-y"),
    case("gc ns/base --keep 0d --keep-versions 2", "dataset since versions files size_bytes forgotten event"),
    case("maintenance history ns/base --none", "dataset history since event"),
    case("rollback ns/base --to 2", "dataset version rows brought_back taken_away event"),
    case("tag add ns/base v1.0", "dataset name version event"),
    case("tag remove ns/base draft", "dataset name version event"),
    case("namespace register tool --columns tool__x:float64", "namespace created written added columns"),
    case("namespace register csv --from-file scores.csv -y", "namespace created written added columns proposed"),
    case("infer register --dim 4", "namespace created written added columns"),
    case("infer pending ns/base --column infer__llr --out pending.txt", "column file listed complete"),
    case("export ns/base --fmt csv --out out.csv", "target format path rows size_bytes"),
    case("densegen dedupe ns/base", "dataset rows_dropped by_rule examples event", "-y"),
    case("densegen repair ns/base --dedupe keep-last", "dataset rows_dropped by_rule examples event", "-y"),
    case("legacy convert ns/base old.csv", "dataset rows_read added skipped columns"),
    case("dev make-mock ns/mock --n 3", "dataset rows"),
    case("dev add-demo-cols ns/base --namespace demo", "dataset rows columns"),
    case("notify follow ns/base --once --cursor cursor.json --exec true", "dataset target delivered spooled"),
    case("notify drain --spool spool --exec true", "target delivered spool"),
    case("remotes add lab --host h --user u --base-dir /srv/usr", "written name host file"),
    case("remotes wizard --name lab --host h --user u --base-dir /srv/usr", "written name host file"),
    case("plugins new thing --kind command", "id kinds path"),
    case("doctor ns/base --clean --older-than 0d", "ok removed findings"),
    case("doctor ns/base --adopt", "ok removed findings"),
    case(
        "map run ns/base --fn scores.py:score --into mock__score --executor inline", "dataset run_id shards rows state"
    ),
]
WITH_TWO_FORMATS = {"export": "--report"}
"""Commands whose ``--format`` is that of the file."""

UNLIKE = {"dry_run", "versions", "requirements", "tools", "findings", "folder"}
"""Keys that a command and its dry run need not have in common."""

OTHERS = {"map commit", "map discard", "map resume", "map run-shard", "pull", "push", "query"}
"""Commands with a dry run that need more than a folder, or whose JSON is their result: tested with their plugins."""

READ_ONLY = (
    "cell cols compare describe diff events:tail events:verify explore get grep head info log ls map:list map:status "
    "namespace:list namespace:show "
    "plugins:doctor plugins:info plugins:list remotes:doctor remotes:list remotes:show remotes:status "
    "remotes:warm-auth schema state:get tag:list validate"
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a root, whose datasets have something for every command to do, and with files for them."""
    folder = tmp_path_factory.mktemp("outcomes")
    root = folder / "root"
    base = make_dataset(root, sequences=[*SEQUENCES, SEQUENCES[0].lower()])
    for ids, scores in ((IDS[:3], [1.0, 2.0, 3.0]), (IDS[3:5], [4.0, 5.0])):
        base.write_overlay("mock", pa.table({"id": ids, "mock__score": scores}))
    base.set_state(IDS[:2], split="train")
    base.tag("draft")
    base.delete(IDS[5:6])
    register_namespace(root, "infer", {"infer__llr": "float64"})
    make_dataset(root, "ns/old").archive()
    make_dataset(root, "ns/other", ["TATAATTATA", SEQUENCES[0]])
    aside = base.path / ".usr.replaced" / "20260102T030405-pull"
    aside.mkdir(parents=True)
    (aside / "meta.md").write_text("old")
    (base.path / "notes.txt").write_text("by hand")
    (folder / "more.csv").write_text("sequence,score\nTATAATTATA,7\n")
    (folder / "scores.csv").write_text(f"id,score\n{ID},9\n")
    (folder / "old.csv").write_text("sequence\nCCCCTTTTGG\n")
    (folder / "scores.py").write_text("def score(batch):\n    return [1.5] * len(batch)\n")
    (folder / "spool").mkdir()
    return folder


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(template, tmp_path / "place"))


def run(place: Path, words: str, *more: str) -> Result:
    """Run a command in the folder."""
    env = {**ENV, "USR_REMOTES_PATH": str(place / "remotes.yaml")}
    return run_usr(*words.split(), *more, root=place / "root", cwd=place, env=env)


def format_of(case: Case) -> tuple[str, str]:
    return WITH_TWO_FORMATS.get(case.command, "--format"), "json"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
def test_a_dry_run_writes_nothing_and_tells_what_the_command_would_do(case: Case, place: Path) -> None:
    """With the keys, counts, lists and exit code of the command itself, which is run afterwards."""
    before = whole_tree(place)

    tried = run(place, case.words, "--dry-run", *format_of(case))

    assert before == whole_tree(place), str(tried)
    done = run(place, case.words, *case.answer, *format_of(case))
    marks = tried.data["dry_run"], done.data.get("dry_run", False)
    assert (tried.rc, *marks) == (done.rc, True, False), f"{tried}\n{done}"
    assert before != whole_tree(place), str(done)
    assert case.keys <= tried.data.keys() == {"dry_run", *done.data}
    counted = {name: value for name, value in tried.data.items() if type(value) in (int, bool, list)}
    assert {name: done.data[name] for name in counted if name not in UNLIKE} == {
        name: value for name, value in counted.items() if name not in UNLIKE
    }


@pytest.mark.parametrize(
    "words",
    [
        "import ns/nothing more.csv",
        "import ns/base nothing.csv",
        "attach ns/base scores.csv --namespace unknown --key id",
        "attach ns/base more.csv --namespace mock --key id",
        "init ns/base",
        "init bad/id/here",
        "archive ns/nothing",
        "unarchive ns/base",
        "delete ns/base --id " + "f" * 40,
        "delete ns/base --where nonsense>1",
        "state set ns/base --id " + ID,
        "materialize ns/base --namespaces unknown",
        "maintenance overlay-compact ns/base --namespace unknown",
        "maintenance overlay-remove ns/base --namespace usr --mode delete",
        "maintenance merge --dest ns/base --src ns/base",
        "maintenance dedupe _archive/ns/old --key sequence",
        "namespace register mock --columns mock__score:int64",
        "namespace register usr --columns usr__x:int64",
        "export ns/base --fmt csv --out nowhere/out.csv",
        "export ns/base --fmt csv --out more.csv",
        "export ns/base --fmt nothing --out out.x",
        "legacy convert ns/base bad.csv",
        "dev make-mock ns/base --n 3",
        "dev add-demo-cols ns/base --x-dim 3 --namespace mock",
        "remotes add lab --host h --user u --base-dir relative",
        "plugins new csv --kind command",
        "notify drain --exec true",
    ],
)
def test_a_dry_run_is_refused_as_the_command_is(words: str, place: Path) -> None:
    """With the same error and exit code; neither of them writes anything."""
    (place / "bad.csv").write_text("sequence\nACGU?\n")
    before = whole_tree(place)

    tried, done = run(place, words, "--dry-run"), run(place, words)

    assert before == whole_tree(place)
    assert (tried.rc, tried.err.splitlines()[-3:]) == (done.rc, done.err.splitlines()[-3:])
    assert 0 != tried.rc


@pytest.mark.parametrize(
    "verb", ["dedupe ns/base --key sequence", "overlay-remove ns/base --namespace mock --mode delete"]
)
def test_what_is_only_counted_is_checked_like_a_change(verb: str, place: Path) -> None:
    """Without a registry neither may run."""
    (place / "root" / "registry.yaml").unlink()

    tried, done = run(place, f"maintenance {verb}", "--dry-run"), run(place, f"maintenance {verb}", "-y")

    assert (3, 3) == (tried.rc, done.rc)
    assert "USR-REGISTRY-006" in tried.err


def test_a_dry_run_of_a_first_root_makes_no_folder(tmp_path: Path) -> None:
    """The folder, its registry and the dataset are all still to be made."""
    tried = run_usr("init", "a/b", "--new-root", "--dry-run", "--format", "json", root=tmp_path / "x" / "root")

    assert (0, str(tmp_path / "x" / "root" / "a" / "b")) == (tried.rc, tried.data["path"])
    assert [] == list(tmp_path.iterdir())


def test_event_sinks_are_not_told_of_what_is_only_tried(place: Path) -> None:
    """There is no event of it, in no log."""
    dataset = Dataset.open(place / "root", "ns/base")
    events = len(list(dataset.events()))

    assert dataset.delete(IDS[:1], dry_run=True).event is None
    assert dataset.materialize(dry_run=True).event is None
    assert dataset.add_sequences([{"sequence": "TTTTGGGGCC"}], dry_run=True).added == 1
    assert dataset.write_overlay("mock", pa.table({"id": IDS[:1], "mock__score": [8.0]}), dry_run=True).event is None
    assert events == len(list(dataset.events()))


def test_a_dry_run_in_words_says_would(place: Path) -> None:
    """On stdout, as the command itself tells what it did."""
    assert run(place, f"delete ns/base --id {ID}", "--dry-run").out == "would delete 1 record of ns/base\n"
    assert run(place, "materialize ns/base", "--dry-run").out.startswith("would materialize mock into ns/base")
    assert run(place, "namespace register t --columns t__x:bool", "--dry-run").out.startswith("would register t\n")


def commands() -> dict[str, set[str]]:
    """Return every command of the built-in plugins with its options."""
    found: dict[str, set[str]] = {}
    for manifest in PLUGINS.glob("usr_*/usr-plugin.toml"):
        for entry in tomllib.loads(manifest.read_text(encoding="utf-8")).get("commands", []):
            module, _, name = entry["target"].partition(":")
            command = typer.main.get_command(getattr(import_module(module), name))
            path = " ".join(filter(None, [entry.get("parent"), entry["name"]]))
            inner = getattr(command, "commands", None)
            for sub, one in (
                {f"{path} {key}": value for key, value in inner.items()} if inner else {path: command}
            ).items():
                found[sub] = {option for parameter in one.params for option in getattr(parameter, "opts", [])}
    return found


def test_every_command_that_writes_is_tried_here() -> None:
    """A new one has to be put into the table, or among those that only read."""
    found = commands()
    tried = {case.command for case in CASES} | OTHERS

    assert set() == tried - found.keys()
    assert {} == {name: "--dry-run" for name in tried if "--dry-run" not in found[name]}
    read_only = {name.replace(":", " ") for name in READ_ONLY.split()}
    assert set() == found.keys() - tried - read_only
