"""What to do about a login that failed, from what ssh printed: each hint is a command or a setting to change."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from usr_rsync.settings import RemoteSettings

__all__ = ["login_hint"]


def login_hint(settings: RemoteSettings, answer: str) -> str:
    """Return what the user can do about a session that could not be opened, or that ended early.

    Args:
        settings: The remote.
        answer: What ssh printed last.
    """
    for pattern, hint in _HINTS:
        if pattern.search(answer):
            return hint(settings, answer)
    return f"Run `{settings.command('true')}`: it prints what stands in the way."


def _unknown_host(settings: RemoteSettings, _: str) -> str:
    return (
        f"Correct the host of the remote ({_profile(settings)}), or connect to the network or VPN in which "
        f"{settings.host} has an address."
    )


def _refused(settings: RemoteSettings, _: str) -> str:
    port = "ssh's own port" if settings.port is None else f"port {settings.port}"
    return f"Correct the port of the remote ({_profile(settings)}): no ssh server answers there at {port}."


def _no_answer(settings: RemoteSettings, _: str) -> str:
    return (
        f"Connect to the network or VPN of {settings.host}, or correct host and port of the remote "
        f"({_profile(settings)}); a firewall between may also swallow the connection."
    )


def _changed_key(settings: RemoteSettings, _: str) -> str:
    return (
        "The host shows another key than before. Ask its administrator whether it was changed; if so, run "
        f"`{settings.forget_host_key()}`, then `{settings.command('true')}` to accept the new one."
    )


def _unknown_key(settings: RemoteSettings, _: str) -> str:
    return (
        f"Run `{settings.command('true')}` once, compare the fingerprint that it shows with the one that the host's "
        "administrator gives, and accept it."
    )


def _denied(settings: RemoteSettings, answer: str) -> str:
    asks = "password" in answer or "keyboard-interactive" in answer
    warm = f" Where the login asks for something: `usr remotes warm-auth --remote {settings.name}`." if asks else ""
    return (
        f"Correct user or key of the remote ({_profile(settings)}), or let the key in with `{settings.install_key()}`. "
        f"If the key has a passphrase: `{shlex.join(['ssh-add', *_key(settings)])}` first.{warm}"
    )


def _no_key_file(settings: RemoteSettings, _: str) -> str:
    key = settings.ssh_key or "with the key"
    return (
        f"Correct the variable that holds the path of the key ({_profile(settings)} names it): there is no file {key}."
    )


def _too_many_keys(settings: RemoteSettings, _: str) -> str:
    return (
        f"ssh offers more keys than the host tries. Name the one to use: ssh_key_env in the remote "
        f"({_profile(settings)}), or IdentityFile and IdentitiesOnly for {settings.host} in ~/.ssh/config."
    )


def _bad_key_file(settings: RemoteSettings, _: str) -> str:
    return f"The file {settings.ssh_key or 'of the key'} is not a private ssh key: name one, without .pub."


def _bad_configuration(_: RemoteSettings, answer: str) -> str:
    return f"Correct ssh's configuration as ssh says: {' '.join(answer.split())}"


def _key(settings: RemoteSettings) -> list[str]:
    return [] if settings.ssh_key is None else [settings.ssh_key]


def _profile(settings: RemoteSettings) -> str:
    return f"`usr remotes show {settings.name}`"


_HINTS: tuple[tuple[re.Pattern[str], Callable[[RemoteSettings, str], str]], ...] = (
    (re.compile(r"Could not resolve|Name or service not known|nodename nor servname"), _unknown_host),
    (re.compile(r"Connection refused"), _refused),
    (re.compile(r"timed out|No route to host|Network is unreachable|Operation timed out"), _no_answer),
    (re.compile(r"IDENTIFICATION HAS CHANGED|Host key for .* has changed"), _changed_key),
    (re.compile(r"Host key verification failed"), _unknown_key),
    (re.compile(r"Too many authentication"), _too_many_keys),
    (re.compile(r"Load key .*(?:invalid format|error in libcrypto|not a )"), _bad_key_file),
    (re.compile(r"Identity file .* not accessible"), _no_key_file),
    (re.compile(r"Permission denied \("), _denied),
    (re.compile(r"Bad owner or permissions|Bad configuration|bad configuration options"), _bad_configuration),
)
