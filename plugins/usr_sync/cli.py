"""``usr diff``, ``usr pull`` and ``usr push``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from usr_core.api.commands import (
    DryRunOpt,
    Format,
    FormatOpt,
    QuietOpt,
    YesOpt,
    choice_option,
    completer,
    examples,
)

if TYPE_CHECKING:
    from usr_core.api.sync import Action, SyncAsked, SyncOptions

__all__ = ["diff_app", "pull_app", "push_app"]

_INTERRUPTED = "neither copy has changed, unless the last step had begun; run it again: what has arrived is kept"

diff_app, pull_app, push_app = typer.Typer(), typer.Typer(), typer.Typer()

TargetArg = Annotated[
    str,
    typer.Argument(metavar="TARGET", autocompletion=completer("dataset"), help="Dataset id, dataset folder, or file."),
]
RemoteArg = Annotated[
    str, typer.Argument(metavar="REMOTE", autocompletion=completer("remote"), help="A remote of the remotes file.")
]
VerifyOpt = Annotated[
    str,
    choice_option(
        "--verify",
        choices="{verify}",
        help="How the base is compared; auto may step down.",
    ),
]
PrimaryOnlyOpt = Annotated[bool, typer.Option("--primary-only", help="Only records.parquet, without its history.")]
SkipSnapshotsOpt = Annotated[bool, typer.Option("--skip-snapshots", help="Leave _snapshots out.")]
HistoryOpt = Annotated[
    bool, typer.Option("--history", help="Take .history along: what older versions need. Left out by default.")
]
SidecarsOpt = Annotated[
    bool,
    typer.Option("--verify-sidecars/--no-verify-sidecars", help="Whether a file that does not arrive is an error."),
]
DerivedOpt = Annotated[
    bool | None,
    typer.Option(
        "--verify-derived-hashes/--no-verify-derived-hashes",
        show_default="on",
        help="Whether overlays and other files are compared by content.",
    ),
]
RepairOpt = Annotated[
    bool, typer.Option("--repair", help="Where one history has different copies, take the giving side's files.")
]
AuditOpt = Annotated[
    Path | None, typer.Option("--audit-json-out", show_default=False, help="Write the audit to this file as JSON.")
]
RepoRootOpt = Annotated[
    Path | None,
    typer.Option("--repo-root", show_default=False, help="For a file: the folder here that is repo_root there."),
]
RemotePathOpt = Annotated[
    str | None, typer.Option("--remote-path", show_default=False, help="For a file: where it is on the remote.")
]


@diff_app.command(epilog=examples("usr diff lab/promoters lab-server"))
def diff(
    target: TargetArg,
    remote: RemoteArg,
    *,
    verify: VerifyOpt = "hash",
    primary_only: PrimaryOnlyOpt = False,
    skip_snapshots: SkipSnapshotsOpt = False,
    history: HistoryOpt = False,
    verify_sidecars: SidecarsOpt = True,
    verify_derived_hashes: DerivedOpt = None,
    audit_json_out: AuditOpt = None,
    repo_root: RepoRootOpt = None,
    remote_path: RemotePathOpt = None,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Compare with a remote's copy. Exits with 0 whether they differ or not, and changes nothing anywhere."""
    options = _options(verify, primary_only, skip_snapshots, history, verify_sidecars, verify_derived_hashes)
    _run("diff", target, remote, options, audit_json_out, repo_root, remote_path, fmt, yes=True, quiet=quiet)


