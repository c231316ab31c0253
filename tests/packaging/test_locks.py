"""The lock: what stands in requirements/, and that it is what is installed."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.locks import LOCKS, Locked, read_lock

CHECKOUT = LOCKS.parent
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
FILES = ("dev.txt", "runtime.txt")
PYTHONS = ("3.11.0", "3.12.0", "3.13.0")
MACHINES = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))


def locked_for(file: str, python: str = "3.11.0", system: str = "linux", machine: str = "x86_64") -> dict[str, Locked]:
    """Return what a file pins on one Python and machine, by name; each name once."""
    here = {
        **default_environment(), "python_full_version": python, "python_version": python.rpartition(".")[0],
        "sys_platform": system, "platform_machine": machine,
    }  # fmt: skip
    for_it = [
        locked
        for locked in read_lock(LOCKS / file)
        if locked.requirement.marker is None or locked.requirement.marker.evaluate(here)
    ]
    assert len(for_it) == len({locked.name for locked in for_it}), for_it
    return {locked.name: locked for locked in for_it}


def asked_for(extras: tuple[str, ...]) -> list[Requirement]:
    """Return the ranges of pyproject.toml: run time, the given extras, and what builds the project."""
    project = PROJECT["project"]
    words = [*project["dependencies"], *PROJECT["build-system"]["requires"]]
    words += [word for extra in extras for word in project["optional-dependencies"][extra]]
    return [found for word in words if (found := Requirement(word)).name != project["name"]]


@pytest.mark.parametrize("file", FILES)
class TestFiles:
    def test_each_pin_has_hashes(self, file: str) -> None:
        """pip takes no file that is none of these."""
        wrong = [
            locked.text
            for locked in read_lock(LOCKS / file)
            if not locked.hashes or not all(re.fullmatch("sha256:[0-9a-f]{64}", value) for value in locked.hashes)
        ]

        assert [] == wrong

    def test_no_address_stands_in_it(self, file: str) -> None:
        """Where packages come from is the machine's business."""
        text = (LOCKS / file).read_text(encoding="utf-8")

        assert [] == re.findall(r"https?:|file:|--(?:extra-)?index-url|--find-links|\S+ @ ", text)

    @pytest.mark.parametrize("python", PYTHONS)
    @pytest.mark.parametrize(("system", "machine"), MACHINES)
    def test_ranges_of_the_project_are_satisfied(self, file: str, python: str, system: str, machine: str) -> None:
        """On every supported Python and machine, for everything that pyproject.toml asks for."""
        pins = locked_for(file, python, system, machine)
        wanted = asked_for(("test", "dev") if file == "dev.txt" else ())

        assert set() == {canonicalize_name(requirement.name) for requirement in wanted} - set(pins)
        assert [] == [
            str(requirement)
            for requirement in wanted
            if pins[canonicalize_name(requirement.name)].version not in requirement.specifier
        ]


def test_runtime_is_part_of_what_is_tested() -> None:
    """`make demo` installs nothing that `make test` does not."""
    tested = {locked.text for locked in read_lock(LOCKS / "dev.txt")}

    assert [] == [
        locked.text
        for locked in read_lock(LOCKS / "runtime.txt")
        if locked.text not in tested and locked.requirement.marker is None
    ]


@pytest.mark.locked
def test_installed_versions_are_the_locked_ones() -> None:
    """In the environment that runs this test."""
    pins = locked_for("dev.txt", ".".join(map(str, sys.version_info[:3])), sys.platform)

    assert {name: pin.version for name, pin in pins.items()} == {name: version(name) for name in pins}


def test_every_locked_file_is_named_here() -> None:
    """No other file lies among them."""
    assert sorted(FILES) == sorted(path.name for path in Path(LOCKS).iterdir())
