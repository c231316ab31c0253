"""Planning a run: which records, from which state of the dataset, cut into how many shards.

The base as it is now gets a second name in the run's folder, so that whatever happens to the dataset meanwhile, every
shard reads what was planned; a base file is never changed in place. Where the function needs columns of overlays, or
the chosen rows are scattered, the chosen rows are copied there in place of that.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.errors import UsrError, visible
from usr_core.events.event import now_us, rfc3339
from usr_core.fs.durable import link_or_copy, remove_tree, sync_file
from usr_core.fs.errors import file_system_error
from usr_core.fs.files import make_shared_folder, share
from usr_core.plugin.executors import FunctionRef
from usr_core.registry.document import RESERVED_NAMESPACES, Registry, namespace_of
from usr_core.registry.errors import ColumnNotRegistered
from usr_core.roots.layout import RECORDS, STAGING
from usr_core.runs.chosen_rows import ChosenRows
from usr_core.runs.errors import RunMissing, RunRequestInvalid
from usr_core.runs.folder import RUN_PREFIX, RunFolder, runs_of
from usr_core.runs.functions import load_function
from usr_core.runs.plan import RunPlan
from usr_core.runs.results import Caller
from usr_core.store.base.parquet import footer_bytes
from usr_core.store.errors import NamespaceReservedHere
from usr_core.store.mutation import Site, load_site_registry, refuse_archived
from usr_core.store.view.merged_view import MergedView
from usr_core.values.showing import Shown

if TYPE_CHECKING:
    from usr_core.plugin.host import PluginHost

__all__ = ["MapRequest", "Planned", "plan_run", "second_name"]

_SAMPLE_ROWS = 4096
_SAMPLE_BYTES = 16 << 20
"""Of values of the base, by its average: one batch of a shard has no more."""
_SAMPLE_SECONDS = 0.5
_SHARD_SECONDS = 120.0
"""Of one worker: between one and ten minutes, whatever the sample has missed."""
_FEWEST_ROWS = 1000
_DIGEST_LETTERS = 16


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


_ASKED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "mode": (lambda value: value in ("missing", "all"), "one of: missing, all"),
    "on_error": (lambda value: value in ("fail", "null", "skip"), "one of: fail, null, skip"),
    "shards": (lambda value: value is None or _whole(value), "a whole number from 1 on"),
    "batch_rows": (_whole, "a whole number from 1 on"),
    "workers": (_whole, "a whole number from 1 on"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRequest:
    """What is asked for.

    Attributes:
        function, params: As `find_function` gives them.
        columns: What the function is given besides ``id``.
        into: Full names of the columns that it makes, of one namespace.
        mode: ``missing``: the records that lack one of `into`; ``all``: every one.
        where: A condition in SQL for the records.
        shards: How many; None is by a sample.
        workers: How many there are likely to be, for the cut.
        executor: Its name.
        sample: Whether to call the function here: for the cut, the estimate, and to see at once that it works.
        version: The version whose records are meant; None is the dataset as it is.
    """

    function: FunctionRef
    params: Mapping[str, Any]
    columns: tuple[str, ...]
    into: tuple[str, ...]
    mode: Literal["missing", "all"] = "missing"
    where: str = ""
    shards: int | None = None
    batch_rows: int = 4096
    on_error: Literal["fail", "null", "skip"] = "fail"
    workers: int = 1
    executor: str = "local"
    sample: bool = True
    version: int | None = None

    def __post_init__(self) -> None:
        """Refuse words and numbers that mean nothing; the command's own options can't bring them.

        Raises:
            RunRequestInvalid: One of them.
        """
        for name, (fits, words) in _ASKED.items():
            if not fits(value := getattr(self, name)):
                reason = f"{name} can't be {visible(str(value))!r}"
                raise RunRequestInvalid(reason=reason, advice=f"Give {name} as {words}.")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Planned(Shown):
    """What a run will be.

    Attributes:
        run_id: Its id; "" where no record is left to do, or nothing was to be written.
        shards, rows: Shards, and records of them in all.
        bytes_in: Bytes that the shards read, uncompressed.
        bytes_out: Bytes of what they make, by the sample, uncompressed; None without one.
        seconds: Of one worker for all shards, by the sample; None without one.
        resumed: The run was there already.

    Example:
        >>> planned = dataset.map("scores.py:gc", into="lab__gc", mode="all", dry_run=True).planned
        >>> planned.shards, planned.rows, planned.resumed
        (1, 3, False)
    """

    run_id: str
    shards: int
    rows: int
    bytes_in: int
    bytes_out: int | None = None
    seconds: float | None = None
    resumed: bool = False


def plan_run(
    site: Site,
    request: MapRequest,
    *,
    host: PluginHost | None = None,
    dry_run: bool = False,
    seen: Callable[[FileTree], FileTree] = lambda tree: tree,
) -> tuple[RunFolder | None, Planned]:
    """Choose the records, and make the run's folder, or find the run that was made for the same question.

    No lock is taken. Memory does not grow with the rows.

    Args:
        site: The dataset.
        request: What is asked for.
        host: Where the functions of plugins come from.
        dry_run: Write nothing.
        seen: Gives the files that count, of all that there are: those of `MapRequest.version`.

    Returns:
        The run, None where there is nothing to do or nothing was to be written; and what it will be.

    Raises:
        RunRequestInvalid, NamespaceReservedHere, ColumnNotRegistered, NamespaceNotRegistered: `into` can't be made.
        UnknownColumn, ConditionInvalid: The dataset has no such column; `where` is no condition.
        FunctionUnusable, FunctionFailed: The function fails on the first records.
        FileSystemError: The run's folder can't be written.
    """
    refuse_archived(site.ref)
    into = _registered(load_site_registry(site), request.into)

    def opened(found: FileTree) -> tuple[MergedView, Path]:
        tree = seen(found)
        path = tree.path(RECORDS)
        return MergedView.open(tree), path or site.layout.records

    view, base = read_consistent(site.ref.path, opened)
    with contextlib.closing(view):
        view.schema(["id", *request.columns])  # refuses what is not there
        chosen = ChosenRows(view, [name for name, _ in into], every=request.mode == "all", where=request.where)
        rows, ranges = chosen.count()
        share = rows / view.rows if view.rows else 0.0
        read = frozenset({"id", *request.columns})
        bytes_in = int(share * (view.source.column_bytes(read)))
        if not rows:
            return None, Planned(run_id="", shards=0, rows=0, bytes_in=0)
        question = _question(view, request, into, rows, ranges)
        found = _same_question(view, site.ref.path, question, request.shards)
        if found is not None:
            plan = found.plan
            return found, Planned(
                run_id=plan.run_id, shards=plan.shards, rows=plan.rows, bytes_in=bytes_in, resumed=True
            )
        rate, width = _sample(chosen, request, into, host) if request.sample else (None, None)
        shards = request.shards or _cut(rows, rate, request.workers)
        planned = Planned(
            run_id="",
            shards=min(shards, rows),
            rows=rows,
            bytes_in=bytes_in,
            bytes_out=None if width is None else int(width * rows),
            seconds=None if rate is None else rows / rate,
        )
        if dry_run:
            return None, planned
        run = _write(site, view, base, chosen, request, into, rows, ranges, question, planned.shards)
        return run, replace(planned, run_id=run.run_id)


def _registered(registry: Registry, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the columns with their registered types.

    Raises:
        RunRequestInvalid: No column, one twice, or of two namespaces.
        NamespaceReservedHere, NamespaceNotRegistered, ColumnNotRegistered: The registry does not allow it.
    """
    spaces = {namespace_of(name) for name in names}
    advice = "Give --into NAMESPACE__COLUMN, once for each column, all of one namespace."
    if not names or None in spaces:
        bare = next((name for name in names if namespace_of(name) is None), None)
        reason = "No column was named" if bare is None else f"{bare!r} is not a column of a namespace"
        raise RunRequestInvalid(reason=reason, advice=advice)
    if len(spaces) > 1 or len(set(names)) < len(names):
        reason = "The columns are of several namespaces" if len(spaces) > 1 else "A column is named twice"
        raise RunRequestInvalid(reason=reason, advice=advice)
    namespace = str(spaces.pop())
    if namespace in RESERVED_NAMESPACES:
        raise NamespaceReservedHere(namespace=namespace, verb="map")
    entry = registry.namespace(namespace)
    for name in names:
        if name not in entry.by_name:
            raise ColumnNotRegistered(column=name, namespace=namespace, known=entry.column_names)
    return tuple((name, registry.column_type(name).canonical()) for name in names)


