"""What plugins offer: specs that are cheap to build, and the protocols behind their factories.

A hook returns specs. A spec says by name what a plugin can do and holds a ``factory`` that is
called only when the thing is really used, so that heavy imports happen there and nowhere else.
Provider calls take **one frozen request object**: a new field with a default never breaks an author.

Nothing here imports pyarrow at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, Self

from usr_core.plugin.executors import Executor, ExecutorRequest
from usr_core.plugin.transports import Transport

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "AlphabetSpec",
    "CheckSpec",
    "EventSink",
    "EventSinkSpec",
    "ExecutorSpec",
    "ExportRequest",
    "ExportResult",
    "Exporter",
    "ExporterSpec",
    "FileRef",
    "Finding",
    "Fingerprint",
    "FunctionSpec",
    "HealthCheckSpec",
    "HealthRequest",
    "ImportRequest",
    "Importer",
    "ImporterSpec",
    "NamespaceSpec",
    "Opened",
    "OptionSpec",
    "OverlayRequest",
    "OverlayWriter",
    "OverlayWriterSpec",
    "Severity",
    "Transport",
    "TransportSpec",
    "Verdict",
    "VerifyOutcome",
    "VerifyRequest",
    "VerifySpec",
    "VerifyStrategy",
]

Severity = Literal["error", "warning", "note"]

SINK_TIMEOUT_S = 10.0
"""Seconds that an event sink has for each call, unless its spec says otherwise."""
MAX_TIMEOUT_S = 3600.0
"""The most that a spec may say."""

# ---------------------------------------------------------------- options


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionSpec:
    """One option of an importer, exporter or overlay writer: ``--option NAME=VALUE``.

    The host checks what is given, and hands it over in the option's type, or its default.

    Attributes:
        name: As it is written on the command line.
        type: ``str``, ``bool``, ``int`` or ``float``.
        default: What holds where nothing is given; None is no value, and then the request's `options` lack the name.
        choices: The values that are allowed; empty allows every one of the type.
        help: One line for ``usr plugins info`` and ``--help-options``.

    Example:
        >>> from usr_core.api import OptionSpec, option_line
        >>> option_line(OptionSpec(name="width", type=int, default=60, help="Letters a line"))
        'width=a whole number (60): Letters a line'
    """

    name: str
    type: type[str] | type[bool] | type[int] | type[float] = str
    default: str | bool | int | float | None = None
    choices: tuple[str | int | float, ...] = ()
    help: str = ""


# ---------------------------------------------------------------- importers


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """A file to be read.

    Attributes:
        path: The file; it exists and is a regular file.
        columns: Names of the columns that are wanted, or None for all. A name that the file lacks is
            simply not delivered: the core says what is missing.
        types: Arrow types the core would like for some columns. A text format may deliver strings instead,
            which the core then converts strictly; a typed format delivers its own types.
        batch_bytes: Roughly how many bytes one batch should hold.
        parse_json: False where text that looks like JSON is to stay text.
        options: The importer's options by name, in their types.

    Example:
        >>> from usr_core.api import ImportRequest
        >>> request = ImportRequest(path=tmp_path / "more.csv", columns=("sequence",))
        >>> request.columns, request.batch_bytes, request.parse_json
        (('sequence',), 8388608, True)
    """

    path: Path
    columns: tuple[str, ...] | None = None
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    batch_bytes: int = 8 << 20
    parse_json: bool = True
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file that an importer has opened.

    Attributes:
        columns: The names of all its columns, in its order.
        batches: The wanted columns, in the file's row order, a bounded batch at a time. Every batch has the same
            schema. An empty file body yields nothing.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api import Opened
        >>> def steps():
        ...     with (tmp_path / "motifs.txt").open("w+") as file:
        ...         yield ["sequence"]
        ...         yield pa.record_batch({"sequence": ["TTGACA"]})
        >>> opened = Opened.begun(steps())
        >>> opened.columns, next(opened.batches).num_rows
        (['sequence'], 1)
        >>> opened.close()
    """

    columns: Sequence[str]
    batches: Iterator[pa.RecordBatch]

    @classmethod
    def begun(cls, steps: Generator[Any, None, None]) -> Self:
        """Return what a generator opens that yields the column names first, and then the batches.

        Such a generator may hold the file open in a ``with``: the file is closed whenever the generator is, also
        where the batches are never asked for.
        """
        return cls(columns=next(steps), batches=steps)

    def close(self) -> None:
        """Give up the batches, and close the file."""
        close = getattr(self.batches, "close", None)
        if close is not None:
            close()


