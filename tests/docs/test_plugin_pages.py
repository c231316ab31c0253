"""docs/plugins: the tutorial is followed step by step, each page's plugin runs, and the directory is complete."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import Result, Usr, clean_env
from support.forked_cli import ForkedUsr
from support.plugins import FakePlugin, install
from support.scratch_venv import ScratchVenv, make_venv
from usr_core.plugin.catalogue import Catalogue
from usr_core.plugin.discovery import PluginStatus
from usr_core.plugin.hookspecs import UsrHooks
from usr_core.plugin.manifest import MOUNT_POINTS, PROVIDER_KINDS, parse_manifest
from usr_core.plugin.switches import Switches

CHECKOUT = Path(__file__).parents[2]
PAGES = CHECKOUT / "docs" / "plugins"
BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HOOK_PAGES = {
    "importers.md": "usr_importers",
    "exporters.md": "usr_exporters",
    "overlay-writers.md": "usr_overlay_writers",
    "verify.md": "usr_verify_strategies",
    "transports.md": "usr_transports",
    "event-sinks.md": "usr_event_sinks",
    "namespaces.md": "usr_namespaces",
    "checks.md": "usr_checks",
    "alphabets.md": "usr_alphabets",
    "health-checks.md": "usr_health_checks",
    "executors.md": "usr_executors",
    "functions.md": "usr_functions",
}


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Return the file name (or ""), language and text of each block of a page, in order."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


# ------------------------------------------------------------ the tutorial


@pytest.fixture
def venv(tmp_path: Path) -> ScratchVenv:
    """A venv in which USR is installed, with the commands `usr`, `pip` and `pytest`."""
    made = make_venv(tmp_path / "venv")
    python = f"exec {made.python}"
    commands = {
        "usr": f"{python} -c 'import sys; from usr_core.cli.main import main; sys.exit(main())' \"$@\"",
        "pip": f'exec {sys.executable} -m pip --python {made.python} "$@" --no-build-isolation --no-index',
        "pytest": f'{python} -m pytest "$@"',
    }
    for name, line in commands.items():
        script = made.folder / "bin" / name
        script.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        script.chmod(0o755)
    return made


def test_the_tutorial_ends_with_a_tested_plugin_that_works(venv: ScratchVenv, tmp_path: Path) -> None:
    """Each command and each file, in order; nothing else."""
    env = clean_env({"PATH": f"{venv.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    (tmp_path / "work").mkdir()
    folder, printed = tmp_path / "work", []
    for name, language, text in blocks(PAGES / "tutorial.md"):
        if name:
            (folder / name).write_text(text, encoding="utf-8")
            continue
        assert "sh" == language
        for command in text.splitlines():
            if command.startswith("cd "):
                folder /= command[3:]
                continue
            done = subprocess.run(["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=300, check=False)  # fmt: skip
            assert 0 == done.returncode, f"$ {command}\n{done.stdout}{done.stderr}"
            printed.append((command, done.stdout))

    pytests = [text for command, text in printed if command == "pytest -q"]
    heads = [text for command, text in printed if command.startswith("usr head")]
    assert all(re.search(r"^\d\d passed in", text, re.MULTILINE) for text in pytests)
    assert 2 == len(pytests)
    assert "TTTACACTTTATGCTTCCGGCTCG" in heads[0]
    assert "araB" in heads[1]


def test_the_tutorials_reader_has_forty_lines_of_code() -> None:
    """Without its docstring, imports and empty lines."""
    (code,) = (text for name, _, text in blocks(PAGES / "tutorial.md") if name.endswith("reader.py"))
    lines = [line for line in code.splitlines() if line.strip() and not re.match(r'import|from|"""', line)]

    assert len(lines) <= 45


# ------------------------------------------------------------ a page a hook


