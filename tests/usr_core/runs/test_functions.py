"""Functions of runs are what their files say."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from usr_core import Dataset
from usr_core.plugin.host import PluginHost
from usr_core.runs.errors import FunctionUnusable
from usr_core.runs.functions import find_function, load_function
from usr_core.testing.fixtures import HostFactory, PluginFactory, TmpPlugin


class TestFile:
    def test_that_was_changed_is_loaded_anew_in_the_same_process(self, tmp_path: Path) -> None:
        """The function that runs is the one whose digest the run records, also where both have one name."""
        host, file = PluginHost(), tmp_path / "scores.py"
        file.write_text("def score(rows):\n    return 1\n")
        before, _ = find_function(f"{file}:score", {}, host)
        one = load_function(before, {}, host)([])
        file.write_text("def score(rows):\n    return 2\n\ndef other(rows):\n    return 3\n")
        after, _ = find_function(f"{file}:score", {}, host)
        added, _ = find_function(f"{file}:other", {}, host)

        assert before.digest != after.digest == added.digest
        assert [1, 2, 3] == [one, load_function(after, {}, host)([]), load_function(added, {}, host)([])]

    def test_that_was_changed_after_the_plan_is_refused(self, tmp_path: Path) -> None:
        """The run was planned with another function."""
        host, file = PluginHost(), tmp_path / "scores.py"
        file.write_text("def score(rows):\n    return 1\n")
        planned, _ = find_function(f"{file}:score", {}, host)
        file.write_text("def score(rows):\n    return 2\n")

        with pytest.raises(FunctionUnusable, match="is not the file that the run was planned with"):
            load_function(planned, {}, host)

    def test_may_stand_in_a_path_with_colons(self, tmp_path: Path) -> None:
        """The last colon stands before the function; a worker finds it by what the plan says."""
        host, file = PluginHost(), tmp_path / "lab:2026" / "a:b.py"
        file.parent.mkdir()
        file.write_text("def score(rows):\n    return 1\n")
        found, _ = find_function(f"{file}:score", {}, host)

        assert ("a:b.py:score", str(file)) == (found.name, found.place)
        assert 1 == load_function(found, {}, host)([])

    def test_that_can_not_be_read_is_told_with_its_path(self, tmp_path: Path) -> None:
        """As a fault of the function, also on a worker; a file of the kernel stands for one without rights."""
        host, file = PluginHost(), tmp_path / "scores.py"
        file.write_text("def score(rows):\n    return 1\n")
        planned, _ = find_function(f"{file}:score", {}, host)
        file.unlink()
        with pytest.raises(FunctionUnusable, match=r"scores.py can't be read: No such file"):
            load_function(planned, {}, host)
        file.symlink_to("/proc/self/mem")

        with pytest.raises(FunctionUnusable, match=r"scores.py can't be read: Input/output error") as caught:
            find_function(f"{file}:score", {}, host)
        assert "every worker" in caught.value.hint

    @pytest.mark.parametrize(
        ("guard", "code", "told"),
        [
            ("", 1, 'begins a run without `if __name__ == "__main__":`'),
            ('if __name__ == "__main__":\n    ', 0, "MapRun("),
        ],
    )
    def test_that_is_the_script_itself_needs_a_guard(
        self, dataset: Dataset, tmp_path: Path, guard: str, code: int, told: str
    ) -> None:
        """A worker imports the script: without a guard it would begin the run again, and so on."""
        script = tmp_path / "script.py"
        call = "print(ds.map(score, into='lab__ratio', mode='all', per_record=True, executor=None))"
        script.write_text(
            "from usr_core import Dataset\n\ndef score(sequence):\n    return 0.5\n\n"
            f"ds = Dataset.open({str(dataset.ref.root)!r}, {dataset.ref.name!r})\n{guard}{call}\n"
        )
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)

        assert (code, True) == (done.returncode, told in done.stdout + done.stderr), done.stderr
        assert (not code) == any((dataset.path / ".usr.tmp").glob("map-*"))


class TestPlugin:
    """A function by name, whose plugin keeps its work in a module of its own."""

    HOOKS = """
from usr_core.api import FunctionSpec, hookimpl


def _score():
    from usr_plugin_fold.work import score

    return score


@hookimpl
def usr_functions():
    return [FunctionSpec(name="score", summary="Score", factory=_score, type="float64")]
"""

    @pytest.fixture
    def plugin(self, tmp_plugin: PluginFactory) -> TmpPlugin:
        """The plugin, with a module that has the function."""
        work = {"work.py": "def score(rows): return 1\n"}
        return tmp_plugin("fold", hooks=self.HOOKS, provides=[("function", "score")], files=work)

    def test_whose_work_was_changed_is_another_version(self, plugin: TmpPlugin, usr_host: HostFactory) -> None:
        """So that mapping every record again makes the values anew."""
        host, work = usr_host(plugin), plugin.site / "usr_plugin_fold" / "work.py"
        before, _ = find_function("score", {}, host)
        work.write_text("def score(rows): return 2\n")
        after, _ = find_function("score", {}, host)

        assert before.digest != after.digest

    def test_that_was_changed_after_the_plan_is_refused(self, plugin: TmpPlugin, usr_host: HostFactory) -> None:
        """A run that goes on after an upgrade would have values of two versions."""
        host, work = usr_host(plugin), plugin.site / "usr_plugin_fold" / "work.py"
        planned, _ = find_function("score", {}, host)
        work.write_text("def score(rows): return 2\n")

        with pytest.raises(FunctionUnusable, match="the plugin fold is not the version that the run was planned with"):
            load_function(planned, {}, host)


class TestModule:
    def test_that_was_changed_is_run_as_it_is_now_in_the_same_process(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What runs here is what a worker would import; the module that this process has imported stays as it is."""
        monkeypatch.chdir(tmp_path)
        host, file = PluginHost(), tmp_path / "edited_scores.py"
        file.write_text("def score(rows):\n    return 1\n")
        before, _ = find_function("edited_scores:score", {}, host)
        one = load_function(before, {}, host)([])
        file.write_text("def score(rows):\n    return 22\n")
        after, _ = find_function("edited_scores:score", {}, host)

        assert before.digest != after.digest
        assert [1, 22] == [one, load_function(after, {}, host)([])]
        assert 1 == sys.modules.pop("edited_scores").score([])

    def test_that_the_user_imported_before_it_was_changed_is_run_as_it_is_now(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As in a notebook, which has imported the module before it maps with it."""
        monkeypatch.syspath_prepend(str(tmp_path))
        file = tmp_path / "imported_scores.py"
        file.write_text("def score(rows):\n    return 1\n")
        importlib.import_module("imported_scores")
        file.write_text("def score(rows):\n    return 22\n")
        found, _ = find_function("imported_scores:score", {}, PluginHost())

        assert 22 == load_function(found, {}, PluginHost())([])
        assert 1 == sys.modules.pop("imported_scores").score([])
