"""``usr notify follow`` and ``usr notify drain``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from usr_core.api.commands import (
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    QuietOpt,
    current_session,
    examples,
    split_names,
)
from usr_notify.options import (
    AllowHttpOpt,
    CaBundleOpt,
    ConnectTimeoutOpt,
    ExecOpt,
    HeaderFileOpt,
    RetriesOpt,
    TargetChoice,
    TemplateOpt,
    TimeoutOpt,
    ToFileOpt,
    TokenFileOpt,
    ToOpt,
)

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Deliver events to a webhook or a program.")


class OnTruncate(StrEnum):
    """What happens where the log does not hold any more what was delivered last."""

    ERROR = "error"
    RESTART = "restart"


@app.command(
    epilog=examples(
        "usr notify follow lab/promoters --cursor promoters.cursor --to https://hooks.example.org/usr",
        "usr notify follow lab/promoters --cursor promoters.cursor --exec ./on-event.sh --only-actions import,attach",
    )
)
def follow(
    dataset: DatasetArg = None,
    *,
    cursor: Annotated[
        Path,
        typer.Option(
            "--cursor", readable=False, show_default=False, help="A file that keeps how far the log was sent."
        ),
    ],
    to: ToOpt = None,
    to_file: ToFileOpt = None,
    program: ExecOpt = None,
    only_actions: Annotated[
        str | None,
        typer.Option("--only-actions", show_default=False, help="Actions to deliver, with commas between; else all."),
    ] = None,
    on_truncate: Annotated[
        OnTruncate,
        typer.Option("--on-truncate", help="restart delivers a truncated or replaced log from its beginning."),
    ] = OnTruncate.ERROR,
    allow_broken_chain: Annotated[
        bool,
        typer.Option("--allow-broken-chain", help="Deliver an event that does not follow the one before it, and warn."),
    ] = False,
    from_now: Annotated[
        bool, typer.Option("--from-now", help="Where there is no cursor yet, begin at the log's end.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="End at the log's end instead of waiting for more.")] = False,
    poll: Annotated[float, typer.Option("--poll", min=0.05, help="Seconds between looks at the log.")] = 1.0,
    spool: Annotated[
        Path | None,
        typer.Option("--spool", readable=False, show_default=False, help="A folder for events that can't be sent now."),
    ] = None,
    token_file: TokenFileOpt = None,
    header_file: HeaderFileOpt = None,
    ca_bundle: CaBundleOpt = None,
    allow_http_localhost: AllowHttpOpt = False,
    connect_timeout: ConnectTimeoutOpt = 10.0,
    timeout: TimeoutOpt = 30.0,
    template: TemplateOpt = None,
    retries: RetriesOpt = 5,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Deliver the events of a dataset's log as they come. Each at least once."""
    from usr_core.api.places import locate_dataset
    from usr_notify.following import FollowOptions
    from usr_notify.options import open_target, retry_policy
    from usr_notify.runs import FollowRun, follow_log

    place = locate_dataset(dataset, root=current_session().root)
    target = open_target(
        TargetChoice(
            to=to,
            to_file=to_file,
            program=program,
            token_file=token_file,
            header_file=header_file,
            ca_bundle=ca_bundle,
            allow_http_localhost=allow_http_localhost,
            connect_timeout=connect_timeout,
            timeout=timeout,
            template=template,
        )
    )
    options = FollowOptions(
        only_actions=frozenset(split_names(only_actions) or ()),
        allow_broken_chain=allow_broken_chain,
        restart=on_truncate is OnTruncate.RESTART,
        from_now=from_now,
        once=once,
        poll_seconds=poll,
    )

    follow_log(
        FollowRun(
            place=place, cursor=cursor, target=target, spool=spool, policy=retry_policy(retries), options=options
        ),
        dry_run=dry_run,
        fmt=fmt,
        quiet=quiet,
    )


@app.command(epilog=examples("usr notify drain --spool waiting --to https://hooks.example.org/usr"))
def drain(
    *,
    to: ToOpt = None,
    to_file: ToFileOpt = None,
    program: ExecOpt = None,
    spool: Annotated[
        Path | None,
        typer.Option(
            "--spool", readable=False, show_default="that of the settings", help="The folder with the waiting events."
        ),
    ] = None,
    token_file: TokenFileOpt = None,
    header_file: HeaderFileOpt = None,
    ca_bundle: CaBundleOpt = None,
    allow_http_localhost: AllowHttpOpt = False,
    connect_timeout: ConnectTimeoutOpt = 10.0,
    timeout: TimeoutOpt = 30.0,
    template: TemplateOpt = None,
    retries: RetriesOpt = 5,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Deliver the events that wait in a spool, the oldest first."""
    from usr_notify.options import open_target, retry_policy
    from usr_notify.runs import drain_spool

    target = open_target(
        TargetChoice(
            to=to,
            to_file=to_file,
            program=program,
            token_file=token_file,
            header_file=header_file,
            ca_bundle=ca_bundle,
            allow_http_localhost=allow_http_localhost,
            connect_timeout=connect_timeout,
            timeout=timeout,
            template=template,
        )
    )

    drain_spool(spool, target, retry_policy(retries), dry_run=dry_run, fmt=fmt)
