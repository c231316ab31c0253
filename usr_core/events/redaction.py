"""Keeping secrets, and more text than anybody reads, out of the event log.

The log is meant to be shared and synced, so what was asked (``args``) passes through here first:
values are hidden by the key they stand under, and parts of any text by their shape. What biologists
write must survive: sequences and peptides, paths, column lists (``mock__token:string``), prose ("a basic
promoter", "secreted protein"). So a shape asks for what a secret has and those lack: digits beside
capitals, a known prefix, a name that says "secret" right before the value.

This runs while the dataset is locked, so its time is linear in the text and bounded: every shape reads a
character a limited number of times, and what is longer than `TEXT_LIMIT` is cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["HIDDEN", "TEXT_LIMIT", "TOTAL_LIMIT", "redact"]

HIDDEN = "[redacted]"

TEXT_LIMIT = 8_192
"""Characters of one text that an event keeps."""

TOTAL_LIMIT = 65_536
"""Characters of all texts, keys and numbers together that an event keeps of its ``args``."""

_DEPTH_LIMIT = 64

# Characters behind the cut that are looked at as well, so that a secret which the cut divides is seen whole.
_MARGIN = 4_096

# Token counts and tokenizers are not tokens; secretion and the secretome are biology.
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
    r"(?:(?:string|bool|u?int(?:8|16|32|64)|float(?:16|32|64)|binary|date32|timestamp\[[^\]]{0,64}\])(?![A-Za-z0-9])"
    r"|(?:list|fixed_size_list|struct)<)"
)
_NAME = (
    r"(?:passw(?:or)?d|passphrase|passcode|secret|token|credentials?|pwd"
    r"|(?:api|access|account|private|secret|signing|auth|shared|service)[_-]?key)"
)
# A quote that nobody closes reaches to the end.
_VALUE = r"(?P<hide>\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|[^\s,;&\"']++)"
_OPTION_NAMES = ("password", "passwd", "passphrase", "secret", "token", "apikey", "api-key", "accesskey", "access-key")


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a secret looks like.

    Attributes:
        pattern: Hides its group ``hide``, or all of what it matches where it has none. It must not start again inside
            a run of characters that an earlier start has read to the end: that is what keeps it linear.
        needs: What must be found in the hidden part.
    """

    pattern: re.Pattern[str]
    needs: tuple[re.Pattern[str], ...] = ()

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        group = "hide" if "hide" in self.pattern.groupindex else 0
        for match in self.pattern.finditer(text):
            span = match.span(group)
            if all(needed.search(text, *span) for needed in self.needs):
                yield span


def _shape(pattern: str, *needs: str, flags: int = 0) -> _Shape:
    return _Shape(re.compile(pattern, flags), tuple(map(re.compile, needs)))


