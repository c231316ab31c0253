"""``usr map``: run a function over records, and look after the runs."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    AtOpt,
    ColumnsOpt,
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    QuietOpt,
    UsageError,
    choice_option,
    completer,
    current_session,
    default_command,
    emit_outcome,
    emit_record,
    emit_table,
    examples,
    local_time,
    resolve_format,
    split_names,
)
from usr_map.executor_options import EXECUTOR_FLAGS, takes_executor_options

__all__ = ["app"]

app = typer.Typer(
    cls=default_command("run"), no_args_is_help=True, help="Run a function over every record that lacks its value."
)

RunArg = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or how it begins; or a dataset with one run.")]
WorkersOpt = Annotated[
    int | None,
    typer.Option("--workers", min=1, show_default="the executor's own", help="How many shards are run at a time."),
]
ExecutorOpt = Annotated[
    str,
    choice_option("--executor", choices="{executor}", help="Who runs the shards."),
]
NoCommitOpt = Annotated[bool, typer.Option("--no-commit", help="Leave the finished run to: usr map commit RUN.")]
PartialOpt = Annotated[bool, typer.Option("--allow-partial", help="Take what is there where shards are missing.")]


@app.command(
    epilog=examples(
        "usr map run lab/promoters --fn gc --into features__gc",
        "usr map run lab/promoters --fn scores.py:score --into lab__score --param model=small --workers 4",
    )
)
@takes_executor_options
def run(
    dataset: DatasetArg = None,
    *,
    function: Annotated[
        str,
        typer.Option(
            "--fn",
            metavar="FUNCTION",
            show_default=False,
            autocompletion=completer("function"),
            help="A name that a plugin offers, package.module:function, or file.py:function.",
        ),
    ],
    into: Annotated[
        list[str],
        typer.Option(
            "--into",
            metavar="COLUMN",
            show_default=False,
            autocompletion=completer("columns"),
            help="A registered column that it makes; several with commas.",
        ),
    ],
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace",
            show_default=False,
            autocompletion=completer("namespace"),
            help="The namespace of columns that are named without one.",
        ),
    ] = None,
    columns: ColumnsOpt = None,
    per_record: Annotated[
        bool, typer.Option("--per-record", help="The function takes the values of one record.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all/--missing-only", help="Every record, or those that lack the value.")
    ] = False,
    where: Annotated[
        str | None,
        typer.Option("--where", metavar="SQL", show_default=False, help="A condition that records have to meet."),
    ] = None,
    at: AtOpt = None,
    params: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", show_default=False, help="A parameter; may be repeated."),
    ] = None,
    on_error: Annotated[
        str,
        choice_option(
            "--on-error", choices="fail|null|skip", help="A record it fails on: stop, no value, or leave it out."
        ),
    ] = "fail",
    shards: Annotated[
        int | None,
        typer.Option("--shards", min=1, show_default="2 minutes each", help="Into how many pieces to cut."),
    ] = None,
    batch_rows: Annotated[
        int, typer.Option("--batch-rows", min=1, help="The most records that it is given at a time.")
    ] = 4096,
    no_sample: Annotated[bool, typer.Option("--no-sample", help="Do not try it here first; needs --shards.")] = False,
    executor: ExecutorOpt = "local",
    workers: WorkersOpt = None,
    asked: dict[str, object],
    no_commit: NoCommitOpt = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Run a function over records, and attach what it returns. The same question again goes on where it stopped.

    `run` may be left out: usr map DATASET.
    """
    from usr_map.running import given_params, planned_outcome, run_to_the_end

    if no_sample and shards is None:
        raise UsageError("--no-sample was given without --shards", hint="Give --shards N: nothing else tells how many.")
    names = [name for text in into for name in split_names(text) or ()]
    if namespace is not None:
        names = [name if "__" in name else f"{namespace}__{name}" for name in names]
    target = current_session().dataset(dataset, at=at)
    target.host.executor_options(executor, asked, flags=EXECUTOR_FLAGS)  # before anything is planned
    mapped = target.map(
        function,
        into=names,
        columns=split_names(columns),
        executor=None,
        mode="all" if every else "missing",
        where=where,
        params=given_params(params or ()),
        per_record=per_record,
        on_error=on_error,  # type: ignore[arg-type]
        shards=shards,
        batch_rows=batch_rows,
        workers=workers,
        sample=not no_sample,
        dry_run=dry_run,
    )
    if dry_run or mapped.folder is None:
        outcome, text = planned_outcome(mapped, target.name, names, workers=workers)
    else:
        outcome, text = run_to_the_end(
            mapped, executor, workers=workers, options=asked, commit=not no_commit, quiet=quiet
        )
    emit_outcome(outcome, text, fmt, dry_run=dry_run, dataset=target.name)


