"""What an overlay writer settles for an attachment: its namespace, its key, the options that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from usr_core.errors import visible
from usr_core.plugin.options import as_option_spec, option_values
from usr_core.plugin.specs import OverlayWriterSpec
from usr_core.registry.document import RESERVED_NAMESPACES
from usr_core.store.changes.attach.errors import AttachKeyMissing, AttachRequestInvalid
from usr_core.store.errors import NamespaceReservedHere

__all__ = ["attach_namespace", "checked_options", "key_among"]


def attach_namespace(spec: OverlayWriterSpec | None, namespace: str | None) -> str:
    """Return the namespace that is meant: the one that was named, else the writer's.

    Raises:
        AttachRequestInvalid: Neither a namespace nor a writer is given.
        NamespaceReservedHere: A writer is to attach to a reserved namespace.
    """
    if spec is None:
        if namespace is None:
            raise AttachRequestInvalid(
                "No namespace was named.", hint="Give --namespace NS; an overlay writer (--writer) brings its own."
            )
        return namespace
    chosen = spec.namespace if namespace is None else namespace
    if chosen in RESERVED_NAMESPACES:
        raise NamespaceReservedHere(namespace=chosen, verb="attach")
    return chosen


def checked_options(
    spec: OverlayWriterSpec | None,
    options: Mapping[str, object],
    *,
    importer: str | None = None,
    mapping: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Return the options for a writer, in their types.

    Raises:
        AttachRequestInvalid: Options are given without a writer, the writer does not take one, or an importer is
            named beside a writer, or columns are mapped.
        OptionInvalid: An option takes no such value.
    """
    if spec is not None and importer is not None:
        raise AttachRequestInvalid(
            "A writer and an importer were named, and one of them reads the file.",
            hint="Leave out --from or --writer.",
            facts={"writer": spec.name, "importer": importer},
        )
    if spec is not None and mapping:
        raise AttachRequestInvalid(
            "Columns were mapped, and a writer names its columns itself.",
            hint="Leave out --map or --writer.",
            facts={"writer": spec.name, "column": next(iter(mapping))},
        )
    if spec is None and options:
        raise AttachRequestInvalid(
            "A writer's option was given, and no writer.",
            hint="Name the overlay writer with --writer.",
            facts={"option": next(iter(options))},
        )
    if spec is None:
        return {}
    known = [as_option_spec(option).name for option in spec.options]
    unknown = next((name for name in options if name not in known), None)
    if unknown is not None:
        raise AttachRequestInvalid(
            f"The overlay writer {spec.name!r} takes no option {visible(unknown)!r}.",
            hint=f"Use one of: {', '.join(known) or 'none'}.",
            facts={"option": unknown},
        )
    return option_values(f"overlay writer {spec.name}", spec.options, options)


def key_among(spec: OverlayWriterSpec | None, key: str | None, columns: Sequence[str]) -> str:
    """Return the key that is meant: the one that was named, else the writer's, else one that the rows have.

    Args:
        spec: The writer, if there is one.
        key: What was named.
        columns: The names of the columns that the writer delivers.

    Raises:
        AttachKeyMissing: No key was named, and no writer is given.
    """
    if key is not None:
        return key
    if spec is None:
        raise AttachKeyMissing(None)
    return next((name for name in (spec.key, "id", "sequence") if name in columns), spec.key)
