"""Files below `.history`: which there are, and where the content lies that a file had at an earlier version."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.kept_history import add, keeping
from usr_core.commit.file_tree import FileTree
from usr_core.store.checks.doctor.examination import examine
from usr_core.store.history.errors import HistoryUnreadable
from usr_core.store.history.files import History
from usr_core.store.history.keeping import NOT_KEPT, SETTING, Setting


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.fixture
def history(tmp_path: Path) -> History:
    put(
        tmp_path,
        "records.parquet",
        "_derived/usr.parquet",
        "_derived/lab/part-2.parquet",
        "_derived/_archived/lab/20260101T000000000000/part-1.parquet",
        ".history/9/records.tail",
        ".history/12/records.tail",
        ".history/20/records.parquet",
        ".history/20/_derived/usr.parquet",
        ".history/31/records.tail",
        ".history/31/_derived/gone.parquet",
    )
    return History(FileTree(tmp_path))


class TestFileAt:
    @pytest.mark.parametrize(
        ("name", "version", "where"),
        [
            ("records.parquet", 19, ".history/20/records.parquet"),
            ("records.parquet", 20, "records.parquet"),
            ("_derived/usr.parquet", 3, ".history/20/_derived/usr.parquet"),
            ("_derived/usr.parquet", 25, "_derived/usr.parquet"),
            ("_derived/gone.parquet", 30, ".history/31/_derived/gone.parquet"),
            ("_derived/lab/part-2.parquet", 3, "_derived/lab/part-2.parquet"),
            ("_derived/lab/part-1.parquet", 3, "_derived/_archived/lab/20260101T000000000000/part-1.parquet"),
        ],
    )
    def test_the_first_later_commit_has_it(self, history, name, version, where):
        """A file of version N is what the first later commit kept, else the file itself, else an archived part."""
        assert history.tree.folder / where == history.file_at(name, version)

    @pytest.mark.parametrize("name", ["_derived/gone.parquet", "_derived/lab/part-3.parquet", "_registry"])
    def test_what_nothing_has_is_none(self, history, name):
        """A name that nothing has any more has no path."""
        assert history.file_at(name, 31) is None

    def test_tails_lead_back_from_the_base_of_then(self, history):
        """Tails of later appends count up to the commit that replaced the base as a whole, the newest first."""
        assert [12, 9] == [version for version, _ in history.tails_after(8)]
        assert [12] == [version for version, _ in history.tails_after(9)]
        assert [] == list(history.tails_after(12))
        assert [31] == [version for version, _ in history.tails_after(20)]

    def test_other_folders_are_of_no_event(self, history):
        """A number that is written in another way is not the name that a commit gives."""
        before = history.versions
        for name in ("03", "0", "+4", "x", "\u0663", "4 "):
            put(history.tree.folder, f".history/{name}/records.parquet")

        assert before == History(history.tree).versions

    def test_bytes_are_those_of_all_files(self, history):
        """The size is the sum over what is kept; the setting does not count."""
        put(history.tree.folder, SETTING)

        names = [kept.name for kept in history.files()]

        assert 6 == len(names)
        assert sum(map(len, names)) == history.size_bytes


class TestSetting:
    def test_a_setting_survives_its_file(self, tmp_path):
        """What is written is read again."""
        setting = Setting(keep=True, since=4, versions=(1, 2))
        put(tmp_path, SETTING)
        (tmp_path / SETTING).write_bytes(setting.encode())

        assert setting == History(FileTree(tmp_path)).setting

    def test_a_dataset_without_the_file_keeps_nothing(self, tmp_path):
        """A dataset of an older version says nothing and keeps nothing."""
        history = History(FileTree(tmp_path))

        assert NOT_KEPT == history.setting
        assert (None, (), 0) == (history.setting.since, history.versions, history.size_bytes)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"usr_history": 2, "history": "keep"}', '{"usr_history": 1}'])
    def test_a_damaged_setting_is_an_error(self, tmp_path, text):
        """What is no setting of this version is refused by name."""
        put(tmp_path, SETTING)
        (tmp_path / SETTING).write_text(text)

        with pytest.raises(HistoryUnreadable, match=SETTING):
            _ = History(FileTree(tmp_path)).setting


class TestUse:
    def test_bytes_and_since_when_are_told(self, tmp_path):
        """`info` and `doctor` tell how much is kept and from which version on; of a damaged setting doctor tells."""
        dataset = keeping(tmp_path)
        add(dataset, "GGGG")
        use = dataset.overview().history
        assert use is not None
        assert ("keep", 1, 2) == (use.history, use.since, use.files)
        assert f"{use.size_bytes / 1000:.1f} kB in 2 files, from version 1 on" == use.told
        assert use == examine(tmp_path, ref=dataset.ref).dataset.history

        (dataset.path / SETTING).write_text("{}")

        assert dataset.overview().history is None
        assert "USR-HISTORY-003" in [finding.code for finding in examine(tmp_path, ref=dataset.ref).findings]