@app.command(epilog=examples("usr map resume 4f1d0c", "usr map resume 4f1d0c --executor local --workers 2"))
@takes_executor_options
def resume(
    run: RunArg,
    *,
    executor: Annotated[
        str | None,
        choice_option("--executor", choices="{executor}", show_default="the last one", help="Who runs the shards."),
    ] = None,
    workers: WorkersOpt = None,
    asked: dict[str, object],
    no_commit: NoCommitOpt = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Go on with a run, and commit it. Shards that are not done are run, those that failed included."""
    from usr_map.finding import open_run
    from usr_map.running import run_to_the_end, status_outcome

    found = open_run(run)
    status = found.status()
    if dry_run:
        outcome, text = status_outcome(found)
    else:
        outcome, text = run_to_the_end(
            found, executor, workers=workers, options=asked, commit=not no_commit, quiet=quiet, again=True
        )
    emit_outcome(outcome, text, fmt, dry_run=dry_run, dataset=status.dataset)


@app.command("list", epilog=examples("usr map list lab/promoters"))
def list_runs(dataset: DatasetArg = None, fmt: FormatOpt = Format.AUTO) -> None:
    """List the runs of a dataset, the oldest first. Committed ones are shown for 14 days."""
    from usr_map.finding import RUN_COLUMNS, run_rows

    target = current_session().dataset(dataset)
    fmt = resolve_format(fmt)
    rows = run_rows(target)
    if fmt is not Format.JSON:
        rows = [{**row, "created": local_time(str(row["created"]))} for row in rows]
    emit_table(rows, RUN_COLUMNS, fmt, empty=f"{target.name} has no runs.")


@app.command(epilog=examples("usr map status 4f1d0c --format json"))
def status(run: RunArg, fmt: FormatOpt = Format.AUTO) -> None:
    """Say where a run stands, by what lies on disk. JSON has the failures with their tracebacks."""
    from usr_map.finding import open_run
    from usr_map.running import status_record

    emit_record(status_record(open_run(run), fmt), fmt)


@app.command(epilog=examples("usr map commit 4f1d0c"))
def commit(
    run: RunArg,
    *,
    allow_partial: PartialOpt = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Attach what a finished run has made: one change, one event. A second time it only says so."""
    from usr_map.finding import open_run
    from usr_map.running import committed_text

    found = open_run(run)
    done = found.commit(allow_partial=allow_partial, dry_run=dry_run)
    status = found.status()
    emit_outcome(done, committed_text(done, status, would=dry_run), fmt, dry_run=dry_run, dataset=status.dataset)


@app.command(epilog=examples("usr map discard 4f1d0c"))
def discard(run: RunArg, *, dry_run: DryRunOpt = False, fmt: FormatOpt = Format.AUTO) -> None:
    """Remove a run and its finished shards. What it has committed stays."""
    from usr_map.finding import open_run
    from usr_map.running import status_outcome

    found = open_run(run)
    outcome, _ = status_outcome(found)
    if not dry_run:
        found.discard()
    text = f"{'would discard' if dry_run else 'discarded'} the run {found.run_id}"
    emit_outcome(outcome, text, fmt, dry_run=dry_run)


@app.command("run-shard", epilog=examples("usr map run-shard 4f1d0c 17", "usr map run-shard 4f1d0c 0 1 2 3"))
def shard(
    run: RunArg,
    indices: Annotated[list[int], typer.Argument(metavar="I…", help="Numbers of shards, from 0.")],
    *,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Run shards in this process, as the tasks of a batch system do. One that is done is not run again."""
    from usr_map.finding import open_run
    from usr_map.running import run_shards

    outcome, text = run_shards(open_run(run), indices, dry_run=dry_run)
    emit_outcome(outcome, text, fmt, dry_run=dry_run)
    if outcome["failed"]:
        raise typer.Exit(1)
