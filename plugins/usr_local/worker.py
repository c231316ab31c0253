"""A worker process of the executor `local`: takes shards as lines of JSON, one at a time, and says what became of each.

    python -m usr_local.worker FD       FD is the descriptor that outcomes are written to

Standard output is standard error here, so that nothing that a function prints gets in between. When its driver is gone
it ends after the shard that it is at; what it finished stays.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys

__all__ = ["main"]

_LONGEST_DETAIL = 2000


def main() -> int:
    """Run shards until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's: it ends its workers
    from usr_core.api.runs import ShardSpec, run_shard

    with contextlib.suppress(BrokenPipeError), os.fdopen(int(sys.argv[1]), "w", buffering=1) as outcomes:
        outcomes.write(json.dumps({"ready": os.getpid()}) + "\n")
        for line in sys.stdin:
            spec = ShardSpec.from_json(line)
            told: dict[str, object] = {"index": spec.index, "state": "done"}
            try:
                run_shard(spec)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the run's folder has the whole of it
                told |= {"state": "failed", "detail": _in_words(error)}
            outcomes.write(json.dumps(told) + "\n")
    return 0


def _in_words(error: BaseException) -> str:
    """Return what happened in one line; a full disk takes no note that would say more."""
    cause = getattr(error, "facts", {}).get("cause")
    text = str(error) or type(error).__name__
    return (text if cause is None else f"{text.rstrip('.')}: {cause}")[:_LONGEST_DETAIL]


if __name__ == "__main__":
    sys.exit(main())
