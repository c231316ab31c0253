"""Ways to damage the healthy dataset of `support.damage`, and the errors that have to be found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from support.damage import change_metadata, edit_line, part_of, put, replace_column, rewrite, set_cell, write_part
from usr_core.dataset import Dataset
from usr_core.records.ids import record_id
from usr_core.store.checks.validate import RegistryMode

__all__ = ["DAMAGES", "LOG", "STATE", "Damage", "cut"]

BASE = "records.parquet"
LOG = ".events.log"
STATE = "_derived/usr_state.parquet"
TOMBSTONES = "_derived/usr.parquet"

Do = Callable[[Dataset], object]
Change = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One damage: what is done, the codes of all errors that follow, the file that one of them names."""

    name: str
    do: Do
    errors: set[str]
    file: str | None = BASE
    rows: tuple[int, ...] | None = None
    strict: bool = False
    mode: RegistryMode = "either"
    warnings: frozenset[str] = frozenset()


def base(*changes: Change) -> Do:
    """Damage the base."""

    def do(dataset: Dataset) -> None:
        for change in changes:
            rewrite(dataset.layout.records, change)

    return do


def part(*changes: Change, index: int = 0) -> Do:
    """Damage a part of ``mock``."""

    def do(dataset: Dataset) -> None:
        for change in changes:
            rewrite(part_of(dataset.path, index=index), change)

    return do


def reserved(relative: str, *changes: Change) -> Do:
    """Damage the file of a reserved namespace."""

    def do(dataset: Dataset) -> None:
        for change in changes:
            rewrite(dataset.path / relative, change)

    return do


def cast(name: str, kind: pa.DataType) -> Change:
    return lambda table: replace_column(name, table.column(name).cast(kind, safe=False))(table)


def renamed(old: str, new: str) -> Change:
    def change(table: pa.Table) -> pa.Table:
        names = [new if name == old else name for name in table.schema.names]
        return table.rename_columns(names).replace_schema_metadata(table.schema.metadata)

    return change


def append_column(name: str, kind: pa.DataType) -> Change:
    return lambda table: table.append_column(name, pa.nulls(len(table), kind))


def sequence(row: int, text: str, *, length: int | None = None) -> Change:
    """Write a sequence with the id and the length that it then has."""

    def change(table: pa.Table) -> pa.Table:
        bio_type = table.column("bio_type")[row - 1].as_py()
        table = set_cell("sequence", row, text)(table)
        table = set_cell("length", row, len(text) if length is None else length)(table)
        return set_cell("id", row, record_id(bio_type, text))(table)

    return change


def append_copy(row: int) -> Change:
    return lambda table: pa.concat_tables([table, table.slice(row - 1, 1)])


def cut(relative: str | Callable[[Dataset], Path], keep: float) -> Do:
    """Truncate a file to a share of its bytes."""

    def do(dataset: Dataset) -> None:
        path = dataset.path / relative if isinstance(relative, str) else relative(dataset)
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content[: int(len(content) * keep)])

    return do


