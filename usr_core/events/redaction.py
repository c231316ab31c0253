"""Keeping secrets out of the event log.

The log is meant to be shared and synced, so what was asked (``args``) passes through here first:
values are hidden by the key they stand under, and parts of any text by their shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["HIDDEN", "redact"]

HIDDEN = "[redacted]"

_SECRET_KEY = re.compile(
    r"passw(or)?d|passphrase|pwd|secret|token|credential|webhook|authori[sz]ation|bearer|cookie|signature"
    r"|(api|access|private|ssh|secret|signing|encryption|auth|license)[_-]?key|key[_-]?material|\bpat\b",
    re.IGNORECASE,
)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # user:password@ in a URL
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    # secrets in a query string
    (
        re.compile(r"(?i)([?&;](?:[a-z0-9_-]*(?:token|key|secret|password|signature|sig|code|auth))=)[^&\s#;]+"),
        rf"\1{HIDDEN}",
    ),
    # Authorization headers and bearer tokens
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    # name=value and name: value
    (
        re.compile(
            r"(?i)\b([a-z0-9_-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key))(\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|\S+)"
        ),
        rf"\1\2{HIDDEN}",
    ),
    # incoming webhooks carry their secret in the path
    (re.compile(r"(?i)(https://hooks\.[a-z.]+/[a-z]+/)[^\s]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(https://[a-z.]*/api/webhooks/)[^\s]+"), rf"\1{HIDDEN}"),
    # PEM blocks
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    # known token forms: code hosts, clouds, chat, package indexes, model hosts, payment, JSON web tokens
    (re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{30,}"), HIDDEN),
    (re.compile(r"\bya29\.[A-Za-z0-9_-]{20,}"), HIDDEN),
    (re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"), HIDDEN),
    (re.compile(r"\b(?:sk|pk|rk)[-_](?:[a-z]+[-_])*[A-Za-z0-9_-]{16,}"), HIDDEN),
    (re.compile(r"\b(?:hf|npm|dop_v1|shpat|sq0csp)[_-][A-Za-z0-9]{16,}"), HIDDEN),
    (re.compile(r"\bpypi-[A-Za-z0-9_-]{16,}"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), HIDDEN),
)


def redact(value: object, key: str = "") -> object:
    """Return `value` with secrets hidden, at any depth; lists become lists, mappings become dicts."""
    if isinstance(value, Mapping):
        return {str(name): redact(inner, str(name)) for name, inner in value.items()}
    if value is None or isinstance(value, bool | int | float):
        return HIDDEN if _names_secret(key) and value is not None and not isinstance(value, bool) else value
    if isinstance(value, str):
        return HIDDEN if _names_secret(key) and value else _mask(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [redact(inner, key) for inner in value]
    return HIDDEN if _names_secret(key) else _mask(str(value))


def _names_secret(key: str) -> bool:
    return bool(_SECRET_KEY.search(key))


def _mask(text: str) -> str:
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text
