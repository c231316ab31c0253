"""The root of every error that USR raises on purpose.

Each package of the core keeps its errors in an ``errors`` module of its own; all derive from
`UsrError`, so that one ``except UsrError`` is enough for a caller, and one place in the command line
turns them into text and an exit code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from string import Formatter
from typing import Any

__all__ = [
    "ExitCode",
    "OutOfMemory",
    "UsrError",
    "counted",
    "first_line",
    "near_names",
    "offered",
    "size_text",
    "visible",
]

_OF_THE_CLASS = frozenset({"code", "exit_code"})


class ExitCode(IntEnum):
    """What the process returns to its caller (documented in ``README.md``).

    Example:
        >>> from usr_core.api import ExitCode
        >>> ExitCode.LOCKED.value, ExitCode(3).name
        (5, 'MISSING')
    """

    DONE = 0
    FAILED = 1
    USAGE = 2
    MISSING = 3
    PLUGIN = 4
    LOCKED = 5
    DIVERGED = 6
    REMOTE = 7
    INTERRUPTED = 130


class UsrError(Exception):
    """Something USR refuses or could not do, with the facts and a way out.

    A class of its own says its texts once, as templates, and is made with the values by keyword. Each value becomes an
    attribute (a list as a tuple); an attribute of the class is the default, and a property can be shown as well. A
    class without templates is made with its texts: ``UsrError("What happened.", hint="What to do.", facts={...})``.

    A field of a template is ``{name}``, with everything that `str.format` knows, and these words after the colon:
    ``visible`` (see `visible`; ``visible 80`` for another limit), ``quoted`` (the same, in quotation marks), ``cell``
    (visible, or null), ``or none`` (where it is empty), ``counted record`` (1 record, 2,000 records; ``counted
    entry|entries`` for another plural), ``is|are`` (by number; of a sequence, by how many parts it has), ``join,
    |none`` (a sequence: what stands between its parts, and in place of no parts).

    Args:
        message: What happened, one sentence; else the template says it.
        hint: A thing the reader can do now; else the template says it.
        facts: What it is about, in order, behind what `shown` names: ``file``, ``row`` (1 is the first record after a
            header), ``column``, ``value``, and whatever else helps. Values are shown with control characters made
            visible; what is None is left out.
        values: The fields of the templates, and further attributes.

    Attributes:
        code: Stable, documented, unique: ``USR-<AREA>-<number>``.
        exit_code: What the command line returns.
        shown: The facts of a class: ``row`` is the value of that name as it is, ``file={path!s}`` one under another
            key, ``column=id`` a fixed text. What is None is left out, as is a sequence without parts and without ``|``.

    Example:
        >>> from usr_core.api import ExitCode, UsrError
        >>> class ScanMissing(UsrError, FileNotFoundError):
        ...     code = "LAB-001"
        ...     exit_code = ExitCode.MISSING
        ...     template = "There is no scan of {motif:quoted}."
        ...     hint_template = "Run the scan first."
        ...     shown = ("file={path!s}",)
        >>> error = ScanMissing(motif="TATAAT", path="scan.out")
        >>> error.motif, error.facts
        ('TATAAT', {'file': 'scan.out'})
        >>> raise error
        Traceback (most recent call last):
            ...
        ScanMissing: There is no scan of 'TATAAT'.
        >>> raise UsrError("A motif has no score.", hint="Run the scan again.", facts={"file": "scan.out", "row": 3})
        Traceback (most recent call last):
            ...
        usr_core.errors.UsrError: A motif has no score.
    """

    code = "USR-GENERAL-001"
    exit_code: ExitCode = ExitCode.FAILED
    template: str = ""
    hint_template: str = ""
    shown: tuple[str, ...] = ()

    def __init__(
        self,
        message: str | None = None,
        *,
        hint: str | None = None,
        facts: Mapping[str, object] | None = None,
        **values: object,
    ) -> None:
        if (message is None and not self.template) or (hint is None and not self.hint_template):
            raise TypeError(f"{type(self).__name__} needs a message and a hint, or a template for each")
        super().__init__(message)
        if taken := values.keys() & _OF_THE_CLASS:
            raise TypeError(f"{type(self).__name__} can't be given {', '.join(sorted(taken))}: its class says that")
        for name, value in values.items():
            setattr(self, name, tuple(value) if isinstance(value, list) else value)
        self.message = _WORDS.vformat(self.template, (self,), {}) if message is None else message
        self.hint = _WORDS.vformat(self.hint_template, (self,), {}) if hint is None else hint
        named = (one.partition("=") for one in self.shown)
        own = {key: _WORDS.value(form or f"{{{key}}}", self) for key, _, form in named}
        self.facts: dict[str, object] = {k: v for k, v in {**own, **(facts or {})}.items() if v is not None}
        self.args = (self.message,)

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        """The hint, and what `add_note` was told: Python shows these lines below a traceback.

        Raises:
            AttributeError: The class left out what makes a hint.
        """
        notes: list[str] = vars(self).setdefault("_notes", [""])
        notes[0] = f"hint: {self.hint}"  # whoever lets an error pass may have given it another hint
        return notes

    def __str__(self) -> str:
        # A KeyError would show its message in quotation marks, and an OSError look for a number first.
        # A plugin's class may have an `__init__` that does not call ours.
        return self.message if "message" in vars(self) else super().__str__()

    def __reduce__(self) -> tuple[object, ...]:
        # By default an exception is made anew from `args` alone, so one made with keywords could not leave its process.
        # What the built-in exceptions hold outside `vars` is taken along.
        inner = {name: getattr(self, name) for name in ("errno", "filename", "name") if hasattr(self, name)}
        return _remade, (type(self), self.args, inner | vars(self))


def _remade(kind: type[UsrError], args: tuple[object, ...], state: Mapping[str, object]) -> UsrError:
    error = kind.__new__(kind)
    error.args = args
    for name, value in state.items():
        setattr(error, name, value)
    return error


class _Words(Formatter):
    """Fills the fields of a template with attributes of the error, which is the only positional argument."""

    def get_value(self, key: int | str, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        return getattr(args[0], str(key))

    def format_field(self, value: Any, format_spec: str) -> str:
        word, _, more = format_spec.partition(" ")
        if word in {"visible", "cell", "quoted"}:
            text = "null" if word == "cell" and value is None else visible(str(value), limit=int(more or 200))
            return repr(text) if word == "quoted" else text
        count = len(value) if isinstance(value, tuple) else value
        if word == "counted":
            return counted(count, *more.split("|"))
        if word == "or":
            return str(value or more)
        if word.startswith("join"):
            between, _, nothing = format_spec.removeprefix("join").partition("|")
            return between.join(map(str, value)) or nothing
        if "|" in format_spec:
            one, _, many = format_spec.partition("|")
            return one if count == 1 else many
        return str(super().format_field(value, format_spec))

    def value(self, form: str, error: UsrError) -> object:
        """Return what `form` says of `error`: a text, or for one field alone the value itself, None as well."""
        match list(self.parse(form)):
            case [("", str() as name, str() as spec, conversion)]:
                found = self.convert_field(self.get_field(name, (error,), {})[0], conversion)
                if (found is None and spec != "cell") or (found == () and "|" not in spec):
                    return None
                return self.format_field(found, spec) if spec else found
        return self.vformat(form, (error,), {})


_WORDS = _Words()


class OutOfMemory(UsrError, MemoryError):
    """The memory that this process may take was not enough."""

    code = "USR-GENERAL-002"

    def __init__(self, doing: str = "", *, file: str | None = None) -> None:
        limit = _memory_limit()
        where = f" in {doing}" if doing else ""
        super().__init__(
            f"There was not enough memory{where}; a file that is small on disk may hold far more, compressed.",
            hint="Look at what the file holds, split its longest records, or raise the limit (ulimit -v, the job's).",
            facts={"file": file, "limit": None if limit is None else f"{limit:,} bytes"},
        )
        self.file, self.limit = file, limit


def _memory_limit() -> int | None:
    """Return how many bytes of address space this process may take, or None where nothing limits it."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def visible(text: str, *, limit: int = 200) -> str:
    r"""Return `text` with control characters escaped and cut to `limit` characters.

    Names, ids and cells come from files that nobody has checked; printed raw they could move the
    cursor or forge a line.

    Example:
        >>> from usr_core.api import visible
        >>> print(visible("TTGACA\x1b[2J"), visible("ACGT" * 5, limit=4))
        TTGACA\x1b[2J ACGT… (20 characters)
    """
    shown = text[: limit + 1]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shown)
    return shown if len(text) <= limit else f"{shown[:limit]}… ({len(text)} characters)"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 record``, ``2,000 records``; `plural` where it is not `noun` and an s.

    Example:
        >>> from usr_core.api import counted
        >>> counted(1, "record"), counted(2000, "record"), counted(2, "entry", "entries")
        ('1 record', '2,000 records', '2 entries')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def size_text(size: int) -> str:
    """Return bytes with at most four letters of number and a unit: ``812 B``, ``1.2 MB`` (a MB is a million).

    Example:
        >>> from usr_core.api import size_text
        >>> size_text(812), size_text(1_234_000), size_text(999_999)
        ('812 B', '1.2 MB', '1.0 MB')
    """
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{size} B" if unit == "B" else f"{amount:.{1 if amount < 99.95 else 0}f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three of the known names that `name` may have been meant to be, the likeliest first.

    A name in other letter case, or without its namespace (``gfp`` for ``lab__gfp``, or the other way round), is meant
    for sure, and only such names are returned where there are any.
    """
    from difflib import get_close_matches  # a fifth of what a short command costs to start, for an error only

    spellings: dict[str, list[str]] = {}
    for one in known:
        for spelling in {one.casefold(), _bare(one)}:
            spellings.setdefault(spelling, []).append(one)
    for wanted in (name.strip().casefold(), _bare(name)):
        if wanted in spellings:
            return spellings[wanted][:3]
    close = get_close_matches(name.strip().casefold(), spellings, n=3, cutoff=0.6)
    return list(dict.fromkeys(one for spelling in close for one in spellings[spelling]))[:3]


def _bare(name: str) -> str:
    return name.strip().casefold().rpartition("__")[2]


def offered(names: Sequence[str], *, limit: int = 20) -> str:
    """Return names for a hint: the first of them with commas between, and how many more there are."""
    shown = ", ".join(visible(name, limit=60) for name in names[:limit]) or "none"
    return shown + (f", and {len(names) - limit:,} more" if len(names) > limit else "")


def first_line(cause: BaseException) -> str:
    """Return what an exception of another library says, in one line, for a fact ``cause`` beside our own words.

    Such words change with the library's version, so nothing of ours is decided by them.
    """
    return visible((str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip("."))
