"""The dataset or Parquet file that a reading command's target means, picked by a person where there are several."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from usr_core.cli.session import Session
from usr_core.errors import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from usr_core.dataset.readable import Readable
    from usr_core.dataset.source_table import SourceTable
    from usr_core.roots.read_target import ParquetFiles

__all__ = ["open_rows", "open_target", "split_files"]

_MOST_ASKED = 200
_PARQUET = b"PAR1"


def open_target(
    session: Session,
    text: str | None,
    *,
    glob: str | None = None,
    include_deleted: bool = False,
    namespaces: Sequence[str] | None = None,
    at: str | None = None,
) -> Readable:
    """Return the dataset, or the Parquet file, that `text` means; see `usr_core.roots.read_target`.

    Where a folder holds several files, a terminal is asked which one. What is read will be read with `include_deleted`
    and `namespaces`; with `at` it is a dataset as it was.

    Raises:
        SeveralParquetFiles: The folder holds several files, and there is no terminal to ask.
        UsageError: No answer came, or none that could be used; or overlays, deleted records or a version were asked
            for of a file, which has none of these.
        VersionTextInvalid, VersionMissing: As `Dataset.at`.
        UsrError: There is no such target.

    Example:
        >>> from usr_core.api.commands import Session, open_target
        >>> session = Session(root=root)
        >>> open_target(session, "demo/promoters").head_arrow(1, columns=["sequence"]).to_pylist()
        [{'sequence': 'TTGACAGGCTAACTGGATAT'}]
        >>> open_target(session, "root/demo/promoters/records.parquet").name
        'records'
    """
    from usr_core.cli.errors import UsageError
    from usr_core.dataset import Dataset
    from usr_core.dataset.parquet_table import ParquetTable
    from usr_core.roots.read_target import ParquetFiles, find_target

    found = find_target(text, root=session.root, glob=glob)
    if isinstance(found, ParquetFiles):
        table = ParquetTable(_picked(found), host=session.host)
        if include_deleted or namespaces is not None or at is not None:
            raise UsageError(
                "A file has no overlays, no deleted records and no versions.",
                hint="Leave --namespaces, --include-deleted and --at out, or name the dataset.",
                facts={"file": table.path},
            )
        return table
    dataset = Dataset(found, lock_timeout=session.lock_timeout, host=lambda: session.host)
    return dataset if at is None else dataset.at(at)


def open_rows(
    session: Session, text: str | None, *, importer: str | None = None, options: Mapping[str, object] | None = None
) -> SourceTable | None:
    """Return the file of another format than Parquet that `text` names, as its importer reads it; None for all else.

    Raises:
        UsageError: An importer or options are named, and `text` is not a file.
        PluginMissing: There is no such importer.
        AmbiguousImporter: Several importers read such files.

    Example:
        >>> from usr_core.api.commands import Session, open_rows
        >>> open_rows(Session(root=root), "more.csv").head_arrow(1, columns=["sequence"]).to_pylist()
        [{'sequence': 'TTTACAGCTAGCTCAGTCCT'}]
        >>> open_rows(Session(root=root), "demo/promoters") is None
        True
    """
    from pathlib import Path

    from usr_core.cli.errors import UsageError
    from usr_core.dataset.source_table import SourceTable
    from usr_core.plugin.errors import PluginMissing
    from usr_core.roots.locate import refuse_archived_path

    path = Path(text or ".").expanduser()
    if not path.is_file():
        if importer is not None or options:
            raise UsageError(
                "--from and --option are for files, and the target is not one.",
                hint="Name a file, or leave them out.",
                facts={"target": visible(str(path))},
            )
        return None
    refuse_archived_path(path, text)
    with path.open("rb") as file:
        is_parquet = file.read(len(_PARQUET)) == _PARQUET
    if importer is None and (is_parquet or path.suffix == ".parquet"):
        return None
    try:
        reader = session.host.importer_for_path(path)[1] if importer is None else session.host.importer(importer)
    except PluginMissing:
        if importer is not None:
            raise
        return None
    return SourceTable(path, reader, options)


def split_files(words: Sequence[str] | None, path: Path | None) -> tuple[str | None, list[Path | BinaryIO]]:
    """Return what ``[DATASET] [FILE]...`` and ``--path`` say: the dataset, None for the current one, and the files.

    A single word, or the first of several in the folder of a dataset, is a file where a file of that name is there;
    ``-`` is standard input. Elsewhere the dataset may also be the last word, behind files that are there.

    Raises:
        UsageError: No file is named.

    Example:
        >>> from usr_core.api.commands import split_files
        >>> dataset_text, files = split_files(["demo/promoters", "more.csv"], None)
        >>> dataset_text, [file.name for file in files]
        ('demo/promoters', ['more.csv'])
        >>> split_files(["more.csv", "demo/promoters"], None)[0]
        'demo/promoters'
    """
    from pathlib import Path

    from usr_core.cli.errors import UsageError
    from usr_core.roots.layout import holds_dataset

    rest = list(words or ())
    dataset = None
    if rest and not (_is_file(rest[0]) and path is None and (len(rest) == 1 or holds_dataset(Path.cwd()))):
        behind = len(rest) > 1 and all(map(_is_file, rest[:-1])) and not _is_file(rest[-1])
        dataset = rest.pop(-1 if behind else 0)
    named: list[Path | BinaryIO] = [sys.stdin.buffer if word == "-" else Path(word) for word in rest]
    if path is not None:
        named.append(sys.stdin.buffer if str(path) == "-" else path)
    if not named:
        raise UsageError("no file is named", hint="Name the file behind the dataset: DATASET FILE.")
    return dataset, named


def _is_file(word: str) -> bool:
    from pathlib import Path

    return word == "-" or Path(word).is_file()


def _picked(found: ParquetFiles) -> Path:
    if len(found.files) == 1:
        return found.files[0]
    if not _on_terminal() or len(found.files) > _MOST_ASKED:
        from usr_core.roots.target_errors import SeveralParquetFiles

        raise SeveralParquetFiles(folder=found.folder, names=found.names)
    return found.files[_ask(found.names)]


def _on_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _ask(names: tuple[str, ...]) -> int:
    from usr_core.cli.errors import AnswerMissing, Declined

    width = len(str(len(names)))
    for number, name in enumerate(names, start=1):
        print(f"{number:>{width}}  {visible(name)}", file=sys.stderr)
    while True:
        print(f"Which file? [1-{len(names)}, nothing for none] ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer:
            print(file=sys.stderr)
            raise AnswerMissing("no file was picked and the input has ended", hint="Name the file, or give --glob.")
        if not answer.strip():
            raise Declined("no file was picked", hint="Name the file, or give --glob.")
        if answer.strip().isdecimal() and 1 <= int(answer) <= len(names):
            return int(answer) - 1