class Importer(Protocol):
    """Reads one file format.

    Importers of plugin API 1.0 have two methods instead, which work as before: ``columns(request)`` returns the names,
    and ``read(request)`` the iterator of batches.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api import ImportRequest, Opened
        >>> class LinesImporter:  # one sequence a line
        ...     def open(self, request):
        ...         batch = pa.record_batch({"sequence": request.path.read_text().split()})
        ...         return Opened(columns=["sequence"], batches=iter([batch]))
        >>> (tmp_path / "motifs.txt").write_text("TTGACA TATAAT")
        13
        >>> next(LinesImporter().open(ImportRequest(path=tmp_path / "motifs.txt")).batches).to_pydict()
        {'sequence': ['TTGACA', 'TATAAT']}
    """

    def open(self, request: ImportRequest) -> Opened:
        """Open the file, reading as little as possible before the first batch is asked for.

        Text keeps its spelling (``NA`` and ``007`` are text); an unquoted empty cell is null, a quoted one the empty
        string.

        Raises:
            UsrError: The file has no header or schema, or is not of this format; from the batches: a row can't be
                read; file, row (1 is the first record) and column are among its facts.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImporterSpec:
    """Offer to read a file format.

    Attributes:
        name: What ``--from NAME`` takes; the manifest claims the same name.
        summary: One line for listings, without a full stop.
        factory: Makes the provider; called only when it is used, so that heavy imports stand there.
        suffixes: Endings of its files, with the dot, in lower case; one of compression after it is the core's.
        options: What ``--option NAME=VALUE`` may set.
        namespace: The namespace, owned by the same plugin (see `NamespaceSpec`), that the further columns of its
            files belong to: an import keeps them there.

    Example:
        >>> from usr_core.api import ImporterSpec
        >>> def make_importer():
        ...     from usr_plugin_motifs.reader import MotifImporter  # imported only when it is used
        ...     return MotifImporter()
        >>> spec = ImporterSpec(name="motifs", summary="Read motif lists", factory=make_importer, suffixes=(".motifs",))
        >>> spec.name, spec.suffixes
        ('motifs', ('.motifs',))
    """

    name: str
    summary: str
    factory: Callable[[], Any]
    suffixes: tuple[str, ...] = ()
    options: tuple[OptionSpec, ...] = ()
    namespace: str | None = None


# ---------------------------------------------------------------- exporters


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """A file to be written.

    Attributes:
        path: A fresh temporary file beside the final one; the core renames it after the exporter returned.
        schema: Columns in order, with registry types; the batches have exactly this schema.
        metadata: Key/value metadata for formats that can hold it.
        opener: Opens what `open` gives where that is not the file at `path`.
        options: The exporter's options by name, in their types.
        stored: Writes all rows to `path` as Parquet, with the columns and the metadata of a schema, and returns their
            number. Columns that stand whole in the dataset's files are copied without being decoded. It returns None,
            and writes nothing, where the exporter has to write the batches. None where it always has to.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api import ExportRequest
        >>> request = ExportRequest(path=tmp_path / "out.motifs", schema=pa.schema({"sequence": pa.string()}))
        >>> with request.open() as handle:
        ...     handle.write(b"TTGACA")
        6
    """

    path: Path
    schema: pa.Schema
    metadata: Mapping[str, str] = field(default_factory=dict)
    opener: Callable[[], BinaryIO] | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    stored: Callable[[pa.Schema], int | None] | None = None

    def open(self) -> BinaryIO:
        """Open what is to be written: the file at `path`, or a stream that compresses or goes to standard output.

        For exporters whose spec says `streams`. A stream can't be read or moved in, and is opened once.
        """
        return self.path.open("wb") if self.opener is None else self.opener()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """What an exporter wrote: every row that it was given, and the bytes (before compression) that they took.

    Example:
        >>> from usr_core.api import ExportResult
        >>> ExportResult(rows=3, size_bytes=63)
        ExportResult(rows=3, size_bytes=63)
    """

    rows: int
    size_bytes: int


class Exporter(Protocol):
    r"""Writes one file format.

    Example:
        >>> from usr_core.api import ExportRequest, ExportResult
        >>> class LinesExporter:  # one sequence a line
        ...     def write(self, request, batches):
        ...         rows = size = 0
        ...         with request.open() as handle:
        ...             for batch in batches:
        ...                 size += handle.write("".join(f"{one}\n" for one in batch["sequence"].to_pylist()).encode())
        ...                 rows += batch.num_rows
        ...         return ExportResult(rows=rows, size_bytes=size)
        >>> with dataset.scan(columns=["sequence"]) as reader:
        ...     LinesExporter().write(ExportRequest(path=tmp_path / "out.txt", schema=reader.schema), reader)
        ExportResult(rows=3, size_bytes=63)
    """

    def write(self, request: ExportRequest, batches: Iterable[pa.RecordBatch]) -> ExportResult:
        """Write all `batches` to ``request.path``, in order, holding a bounded number of them at a time.

        The core counts the rows that are taken and compares them, and the bytes of the file, with the answer.
        Zero batches give a valid empty file: a header, an empty table, or no line at all.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterSpec:
    """Offer to write a file format.

    Attributes:
        name, summary, factory: As for every spec.
        suffix: Ending of files that go into a folder.
        streams: The exporter writes to ``request.open()`` and nowhere else, from the first byte to the last. Then it
            can write to standard output, and, if it is not `binary`, below the endings ``.gz`` and ``.zst``.
        binary: The format is not text: it does not go to a terminal, and compressing it again is of no use.
        options: What ``--option NAME=VALUE`` may set.
        suffixes: Further endings by which a file that is to be written names this format.

    Example:
        >>> from usr_core.api import ExporterSpec
        >>> spec = dataset.host.exporter_spec("csv")
        >>> isinstance(spec, ExporterSpec), spec.suffix, spec.streams, spec.binary
        (True, '.csv', True, False)
    """

    name: str
    summary: str
    factory: Callable[[], Exporter]
    suffix: str
    streams: bool = False
    binary: bool = False
    options: tuple[OptionSpec, ...] = ()
    suffixes: tuple[str, ...] = ()


