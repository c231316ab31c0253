"""Versions of other packages: checked against the admitted ranges before anything heavy, and told by the doctor."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from support.cli import Usr, clean_env, run_usr
from support.tree import assert_unchanged
from usr_core.requirements import Requirement, read_requirements, require_admitted

NEEDED = {"duckdb", "filelock", "importlib-metadata", "numpy", "pluggy", "pyarrow", "pyyaml", "typer"}


def install(site: Path, name: str, version: str, *requires: str) -> None:
    """Add the metadata of a distribution to a folder that is to come first on ``sys.path``."""
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    (folder / "METADATA").write_text("\n".join([*lines, "", "Requires-Dist: nothing"]), encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Packages by which an older pyarrow is installed, pinned by one of them."""
    folder = tmp_path / "site"
    install(folder, "pyarrow", "25.0.0")
    install(folder, "cluster_tools", "1.2", "numpy>=1", "pyarrow<26,>=20 ; python_version > '3'")
    install(folder, "innocent", "1.0", "pyarrow>=10", "pyarrow<2 ; extra == 'old'")
    return folder


class TestCommands:
    def test_that_write_are_refused_and_name_the_package_that_pins(self, seeded: Usr, site: Path) -> None:
        """One error, before a byte is written."""
        with assert_unchanged(seeded.root):
            result = seeded.refuses(1, "snapshot", "ns/base", env={"PYTHONPATH": site})

        assert "USR-VERSION-001" in result.err
        assert "pyarrow 25.0.0 is installed" in result.err
        assert "cluster_tools 1.2 requires pyarrow>=20,<26" in result.err
        assert "USR works with pyarrow>=26,<27" in result.err
        assert "innocent" not in result.err

    def test_that_read_are_refused(self, seeded: Usr, site: Path) -> None:
        """A view that may be wrong is not shown."""
        assert "USR-VERSION-001" in seeded.refuses(1, "head", "ns/base", env={"PYTHONPATH": site}).err

    def test_that_touch_no_dataset_run(self, site: Path, tmp_path: Path) -> None:
        """Help does not look at versions at all."""
        code = "import sys; sys.argv = ['usr', '--help']\nfrom usr_core.cli.main import main\nmain()\n"
        code += "print('usr_core.requirements' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=clean_env({"PYTHONPATH": site}), capture_output=True,
            text=True, timeout=60, check=True,
        )  # fmt: skip

        assert "False" == done.stdout.splitlines()[-1]

    def test_without_a_pin_the_hint_is_the_installation(self, seeded: Usr, tmp_path: Path) -> None:
        """Nobody asks for the version, so it can be replaced."""
        install(tmp_path / "site", "duckdb", "1.4.0")
        result = seeded.refuses(1, "head", "ns/base", env={"PYTHONPATH": tmp_path / "site"})

        assert "duckdb 1.4.0 is installed; USR works with duckdb>=2.0,<3" in result.err
        assert "pip install 'duckdb>=2.0,<3'" in result.err


class TestDoctor:
    def test_lists_every_package_with_its_range(self, tmp_path: Path) -> None:
        """Those that USR needs, and the optional ones that are installed."""
        data = run_usr("doctor", "--format", "json", cwd=tmp_path).data
        listed = {one["name"]: one for one in data["requirements"]}

        assert set(listed) >= NEEDED | {"pandas", "polars"}
        assert all(one["ok"] for one in listed.values())
        assert (">=26,<27", None) == (listed["pyarrow"]["admitted"], listed["pyarrow"]["extra"])

    def test_tells_of_a_wrong_version_with_the_package_that_pins(self, site: Path, tmp_path: Path) -> None:
        """It runs where nothing else does."""
        result = run_usr("doctor", "--format", "json", cwd=tmp_path, env={"PYTHONPATH": site})
        (found,) = (one for one in result.data["findings"] if one["severity"] == "error")
        (pyarrow,) = (one for one in result.data["requirements"] if one["name"] == "pyarrow")

        assert (1, "USR-VERSION-001") == (result.rc, found["code"])
        assert "cluster_tools 1.2" in found["message"]
        assert (False, "25.0.0") == (pyarrow["ok"], pyarrow["installed"])


def test_the_check_costs_a_few_milliseconds() -> None:
    """The best of five runs on warm files, so that a busy machine does not decide."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        require_admitted()
        times.append(time.perf_counter() - began)

    assert min(times) < 0.005


def test_this_environment_is_admitted() -> None:
    """Whichever of the tested sets of versions it is."""
    assert [] == [one.problem for one in read_requirements() if one.problem]


RELEASES = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
CLAUSES = st.one_of(
    st.tuples(st.sampled_from([">=", "<", "<=", "==", "!=", ">"]), RELEASES).map("".join),
    st.tuples(st.sampled_from(["==", "!="]), RELEASES).map(lambda parts: "".join(parts) + ".*"),
    RELEASES.filter(lambda text: "." in text).map("~={}".format),
)


@settings(max_examples=300, deadline=None)
@example(range_="==0.0.*", version="0")
@given(range_=st.lists(CLAUSES, min_size=1, max_size=3).map(",".join), version=RELEASES)
def test_ranges_hold_what_packaging_says(range_: str, version: str) -> None:
    """Of releases; the reference is the library that pip uses."""
    judged = Requirement("x", range_, None, version).problem is None

    assert SpecifierSet(range_).contains(version) == judged


@pytest.mark.parametrize(
    ("version", "admitted"),
    [("26.0.0rc1", False), ("26.0.0.post1", True), ("26.0.1+cu12", True), ("27.0.0.dev3", False), ("v26.1", True)],
)
def test_other_forms_of_versions(version: str, admitted: bool) -> None:
    """Pre-releases come before their release, and those of the upper bound are out; local versions count as theirs."""
    assert admitted == (Requirement("pyarrow", ">=26,<27", None, version).problem is None)
