"""The allow-lists: what may reach a program's arguments, and what may not."""

from __future__ import annotations

import pytest

from usr_core.remotes.allowed import (
    absolute_path_fault,
    host_fault,
    name_fault,
    port_fault,
    scheme_fault,
    user_fault,
    variable_fault,
)

HOSTILE = [
    "",
    "-oProxyCommand=touch /tmp/x",
    "--rsh=sh",
    "a b",
    "a;b",
    "a|b",
    "a&b",
    "$(id)",
    "`id`",
    "a'b",
    'a"b',
    "a\\b",
    "a\nb",
    "a\n",
    "a\0b",
    "a\x1b[31m",
    "a/b",
    "a@b",
    "a*",
    "~root",
    "ä",
    "a\u2028b",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("fault", [host_fault, user_fault, name_fault, variable_fault])
def test_hostile_words_are_refused(fault, value: str):
    """Nothing that begins like an option, or that a shell takes for more than a word, passes."""
    assert fault(value) is not None


@pytest.mark.parametrize("value", ["scc1.bu.edu", "box", "127.0.0.1", "a_b-c", "::1", "fe80::1:2", "2001:db8::8.8.8.8"])
def test_hosts_are_accepted(value: str):
    """Names as ssh knows them, and addresses of both kinds."""
    assert host_fault(value) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("me@box.lab", "login name is the setting user"),
        ("ssh://me@box.lab:22", "not a URL"),
        ("box.lab:2222", "the port is the setting port"),
        ("[::1]", "without brackets"),
    ],
)
def test_what_belongs_into_another_setting_is_told(value: str, words: str):
    """A destination as people paste it holds more than a host."""
    assert words in (host_fault(value) or "")


@pytest.mark.parametrize("value", ["~", "~/usr"])
def test_a_home_folder_there_is_told_how_to_be_named(value: str):
    """Nobody expands it on the remote side."""
    assert "ssh HOST pwd" in (absolute_path_fault(value) or "")


@pytest.mark.parametrize("value", ["fe80::1%eth0", "fe80::1%$(id)", "[::1]", "::g", "1::2::3", "host:22"])
def test_near_addresses_are_refused(value: str):
    """A zone could hold anything, brackets and ports are not part of a host."""
    assert host_fault(value) is not None


@pytest.mark.parametrize("value", ["me", "first.last", "a_b", "u-1", "_svc"])
def test_users_are_accepted(value: str):
    """Login names of the usual letters."""
    assert user_fault(value) is None


@pytest.mark.parametrize("value", [".hidden", "_x", "-x", "a/b"])
def test_names_begin_with_a_letter_or_digit(value: str):
    """A remote's name is a word on the command line, and never an option."""
    assert name_fault(value) is not None


@pytest.mark.parametrize(("port", "accepted"), [(0, False), (1, True), (65535, True), (65536, False), (-22, False)])
def test_ports_have_their_range(port: int, accepted: bool):
    """1 to 65535."""
    assert accepted is (port_fault(port) is None)


@pytest.mark.parametrize("value", ["SSH", "s sh", "", "-ssh", "ssh\n"])
def test_schemes_are_words(value: str):
    """What a transport can be called."""
    assert scheme_fault(value) is not None
    assert scheme_fault("ssh") is None


@pytest.mark.parametrize("value", ["/", "/project/me/usr data", "/a..b/...", "/ä/-x", "/a;b"])
def test_absolute_paths_are_accepted(value: str):
    """Spaces and other letters that quoting makes harmless pass."""
    assert absolute_path_fault(value) is None


@pytest.mark.parametrize(
    "value",
    [
        *("", "a/b", "~/a", "-a", "/a/../b", "/..", "/a\nb", "/a\tb", "/a\0", "/a\x7f", "/a\u202eb", "/\udcff"),
        *("/a'b", '/a"b', "/$HOME", "/`id`", "/a\\b"),
    ],
)
def test_other_paths_are_refused(value: str):
    """Relative ones, steps upward, and letters that a shell or a terminal acts on."""
    assert absolute_path_fault(value) is not None


def test_local_paths_may_begin_at_home():
    """``~/`` is for files of this machine; another user's home is not."""
    assert absolute_path_fault("~/.ssh/known_hosts", home=True) is None
    assert absolute_path_fault("~root/x", home=True) is not None
