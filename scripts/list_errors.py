"""Print the table of docs/reference/errors.md from the error classes: run it when an error is added.

python scripts/list_errors.py > docs/reference/errors.md
"""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
# The checkout comes first: tests/usr_core mirrors the package and must not hide it.
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests")]

from support.error_codes import coded_errors  # noqa: E402

HEAD = """# Error codes

An error is one line on stderr, `error[CODE]: what happened`, then its facts (file, row, column, value), then a hint.
Row 1 is the first record behind the header. Codes are stable; a script may rely on them and on the exit code.

| code | exit code | what it means |
|---|---|---|"""


def main() -> None:
    print(HEAD)
    for code, kinds in coded_errors().items():
        meaning = (kinds[0].__doc__ or "").strip().splitlines()[0]
        print(f"| `{code}` | {int(kinds[0].exit_code)} | {meaning} |")


if __name__ == "__main__":
    main()