# ---------------------------------------------------------------- overlay writers


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayRequest:
    """A tool's output to be turned into overlay rows.

    Attributes:
        path: What the user named; it has not been checked that it exists.
        namespace: The namespace that is attached to.
        columns: Names that were asked for, with or without prefix, or None for all. A writer may deliver others
            as well: the core takes what was asked for.
        types: The registered columns of the namespace, by full name, in registered order.
        options: What the user set with ``--option NAME=VALUE``, and the defaults of the spec's options; an option
            that the spec gives by its name alone is text.
        record_ids: Opens the ids of the dataset's records in the order in which `scan` and `export` give them,
            deleted ones left out: string arrays without nulls. For output that has rows, but no ids.

    Example:
        >>> from usr_core.api import OverlayRequest
        >>> request = OverlayRequest(path=tmp_path / "scan.out", namespace="lab", options={"threshold": "0.8"})
        >>> request.columns is None, float(request.options.get("threshold", "0.5"))
        (True, 0.8)
    """

    path: Path
    namespace: str
    columns: tuple[str, ...] | None = None
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    record_ids: Callable[[], Iterator[pa.Array]] | None = None


class OverlayWriter(Protocol):
    """Turns a tool's output files into batches that the core attaches.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api import OverlayRequest
        >>> class SigmaWriter:  # lines "<id> <sigma factor>"
        ...     def batches(self, request):
        ...         names, sigmas = zip(*(line.split() for line in request.path.read_text().splitlines()))
        ...         yield pa.record_batch({"id": names, "lab__sigma": sigmas})
        >>> (tmp_path / "scan.out").write_text(f"{ids[2]} sigma54")
        48
        >>> (batch,) = SigmaWriter().batches(OverlayRequest(path=tmp_path / "scan.out", namespace="lab"))
        >>> dataset.write_overlay_part("lab", pa.table(batch)).rows_attached
        1
    """

    def batches(self, request: OverlayRequest) -> Iterator[pa.RecordBatch]:
        """Yield batches that hold the key column and columns of the namespace, prefixed or not.

        All have the same schema. A column that the namespace does not register is named to the user as ignored.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayWriterSpec:
    """Offer to read a tool's output for `attach --writer NAME`.

    Attributes:
        name, summary, factory: As for every spec.
        namespace: What is attached to where the user names no namespace.
        key: The key where the user names none; where the rows lack it, the one of ``id``, ``sequence`` that they have.
        options: What ``--option NAME=VALUE`` may set, in full or by name; any other is refused before the writer is
            called.

    Example:
        >>> from usr_core.api import OverlayWriterSpec
        >>> spec = dataset.host.overlay_writer_spec("infer")
        >>> isinstance(spec, OverlayWriterSpec), spec.namespace, spec.key
        (True, 'infer', 'id')
    """

    name: str
    summary: str
    factory: Callable[[], OverlayWriter]
    namespace: str
    key: Literal["id", "sequence", "sequence_norm", "sequence_ci"] = "id"
    options: tuple[OptionSpec | str, ...] = ()


# ---------------------------------------------------------------- verification


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRef:
    """A file that a strategy is to fingerprint.

    Attributes:
        path: The file on this machine.
        size_bytes: Its size.

    Example:
        >>> from usr_core.api import FileRef
        >>> ref = FileRef(path=tmp_path / "more.csv", size_bytes=51)
        >>> ref.path.stat().st_size == ref.size_bytes
        True
    """

    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a verify strategy saw of one file.

    Attributes:
        strategy: The strategy's name.
        facts: What is compared, by name, such as ``sha256``; of a remote copy, what the transport's `digest` gave.

    Example:
        >>> from usr_core.api import Fingerprint
        >>> Fingerprint(strategy="size", facts={"size_bytes": 51}).facts["size_bytes"]
        51
    """

    strategy: str
    facts: Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether two fingerprints agree, and where they do not.

    Attributes:
        equal: Whether the two files are alike; False too where a side could not compute its facts.
        reason: What differs, for a message; empty where they agree.

    Example:
        >>> from usr_core.api import Verdict
        >>> Verdict(equal=False, reason="51 bytes here, 30 there")
        Verdict(equal=False, reason='51 bytes here, 30 there')
    """

    equal: bool
    reason: str = ""


class VerifyStrategy(Protocol):
    """Compares two copies of a file.

    Example:
        >>> from usr_core.api import FileRef, Fingerprint, Verdict
        >>> class FirstBytes:  # compares how two files begin
        ...     def fingerprint(self, ref):
        ...         with ref.path.open("rb") as handle:
        ...             return Fingerprint(strategy="first_bytes", facts={"begins": handle.read(16).hex()})
        ...     def compare(self, local, remote):
        ...         return Verdict(equal=local.facts == remote.facts)
        >>> seen = FirstBytes().fingerprint(FileRef(path=tmp_path / "more.csv", size_bytes=51))
        >>> FirstBytes().compare(seen, seen).equal
        True
    """

    def fingerprint(self, ref: FileRef) -> Fingerprint:
        """Return what this strategy compares, reading the file at most once."""
        ...

    def compare(self, local: Fingerprint, remote: Fingerprint) -> Verdict:
        """Compare two fingerprints; symmetric."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySpec:
    """Offer a way to compare copies.

    Of the built-in ones, and of those that the user's configuration prefers, ``auto`` takes the one with the highest
    ``strength`` whose ``needs`` the remote can serve.

    Attributes:
        name, summary, factory: As for every spec.
        strength: How much it compares; the built-in ones have 30 (``hash``), 20 (``parquet``) and 10 (``size``).
        needs: Abilities that the transport must have, such as ``sha256``.

    Example:
        >>> strengths = {spec.name: (spec.strength, spec.needs) for spec in dataset.host.verify_specs()}
        >>> strengths["hash"], strengths["size"]
        ((30, ('sha256',)), (10, ()))
    """

    name: str
    summary: str
    factory: Callable[[], VerifyStrategy]
    strength: int
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What ``auto`` has to choose from.

    Attributes:
        requested: What was asked for with ``--verify``.
        available: Names of strategies that can be used here, of which one is to be chosen.
        remote_abilities: What the remote side can do, as `Transport.abilities` says.

    Example:
        >>> from usr_core.api import VerifyRequest
        >>> request = VerifyRequest(requested="auto", available=("hash", "size"), remote_abilities=frozenset())
        >>> "hash" if "sha256" in request.remote_abilities else "size"
        'size'
    """

    requested: str
    available: tuple[str, ...]
    remote_abilities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOutcome:
    """What was asked for, what was done, and why they differ.

    Attributes:
        requested, used: Names of strategies.
        downgraded: Whether `used` is weaker than what was asked for.
        reason: Why it is; empty where it is not.
        verdict: What the comparison said; None where nothing was compared.

    Example:
        >>> from usr_core.api import Verdict, VerifyOutcome
        >>> outcome = VerifyOutcome(
        ...     requested="hash", used="size", downgraded=True, reason="no sha256 there", verdict=Verdict(equal=True)
        ... )
        >>> outcome.used, outcome.downgraded
        ('size', True)
    """

    requested: str
    used: str
    downgraded: bool
    reason: str
    verdict: Verdict | None


# ---------------------------------------------------------------- transports (the protocol: usr_core.plugin.transports)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSpec:
    """Offer a way to reach a remote root.

    Attributes:
        name, summary: As for every spec.
        factory: Makes a transport from a remote's settings (`Remote.settings`).
        scheme: The ``type`` of its remotes in the remotes file.
        features: ``watch`` where it is a `WatchedTransport`; ``local`` where paths of its remotes are paths of this
            machine, so that a remote inside the root here is refused.
        settings: Keys that it takes from a remote's entry, besides those that the core knows.

    Example:
        >>> from usr_core.api import TransportSpec
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> remote = MemoryRemote()
        >>> spec = TransportSpec(
        ...     name="memory", summary="For tests", factory=lambda settings: MemoryTransport(remote), scheme="memory"
        ... )
        >>> sorted(spec.factory({}).abilities())
        ['lock', 'parquet', 'sha256']
    """

    name: str
    summary: str
    factory: Callable[[Mapping[str, Any]], Transport]
    scheme: str
    features: frozenset[str] = frozenset()
    settings: tuple[str, ...] = ()


# ---------------------------------------------------------------- event sinks


class EventSink(Protocol):
    """Receives events after they are committed; it can't undo them.

    The factory and both methods run in one thread, which is not the main thread; they return nothing.

    Example:
        >>> class CountingSink:
        ...     def __init__(self):
        ...         self.actions = []
        ...     def emit(self, event):
        ...         self.actions.append(event["action"])
        ...     def close(self):
        ...         print(f"{len(self.actions)} changes")
        >>> sink = CountingSink()
        >>> for line in dataset.events():
        ...     sink.emit(line.event)
        >>> sink.close()
        3 changes
    """

    def emit(self, event: Mapping[str, Any]) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSinkSpec:
    """Offer to receive events.

    Attributes:
        name, summary, factory: As for every spec.
        required: A failure makes the command fail (exit 4); the change stays.
        actions: The events that are wanted; empty means all.
        timeout_s: Seconds that the factory, each `emit` and `close` may take. A sink that takes longer is given up for
            the rest of the process, which is reported.

    Example:
        >>> from usr_core.api import EventSinkSpec
        >>> class Printing:
        ...     def emit(self, event):
        ...         print(event["action"])
        ...     def close(self):
        ...         pass
        >>> spec = EventSinkSpec(name="print", summary="Print changes", factory=Printing, actions=frozenset({"attach"}))
        >>> spec.required, spec.timeout_s
        (False, 10.0)
    """

    name: str
    summary: str
    factory: Callable[[], EventSink]
    required: bool = False
    actions: frozenset[str] = frozenset()
    timeout_s: float = SINK_TIMEOUT_S


# ---------------------------------------------------------------- namespaces and checks


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSpec:
    """The columns that a tool's namespace has.

    Attributes:
        name: The namespace; it is the plugin's id.
        summary: One line for listings.
        columns: Pairs of full column name and type text, in order.
        owner, description: As `register_namespace` takes them.

    Example:
        >>> from usr_core.api import NamespaceSpec
        >>> from usr_core.api.registry import register_namespace
        >>> spec = NamespaceSpec(name="motifs", summary="Motif scans", columns=(("motifs__score", "float64"),))
        >>> register_namespace(root, spec.name, spec.columns).created
        True
    """

    name: str
    summary: str
    columns: tuple[tuple[str, str], ...]
    owner: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that `validate` or `doctor` reports.

    Attributes:
        code: Stable and documented, as an error's.
        message: What is wrong.
        severity: With an ``error``, `usr validate` ends with exit code 1.
        file: The file, relative to the dataset's folder, where it is one file.
        rows: The first rows at fault, from 1.
        count: How many there are in all.
        hint: A thing to do.

    Example:
        >>> from usr_core.api import Finding
        >>> finding = Finding(code="LAB-101", message="GC is not between 0 and 1.", rows=(2,), hint="Compute it again.")
        >>> finding.severity, finding.rows, finding.count
        ('error', (2,), 1)
    """

    code: str
    message: str
    severity: Severity = "error"
    file: str | None = None
    rows: tuple[int, ...] = ()
    count: int = 1
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """Offer a check that sees the merged view's batches of the columns it names.

    The check gets the batches once, in the base's row order, deleted records left out, and changes nothing.

    Attributes:
        name, summary: As for every spec.
        factory: Makes the check, a function from batches to findings.
        columns: The columns of its batches, by default all; it is not run where the dataset lacks one of them.
        namespace: It runs only on datasets that have values of this namespace; None is every dataset.
        at: When it runs: ``validate``, and ``import``, where its batches are the rows that come in, with the columns
            that are kept, and an ``error`` refuses the input.

    Example:
        >>> from usr_core.api import CheckSpec, Finding
        >>> def low_gc(batches):
        ...     shares = [gc for batch in batches for gc in batch["lab__gc"].to_pylist()]
        ...     rows = tuple(row for row, gc in enumerate(shares, 1) if gc is not None and gc < 0.35)
        ...     return [Finding(code="LAB-102", message="GC is low.", severity="note", rows=rows, count=len(rows))]
        >>> spec = CheckSpec(name="lab_gc", summary="GC is not low", factory=lambda: low_gc, columns=("lab__gc",))
        >>> with dataset.view() as view:
        ...     [(found.message, found.rows) for found in spec.factory()(view.batches(spec.columns))]
        [('GC is low.', (2,))]
    """

    name: str
    summary: str
    factory: Callable[[], Callable[[Iterable[pa.RecordBatch]], Iterable[Finding]]]
    columns: tuple[str, ...] = ()
    namespace: str | None = None
    at: Set[Literal["validate", "import"]] = frozenset({"validate"})


