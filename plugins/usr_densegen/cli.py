"""``usr densegen repair`` and ``usr densegen dedupe``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from usr_core.api.commands import (
    AnswerMissing,
    DatasetArg,
    Declined,
    DryRunOpt,
    Format,
    FormatOpt,
    Progress,
    QuietOpt,
    UsageError,
    YesOpt,
    choice_option,
    completer,
    confirm,
    current_session,
    emit_outcome,
    examples,
)

if TYPE_CHECKING:
    from usr_core.api import Dataset
    from usr_densegen.repair import Dedupe

__all__ = ["app"]

app = typer.Typer(help="Repair and deduplicate DenseGen datasets.", no_args_is_help=True)

_ANSWERS: dict[str, Dedupe] = {
    "first": "keep-first",
    "keep-first": "keep-first",
    "y": "keep-first",
    "yes": "keep-first",
    "last": "keep-last",
    "keep-last": "keep-last",
    "off": "off",
}
_METAVAR = "off|keep-first|keep-last|ask"


@app.command(
    "repair",
    epilog=examples(
        "usr densegen repair lab/promoters --dedupe keep-first --dry-run",
        "usr densegen repair lab/promoters --drop-missing-used-tfbs --yes",
    ),
)
def repair_command(
    dataset: DatasetArg = None,
    *,
    dedupe: Annotated[
        str,
        typer.Option(
            "--dedupe",
            metavar=_METAVAR,
            autocompletion=completer(_METAVAR),
            help="Which of the records with one sequence (in any case) to keep, by row.",
        ),
    ] = "off",
    filter_single_tf: Annotated[
        bool, typer.Option("--filter-single-tf", help="Drop records whose used TFBSs all belong to one TF.")
    ] = False,
    drop_single_tf: Annotated[
        bool, typer.Option("--drop-single-tf", help="Drop records for which TFBS parts of one TF only were on offer.")
    ] = False,
    drop_id_seq_only: Annotated[
        bool, typer.Option("--drop-id-seq-only", help="Drop records for which no namespace has a value.")
    ] = False,
    drop_missing_used_tfbs: Annotated[
        bool, typer.Option("--drop-missing-used-tfbs", help="Drop records without any used TFBS.")
    ] = False,
    min_tfbs_len: Annotated[
        int, typer.Option("--min-tfbs-len", min=1, help="Letters that a motif needs to count as a TFBS.")
    ] = 6,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    yes: YesOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Remove records that break a rule. The base is kept as it was under `_snapshots/`."""
    rules = {
        "filter_single_tf": filter_single_tf,
        "drop_single_tf": drop_single_tf,
        "drop_id_seq_only": drop_id_seq_only,
        "drop_missing_used_tfbs": drop_missing_used_tfbs,
        "shortest": min_tfbs_len,
    }
    target = current_session().dataset(dataset)
    _run(target, "--dedupe", dedupe, rules, command="repair", dry_run=dry_run, fmt=fmt, yes=yes, quiet=quiet)


@app.command("dedupe", epilog=examples("usr densegen dedupe lab/promoters --keep keep-last"))
def dedupe_command(
    dataset: DatasetArg = None,
    *,
    keep: Annotated[
        str,
        choice_option(
            "--keep",
            choices="keep-first|keep-last|ask",
            help="Which record to keep, by row.",
        ),
    ] = "keep-first",
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    yes: YesOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Keep one of the records that differ only in the case of letters. The others are removed."""
    if keep == "off":
        raise UsageError("--keep can't be 'off'.", hint="Give one of: keep-first, keep-last, ask.")
    target = current_session().dataset(dataset)
    _run(target, "--keep", keep, {}, command="dedupe", dry_run=dry_run, fmt=fmt, yes=yes, quiet=quiet)


def _run(
    target: Dataset,
    option: str,
    keep: str,
    rules: dict[str, Any],
    *,
    command: str,
    dry_run: bool,
    fmt: Format,
    yes: bool,
    quiet: bool,
) -> None:
    from usr_densegen.repair import RepairOptions, repair
    from usr_densegen.repair_text import NOTHING_TO_DO, emit_repair, records_text

    chosen = _kept(target, option, keep, yes=yes or dry_run)
    options = RepairOptions(dedupe=chosen, **rules)
    if keep == "ask" and not options.anything:
        text = f"no record of {target.name} breaks a rule; nothing was changed"
        emit_outcome(NOTHING_TO_DO, text, fmt, dry_run=dry_run, dataset=target.name)
        return
    if dry_run or not yes:
        plan = repair(target, options, dry_run=True)
        if dry_run or not plan.drop.rows_dropped:
            emit_repair(plan, target.name, fmt, would=True, dry_run=dry_run)
            return
        confirm(f"Remove {records_text(plan.drop.rows_dropped)} of {plan.drop.rows_before:,} from {target.name}?")
    with (
        Progress("writing", total=target.base_rows(), quiet=quiet) as progress,
        target.maintenance(reason=f"usr densegen {command}"),
    ):
        outcome = repair(target, options, progress=progress.advance)

    emit_repair(outcome, target.name, fmt)


def _kept(target: Dataset, option: str, keep: str, *, yes: bool) -> Dedupe:
    """Return which record stays; ``ask`` asks, once, where there are duplicates.

    Raises:
        UsageError: `keep` is not one of the choices.
        AnswerMissing: The input ended before an answer.
        Declined: The answer is not one of the choices.
    """
    from usr_densegen.repair import DEDUPES, RepairOptions, repair

    if keep in DEDUPES:
        return _ANSWERS[keep]
    if keep != "ask":
        raise UsageError(f"{option} can't be {keep!r}.", hint="Give one of: off, keep-first, keep-last, ask.")
    if yes:
        return "keep-first"
    plan = repair(target, RepairOptions(dedupe="keep-first"), dry_run=True)
    if not plan.groups:
        return "off"
    question = f"{plan.groups:,} sequences of {target.name} occur more than once. Keep the first or the last?"
    sys.stdout.flush()
    print(f"{question} [first/last/off] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer:
        print(file=sys.stderr)
        raise AnswerMissing("a question needs an answer and the input has ended", hint="Answer it beforehand with -y.")
    if answer.strip().lower() not in _ANSWERS:
        raise Declined("aborted; nothing was changed", hint=f"Answer first, last or off, or give {option} keep-first.")
    return _ANSWERS[answer.strip().lower()]
