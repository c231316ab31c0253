"""Registering columns for model outputs, and keeping those that are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usr_core.api.registry import (
    NamespaceEntry,
    RegisterResult,
    RegistryMissing,
    parse_type,
    read_registry,
    register_namespace,
)
from usr_infer.columns import DESCRIPTION, FIXED_COLUMNS, NAMESPACE, column_name, embedding_type, known_type
from usr_infer.errors import InferColumnDiffers, InferOptionInvalid

__all__ = ["describe_registration", "register_outputs", "registration_record", "wanted_columns"]


def wanted_columns(
    *, dim: int | None, model: str | None, job: str | None, outputs: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Return the columns that are asked for, as pairs of full name and type text, in order.

    Without outputs these are log-likelihood and ratio and, where `dim` is given, a vector; without model and job
    also the names of model and run.

    Args:
        dim: Numbers of a vector.
        model, job: Whose columns they are; both or neither.
        outputs: Texts ``name:type``; the type may be left out for what every model has.

    Raises:
        InferOptionInvalid: One of model and job is missing, an output has no type or is named twice.
        InferNameUnsafe: A name can't be part of a column's name.
    """
    if (model is None) != (job is None):
        raise InferOptionInvalid(
            "--model and --job belong together.", hint="Columns are infer__<model>__<job>__<output>; give both."
        )
    if not outputs:
        outputs = ["llr", "log_likelihood"] + (["embedding"] if dim is not None else [])
        if model is None:
            vector = () if dim is None else ((f"{NAMESPACE}__embedding", embedding_type(dim)),)
            return (*FIXED_COLUMNS[:2], *vector, *FIXED_COLUMNS[2:])
    found: dict[str, str] = {}
    for text in outputs:
        name, colon, given = (part.strip() for part in text.partition(":"))
        column = column_name(name, model=model, job=job)
        kind = given if colon else known_type(name, dim)
        if not kind:
            raise InferOptionInvalid(
                f"The output {name!r} has no type.",
                hint="Write name:type, as in --output 'logits:fixed_size_list<float32>[4]'; `embedding` needs --dim.",
                facts={"output": text},
            )
        if column in found:
            raise InferOptionInvalid(
                f"The output {name!r} is named twice.", hint="Name it once.", facts={"output": text}
            )
        found[column] = kind
    if dim is not None:
        found.setdefault(column_name("embedding", model=model, job=job), embedding_type(dim))
    return tuple(found.items())


def register_outputs(
    root: Path, columns: Sequence[tuple[str, str]], *, dry_run: bool = False, lock_timeout: float = 60.0
) -> RegisterResult:
    """Register `columns` behind those that the namespace has; none is changed or removed.

    Raises:
        InferColumnDiffers, NamespaceDiffers: A column is registered with another type.
        TypeSyntaxError: A type is malformed.
        RegistryInvalid, LockTimeout, FileSystemError: See `register_namespace`.
    """
    entry = _entry(root)
    known = {column.name: column.type for column in entry.columns} if entry is not None else {}
    for name, text in columns:
        if name in known and known[name] != parse_type(text):
            raise InferColumnDiffers(
                column=name, registered=known[name].canonical(), wanted=parse_type(text).canonical()
            )
    return register_namespace(
        root,
        NAMESPACE,
        columns,
        owner=None if entry is not None else "infer",
        description=None if entry is not None else DESCRIPTION,
        add=True,
        dry_run=dry_run,
        lock_timeout=lock_timeout,
    )


def registration_record(result: RegisterResult) -> dict[str, object]:
    """Return what a registration did as an object."""
    return {
        "namespace": NAMESPACE,
        "created": result.created,
        "written": result.written,
        "added": result.added,
        "columns": [{"name": column.name, "type": column.type.canonical()} for column in result.entry.columns],
    }


def describe_registration(result: RegisterResult, *, would: bool = False) -> str:
    """Return what a registration did, or would do, a line for each new column."""
    if not result.written:
        return f"{NAMESPACE} has these columns already; nothing {'would be' if would else 'was'} changed."
    types = {column.name: column.type.canonical() for column in result.entry.columns}
    verbs = ("would register", "would change") if would else ("registered", "changed")
    head = f"{verbs[0] if result.created else verbs[1]} {NAMESPACE}"
    return "\n".join([head, *(f"  + {column}: {types[column]}" for column in result.added)])


def _entry(root: Path) -> NamespaceEntry | None:
    try:
        return read_registry(root).namespaces.get(NAMESPACE)
    except RegistryMissing:
        return None
