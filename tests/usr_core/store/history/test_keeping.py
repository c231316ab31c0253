"""What the commits of a dataset that keeps its history leave below `.history`, and that nothing of it is ever lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from usr_core import Dataset
from usr_core.commit.errors import CommitPending
from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import resolve_tree
from usr_core.commit.recovery import recover
from usr_core.commit.transaction import Step
from usr_core.fs.errors import DiskFull
from usr_core.plugin.errors import BadConfig
from usr_core.registry.store import make_root, register_namespace
from usr_core.store.changes.errors import UnknownChoice
from usr_core.store.history.errors import TailDamaged
from usr_core.store.history.files import History
from usr_core.store.history.keeping import CHECKS, SETTING, Setting
from usr_core.store.history.restoring import check_tails, write_base_at

HISTORY = ".history"


def rows(first: int, count: int) -> list[dict[str, str]]:
    letters = str.maketrans("0123", "ACGT")
    return [
        {"sequence": f"{''.join(str(n >> 2 * k & 3) for k in range(12))}".translate(letters)}
        for n in range(first, first + count)
    ]


def add(dataset: Dataset, first: int, count: int) -> None:
    dataset.add_sequences(rows(first, count), bio_type="dna", alphabet="dna_4", source="test")


def kept(dataset: Dataset) -> list[str]:
    return [each.name for each in History(FileTree(dataset.path)).files()]


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if ".usr." not in path.name}


def last_artifacts(dataset: Dataset) -> dict[str, Any]:
    line = dataset.layout.event_log.read_text().splitlines()[-1]
    artifacts: dict[str, Any] = json.loads(line)["artifacts"]
    return artifacts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_root(tmp_path)
    register_namespace(tmp_path, "lab", [("lab__gc", "float64")])
    return tmp_path


@pytest.fixture
def dataset(root: Path) -> Dataset:
    made = Dataset.open(root, "demo/one").init()
    add(made, 0, 40)
    return made


def attach(dataset: Dataset, value: float) -> None:
    ids = dataset.head_arrow(3)["id"]
    dataset.write_overlay_part("lab", pa.table({"id": ids, "lab__gc": [value] * 3}), key="id")


class TestWhatIsKept:
    def test_attachments_keep_nothing(self, dataset):
        """A part that is added replaces nothing."""
        before = kept(dataset)

        for value in (0.1, 0.2, 0.3):
            attach(dataset, value)

        assert before == kept(dataset)

    def test_an_append_keeps_the_end_of_the_old_base(self, dataset, tmp_path):
        """The tail and what the new base begins with are the old base, byte for byte, however many appends follow."""
        bases = {}
        for number in range(20):
            bases[2 + number] = dataset.layout.records.read_bytes()
            add(dataset, 100 * (number + 1), 2)

        history = History(FileTree(dataset.path))
        for version, expected in bases.items():
            write_base_at(history, version, tmp_path / str(version))
            assert expected == (tmp_path / str(version)).read_bytes()
        assert 19 <= sum(name.endswith(".tail") for name in kept(dataset))

    def test_a_rewrite_keeps_the_old_base_whole(self, dataset):
        """A materialized base stands in place of another file, which only gets another name."""
        attach(dataset, 0.5)
        inode = dataset.layout.records.stat().st_ino

        with dataset.maintenance(reason="test"):
            dataset.materialize()

        assert inode == (dataset.path / HISTORY / "4" / "records.parquet").stat().st_ino

    def test_tombstones_and_dropped_parts_are_kept(self, dataset):
        """What a change removes or writes anew is kept with its name of then."""
        ids = dataset.head_arrow(2)["id"].to_pylist()
        dataset.delete(ids[:1], reason="a")
        dataset.delete(ids[1:], reason="b")
        attach(dataset, 0.5)
        (part,) = (dataset.path / "_derived/lab").iterdir()

        with dataset.maintenance(reason="test"):
            dataset.remove_overlay("lab", mode="delete")

        assert [f"{HISTORY}/4/_derived/usr.parquet", f"{HISTORY}/6/_derived/lab/{part.name}"] == kept(dataset)[1:]

    def test_the_event_tells_digests_and_where_it_is(self, dataset):
        """Files that were added and removed stand in the event with their size and sha256."""
        ids = dataset.head_arrow(1)["id"].to_pylist()
        dataset.delete(ids, reason="a")
        (added,) = last_artifacts(dataset)["added"]
        dataset.restore(ids)

        (removed,) = last_artifacts(dataset)["removed"]
        assert added == {name: removed[name] for name in ("path", "size_bytes", "sha256")}
        assert f"{HISTORY}/4/_derived/usr.parquet" == removed["kept"]


class TestSetting:
    def test_a_new_dataset_keeps(self, dataset):
        """Without a word, a new dataset keeps everything from its first event on."""
        assert Setting(keep=True, since=1) == Setting.read(FileTree(dataset.path))

    @pytest.mark.parametrize(
        ("file", "asked", "keeps"), [("none", None, False), ("none", "keep", True), ("keep", "none", False)]
    )
    def test_the_root_and_then_the_option_decide(self, root, file, asked, keeps):
        """`usr.toml` of the root says what holds for new datasets; what is asked for beats it."""
        (root / "usr.toml").write_text(f'history = "{file}"\n')

        made = Dataset.open(root, "demo/two").init(history=asked)
        add(made, 0, 5)

        assert keeps == (made.path / HISTORY).exists()
        assert keeps == ("removed" in last_artifacts(made))

    def test_a_wrong_word_is_refused(self, root):
        """Neither the option nor the file may say anything else, and nothing is made."""
        with pytest.raises(UnknownChoice, match="--history can't be 'all'"):
            Dataset.open(root, "demo/two").init(history="all")
        (root / "usr.toml").write_text("history = 3\n")
        with pytest.raises(BadConfig, match="neither"):
            Dataset.open(root, "demo/two").init()

        assert not (root / "demo").exists()


class TestNothingIsLost:
    @pytest.mark.parametrize(
        "step", [Step.STAGED, Step.RESERVED, Step.RECORDED, Step.LINKED, Step.APPLIED, Step.LOGGED]
    )
    @pytest.mark.parametrize("verb", ["append", "restore", "materialize"])
    def test_an_error_leaves_the_dataset_as_it_was(self, dataset, step, verb):
        """At every step an error undoes the change, what was kept included."""
        change = self.prepared(dataset, verb)
        before = contents(dataset.path)

        with pytest.raises((OSError, CommitPending)):
            change(self.raising(step))

        assert before == contents(dataset.path)

    @pytest.mark.parametrize("step", [Step.LINKED, Step.APPLIED, Step.LOGGED])
    @pytest.mark.parametrize("verb", ["append", "restore", "materialize"])
    def test_recovery_finishes_what_was_committed(self, dataset, tmp_path, step, verb):
        """A copy taken in the middle of a commit shows the new state, and recovery makes it that."""
        change = self.prepared(dataset, verb)
        copy = tmp_path / "copy"

        change(lambda now: shutil.copytree(dataset.path, copy) if now == step else None)

        seen = {entry.relative: entry.path.read_bytes() for entry in resolve_tree(copy).walk()}
        history = [each.name for each in History(resolve_tree(copy)).files()]
        recover(copy)
        after = contents(dataset.path)
        assert after == contents(copy)
        assert kept(dataset) == history
        assert {name: after[name] for name in seen if name != ".events.log"} == {
            name: content for name, content in seen.items() if name != ".events.log"
        }

    @staticmethod
    def raising(step: Step) -> Callable[[Step], None]:
        def observer(now: Step) -> None:
            if now == step:
                raise OSError(28, "No space left on device")

        return observer

    @staticmethod
    def prepared(dataset: Dataset, verb: str) -> Callable[[Callable[[Step], None]], None]:
        from dataclasses import replace

        ids = dataset.head_arrow(1)["id"].to_pylist()
        attach(dataset, 0.5)
        dataset.delete(ids, reason="a")
        site = dataset._site

        def change(observer: Callable[[Step], None]) -> None:
            dataset._site = lambda **more: replace(site(**more), observer=observer)
            try:
                if verb == "append":
                    add(dataset, 500, 3)
                elif verb == "restore":
                    dataset.restore(ids)
                else:
                    with dataset.maintenance(reason="test"):
                        dataset.materialize()
            finally:
                dataset._site = site

        return change


class TestDamage:
    @pytest.fixture
    def appended(self, dataset):
        add(dataset, 100, 3)
        return dataset

    def test_a_whole_tail_fits(self, appended):
        """What was just kept is what it says."""
        assert [] == list(check_tails(History(FileTree(appended.path))))
        assert appended.validate(strict=True).ok

    @pytest.mark.parametrize("where", ["base", "tail", "line", "short"])
    def test_one_flipped_bit_is_found(self, appended, tmp_path, where):
        """A bit that is flipped in the base before the tail, or in the tail, is one clear error."""
        name = "records.parquet" if where == "base" else f"{HISTORY}/3/records.tail"
        content = bytearray((appended.path / name).read_bytes())
        content[{"base": 60, "tail": -9, "line": 4, "short": 0}[where]] ^= 1 if where != "short" else 0
        (appended.path / name).unlink()
        (appended.path / name).write_bytes(content[:-1] if where == "short" else content)
        history = History(FileTree(appended.path))

        with pytest.raises(TailDamaged, match=r".history/3/records\.tail does not fit"):
            write_base_at(history, 2, tmp_path / "base")
        ((name, reason),) = check_tails(history)
        assert ".history/3/records.tail" == name
        found = appended.validate(strict=True).findings
        assert f"{name} {reason}" in [finding.message for finding in found]

    def test_checks_of_another_base_are_not_believed(self, dataset, tmp_path):
        """Where what was written down is of another base, the bytes are read again."""
        (dataset.path / CHECKS).write_text('{"usr_history": 1, "size_bytes": 1, "end": "", "blocks": ["0"]}')
        before = dataset.layout.records.read_bytes()

        add(dataset, 100, 3)

        write_base_at(History(FileTree(dataset.path)), 2, tmp_path / "base")
        assert before == (tmp_path / "base").read_bytes()
        assert (dataset.path / SETTING).exists()


class TestAdoption:
    def test_a_new_log_begins_a_new_history(self, dataset):
        """What was kept under numbers that the new log does not have yet is put aside, not believed."""
        add(dataset, 100, 3)
        dataset.layout.event_log.unlink()

        dataset.adopt()

        assert [] == kept(dataset)
        assert 1 == Setting.read(FileTree(dataset.path)).since
        assert 2 == len(list((dataset.path / ".usr.replaced/adopt-1").rglob("records.*")))

    def test_what_is_kept_is_no_news(self, dataset):
        """Kept files are not among the files that an adoption lists, so an untouched dataset is left alone."""
        add(dataset, 100, 3)

        assert dataset.adopt() is None


class TestValidation:
    @pytest.mark.parametrize("damage", ["gone", "shorter", "other"])
    def test_a_kept_file_is_held_against_its_event(self, dataset, damage):
        """One that is missing or changed is an error of `validate --strict`, and of no other validation."""
        ids = dataset.head_arrow(2)["id"].to_pylist()
        dataset.delete(ids[:1], reason="a")
        dataset.delete(ids[1:], reason="b")
        kept = dataset.path / HISTORY / "4/_derived/usr.parquet"
        content = bytearray(kept.read_bytes())
        content[-20] ^= 1
        kept.unlink()
        if damage != "gone":
            kept.write_bytes(content[:-1] if damage == "shorter" else content)

        codes = {finding.code for finding in dataset.validate(strict=True).findings}

        assert {"USR-VALID-092"} == codes
        assert dataset.validate().ok

    def test_what_is_of_no_event_is_told(self, dataset):
        """A folder with a number that the log does not have would be taken for what a later event kept."""
        (dataset.path / HISTORY / "99").mkdir()

        assert ["USR-VALID-093"] == [finding.code for finding in dataset.validate(strict=True).findings]

    @pytest.mark.parametrize("content", ["[" * 100_000, '{"usr_history": 1, "history": "keep", "since": 1e999}'])
    def test_a_document_that_is_none_is_a_finding(self, dataset, content):
        """However it is damaged: the setting, and the first line of a tail."""
        add(dataset, 100, 3)
        tail = dataset.path / HISTORY / "3/records.tail"
        whole = tail.read_bytes()
        tail.write_text(content.replace("history", "tail").replace('"tail": "keep", "since"', '"prefix_bytes"'))

        assert ["USR-VALID-092"] == [finding.code for finding in dataset.validate(strict=True).findings]

        tail.write_bytes(whole)
        (dataset.path / SETTING).write_text(content)
        assert ["USR-HISTORY-003"] == [finding.code for finding in dataset.validate(strict=True).findings]
        (dataset.path / SETTING).write_bytes(Setting(keep=True, since=1).encode())
        (dataset.path / CHECKS).write_text(content)
        add(dataset, 200, 3)
        assert dataset.validate(strict=True).ok

    def test_a_base_that_a_pull_kept_whole_is_as_good_as_its_tail(self, dataset):
        """The event is of the copy that was pulled from, where the end was enough."""
        old = dataset.layout.records.read_bytes()
        add(dataset, 100, 3)
        (dataset.path / HISTORY / "3/records.tail").unlink()
        assert not dataset.validate(strict=True).ok

        (dataset.path / HISTORY / "3/records.parquet").write_bytes(old)

        assert dataset.validate(strict=True).ok
        assert dataset.at(2).to_arrow().num_rows == 40

    def test_what_was_given_up_is_not_missed(self, dataset):
        """After a collection the rest is as it should be."""
        add(dataset, 100, 3)
        dataset.gc(keep_seconds=0)

        assert [] == list(dataset.validate(strict=True).findings)

    @pytest.mark.parametrize("again", [False, True])
    def test_a_base_that_was_not_kept_damages_nothing(self, dataset, again):
        """What was kept before history was switched off is not held against the base that was written since."""
        add(dataset, 100, 3)
        attach(dataset, 0.5)
        dataset.set_history(keep=False)
        with dataset.maintenance(reason="test"):
            dataset.materialize()
        if again:
            dataset.set_history(keep=True)
            add(dataset, 200, 3)

        assert [] == list(dataset.validate(strict=True).findings)

        if again:
            tail = Path(dataset.path / kept(dataset)[-1])
            content = tail.read_bytes()
            tail.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            assert ["USR-VALID-092"] == [finding.code for finding in dataset.validate(strict=True).findings]


class TestBytes:
    def test_much_that_is_kept_is_said_once(self, dataset, caplog):
        """A change that keeps more than the base's own size names the command that gives it up, until that was done."""
        ids = dataset.head_arrow(40)["id"].to_pylist()
        with dataset.maintenance(reason="test"):
            dataset.delete(ids[:20])
            dataset.materialize(drop_deleted=True)
            dataset.delete(ids[20:30])
            dataset.materialize(drop_deleted=True)

        told = [record.getMessage() for record in caplog.records if "usr gc demo/one" in record.getMessage()]
        assert 1 == len(told)
        assert told[0].startswith("demo/one: this change kept ")

    def test_a_full_disk_names_the_history_first(self, dataset):
        """The hint begins with what can be given up, where something is kept."""
        add(dataset, 100, 3)

        with pytest.raises(DiskFull) as caught:
            TestNothingIsLost.prepared(dataset, "append")(TestNothingIsLost.raising(Step.RESERVED))

        assert str(caught.value.hint).startswith("Give up older versions, which take ")
        assert "usr gc demo/one" in str(caught.value.hint)