def _question(
    view: MergedView,
    request: MapRequest,
    into: Sequence[tuple[str, str]],
    rows: int,
    ranges: Sequence[tuple[int, int]] | None,
) -> str:
    """Return the digest of what is asked, of which state of the dataset."""
    spaces = {namespace_of(name) for name in request.columns} - {None}
    parts = [(part.relative, part.rows) for space in sorted(map(str, spaces)) for part in _parts_of(view, space)]
    asked = {
        "base": [view.rows, _footer_digest(view.source.handle) if request.version is None else ["at", request.version]],
        "parts": parts,
        "rows": rows,
        "ranges": ranges,
        "where": request.where,
        "mode": request.mode,
        "function": [request.function.name, request.function.digest, request.function.per_record],
        "params": request.params,
        "columns": request.columns,
        "into": into,
        "on_error": request.on_error,
        "batch_rows": request.batch_rows,
    }
    if ranges is None:
        asked["values"] = [(p.relative, p.rows) for space in sorted(view.overlays) for p in _parts_of(view, space)]
    return _digest(asked)


def _parts_of(view: MergedView, namespace: str) -> Sequence[Any]:
    overlay = view.overlays.get(namespace)
    return () if overlay is None else overlay.parts


def _digest(asked: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def _footer_digest(handle: pa.NativeFile) -> str:
    """Return the digest of an open Parquet file's footer, which says where every page is, and of the file's size."""
    return hashlib.sha256(footer_bytes(handle) + str(handle.size()).encode()).hexdigest()


def _same_question(view: MergedView, dataset: Path, question: str, shards: int | None) -> RunFolder | None:
    """Return the run of that question, unless what it has committed is not what the view shows."""
    for run in runs_of(dataset):
        if run.plan.question == question and shards in (None, run.plan.shards):
            committed = run.committed()
            if committed is None or _shows(view, run.plan, committed["parts"]):
                return run
    return None


def _shows(view: MergedView, plan: RunPlan, parts: Sequence[str]) -> bool:
    """Tell whether these parts are there, and the newest of their namespace.

    Records that lack the value, although it was committed, have lost it since.
    """
    there = [part.relative for part in _parts_of(view, plan.namespace)]
    return plan.mode == "all" and bool(parts) and set(there[-len(parts) :]) == set(parts)


def _sample(
    chosen: ChosenRows, request: MapRequest, into: Sequence[tuple[str, str]], host: PluginHost | None
) -> tuple[float, float]:
    """Call the function on the first records, more and more of them; return rows a second and bytes a row."""
    source = chosen.view.source
    width = source.column_bytes(frozenset({"id", *request.columns})) // max(source.rows, 1)
    numbers = chosen.first(max(1, min(_SAMPLE_ROWS, _SAMPLE_BYTES // max(width, 1))))
    table = chosen.view.rows_at(numbers, ["id", *(name for name in request.columns if name != "id")])
    batch = table.combine_chunks().to_batches()[0]
    call = load_function(request.function, request.params, host)
    caller = Caller(
        request.function, call, columns=request.columns, into=into, on_error=request.on_error, shard="sample"
    )
    done, size, spent, step, rate = 0, 0, 0.0, 16, 0.0
    while done < batch.num_rows and spent < _SAMPLE_SECONDS:
        piece = batch.slice(done, min(step, request.batch_rows))
        began = time.perf_counter()
        applied = caller(piece, numbers[done : done + piece.num_rows])
        last = time.perf_counter() - began
        rate = piece.num_rows / max(last, 1e-6)
        spent += last if done else 0.0  # the first piece pays for what is loaded at the first call
        done, step = done + piece.num_rows, step * 2
        size += sum(array.nbytes for array in applied.columns)
    return rate, size / done


def _cut(rows: int, rate: float | None, workers: int) -> int:
    """Return into how many shards to cut: of two minutes each, or a few a worker where all takes less."""
    seconds = rows / (rate or 1000.0)
    by_time = -(-seconds // _SHARD_SECONDS)
    for_workers = min(4 * max(workers, 1), -(-seconds // 1.0), -(-rows // _FEWEST_ROWS))
    return max(1, int(max(by_time, for_workers)))


def _write(
    site: Site,
    view: MergedView,
    base: Path,
    chosen: ChosenRows,
    request: MapRequest,
    into: Sequence[tuple[str, str]],
    rows: int,
    ranges: Sequence[tuple[int, int]] | None,
    question: str,
    shards: int,
) -> RunFolder:
    run_id = _digest({"question": question, "shards": shards})[:_DIGEST_LETTERS]
    run = RunFolder(site.ref.path / STAGING / f"{RUN_PREFIX}{run_id}")
    if run.exists():
        with contextlib.suppress(RunMissing):  # its plan can't be read
            if run.plan.run_id == run_id and run.committed() is None:
                return run
        run.remove()
    of_base = set(view.source.schema.names)
    # The base of a version may be the first rows of a longer file, which are not read by their numbers alone.
    copied = ranges is None or request.version is not None or not {"id", *request.columns} <= of_base
    if ranges is None or copied:
        ranges = [(0, rows)]
    plan = RunPlan(
        run_id=run_id,
        attempt=secrets.token_hex(8),
        question=question,
        dataset=site.ref.name,
        root=str(site.ref.root),
        created=rfc3339(now_us()),
        function=request.function,
        params=dict(request.params),
        columns=tuple(request.columns),
        into=tuple(into),
        rows=rows,
        shards=shards,
        ranges=tuple(ranges),
        base_rows=view.rows,
        copied=copied,
        mode=request.mode,
        where=request.where,
        on_error=request.on_error,
        batch_rows=request.batch_rows,
        executor=request.executor,
        version=request.version,
    )
    try:
        make_shared_folder(run.path, like=site.ref.path)
        staged = run.path / f".input.{secrets.token_hex(4)}"
        if copied:
            chosen.copy(staged, request.columns)
        else:
            second_name(view, base, staged)
        share(staged, like=run.path)
        staged.replace(run.input)
        run.create(plan, like=site.ref.path)
    except BaseException as error:
        if not run.exists():
            with contextlib.suppress(OSError):
                remove_tree(run.path)
        if isinstance(error, OSError) and not isinstance(error, UsrError) and error.errno is not None:
            raise file_system_error(error, run.path, "plan a run") from error
        raise
    return run


def second_name(view: MergedView, base: Path, target: Path) -> None:
    """Give the base that `view` reads a second name; one that a writer has replaced since is copied from the view."""
    with contextlib.suppress(FileNotFoundError):  # a writer that was at it has renamed it since
        link_or_copy(base, target)
        with pa.OSFile(str(target), "rb") as file:
            if _footer_digest(file) == _footer_digest(view.source.handle):
                return
        target.unlink()
    with target.open("wb") as copy:
        view.source.handle.seek(0)
        while piece := view.source.handle.read(1 << 22):
            copy.write(piece)
    sync_file(target)