# ---------------------------------------------------------------- alphabets


@dataclass(frozen=True, slots=True, kw_only=True)
class AlphabetSpec:
    """Offer an alphabet: letters that sequences of one bio_type may have.

    Attributes:
        name: What ``--alphabet NAME`` takes, and what the column ``alphabet`` holds: lower-case letters, digits and _,
            beginning with a letter, and none of USR's own.
        summary: One line for listings, without a full stop.
        bio_type: ``dna``, ``rna`` or ``protein``.
        letters: Printable ASCII characters, each once, in upper case; a letter counts in either case.

    Example:
        >>> from usr_core.api import AlphabetSpec
        >>> spec = AlphabetSpec(name="dna_6", summary="DNA with modified C", bio_type="dna", letters="ACGTMH")
        >>> spec.bio_type, len(spec.letters)
        ('dna', 6)
    """

    name: str
    summary: str
    bio_type: str
    letters: str


# ---------------------------------------------------------------- health checks


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRequest:
    """What `usr doctor` looks at.

    Attributes:
        root: The root's folder, or None where there is none.
        dataset: The dataset's folder, or None where none was named.

    Example:
        >>> from usr_core.api import HealthRequest
        >>> HealthRequest(root=root).dataset is None
        True
    """

    root: Path | None = None
    dataset: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheckSpec:
    """Offer a check of the machine, the root or a dataset's folder, which `usr doctor` runs.

    Attributes:
        name, summary: As for every spec.
        factory: Makes the check, a function from a `HealthRequest` to findings. It changes nothing.

    Example:
        >>> from usr_core.api import Finding, HealthCheckSpec, HealthRequest
        >>> def token(request):
        ...     if not (request.root / "token").exists():
        ...         yield Finding(code="LAB-201", message="There is no token.", severity="warning", hint="Ask for one.")
        >>> spec = HealthCheckSpec(name="lab_token", summary="The token is there", factory=lambda: token)
        >>> [finding.message for finding in spec.factory()(HealthRequest(root=root))]
        ['There is no token.']
    """

    name: str
    summary: str
    factory: Callable[[], Callable[[HealthRequest], Iterable[Finding]]]


