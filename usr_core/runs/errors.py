"""Errors of runs."""

from __future__ import annotations

from usr_core.errors import ExitCode, UsrError

__all__ = [
    "FunctionFailed",
    "FunctionUnusable",
    "RunDamaged",
    "RunIncomplete",
    "RunMissing",
    "RunRecordsGone",
    "RunRequestInvalid",
    "RunTypesDiffer",
    "ShardFailed",
    "WorkersLost",
]


_CALLED_WITH = {
    "batch": "It was called with a batch of records; a function of one sequence needs --per-record. ",
    "record": "It was called with the values of one record; a function of batches goes without --per-record. ",
}


class FunctionUnusable(UsrError, ValueError):
    """The function of a run can't be found, imported or called.

    Example:
        >>> dataset.map("scores.py:tm", into="lab__gc", mode="all")
        Traceback (most recent call last):
            ...
        usr_core.runs.errors.FunctionUnusable: The function 'scores.py:tm' can't be used: ... has no 'tm'.
    """

    code = "USR-MAP-001"
    template = "The function {function:quoted} can't be used: {reason}."
    hint_template = "{advice}"
    shown = ("function={function:visible}", "cause")
    cause: str | None = None


class FunctionFailed(UsrError, ValueError):
    """A function raised, or returned what it should not; `row` and `id` where they can be known.

    Attributes:
        row: Row of the base as the run was planned, from 1; None where it is not one row's fault.
        rows: The first and the last row that it was called with, where it is not.
        shard: The shard; ``sample`` where the function was tried before a run was planned.
        kind: ``raised``, or ``returned`` where the value is wrong.
        trace: The traceback of the function's error.
        mistaken: What it was called with, a ``batch`` or a ``record``, where it may have been written for the other.

    Example:
        >>> from usr_core.api.runs import FunctionFailed
        >>> error = FunctionFailed(function="scores.py:gc", reason="returned NaN for lab__gc", row=3)
        >>> error.message
        "The function 'scores.py:gc' returned NaN for lab__gc, in row 3."
    """

    code = "USR-MAP-002"
    template = "The function {function:quoted} {reason}{where}."
    hint_template = "{advice}"
    shown = ("function={function:visible}", "shard", "row", "rows={row_range}", "id")
    shard: int | str | None = None
    row: int | None = None
    rows: tuple[int, int] | None = None
    id: str | None = None
    trace: str = ""
    kind: str = "raised"
    reason: str = ""
    mistaken: str = ""

    @property
    def where(self) -> str:
        if self.row is not None:
            return f", in row {self.row:,}"
        return "" if self.row_range is None else f", in rows {self.row_range}"

    @property
    def row_range(self) -> str | None:
        return None if self.rows is None or self.row is not None else f"{self.rows[0]:,} to {self.rows[1]:,}"

    @property
    def advice(self) -> str:
        return _CALLED_WITH.get(self.mistaken, "") + self._advice

    @property
    def _advice(self) -> str:
        if self.row is not None:
            return "Look at that record (usr get DATASET ID); --on-error null or skip lets such records pass."
        if self.kind == "returned":
            return (
                "Return one value a row of the batch, in its order and of its column's type, for each column of --into;"
                " `usr namespace register NS --add NAME:TYPE` makes a column of another type."
            )
        return "Call it on the first records in Python: dataset.head_arrow(100)."


class ShardFailed(UsrError, RuntimeError):
    """Shards of a run have failed as often as they may; the first of them is told.

    Example:
        >>> from usr_core.api.runs import ShardFailed
        >>> error = ShardFailed(count=1, run_id="4f1d", tries=3, shard=7, function="gc", reason="It ran out of memory.")
        >>> error.message
        '1 shard of the run 4f1d failed 3 times; shard 7: It ran out of memory.'
    """

    code = "USR-MAP-003"
    template = "{count:counted shard} of the run {run_id} failed {tries} times; shard {shard}: {told}."
    hint_template = (
        "Nothing was committed. Correct the function and map again, or take what is there: "
        "usr map commit {run_id} --allow-partial. The traceback: usr map status {run_id} --format json."
    )
    shown = ("function={function:visible}", "shard", "row", "id", "cause")
    shard: int
    reason: str
    row: int | None = None
    id: str | None = None
    cause: str | None = None

    @property
    def told(self) -> str:
        return self.reason.rstrip(".")


class RunMissing(UsrError, FileNotFoundError):
    """The run does not exist, or was discarded.

    Example:
        >>> dataset.run("4f1d")
        Traceback (most recent call last):
            ...
        usr_core.runs.errors.RunMissing: There is no run '4f1d' in promoters.
    """

    code = "USR-MAP-004"
    exit_code = ExitCode.MISSING
    template = "There is no run {run_id:quoted}{where}."
    hint_template = "Name a run by its id; they are listed by: usr map list {dataset}."
    where: str = ""
    dataset: str = "DATASET"


class RunIncomplete(UsrError, ValueError):
    """A run can't be committed, as shards are missing."""

    code = "USR-MAP-005"
    template = "{missing:counted shard} of {shards:,} of the run {run_id} {missing:is|are} not done."
    hint_template = "Run them with: usr map resume {run_id}, or commit what is there with --allow-partial."
    shown = ("shards", "missing")


class RunDamaged(UsrError, ValueError):
    """A file in the folder of a run is not what its receipt says."""

    code = "USR-MAP-006"
    template = "{file}: {reason}."
    hint_template = "Remove {receipt!s} and run that shard again: usr map resume {run_id}."
    shown = ("file", "shard")


class RunRecordsGone(UsrError, ValueError):
    """None of the records of a run is in the dataset any more."""

    code = "USR-MAP-007"
    template = "None of the {rows:counted record} of the run {run_id} is in {dataset} any more."
    hint_template = "Map the dataset that has them now, and discard this run: usr map discard {run_id}."
    shown = ("dataset", "function={function:visible}")


class RunRequestInvalid(UsrError, ValueError):
    """The request for a run is not valid.

    Example:
        >>> dataset.map("scores.py:gc", into="gc")
        Traceback (most recent call last):
            ...
        usr_core.runs.errors.RunRequestInvalid: 'gc' is not a column of a namespace.
    """

    code = "USR-MAP-008"
    exit_code = ExitCode.USAGE
    template = "{reason}."
    hint_template = "{advice}"


class RunTypesDiffer(UsrError, TypeError):
    """A column of a run is registered with another type by now."""

    code = "USR-MAP-009"
    template = "{column} was {planned} when the run {run_id} was planned, and is registered as {found} now."
    hint_template = "Discard the run and map again: usr map discard {run_id}."
    shown = ("column",)


class WorkersLost(UsrError, RuntimeError):
    """The workers of a shard ended too often without a fault of the function that could be seen."""

    code = "USR-MAP-010"
    template = "Shard {shard} of the run {run_id} lost its worker {tries} times; the last time {reason}."
    hint_template = (
        "The run can be resumed: usr map resume {run_id}. Fewer workers or smaller batches take less memory."
    )
    shown = ("function={function:visible}", "shard")