_SHAPES = (
    # PEM blocks, and the like of other tools
    _shape(
        r"-----BEGIN [A-Z ]{0,64}?PRIVATE KEY[A-Z ]{0,64}-----.*?(?:-----END [A-Z ]{0,64}-----|\Z)", flags=re.DOTALL
    ),
    _shape(r"\bAGE-SECRET-KEY-1[A-Z0-9]{20,}+"),
    # user:password@ in a URL; a password may hold an @ itself
    _shape(r"(?i)(?<=[a-z0-9+.-])://(?P<hide>[^\s/?#\"'<>]+)@"),
    # incoming webhooks carry their secret in the path
    _shape(r"(?i)https://hooks\.[a-z.]++/[a-z]++/(?P<hide>[^\s\"'<>]++)"),
    _shape(r"(?i)https://[a-z0-9.-]*+/(?:api/webhooks|webhookb2)/(?P<hide>[^\s\"'<>]++)"),
    # secrets in a query string
    _shape(
        r"(?i)[?&;](?:[a-z0-9_-]*(?:token|key|secret|password|passwd|signature|sig|code|auth|credential))="
        r"(?P<hide>[^&\s#;\"']++)"
    ),
    # headers
    _shape(r"(?i)\b(?:proxy-)?authorization\s*+[:=]\s*+(?:[a-z]++\s++)?(?P<hide>[^\s\"',]++)"),
    _shape(r"(?i)\b(?:set-)?cookie\s*+:\s*+(?P<hide>[^\r\n\"']++)"),
    _shape(r"(?i)\bbearer\s++(?=\S*\d)(?P<hide>[a-z0-9._~+/=-]{8,}+)"),
    _shape(r"\b[Bb]asic\s++(?=\S*[A-Z0-9])(?=\S*[a-z])(?=\S*(?:\d|=))(?P<hide>[A-Za-z0-9+/]{8,}+={0,2})"),
    # options of a command line: a word that begins with or holds a dash and ends in the name
    _shape(
        r"(?i)(?<![a-z0-9-])(?!(?:api|access)-key[ =])[a-z0-9]*+-[a-z0-9-]*+"
        rf"(?:{'|'.join(f'(?<={name})' for name in _OPTION_NAMES)})[ =]\s*+(?!--){_VALUE}"
    ),
    _shape(r"\s-u[ =]?[^\s:]++:(?P<hide>[^\s@]++)"),
    # name=value and name: value, JSON's quotes included; a column's type is not a secret
    _shape(rf"(?i){_NAME}[\"']?\s*+[=:]\s*+(?!{_TYPE}){_VALUE}"),
    # .netrc
    _shape(r"(?i)\blogin\s++\S++\s++password\s++(?P<hide>\S++)"),
    # known token forms: code hosts, clouds, chat, package indexes, model hosts, payment, mail, JSON web tokens
    _shape(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_[A-Za-z0-9_]{20,}+)"),
    _shape(r"\bgl(?:pat|ptt|dt|rt|cbt|ft|soat)-[A-Za-z0-9_-]{16,}+"),
    # Twenty capitals may be a peptide; a key id has a digit.
    _shape(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b", r"\d"),
    _shape(r"\bAIza[A-Za-z0-9_-]{30,}+"),
    _shape(r"\bya29\.[A-Za-z0-9_-]{20,}+"),
    _shape(r"\bGOCSPX-[A-Za-z0-9_-]{20,}+"),
    _shape(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}+"),
    _shape(r"\bxapp-\d-[A-Za-z0-9-]{10,}+"),
    _shape(r"\b(?:sk|rk)-[A-Za-z0-9_-]{20,}+", r"\d", r"[A-Z]"),
    _shape(r"\b(?:sk|rk|pk|whsec)_(?:(?:live|test)_)?[A-Za-z0-9]{16,}+", r"\d", r"[A-Z]"),
    _shape(r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}+"),
    _shape(r"\b(?:hf|npm)_[A-Za-z0-9]{30,}+"),
    _shape(
        r"\b(?:do[opr]_v1|shp(?:at|ss|ca|pa)|dapi|dckr_pat|atlasv1|sq0csp|hvs\.|hvb\.|pypi)[_-]?"
        r"(?=[A-Za-z_-]{0,99}\d)[A-Za-z0-9_-]{20,}+"
    ),
    _shape(r"\bSG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+"),
    _shape(r"\bkey-[0-9a-f]{32}\b"),
    _shape(r"\b(?:SK|AC)[0-9a-f]{32}\b"),
    _shape(r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    # The first run is read to its end in any case, and is a token where the other parts follow.
    _shape(r"\beyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+|\Z))?", r"\."),
)
# Where the text goes on behind what was looked at: the @ of a URL's user may be there.
_CUT_SHAPES = (*_SHAPES, _shape(r"(?i)(?<=[a-z0-9+.-])://(?P<hide>[^\s/?#\"'<>]+)\Z"))


def redact(value: object, key: str = "") -> object:
    """Return `value` with secrets hidden, at any depth; lists become lists, mappings become dicts.

    A text of more than `TEXT_LIMIT` characters is cut, and says how many are left out. Beyond `TOTAL_LIMIT` characters
    in all, a list or mapping ends with an entry that says how many are left out. A secret that a cut would divide is
    hidden.

    Example:
        >>> from usr_core.api.events import redact
        >>> redact({"host": "lab.example.org", "password": "TTGACA", "url": "https://ana:tataat@lab.example.org/"})
        {'host': 'lab.example.org', 'password': '[redacted]', 'url': 'https://[redacted]@lab.example.org/'}
    """
    return _Redactor().shown(value, key)


class _Redactor:
    """One value on its way into an event, and how much room is left for it."""

    def __init__(self) -> None:
        self._left = TOTAL_LIMIT
        self._depth = 0

    def shown(self, value: object, key: str) -> object:
        if isinstance(value, Mapping):
            return self._mapping(value, key)
        if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes | bytearray):
            return self._list(value, key)
        self._left -= 8
        if value is None or isinstance(value, bool) or value == "":
            return value
        if _names_secret(key):
            return HIDDEN
        if isinstance(value, int | float):
            return value
        return self._text(str(value[:TEXT_LIMIT]) if isinstance(value, bytes | bytearray) else str(value))

    def _mapping(self, value: Mapping[object, object], key: str) -> dict[str, object]:
        secret = _names_secret(key)
        shown: dict[str, object] = {}
        self._depth += 1
        for name, inner in value.items():
            if self._is_full():
                shown["…"] = _left_out(len(value) - len(shown))
                break
            label = self._text(str(name))
            shown[label] = self.shown(inner, key if secret else str(name))
        self._depth -= 1
        return shown

    def _list(self, value: Sequence[object] | set[object] | frozenset[object], key: str) -> list[object]:
        shown: list[object] = []
        self._depth += 1
        for inner in value:
            if self._is_full():
                shown.append(_left_out(len(value) - len(shown)))
                break
            shown.append(self.shown(inner, key))
        self._depth -= 1
        return shown

    def _is_full(self) -> bool:
        return self._left <= 0 or self._depth > _DEPTH_LIMIT

    def _text(self, text: str) -> str:
        limit = min(TEXT_LIMIT, max(self._left, 0))
        self._left -= min(len(text), limit)
        return _mask(text, limit)


def _left_out(count: int) -> str:
    return f"… {count} more left out"


def _names_secret(key: str) -> bool:
    return bool(_SECRET_KEY.search(key, 0, TEXT_LIMIT))


def _mask(text: str, limit: int) -> str:
    """Return the first `limit` characters of `text` with secrets hidden, and a note where there are more."""
    window = text[: limit + _MARGIN]
    shapes = _SHAPES if len(window) == len(text) else _CUT_SHAPES
    pieces: list[str] = []
    end = 0
    for start, stop in sorted(span for shape in shapes for span in shape.spans(window)):
        if start >= limit:
            break
        if start >= end:
            pieces += (window[end:start], HIDDEN)
        end = max(end, stop)
    pieces.append(window[end:limit])
    if len(text) > limit:
        pieces.append(f"… {len(text) - limit} more characters left out")
    return "".join(pieces)