@pull_app.command(epilog=examples("usr pull lab/promoters lab-server", "usr pull lab/promoters lab-server --dry-run"))
def pull(
    target: TargetArg,
    remote: RemoteArg,
    *,
    verify: VerifyOpt = "hash",
    primary_only: PrimaryOnlyOpt = False,
    skip_snapshots: SkipSnapshotsOpt = False,
    history: HistoryOpt = False,
    verify_sidecars: SidecarsOpt = True,
    verify_derived_hashes: DerivedOpt = None,
    strict_bootstrap_id: Annotated[
        bool,
        typer.Option("--strict-bootstrap-id", help="A dataset that is not here yet must be named namespace/dataset."),
    ] = False,
    repair: RepairOpt = False,
    dry_run: DryRunOpt = False,
    audit_json_out: AuditOpt = None,
    repo_root: RepoRootOpt = None,
    remote_path: RemotePathOpt = None,
    yes: YesOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Bring the copy here up to the remote's: verified first, then whole at once, or not at all."""
    options = _options(
        verify,
        primary_only,
        skip_snapshots,
        history,
        verify_sidecars,
        verify_derived_hashes,
        repair=repair,
        dry_run=dry_run,
        strict_bootstrap=strict_bootstrap_id,
    )
    _run("pull", target, remote, options, audit_json_out, repo_root, remote_path, fmt, yes=yes, quiet=quiet)


@push_app.command(
    epilog=examples("usr push lab/promoters lab-server", "usr push lab/promoters lab-server --verify auto --yes")
)
def push(
    target: TargetArg,
    remote: RemoteArg,
    *,
    verify: VerifyOpt = "hash",
    primary_only: PrimaryOnlyOpt = False,
    skip_snapshots: SkipSnapshotsOpt = False,
    history: HistoryOpt = False,
    verify_sidecars: SidecarsOpt = True,
    verify_derived_hashes: DerivedOpt = None,
    repair: RepairOpt = False,
    dry_run: DryRunOpt = False,
    audit_json_out: AuditOpt = None,
    repo_root: RepoRootOpt = None,
    remote_path: RemotePathOpt = None,
    yes: YesOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Bring the remote's copy up to the one here: verified first, then whole at once, or not at all."""
    options = _options(
        verify,
        primary_only,
        skip_snapshots,
        history,
        verify_sidecars,
        verify_derived_hashes,
        repair=repair,
        dry_run=dry_run,
    )
    _run("push", target, remote, options, audit_json_out, repo_root, remote_path, fmt, yes=yes, quiet=quiet)


def _options(
    verify: str,
    primary_only: bool,
    skip_snapshots: bool,
    history: bool,
    verify_sidecars: bool,
    verify_derived_hashes: bool | None,
    **more: bool,
) -> SyncOptions:
    from usr_core.api.sync import SyncOptions

    return SyncOptions(
        verify=verify,
        primary_only=primary_only,
        skip_snapshots=skip_snapshots,
        history=history,
        verify_sidecars=verify_sidecars,
        verify_derived_hashes=verify_derived_hashes,
        **more,
    )


def _run(
    action: Action,
    target: str,
    remote: str,
    options: SyncOptions,
    audit_file: Path | None,
    repo_root: Path | None,
    remote_path: str | None,
    fmt: Format,
    *,
    yes: bool,
    quiet: bool,
) -> None:
    from usr_core.api import Dataset, UsrError
    from usr_core.api.commands import Progress, confirm, current_session, emit_json, emit_text, resolve_format, warn
    from usr_core.api.sync import FileTarget, named_target, sync
    from usr_sync.audit_text import audit_text, plan_text
    from usr_sync.audits import begin_audit, early_failure, write_audit
    from usr_sync.ending import ended_by_signals

    session = current_session()
    as_json = resolve_format(fmt) is Format.JSON

    began = False

    def ask(audit: dict[str, Any]) -> None:
        nonlocal began
        confirm(plan_text(audit), yes)
        began = True

    def keep(audit: dict[str, Any]) -> None:
        # What was done is done; that it can't be written down must not hide it.
        try:
            write_audit(audit_file, audit)
        except UsrError as error:
            warn(error.message)

    begin_audit(audit_file, action, target, remote)
    with ended_by_signals(), Progress("transfer", unit="bytes", quiet=quiet) as shown:
        asked: SyncAsked = {
            "options": options,
            "remotes_file": session.remotes_path,
            "confirm": ask,
            "warn": warn,
            "progress": lambda _what, done, total: shown.update(done, total),
        }
        try:
            found = named_target(
                target,
                action,
                remote,
                root=session.root,
                remotes_file=session.remotes_path,
                options=options,
                remote_path=remote_path,
                repo_root=repo_root,
            )
            if isinstance(found, FileTarget):
                audit = sync(action, found, remote, host=session.host, lock_timeout=session.lock_timeout, **asked)
            else:
                dataset = Dataset(found, host=session.host, lock_timeout=session.lock_timeout)
                verbs = {"diff": dataset.diff, "pull": dataset.pull, "push": dataset.push}
                audit = verbs[action](remote, **asked)
        except BaseException as error:
            told = (
                {"code": error.code, "message": error.message, "hint": error.hint}
                if isinstance(error, UsrError)
                else {"message": str(error) or type(error).__name__}
            )
            failed = getattr(error, "audit", None) or early_failure(action, target, remote, told)
            keep(failed)
            if isinstance(error, KeyboardInterrupt) and action != "diff":
                warn(_INTERRUPTED if began else "nothing was changed or moved")
            if as_json and isinstance(error, UsrError):
                emit_json(failed)
            raise
    keep(audit)
    if as_json:
        emit_json(audit)
    else:
        emit_text(audit_text(audit))