def overwrite_pages(path: Callable[[Dataset], Path], column: str) -> Do:
    """Write nonsense over the pages of one column of the last row group."""

    def do(dataset: Dataset) -> None:
        file = path(dataset)
        metadata = pq.read_metadata(file)
        group = metadata.row_group(metadata.num_row_groups - 1)
        chunk = next(group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == column)
        content = bytearray(file.read_bytes())
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        content[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
        file.unlink()
        file.write_bytes(content)

    return do


def line(number: int, **changes: object) -> Do:
    return lambda dataset: edit_line(dataset.layout.event_log, number, **changes)


def log_bytes(change: Callable[[bytes], bytes]) -> Do:
    return lambda dataset: dataset.layout.event_log.write_bytes(change(dataset.layout.event_log.read_bytes()))


def beside(relative: str, content: bytes = b"x") -> Do:
    return lambda dataset: put(dataset.path / relative, content)


def file_beside_folder(dataset: Dataset) -> None:
    shutil.copy(part_of(dataset.path), dataset.path / "_derived" / "mock.parquet")


def part_of_reserved(dataset: Dataset) -> None:
    folder = dataset.path / "_derived" / "usr_state"
    folder.mkdir()
    (dataset.path / STATE).rename(folder / "part-20260101T000000000000-00000000.parquet")


def foreign_namespace(dataset: Dataset) -> None:
    table = pa.table({"id": pa.array(["0" * 40]), "nobody__x": pa.array([1])})
    file = dataset.path / "_derived" / "nobody" / "part-1.parquet"
    write_part(dataset, file, table, "nobody", contract="0" * 64)


def misnamed_frozen(dataset: Dataset) -> None:
    first, second = sorted(dataset.layout.registry_folder.iterdir())
    shutil.copy(first, second)


def loose_tag(dataset: Dataset) -> None:
    """A tag of another type in a third part, under a registry that says so."""
    from usr_core.registry.store import register_namespace

    columns = [("mock__score", "float64"), ("mock__vec", "fixed_size_list<float32>[3]"), ("mock__tag", "int64")]
    register_namespace(dataset.ref.root, "mock", columns, overwrite=True)
    ids = dataset.to_arrow(columns=["id"]).column("id").slice(0, 1)
    table = pa.table({"id": ids, "mock__tag": pa.array([1])})
    write_part(dataset, dataset.path / "_derived" / "mock" / "part-later.parquet", table, "mock")


def linked(place: Path, store: Path) -> None:
    """Move a file or folder away and leave a link to it."""
    place.rename(store)
    place.symlink_to(store)


DAMAGES = [
    # the base's footer
    Damage(name="base cut in half", do=cut(BASE, 0.5), errors={"USR-BASE-001"}),
    Damage(name="base without its last byte", do=cut(BASE, 0.9999), errors={"USR-BASE-001"}),
    Damage(name="base empty", do=cut(BASE, 0), errors={"USR-BASE-001"}),
    Damage(name="column missing", do=base(lambda t: t.drop_columns(["source"])), errors={"USR-VALID-011"}),
    Damage(name="all columns missing", do=base(lambda t: t.select(["extra__count"])), errors={"USR-VALID-011"}),
    Damage(name="id missing", do=base(lambda t: t.drop_columns(["id"])), errors={"USR-VALID-011"}),
    Damage(
        name="columns in another order", do=base(lambda t: t.select([1, 0, 2, 3, 4, 5, 6, 7])), errors={"USR-VALID-013"}
    ),
    Damage(name="length of another type", do=base(cast("length", pa.int64())), errors={"USR-VALID-012"}),
    Damage(name="time without zone", do=base(cast("created_at", pa.timestamp("us"))), errors={"USR-VALID-012"}),
    Damage(
        name="time in another unit", do=base(cast("created_at", pa.timestamp("ms", "UTC"))), errors={"USR-VALID-012"}
    ),
    Damage(name="sequence as bytes", do=base(cast("sequence", pa.binary())), errors={"USR-VALID-012"}),
    Damage(name="foreign column", do=base(append_column("notes", pa.string())), errors={"USR-VALID-014"}),
    Damage(name="reserved column", do=base(append_column("usr_state__split", pa.string())), errors={"USR-VALID-014"}),
    Damage(name="column twice", do=base(append_column("source", pa.string())), errors={"USR-VALID-010"}),
    Damage(name="no metadata", do=base(lambda t: t.replace_schema_metadata(None)), errors={"USR-VALID-016"}),
    Damage(name="no id hash", do=base(change_metadata(id_hash=None)), errors={"USR-VALID-016"}),
    Damage(name="another id hash", do=base(change_metadata(id_hash="md5")), errors={"USR-VALID-017"}),
    Damage(name="another version", do=base(change_metadata(schema_version="2")), errors={"USR-VALID-017"}),
    Damage(name="time that is not one", do=base(change_metadata(dataset_created_at="today")), errors={"USR-VALID-017"}),
    Damage(name="hash that is not one", do=base(change_metadata(registry_hash="abc")), errors={"USR-VALID-017"}),
    Damage(name="unknown registry", do=base(change_metadata(registry_hash="f" * 64)), errors={"USR-VALID-018"}),
    # the base's rows
    Damage(name="id changed", do=base(set_cell("id", 30, "a" * 40)), errors={"USR-VALID-028"}, rows=(30,)),
    Damage(name="id too short", do=base(set_cell("id", 30, "abc")), errors={"USR-VALID-028"}, rows=(30,)),
    Damage(
        name="id in upper case",
        do=base(lambda t: set_cell("id", 2, t.column("id")[1].as_py().upper())(t)),
        errors={"USR-VALID-028"},
        rows=(2,),
    ),
    Damage(name="id null", do=base(set_cell("id", 17, None)), errors={"USR-VALID-020"}, rows=(17,)),
    Damage(name="source null", do=base(set_cell("source", 40, None)), errors={"USR-VALID-020"}, rows=(40,)),
    Damage(name="time null", do=base(set_cell("created_at", 1, None)), errors={"USR-VALID-020"}, rows=(1,)),
    Damage(name="sequence null", do=base(set_cell("sequence", 1, None)), errors={"USR-VALID-020"}, rows=(1,)),
    Damage(name="length null", do=base(set_cell("length", 33, None)), errors={"USR-VALID-020"}, rows=(33,)),
    Damage(name="bio_type null", do=base(set_cell("bio_type", 33, None)), errors={"USR-VALID-020"}, rows=(33,)),
    Damage(name="record twice", do=base(append_copy(5)), errors={"USR-VALID-029"}, rows=(41,)),
    Damage(
        name="records three times",
        do=base(append_copy(40), append_copy(40), append_copy(1)),
        errors={"USR-VALID-029"},
        rows=(41, 42, 43),
    ),
    Damage(name="length wrong", do=base(set_cell("length", 21, 5)), errors={"USR-VALID-027"}, rows=(21,)),
    Damage(
        name="sequence changed",
        do=base(lambda t: set_cell("sequence", 9, "T" + t.column("sequence")[8].as_py()[1:])(t)),
        errors={"USR-VALID-028"},
        rows=(9,),
    ),
    Damage(name="letter outside", do=base(sequence(5, "ACGX")), errors={"USR-VALID-026"}, rows=(5,)),
    Damage(name="letter not ASCII", do=base(sequence(5, "ACGÄ")), errors={"USR-VALID-026"}, rows=(5,)),
    Damage(name="space around", do=base(sequence(5, " ACG\t")), errors={"USR-VALID-025"}, rows=(5,)),
    Damage(name="odd space around", do=base(sequence(5, "ACG\u2003")), errors={"USR-VALID-025"}, rows=(5,)),
    Damage(name="space inside", do=base(sequence(5, "AC GT")), errors={"USR-VALID-026"}, rows=(5,)),
    Damage(name="empty sequence", do=base(sequence(5, "")), errors={"USR-VALID-024"}, rows=(5,)),
    Damage(
        name="bytes for letters",
        do=base(sequence(5, "ACGÄ", length=5)),
        errors={"USR-VALID-026", "USR-VALID-027"},
        rows=(5,),
    ),
    Damage(name="unknown alphabet", do=base(set_cell("alphabet", 5, "dna_9")), errors={"USR-VALID-022"}, rows=(5,)),
    Damage(
        name="misfitting alphabet", do=base(set_cell("alphabet", 5, "protein_20")), errors={"USR-VALID-023"}, rows=(5,)
    ),
    Damage(name="narrower alphabet", do=base(set_cell("alphabet", 10, "dna_4")), errors={"USR-VALID-026"}, rows=(10,)),
    Damage(
        name="unknown bio_type",
        do=base(set_cell("bio_type", 5, "xna'; DROP")),
        errors={"USR-VALID-021", "USR-VALID-028"},
        rows=(5,),
    ),
    Damage(
        name="another bio_type",
        do=base(set_cell("bio_type", 5, "rna")),
        errors={"USR-VALID-023", "USR-VALID-028"},
        rows=(5,),
    ),
    Damage(name="damaged ids", do=overwrite_pages(lambda d: d.layout.records, "id"), errors={"USR-BASE-001"}),
    Damage(name="damaged source", do=overwrite_pages(lambda d: d.layout.records, "source"), errors={"USR-BASE-001"}),
    Damage(
        name="damaged count", do=overwrite_pages(lambda d: d.layout.records, "extra__count"), errors={"USR-BASE-001"}
    ),
    # overlays
    Damage(
        name="part cut", do=cut(lambda d: part_of(d.path), 0.7), errors={"USR-OVERLAY-002"}, file="_derived/mock/part-"
    ),
    Damage(
        name="part empty", do=cut(lambda d: part_of(d.path), 0), errors={"USR-OVERLAY-002"}, file="_derived/mock/part-"
    ),
    Damage(
        name="damaged keys",
        do=overwrite_pages(lambda d: part_of(d.path), "id"),
        errors={"USR-OVERLAY-002"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="damaged vectors",
        do=overwrite_pages(lambda d: part_of(d.path), "mock__vec.list.element"),
        errors={"USR-OVERLAY-002"},
        file="_derived/mock/part-",
    ),
    Damage(name="file beside folder", do=file_beside_folder, errors={"USR-OVERLAY-001"}, file="_derived/mock.parquet"),
    Damage(
        name="key repeated", do=part(append_copy(3)), errors={"USR-VALID-061"}, file="_derived/mock/part-", rows=(41,)
    ),
    Damage(
        name="key null",
        do=part(set_cell("id", 4, None)),
        errors={"USR-VALID-060"},
        file="_derived/mock/part-",
        rows=(4,),
    ),
    Damage(
        name="key of another type",
        do=part(cast("id", pa.binary())),
        errors={"USR-VALID-047"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="no key column",
        do=part(renamed("id", "mock__tag")),
        errors={"USR-OVERLAY-004"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="unknown key",
        do=part(change_metadata(overlay_key="name")),
        errors={"USR-OVERLAY-004"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="no key metadata",
        do=part(change_metadata(overlay_key=None)),
        errors={"USR-OVERLAY-004"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="no stamp",
        do=part(change_metadata(overlay_created_at=None)),
        errors={"USR-OVERLAY-004"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="stamp that is not one",
        do=part(change_metadata(overlay_created_at="now")),
        errors={"USR-OVERLAY-004"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="another namespace",
        do=part(change_metadata(overlay_namespace="extra")),
        errors={"USR-VALID-042"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="no namespace",
        do=part(change_metadata(overlay_namespace=None)),
        errors={"USR-VALID-042"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="no registry",
        do=part(change_metadata(registry_hash=None)),
        errors={"USR-VALID-043"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="registry that is not one",
        do=part(change_metadata(registry_hash="x")),
        errors={"USR-VALID-044"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="another registry",
        do=part(change_metadata(registry_hash="0" * 64)),
        errors={"USR-VALID-050"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="another contract",
        do=part(change_metadata(namespace_contract_hash="0" * 64)),
        errors={"USR-VALID-051"},
        file="_derived/mock/part-",
        mode="contract",
    ),
    Damage(
        name="no contract",
        do=part(change_metadata(namespace_contract_hash=None)),
        errors={"USR-VALID-043"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="bare column",
        do=part(renamed("mock__score", "score")),
        errors={"USR-VALID-048"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="foreign column in part",
        do=part(renamed("mock__score", "extra__count")),
        errors={"USR-VALID-048"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="unregistered column",
        do=part(renamed("mock__score", "mock__other")),
        errors={"USR-VALID-053"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="column twice in part",
        do=part(append_column("mock__score", pa.float64())),
        errors={"USR-VALID-046"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="another type",
        do=part(cast("mock__score", pa.float32())),
        errors={"USR-VALID-054"},
        file="_derived/mock/part-",
    ),
    Damage(
        name="list for a vector",
        do=part(cast("mock__vec", pa.list_(pa.float32()))),
        errors={"USR-VALID-054"},
        file="_derived/mock/part-",
    ),
    Damage(name="types that differ", do=loose_tag, errors={"USR-OVERLAY-005"}, file="_derived/mock/part-"),
    Damage(
        name="unregistered namespace",
        do=foreign_namespace,
        errors={"USR-VALID-052"},
        file="_derived/nobody/part-1.parquet",
    ),
    Damage(
        name="stray Parquet file",
        do=beside("_derived/mock/copy.parquet"),
        errors={"USR-VALID-058"},
        file="_derived/mock/copy.parquet",
    ),
    Damage(
        name="name of no namespace",
        do=beside("_derived/Mock-2.parquet"),
        errors={"USR-VALID-058"},
        file="_derived/Mock-2.parquet",
    ),
    Damage(
        name="stray file",
        do=beside("_derived/notes.txt"),
        errors=set(),
        warnings=frozenset({"USR-VALID-058"}),
        file="_derived/notes.txt",
    ),
    # reserved namespaces
    Damage(name="reserved parts", do=part_of_reserved, errors={"USR-VALID-055"}, file="_derived/usr_state/part-"),
    Damage(
        name="sequences as reserved keys",
        do=reserved(STATE, renamed("id", "sequence"), change_metadata(overlay_key="sequence")),
        errors={"USR-VALID-056", "USR-OVERLAY-006"},
        file=STATE,
    ),
    Damage(
        name="unknown split",
        do=reserved(STATE, set_cell("usr_state__split", 2, "dev")),
        errors={"USR-VALID-063"},
        file=STATE,
        rows=(2,),
    ),
    Damage(
        name="unknown status",
        do=reserved(STATE, set_cell("usr_state__qc_status", 4, "")),
        errors={"USR-VALID-063"},
        file=STATE,
        rows=(4,),
    ),
    Damage(
        name="reserved column missing",
        do=reserved(STATE, lambda t: t.drop_columns(["usr_state__lineage"])),
        errors={"USR-VALID-057"},
        file=STATE,
    ),
    Damage(
        name="foreign reserved column",
        do=reserved(STATE, append_column("usr_state__x", pa.int8())),
        errors={"USR-VALID-053"},
        file=STATE,
    ),
    Damage(
        name="reserved type",
        do=reserved(TOMBSTONES, cast("usr__deleted", pa.int8())),
        errors={"USR-VALID-054"},
        file=TOMBSTONES,
    ),
    Damage(
        name="tombstone twice",
        do=reserved(TOMBSTONES, append_copy(1)),
        errors={"USR-VALID-061"},
        file=TOMBSTONES,
        rows=(2,),
    ),
    # registries
    Damage(
        name="registry of the root broken",
        do=lambda d: put(d.ref.root / "registry.yaml", b"a: &a [*a]"),
        errors={"USR-REGISTRY-007"},
        file=None,
    ),
    Damage(name="frozen under a wrong name", do=misnamed_frozen, errors={"USR-VALID-041"}, file="_registry/registry."),
    Damage(
        name="frozen and no registry",
        do=beside("_registry/registry.yaml"),
        errors={"USR-VALID-041"},
        file="_registry/registry.yaml",
    ),
    Damage(
        name="frozen nonsense",
        do=beside(f"_registry/registry.{'a' * 64}.yaml", b"\xff\0"),
        errors={"USR-VALID-041"},
        file="_registry/registry.a",
    ),
    # the log
    Damage(name="no log", do=lambda d: d.layout.event_log.unlink(), errors={"USR-VALID-080"}, file=LOG),
    Damage(
        name="line that is not JSON",
        do=log_bytes(lambda b: b.replace(b'{"event_version":1', b"nonsense", 1)),
        errors={"USR-VALID-081"},
        file=LOG,
        rows=(1,),
    ),
    Damage(name="line that is a list", do=log_bytes(lambda b: b + b"[1]\n"), errors={"USR-VALID-081"}, file=LOG),
    Damage(name="empty line", do=log_bytes(lambda b: b + b"\n"), errors={"USR-VALID-081"}, file=LOG),
    Damage(name="another event version", do=line(2, event_version=2), errors={"USR-VALID-082"}, file=LOG, rows=(2,)),
    Damage(name="no event version", do=line(2, event_version=None), errors={"USR-VALID-082"}, file=LOG, rows=(2,)),
    Damage(name="no action", do=line(3, action=None), errors={"USR-VALID-083"}, file=LOG, rows=(3,)),
    Damage(
        name="log cut in a line",
        do=log_bytes(lambda b: b[:-50]),
        errors=set(),
        warnings=frozenset({"USR-VALID-084"}),
        file=LOG,
    ),
    # only strict
    Damage(name="event edited", do=line(2, action="import_more"), errors={"USR-VALID-085"}, file=LOG, strict=True),
    Damage(
        name="event deleted",
        do=log_bytes(lambda b: b"".join(b.splitlines(keepends=True)[:2] + b.splitlines(keepends=True)[3:])),
        errors={"USR-VALID-085"},
        file=LOG,
        strict=True,
    ),
    Damage(
        name="unregistered materialized column",
        do=base(renamed("extra__count", "extra__other")),
        errors={"USR-VALID-070", "USR-VALID-086"},
        strict=True,
    ),
    Damage(
        name="another type of a materialized column",
        do=base(cast("extra__count", pa.int32())),
        errors={"USR-VALID-071", "USR-VALID-086"},
        strict=True,
    ),
    Damage(
        name="records taken away",
        do=base(lambda t: t.slice(0, 39)),
        errors={"USR-VALID-086"},
        strict=True,
    ),
    Damage(
        name="staging left",
        do=beside(".usr.tmp/dead/staged-1"),
        errors={"USR-VALID-090"},
        file=".usr.tmp/dead",
        strict=True,
    ),
    Damage(
        name="half a record left",
        do=beside(".usr.commit.9.dead.tmp"),
        errors={"USR-VALID-090"},
        file=".usr.commit.9.dead.tmp",
        strict=True,
    ),
    Damage(
        name="temporary file left",
        do=beside("_derived/mock/.part.tmp"),
        errors={"USR-VALID-090"},
        file="_derived/mock/.part.tmp",
        strict=True,
    ),
    Damage(
        name="overlays gone",
        do=lambda d: shutil.rmtree(d.path / "_derived/mock"),
        errors={"USR-VALID-087"},
        file="_derived/mock/part-",
        strict=True,
    ),
    Damage(
        name="notes gone",
        do=lambda d: (d.path / "meta.md").unlink(),
        errors={"USR-VALID-087"},
        file="meta.md",
        strict=True,
    ),
    Damage(
        name="snapshots gone",
        do=lambda d: shutil.rmtree(d.path / "_snapshots"),
        errors={"USR-VALID-087"},
        file="_snapshots/records-",
        strict=True,
    ),
    Damage(
        name="part of another size",
        do=lambda d: rewrite(part_of(d.path), lambda t: t.slice(0, 3)),
        errors={"USR-VALID-088"},
        file="_derived/mock/part-",
        strict=True,
    ),
    Damage(
        name="part that no event brought",
        do=lambda d: shutil.copy(part_of(d.path), d.path / "_derived/mock/part-copied.parquet"),
        errors={"USR-VALID-089"},
        file="_derived/mock/part-copied.parquet",
        strict=True,
    ),
    Damage(
        name="part that is a link",
        do=lambda d: linked(part_of(d.path), d.ref.root / "store"),
        errors={"USR-VALID-091"},
        file="_derived/mock/part-",
        strict=True,
    ),
    Damage(
        name="folder of parts that is a link",
        do=lambda d: linked(d.path / "_derived/mock", d.ref.root / "store"),
        errors={"USR-VALID-091"},
        file="_derived/mock",
        strict=True,
    ),
    Damage(
        name="link in a circle",
        do=lambda d: (d.path / "_artifacts").symlink_to(d.path),
        errors={"USR-VALID-091"},
        file="_artifacts",
        strict=True,
    ),
    Damage(
        name="staging folder that is a link",
        do=lambda d: d.layout.staging.symlink_to(d.ref.root),
        errors={"USR-VALID-090"},
        file=".usr.tmp",
        strict=True,
    ),
]
