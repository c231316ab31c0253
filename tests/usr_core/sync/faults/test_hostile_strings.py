"""Hostile hosts, users, ports, folders, ids and listings, through the command: nothing runs, nothing leaks out.

Whatever a shell, ssh or rsync would carry out for one of them makes the file `canary`, in one of the folders that
commands run in.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.cli import Result, run_usr
from support.sshd import HOST
from support.sync_lab import Action, Lab
from support.sync_states import NAME, NOTES, State, Templates, check_whole_copy
from support.tree import tree_digest

_WORDS = (
    "-oProxyCommand=touch canary",
    "a;touch canary",
    "$(touch canary)",
    "`touch canary`",
    "a|touch canary",
    "a\ntouch canary",
    "a b",
    "-l",
    "../../x",
    "a\0b",
    "\x1b[2Ja",
)
_PORTS = ("22;touch canary", "-oProxyCommand=touch canary", "0", "65536", "$(touch canary)")
_REFUSED_FOLDERS = ("relative/x", "/tmp/../etc", "/tmp/a\ntouch canary", "-rf", "/tmp/\x1b[2J", "~/x; touch canary")
_ODD_FOLDERS = (
    "$(touch canary)",
    "`touch canary`",
    "a; touch canary;",
    "a' ; touch canary ; '",
    'a" ; touch canary ; "',
    "a & touch canary",
    "* ? [a]",
    "-oProxyCommand=touch canary",
    "a\\b",
)
_IDS = (
    "ns/$(touch canary)",
    "ns/`touch canary`",
    "ns/a;touch canary",
    "../../etc",
    "ns/../../etc",
    "-oProxyCommand=touch canary",
    "ns/a\ntouch canary",
    "ns/\x1b[2J",
    "/etc/passwd",
    "ns//a",
)
_ENTRIES = (
    "f 5 1 1.0 ../../canary",
    "f 5 1 1.0 /canary",
    "f 5 1 1.0 a/../../canary",
    "f 5 1 1.0 a\\ntouch canary",
    "f 5 1 1.0 a\\033[2J",
    "f 5 1 1.0 ./a",
    "f 5 1 1.0 a//b",
    "f 5 1 1.0 _derived/../../canary",
    "\\0".join(
        f"f 5 1 1.0 {name}"
        for name in ("$(touch canary)", "`touch canary`", "-oProxyCommand=touch canary", "#;touch canary")
    ),
    "f 99999999999999999999 1 1.0 huge",
    "f 5 1 1.0 .usr.commit.1.json",
    "l 5 1 1.0 records.link",
)
_PLANTED = (
    "echo x >evil",
    "ln -s /etc/passwd evil",
    "rm records.parquet; ln -s /etc/passwd records.parquet",
    "mkdir -p a/b; echo x >a/b/evil",
    "ln -s / _outside; echo x >_derived/evil.parquet",
)


@pytest.fixture
def far(lab: Lab, templates: Templates) -> Lab:
    """A lab whose remote side has a dataset that is not here, and whose commands run in a folder of their own."""
    lab.prepare(templates, "pull", "first")
    (lab.folder / "cwd").mkdir()
    return lab


def test_sixty_strings() -> None:
    """So many are tried at least."""
    count = 2 * len(_WORDS) + sum(map(len, (_PORTS, _REFUSED_FOLDERS, _ODD_FOLDERS, _IDS, _ENTRIES, _PLANTED)))
    assert count >= 60


@pytest.mark.parametrize("key", ["host", "user", "port", "base_dir"])
def test_in_the_remotes_file_they_are_refused_before_ssh_runs(far: Lab, key: str) -> None:
    """One error for each, and no session."""
    values = {"host": _WORDS, "user": _WORDS, "port": _PORTS, "base_dir": _REFUSED_FOLDERS}[key]
    for value in values:
        _write_remote(far, **{key: value})
        done = _usr(far, "pull", NAME, "far", "-y")
        _assert_one_error(done, codes=(1, 2))
        assert far.sshd.commands() == [], (value, far.sshd.commands())
    _assert_nothing_happened(far)


def test_a_folder_with_an_odd_name_is_refused_or_is_that_folder(far: Lab) -> None:
    """What a shell would carry out is a name like any other there, or refused before ssh runs."""
    for name in _ODD_FOLDERS:
        odd = far.there.with_name(name)
        far.there.rename(odd)
        _write_remote(far, base_dir=str(odd))
        done = _usr(far, "diff", NAME, "far", "--format", "json")
        odd.rename(far.there)
        if done.rc == 0:
            assert done.data["changed"], (name, str(done))
        else:
            _assert_one_error(done, codes=(2,))
    _assert_nothing_happened(far)


@pytest.mark.parametrize("action", ["pull", "push"])
def test_as_names_of_files_they_travel_as_they_are(lab: Lab, templates: Templates, action: Action) -> None:
    """Files of the user's own, named in ways that a shell would carry out, or that look like options."""
    (lab.folder / "cwd").mkdir()
    lab.prepare(templates, action, "forward")
    folder = lab.sides(action)[0] / NAME / "- odd;"
    folder.mkdir()
    for name in (*_ODD_FOLDERS, "#x", ";x", "--delete", "-e touch canary", "~", "!", "a=b", "ü €"):
        (folder / name).write_text(name)
    done = _usr(lab, action, NAME, "far", "-y")

    assert done.rc == 0, str(done)
    assert check_whole_copy(lab.here) == check_whole_copy(lab.there)
    assert len(list((lab.there / NAME / "- odd;").iterdir())) == len(list(folder.iterdir())) > len(_ODD_FOLDERS)
    _assert_no_canary(lab)


