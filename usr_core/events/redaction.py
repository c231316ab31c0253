"""Keeping secrets out of the event log.

The log is meant to be shared and synced, so what was asked (``args``) passes through here first:
values are hidden by the key they stand under, and parts of any text by their shape. What biologists
write must survive: sequences and peptides, paths, column lists (``mock__token:string``), prose ("a basic
promoter", "secreted protein"). So a shape asks for what a secret has and those lack: digits beside
capitals, a known prefix, a name that says "secret" right before the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["HIDDEN", "redact"]

HIDDEN = "[redacted]"

# Token counts and tokenizers are no tokens; secretion and the secretome are biology.
_TOKEN = r"(?<!max_)(?<!min_)(?<!num_)(?<!total_)token(?!i[sz]|s?_?(?:count|len|limit|type|size|index|ids?\b|per_))"
_SECRET = r"secrets?(?![a-z])"
_SECRET_KEY = re.compile(
    rf"passw(or)?d|passphrase|passcode|\bpwd\b|{_SECRET}|{_TOKEN}|credential|webhook|authori[sz]ation|bearer|cookie"
    r"|connection[_-]?string|\bdsn\b|\bpat\b|(?:^|[_-])(?:auth|otp)$"
    r"|(api|access|account|private|ssh|secret|signing|encryption|auth|license|master|shared|service)[_-]?key"
    r"|key[_-]?material|(?:^|[_-])signature$",
    re.IGNORECASE,
)
# A registry type behind a column's name, as `--columns` takes it.
_TYPE = (
    r"(?:string|bool|u?int(?:8|16|32|64)|float(?:16|32|64)|binary|date32|timestamp\[[^\]]*\]"
    r"|(?:list|fixed_size_list|struct)<\S*)(?![A-Za-z0-9])"
)
_NAME = (
    r"(?:passw(?:or)?d|passphrase|passcode|secret|token|credentials?|pwd"
    r"|(?:api|access|account|private|secret|signing|auth|shared|service)[_-]?key)"
)
_VALUE = r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s,;&\"']+)"

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # PEM blocks, and the like of other tools
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"\bAGE-SECRET-KEY-1[A-Z0-9]{20,}"), HIDDEN),
    # user:password@ in a URL; a password may hold an @ itself
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/?#\"'<>]+@"), rf"\1{HIDDEN}@"),
    # incoming webhooks carry their secret in the path
    (re.compile(r"(?i)(https://hooks\.[a-z.]+/[a-z]+/)[^\s\"'<>]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(https://[a-z0-9.-]*/(?:api/webhooks|webhookb2)/)[^\s\"'<>]+"), rf"\1{HIDDEN}"),
    # secrets in a query string
    (
        re.compile(
            r"(?i)([?&;](?:[a-z0-9_-]*(?:token|key|secret|password|passwd|signature|sig|code|auth|credential))=)"
            r"[^&\s#;\"']+"
        ),
        rf"\1{HIDDEN}",
    ),
    # headers
    (re.compile(r"(?i)\b((?:proxy-)?authorization\s*[:=]\s*(?:[a-z]+\s+)?)[^\s\"',]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b((?:set-)?cookie\s*:\s*)[^\r\n\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer)\s+(?=\S*\d)[a-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\b([Bb]asic)\s+(?=\S*[A-Z0-9])(?=\S*[a-z])(?=\S*(?:\d|=))[A-Za-z0-9+/]{8,}={0,2}"), rf"\1 {HIDDEN}"),
    # options of a command line
    (
        re.compile(
            rf"(?i)(--?[a-z0-9-]*(?:passw(?:or)?d|passphrase|secret|token|api-?key|access-?key)[ =]\s*)(?!--){_VALUE}"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(\s-u[ =]?[^\s:]+:)[^\s@]+"), rf"\1{HIDDEN}"),
    # name=value and name: value, JSON's quotes included; a column's type is no secret
    (
        re.compile(rf"(?i)\b([a-z0-9_-]*{_NAME}[\"']?\s*[=:]\s*)(?!{_TYPE}){_VALUE}"),
        rf"\1{HIDDEN}",
    ),
    # .netrc
    (re.compile(r"(?i)\b(login\s+\S+\s+password\s+)\S+"), rf"\1{HIDDEN}"),
    # known token forms: code hosts, clouds, chat, package indexes, model hosts, payment, mail, JSON web tokens
    (re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"), HIDDEN),
    (re.compile(r"\bgl(?:pat|ptt|dt|rt|cbt|ft|soat)-[A-Za-z0-9_-]{16,}"), HIDDEN),
    # Twenty capitals may be a peptide; a key id has a digit.
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)(?=[A-Z0-9]*\d)[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{30,}"), HIDDEN),
    (re.compile(r"\bya29\.[A-Za-z0-9_-]{20,}"), HIDDEN),
    (re.compile(r"\bGOCSPX-[A-Za-z0-9_-]{20,}"), HIDDEN),
    (re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"), HIDDEN),
    (re.compile(r"\bxapp-\d-[A-Za-z0-9-]{10,}"), HIDDEN),
    (re.compile(r"\b(?:sk|rk)-(?=[A-Za-z0-9_-]*\d)(?=[A-Za-z0-9_-]*[A-Z])[A-Za-z0-9_-]{20,}"), HIDDEN),
    (re.compile(r"\b(?:sk|rk|pk|whsec)_(?:(?:live|test)_)?(?=[A-Za-z]*\d)(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{16,}"), HIDDEN),
    (re.compile(r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}"), HIDDEN),
    (re.compile(r"\b(?:hf|npm)_[A-Za-z0-9]{30,}"), HIDDEN),
    (
        re.compile(
            r"\b(?:do[opr]_v1|shp(?:at|ss|ca|pa)|dapi|dckr_pat|atlasv1|sq0csp|hvs\.|hvb\.|pypi)[_-]?"
            r"(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}"
        ),
        HIDDEN,
    ),
    (re.compile(r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"), HIDDEN),
    (re.compile(r"\bkey-[0-9a-f]{32}\b"), HIDDEN),
    (re.compile(r"\b(?:SK|AC)[0-9a-f]{32}\b"), HIDDEN),
    (re.compile(r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), HIDDEN),
)


def redact(value: object, key: str = "") -> object:
    """Return `value` with secrets hidden, at any depth; lists become lists, mappings become dicts."""
    if isinstance(value, Mapping):
        secret = _names_secret(key)
        return {_mask(str(name)): redact(inner, key if secret else str(name)) for name, inner in value.items()}
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return HIDDEN if _names_secret(key) else value
    if isinstance(value, str):
        return HIDDEN if _names_secret(key) and value else _mask(value)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return [redact(inner, key) for inner in value]
    return HIDDEN if _names_secret(key) else _mask(str(value))


def _names_secret(key: str) -> bool:
    return bool(_SECRET_KEY.search(key))


def _mask(text: str) -> str:
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text
