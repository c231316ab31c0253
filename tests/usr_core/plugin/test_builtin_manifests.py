"""Built-in manifests are parsed when they change, not at each start; what is read of them is the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.cli import clean_env
from support.hosts import HostMaker, make_host
from support.plugins import FakePlugin
from usr_core.plugin.builtin_manifests import PARSED
from usr_core.plugin.manifest import MANIFEST_NAME, parse_manifest

__all__ = ["make_host"]

CHECKOUT = Path(__file__).resolve().parents[3]
OWN = "universal-sequence-record"


def test_the_module_says_what_the_manifests_say() -> None:
    """`make manifests` writes it, and has to after every change of a manifest or of how manifests are read."""
    texts = [path.read_text(encoding="utf-8") for path in CHECKOUT.glob(f"plugins/*/{MANIFEST_NAME}")]

    assert {text: parse_manifest(text, file="") for text in texts} == PARSED


def test_its_script_would_change_nothing() -> None:
    """`make lint` asks it."""
    script = CHECKOUT / "scripts" / "builtin_manifests.py"

    asked = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, timeout=60, check=False)

    assert (0, "") == (asked.returncode, asked.stderr)


def test_no_start_parses_them() -> None:
    """The parser of TOML is not imported to list all commands."""
    program = "import sys; from usr_core.cli.main import main; main(['--help']); print('tomllib' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=clean_env({}), timeout=60, check=True
    )

    assert done.stdout.endswith("\nFalse\n")


def test_a_changed_one_is_parsed(make_host: HostMaker) -> None:
    """What counts is the file beside the plugin."""
    changed = FakePlugin("csv", distribution=OWN).provides("importer", "semicolons")

    (record,) = (one for one in make_host(changed).plugins() if one.id == "csv")

    assert ("ok", True, ["semicolons"]) == (record.status.value, record.is_own, [one.name for one in record.provides])


def test_a_damaged_one_is_refused(make_host: HostMaker) -> None:
    """As that of any plugin."""
    text = next(text for text, manifest in PARSED.items() if manifest.id == "csv")

    (record,) = make_host(FakePlugin("csv", distribution=OWN, manifest=f"{text}colour = 1\n")).plugins()

    assert ("bad-manifest", True) == (record.status.value, "provides[4].colour" in record.reason)


def test_another_plugin_s_text_is_of_another_id(make_host: HostMaker) -> None:
    """A copied manifest does not make its plugin the built-in one."""
    text = next(text for text, manifest in PARSED.items() if manifest.id == "csv")

    host = make_host(FakePlugin("other", manifest=text))

    (record,) = (one for one in host.plugins() if one.id == "other")
    assert ("bad-manifest", True) == (record.status.value, "'csv'" in record.reason)
    assert host.importer("csv").spec.name == "csv"


def test_the_same_text_elsewhere_gives_the_same_plugin(make_host: HostMaker) -> None:
    """A third party that takes a built-in's id is refused, whatever its manifest says."""
    text = next(text for text, manifest in PARSED.items() if manifest.id == "csv")

    found = [one for one in make_host(FakePlugin("csv", manifest=text)).plugins() if one.id == "csv"]

    assert [(True, "ok"), (False, "conflict")] == [(one.is_own, one.status.value) for one in found]


def test_a_switch_turns_one_off(make_host: HostMaker) -> None:
    """Its claims are still known, for messages."""
    (record,) = (one for one in make_host(environ={"USR_PLUGINS_DISABLE": "csv"}).plugins() if one.id == "csv")

    assert ("disabled", False, 4) == (record.status.value, record.usable, len(record.provides))