def test_as_an_id_they_are_refused(far: Lab) -> None:
    """One error for each, nothing made."""
    _write_remote(far)
    before = tree_digest(far.folder / "here"), tree_digest(far.folder / "there")
    for number, text in enumerate(_IDS):
        done = _usr(far, ("pull", "push")[number % 2], "-y", "--", text, "far")
        _assert_one_error(done, codes=(1, 2, 3, 6))
    assert before == (tree_digest(far.folder / "here"), tree_digest(far.folder / "there"))
    _assert_nothing_happened(far)


def test_in_a_listing_they_lead_nowhere(far: Lab) -> None:
    """A remote side that lists what is not there: an error or a copy without it, and nothing outside the dataset."""
    find = far.control / "far" / "find"
    honest = find.read_text()
    for entry in _ENTRIES:
        lie = f"case \"$*\" in *-mindepth*) printf '{_in_printf(entry)}\\0' ;; esac\n"
        find.write_text(honest.replace("exec ", lie + "exec ", 1))
        done = _usr(far, "pull", NAME, "far", "-y")
        if done.rc != 0:
            _assert_one_error(done, codes=(1, 2, 6, 7))
        assert State.of(far.here / NAME) == State({}, b"") or entry.startswith("l "), (entry, str(done))
        _assert_nothing_happened(far, pulled=True)
    find.write_text(honest)
    assert _usr(far, "pull", NAME, "far", "-y").rc == 0


def test_what_nobody_asked_for_is_never_promoted(far: Lab) -> None:
    """More files than were asked for, or links in the place of files: refused, and the next pull completes."""
    whole = State.of(far.there / NAME)
    for deed in _PLANTED:
        shutil.rmtree(far.here / "ns", ignore_errors=True)
        far.set_action(f"cd '{far.here / NAME}'/.usr.tmp/pull-*/files && mkdir '{far.control}/hit' && {{ {deed}; }}")
        far.after_copies()
        done = _usr(far, "pull", NAME, "far", "-y")

        assert far.hit, (deed, str(done))
        _assert_one_error(done, codes=(1, 6))
        assert State({}, b"") == State.of(far.here / NAME), deed
        _assert_nothing_happened(far, pulled=True)
        far.mend()
        again = _usr(far, "pull", NAME, "far", "-y")
        assert again.rc == 0, (deed, str(again))
        assert whole == State.of(far.here / NAME)


def test_a_far_link_is_no_way_out(far: Lab, tmp_path: Path) -> None:
    """Links on the remote side are left out of a pull, and a push through one is refused or stays inside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (far.there / NAME / "linked").symlink_to(outside)
    done = _usr(far, "pull", NAME, "far", "-y")
    assert done.rc == 0, str(done)
    assert not (far.here / NAME / "linked").exists()
    place = far.here / NAME / "linked" / "evil"
    place.parent.mkdir()
    place.write_text("x")
    (far.here / NAME / NOTES).write_text("more\n")
    done = _usr(far, "push", NAME, "far", "-y")

    _assert_one_error(done, codes=(1, 6))
    assert list(outside.iterdir()) == []


# ---------------------------------------------------------------- inside


def _usr(lab: Lab, *args: str) -> Result:
    return run_usr(*args, root=lab.here, cwd=lab.folder / "cwd", env=lab.env)


def _write_remote(lab: Lab, **values: str) -> None:
    settings = {"type": "ssh", "host": HOST, "user": "root", "base_dir": str(lab.there), **values}
    lab.remotes.write_text(json.dumps({"remotes": {"far": settings}}))


def _in_printf(text: str) -> str:
    return text.replace("%", "%%").replace("'", "'\\''")


def _assert_one_error(done: Result, *, codes: tuple[int, ...]) -> None:
    assert done.rc in codes, str(done)
    assert done.err.count("error[USR-") == 1, str(done)
    assert "Traceback" not in done.err + done.out, str(done)
    assert "\x1b" not in done.err + done.out, str(done)


def _assert_nothing_happened(lab: Lab, *, pulled: bool = False) -> None:
    _assert_no_canary(lab)
    allowed = {"registry.yaml", ".usr.lock", *(["ns"] if pulled else [])}
    assert {path.name for path in lab.here.iterdir()} <= allowed
    if pulled and (lab.here / "ns").exists():
        assert [path.name for path in (lab.here / "ns").iterdir()] == ["base"]


def _assert_no_canary(lab: Lab) -> None:
    places = [*lab.folder.rglob("canary*"), *Path.home().glob("canary*"), *Path("/").glob("canary*")]
    assert places == []
