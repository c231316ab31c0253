"""Errors of job arrays: options of the batch system, and submitting."""

from __future__ import annotations

from usr_core.api import ExitCode, UsrError

__all__ = ["ArrayOptionInvalid", "ArraySubmitFailed", "ArraySystemUnknown"]


class ArrayOptionInvalid(UsrError, ValueError):
    """An option for the batch system has a form that no batch system takes."""

    code = "USR-ARRAY-101"
    exit_code = ExitCode.USAGE
    template = "The option {option} of the executor array can't be {value:quoted}."
    shown = ("option", "value={value:visible}")


class ArraySystemUnknown(UsrError, LookupError):
    """It is not known for which batch system a script is to be written."""

    code = "USR-ARRAY-102"
    exit_code = ExitCode.USAGE
    template = "Neither sbatch nor qsub is on PATH, so the batch system of this machine is not known."
    hint_template = "Name it, --cluster slurm or --cluster sge, or go to a login node of the cluster."


class ArraySubmitFailed(UsrError, RuntimeError):
    """The batch system did not take a script."""

    code = "USR-ARRAY-103"
    template = "{program} did not take the script: {reason}."
    hint_template = "Correct the options and resume the run, or edit the script and submit it: {program} {script!s}"
    shown = ("program", "script={script!s}", "answer")
    answer: str | None = None
