"""Which benchmarks run on which data: the whole grid, and the same jobs on data that is small enough for a coffee."""

from __future__ import annotations

__all__ = ["FULL", "QUICK"]

_K, _M = 1_000, 1_000_000


def _words(**options: int) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]


FULL: dict[str, list[list[str]]] = {
    "startup": [[]],
    "small": [[]],
    "import_csv": [
        *[[str(rows), "60", "3"] for rows in (100 * _K, _M, 10 * _M)],
        *[[str(rows), str(letters), "3"] for rows, letters in ((_M, 1_000), (100 * _K, 10_000))],
    ],
    "fasta": [[]],
    "import_formats": [[]],
    "merge": [
        *[_words(rows=rows) for rows in (100 * _K, _M)],
        *[_words(rows=_M, parts=parts, runs=3) for parts in (1, 200)],
        _words(rows=100 * _K, parts=2_000, runs=3),
    ],
    "points": [_words(rows=rows) for rows in (100 * _K, _M)],
    "materialize": [_words(rows=rows, runs=3) for rows in (100 * _K, _M)],
    "validate": [[str(rows), "3"] for rows in (100 * _K, _M, 10 * _M)],
    "maintenance": [[]],
    "record_life": [_words(rows=rows, runs=3) for rows in (_M, 10 * _M)],
    "append": [_words(rows=rows, runs=3) for rows in (_M, 10 * _M)],
    "attach": [_words(rows=rows, runs=3) for rows in (_M, 10 * _M)],
    "reading": [_words(rows=_M), _words(rows=100 * _K, floats=512)],
    "columns": [_words(rows=_M, vectors=rows, runs=3) for rows in (100 * _K, _M)],
    "query": [_words(rows=rows, runs=3) for rows in (_M, 10 * _M)],
    "where": [[]],
    "densegen": [[]],
    "map": [[]],
    "versions": [[]],
    "sync": [[]],
    "sync_many": [[]],
    "explore": [[]],
}

QUICK: dict[str, list[list[str]]] = {
    "startup": [_words(runs=3)],
    "small": [_words(runs=1)],
    "import_csv": [[str(100 * _K), letters, "1"] for letters in ("60", "1000")],
    "fasta": [[str(100 * _K), "60", "1"]],
    "import_formats": [[str(50 * _K), "50", "1"]],
    "merge": [_words(rows=50 * _K, runs=1)],
    "points": [_words(rows=20 * _K, most=200, runs=1)],
    "materialize": [_words(rows=20 * _K, runs=1)],
    "validate": [[str(100 * _K), "1"]],
    "maintenance": [_words(rows=50 * _K, runs=1)],
    "record_life": [_words(rows=200 * _K, runs=1)],
    "append": [_words(rows=200 * _K, runs=1)],
    "attach": [_words(rows=200 * _K, runs=1)],
    "reading": [_words(rows=50 * _K, runs=1), _words(rows=5 * _K, floats=512, runs=1)],
    "columns": [_words(rows=100 * _K, vectors=20 * _K, runs=1)],
    "query": [_words(rows=200 * _K, part_rows=2 * _K, runs=1)],
    "where": [_words(rows=100 * _K, runs=1)],
    "densegen": [_words(rows=2 * _K, base=20 * _K, runs=1)],
    "map": [_words(rows=100 * _K, shards=10 * _K, runs=1)],
    "versions": [_words(rows=200 * _K, table_rows=50 * _K, events=20 * _K, appends=20, attachments=50, runs=1)],
    "sync_many": [_words(files=500, runs=1)],
    "sync": [_words(megabytes=20, parts=10, runs=1, files=1_000)],
}