# ---------------------------------------------------------------- runs: executors and functions


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSpec:
    """Offer to run the shards of `usr map`.

    Attributes:
        name, summary: As for every spec.
        factory: Makes an executor for one run.
        options: What it takes besides ``--workers``, checked by the host: ``--queue short`` is the option ``queue``.
        detached: It hands the shards to somebody else, such as a batch system, and nobody waits for them here.

    Example:
        >>> from usr_core.api import ExecutorSpec, OptionSpec
        >>> class Nobody:
        ...     def __init__(self, request):
        ...         self.queue = request.options["queue"]
        >>> queue = OptionSpec(name="queue", default="short", help="Where jobs wait")
        >>> spec = ExecutorSpec(name="lab", summary="The lab's cluster", factory=Nobody, options=(queue,))
        >>> spec.detached
        False
    """

    name: str
    summary: str
    factory: Callable[[ExecutorRequest], Executor]
    options: tuple[OptionSpec, ...] = ()
    detached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """Offer a function to `usr map --fn NAME`.

    Attributes:
        name: Lower-case letters, digits and _, beginning with a letter.
        summary: What it computes, with its unit, in one line.
        factory: Makes the function, once a worker. It is called with a batch and its parameters by keyword, and returns
            a batch, a table, a mapping of column names to arrays, or, for one column, an array.
        columns: What it needs of a record besides ``id``, where nothing else is asked for.
        params: Its parameters, given by ``--param NAME=VALUE`` and checked by the host.
        type: The type text of its value, for registering a column; empty where that depends on parameters.

    Example:
        >>> import pyarrow.compute as pc
        >>> from usr_core.api import FunctionSpec
        >>> def length(batch):
        ...     return pc.utf8_length(batch["sequence"])
        >>> spec = FunctionSpec(name="length", summary="Letters", factory=lambda: length, type="int32")
        >>> spec.factory()(dataset.head_arrow(2)).to_pylist()
        [20, 20]
    """

    name: str
    summary: str
    factory: Callable[[], Callable[..., Any]]
    columns: tuple[str, ...] = ("sequence",)
    params: tuple[OptionSpec, ...] = ()
    type: str = ""