@pytest.mark.parametrize("page", sorted(HOOK_PAGES))
def test_the_pages_plugin_passes_the_pages_tests(page: str, tmp_path: Path) -> None:
    """Its manifest, its module and its test are files as printed; the plugin is found as an installed one is."""
    files = {name: text for name, _, text in blocks(PAGES / page) if name}
    package = tmp_path / "site" / "usr_plugin_lab"
    metadata = tmp_path / "site" / "usr_plugin_lab-1.0.dist-info"
    for folder in (package, metadata):
        folder.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "usr-plugin.toml").write_text(files["usr-plugin.toml"], encoding="utf-8")
    (package / "plugin.py").write_text(files["plugin.py"], encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: usr-plugin-lab\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[usr.plugins]\nlab = usr_plugin_lab.plugin\n", encoding="utf-8")
    (tmp_path / "test_lab.py").write_text(files["test_lab.py"], encoding="utf-8")
    (tmp_path / "test_manifest.py").write_text(_MANIFEST_TEST, encoding="utf-8")
    done = pytest_in(tmp_path, env={"PYTHONPATH": str(tmp_path / "site")})

    assert 0 == done.rc, str(done)
    assert re.search(r"^\d+ passed in", done.out, re.MULTILINE), done.out


@pytest.mark.parametrize("page", sorted(HOOK_PAGES))
def test_the_page_is_about_its_hook(page: str) -> None:
    """It names the hook and the directory leads to it."""
    assert HOOK_PAGES[page] in (PAGES / page).read_text(encoding="utf-8")
    assert f"({page})" in (PAGES / "README.md").read_text(encoding="utf-8")


def test_the_page_on_testing_is_a_test_module_that_passes(tmp_path: Path) -> None:
    """Its fixtures are there without an import."""
    (code,) = (text for name, _, text in blocks(PAGES / "testing.md") if name == "test_lab.py")
    (tmp_path / "test_lab.py").write_text(code, encoding="utf-8")
    done = pytest_in(tmp_path, env={})

    assert (0, True) == (done.rc, "3 passed" in done.out), str(done)


def test_the_page_on_testing_names_everything_in_the_kit() -> None:
    """Every contract, with all its features and all that it asks for, and every fixture."""
    import usr_core.testing as kit

    page = (PAGES / "testing.md").read_text(encoding="utf-8")
    contracts = [getattr(kit, name) for name in kit.__all__ if name.endswith("Contract")]
    marked = {getattr(test, "usr_contract_feature", None) for c in contracts for test in vars(c).values()} - {None}

    assert [] == [contract.__name__ for contract in contracts if f"`{contract.__name__}`" not in page]
    assert {
        "bad_rows", "unicode", "compressed", "namespace", "options", "round_trip", "streams", "received", "breakable",
        "survives",
        "import",
    } == marked  # fmt: skip
    assert [] == [feature for feature in marked if f"`{feature}`" not in page]


def test_every_hook_has_a_page() -> None:
    """The policy behind `auto` stands on that of verify strategies."""
    hooks = {name for name in vars(UsrHooks) if name.startswith("usr_")}

    assert hooks - {"usr_choose_verify"} == set(HOOK_PAGES.values())
    assert "usr_choose_verify" in (PAGES / "verify.md").read_text(encoding="utf-8")


def test_the_command_of_the_page_runs(seeded: Usr, tmp_path: Path) -> None:
    """Its manifest, without the second command, and its module are those of a plugin that is installed."""
    texts = {language: text for file, language, text in blocks(PAGES / "commands.md") if not file}
    manifest = texts["toml"].rpartition("[[commands]]")[0].replace("usr_demo.", "usr_plugin_demo.")
    plugin = FakePlugin("demo", manifest=manifest, modules=(("cli", texts["python"]),))
    env = {"PYTHONPATH": install(tmp_path / "site", plugin)}

    assert {"rows": 6} == seeded.ok("count", "ns/base", "--format", "json", env=env).data


def test_the_error_class_of_the_page_has_the_message_and_facts_that_it_shows() -> None:
    """The block asserts what the error says."""
    [text] = [text for file, _, text in blocks(PAGES / "commands.md") if file == "errors.py"]

    exec(compile(text, "errors.py", "exec"), {"__name__": "errors"})


# ------------------------------------------------------------ the directory


def directory() -> str:
    """Return the table of built-in plugins as their manifests have it."""
    lines = ["| plugin | adds | summary |", "|---|---|---|"]
    for record in Catalogue(Switches()).own:
        assert record.manifest is not None, record.reason
        commands = [f"`usr {' '.join(claim.path)}`" for claim in record.commands]
        providers = [f"{claim.kind.replace('_', ' ')} `{claim.name}`" for claim in record.provides]
        lines.append(f"| `{record.id}` | {', '.join([*commands, *providers])} | {record.manifest.summary} |")
    return "\n".join(lines) + "\n"


def test_the_directory_is_what_the_manifests_say() -> None:
    """`PYTHONPATH=.:tests python tests/docs/test_plugin_pages.py` puts it there."""
    assert directory() in (PAGES / "README.md").read_text(encoding="utf-8")


def test_every_page_is_in_the_directory() -> None:
    """Nobody has to guess what there is to read."""
    linked = set(re.findall(r"\(([a-z-]+\.md)\)", (PAGES / "README.md").read_text(encoding="utf-8")))

    assert {page.name for page in PAGES.glob("*.md")} - {"README.md"} == linked


def test_the_reference_of_the_manifest_is_complete() -> None:
    """Its example is a good manifest, and every kind, mount point and status has its name on the page."""
    page = (PAGES / "manifest.md").read_text(encoding="utf-8")
    example = next(text for _, language, text in blocks(PAGES / "manifest.md") if language == "toml")
    words = [*PROVIDER_KINDS, *MOUNT_POINTS, *(status.value for status in PluginStatus)]

    assert "lab" == parse_manifest(example, file="the page").id
    assert [] == [word for word in words if f"`{word}`" not in page]


def test_links_lead_somewhere() -> None:
    """From every page, to files of this checkout."""
    for page in PAGES.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (PAGES / target).exists(), f"{page.name}: {target}"


_MANIFEST_TEST = """
import pytest
from usr_core.testing import ManifestContract


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "lab"
"""


def pytest_in(folder: Path, env: dict[str, str]) -> Result:
    """Run the tests of a folder as an author does, outside this checkout; in a fork that has imported the core."""
    argv = ["pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "--rootdir", str(folder)]
    code = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    rc, out, err = ForkedUsr.run(argv, cwd=folder, env=clean_env(env), given=b"", timeout=300, code=code)
    return Result(args=tuple(argv), rc=rc, out=out.decode(), err=err.decode())


if __name__ == "__main__":
    readme = PAGES / "README.md"
    before = readme.read_text(encoding="utf-8").partition("| plugin | adds | summary |")[0]
    readme.write_text(before + directory(), encoding="utf-8")
