"""`diff`: compare, and change nothing anywhere."""

from __future__ import annotations

from typing import Any

from usr_core.sync.errors import NothingToSync
from usr_core.sync.parties import Run
from usr_core.sync.request import SyncContext, SyncOptions
from usr_core.sync.target import SyncTarget

__all__ = ["diff_dataset"]


def diff_dataset(target: SyncTarget, options: SyncOptions, context: SyncContext) -> dict[str, Any]:
    """Return the audit of a comparison. No lock is taken, and nothing is written on either side.

    Raises:
        NothingToSync: Neither side has the dataset.
        UsrError: As `choose_verification` and `survey_copies`.
    """
    run = Run("diff", target, options, context)
    with run.accounted():
        survey = run.look()
        if not survey.local.files and not survey.remote.files:
            run.require_remote_root()
            raise NothingToSync(
                f"The dataset {target.name}",
                place=f"{target.folder} and {target.remote_folder}",
                hint=f"Look at its id, and at base_dir of the remote (`usr remotes show {context.remote_name}`).",
            )
        return run.finish("DIFF-ONLY")
