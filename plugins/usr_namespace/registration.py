"""What ``usr namespace register`` asks for, and what to say when it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from usr_core.api import NamespaceSpec
from usr_core.api.commands import UsageError
from usr_core.api.registry import RegisterResult, split_columns

__all__ = [
    "Registration",
    "describe_result",
    "prefixed",
    "refuse_two_sources",
    "result_record",
    "wanted_registration",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A namespace to be registered; columns are pairs of full name and type text.

    Attributes:
        add: The columns are those to add; others that are registered stay.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    owner: str | None
    description: str | None
    add: bool = False


def wanted_registration(
    name: str | None,
    columns: str | None,
    *,
    add: Sequence[str] = (),
    owner: str | None,
    description: str | None,
    from_plugin: str | None,
    declared: Callable[[str], NamespaceSpec],
) -> Registration:
    """Return what the options ask for; with `from_plugin` the columns are those that `declared` gives for it.

    Raises:
        UsageError: The options contradict each other, or something is missing.
        ColumnSpecError: `columns` or `add` can't be split.
    """
    if from_plugin is not None:
        return _declared(name, declared(from_plugin), owner=owner, description=description)
    if name is None:
        raise UsageError("No namespace was named.", hint="usr namespace register NS --columns NS__name:type,…")
    if columns is None and not add:
        raise UsageError(
            f"The columns of {name!r} are missing.",
            hint="Give --columns NS__name:type,…, --from-file FILE or --from-plugin ID.",
        )
    pairs = split_columns(columns) if columns is not None else [pair for text in add for pair in split_columns(text)]
    return Registration(
        name=name,
        columns=tuple((column if add == () else prefixed(name, column), kind) for column, kind in pairs),
        owner=owner,
        description=description,
        add=columns is None,
    )


def refuse_two_sources(**sources: object) -> None:
    """Refuse options that each say what the columns are.

    Args:
        sources: What was given, by the option's name, with ``_`` for ``-``; None or nothing where it was not.

    Raises:
        UsageError: Two of them were given.
    """
    given = [f"--{name.replace('_', '-')}" for name, value in sources.items() if value]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} exclude each other.", hint=f"Leave {given[0]} out.")


def prefixed(namespace: str, column: str) -> str:
    """Return the full name of a column; one that has a prefix already keeps it, and may be refused for it later."""
    return column if "__" in column else f"{namespace}__{column}"


def result_record(result: RegisterResult) -> dict[str, object]:
    """Return what a registration did as an object."""
    return {
        "namespace": result.entry.name,
        "created": result.created,
        "written": result.written,
        "added": result.added,
        "changed": result.changed,
        "datasets": result.datasets,
        "columns": [{"name": column.name, "type": column.type.canonical()} for column in result.entry.columns],
        "proposed": None,
    }


def describe_result(result: RegisterResult, *, would: bool = False) -> str:
    """Return what a registration did, or would do, one line a fact."""
    name = result.entry.name
    if not result.written:
        return f"{name} is registered so already; nothing {'would be' if would else 'was'} changed."
    done, changed = ("would register", "would change") if would else ("registered", "changed")
    lines = [f"{done} {name}" if result.created else f"{changed} {name}"]
    types = {column.name: column.type.canonical() for column in result.entry.columns}
    lines += [f"  + {column}: {types[column]}" for column in result.added]
    lines += [f"  ! {change}" for change in result.changed]
    if result.changed:
        lines.append(f"  datasets that hold {name}: {', '.join(result.datasets) or 'none'}")
    return "\n".join(lines)


def _declared(name: str | None, spec: NamespaceSpec, *, owner: str | None, description: str | None) -> Registration:
    if name is not None and name != spec.name:
        raise UsageError(
            f"That plugin declares the namespace {spec.name!r}, not {name!r}.",
            hint="Leave the name out, or give the plugin that owns it.",
        )
    return Registration(
        name=spec.name,
        columns=spec.columns,
        owner=spec.owner if owner is None else owner,
        description=spec.description if description is None else description,
    )
