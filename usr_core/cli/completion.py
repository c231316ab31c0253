"""What a shell is offered for a word that is being typed: datasets, columns, namespaces, remotes, plugins' providers.

A shell asks at every press of a key, so neither a Parquet library nor a plugin's provider is imported to answer: names
come from folders, footers and manifests. Whatever goes wrong, nothing is offered and nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from usr_core.errors import UsrError

if TYPE_CHECKING:
    import typer

    from usr_core.plugin.catalogue import Catalogue

__all__ = ["candidates", "offered_choices"]

_BY_KIND: dict[str, Callable[[typer.Context, str], Iterable[str]]] = {}

_PLAIN = re.compile(r"[\w.,/][\w.,:/+@%=-]*")


def candidates(kind: str, ctx: typer.Context, incomplete: str) -> list[str]:
    """Return what to offer for a word of that kind (see `usr_core.cli.options.completer`); nothing where it fails."""
    try:
        return _matching(_offered(kind, ctx, incomplete), incomplete)
    except Exception:  # noqa: BLE001 - whoever types a line wants no message in it
        return []


def offered_choices(kind: str, catalogue: Catalogue) -> list[str]:
    """Return the fixed values of a kind: of providers, the names that installed plugins claim in their manifests."""
    names = [entry.claim.name for entry in catalogue.providers(kind)]
    if kind == "verify":
        return [*names, "auto"]
    if kind == "alphabet":
        from usr_core.records.alphabets import ALPHABETS, AUTO

        return [*ALPHABETS, *names, AUTO]
    return names


def _offered(kind: str, ctx: typer.Context, incomplete: str) -> Iterable[str]:
    if "|" in kind:
        return kind.split("|")
    if kind in ("columns", "namespaces"):
        return _listed(_BY_KIND[kind.removesuffix("s")](ctx, incomplete), incomplete)
    if kind in _BY_KIND:
        return _BY_KIND[kind](ctx, incomplete)
    return offered_choices(kind, _catalogue(ctx))


def _matching(offered: Iterable[str], incomplete: str) -> list[str]:
    """Return what goes on from what was typed, of names that every shell takes as they stand.

    Files of others may have columns with any name, and shells put what they are offered into the line, or into a
    statement of their own, as it is: `$(…)` would be run.
    """
    return [name for name in offered if name.startswith(incomplete) and _PLAIN.fullmatch(name)]


def _listed(names: Iterable[str], incomplete: str) -> list[str]:
    """Return what a list of names may go on with, each with the names that stand before it."""
    given = incomplete.split(",")[:-1]
    before = "".join(f"{name}," for name in given)
    return [before + name for name in names if name not in given]


def _datasets(ctx: typer.Context, incomplete: str, *, archived: bool = False) -> list[str]:
    from usr_core.roots.dataset_id import ARCHIVE, list_datasets

    found = list_datasets(_root(ctx), archived)
    return [ref.name.removeprefix(f"{ARCHIVE}/") for ref in found]


def _files(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return datasets until one is named; the shell itself knows the files."""
    words = ctx.params.get("words") or ()
    return [] if any(word == "-" or not Path(word).is_file() for word in words) else _datasets(ctx, incomplete)


def _columns(ctx: typer.Context, incomplete: str) -> list[str]:
    from usr_core.roots.dataset_id import DatasetRef
    from usr_core.roots.read_target import find_target
    from usr_core.store.base.thrift import footer_names
    from usr_core.store.questions.column_names import column_names

    found = find_target(_named_dataset(ctx), root=_root_path(ctx, "root"))
    if isinstance(found, DatasetRef):
        return column_names(found.path)
    return list(dict.fromkeys(name for file in found.files for name in footer_names(file)))


def _versions(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the versions of the dataset on the line."""
    return _versions_of(_named_dataset(ctx), ctx)


def _tagged(ctx: typer.Context, incomplete: str) -> Iterable[str]:
    """Return datasets, or the tags of the one that stands before."""
    from usr_core.events.tags import live_tags

    words = ctx.params.get("words") or ()
    return live_tags(_log(words[0], ctx)) if words else _datasets(ctx, incomplete)


def _versioned(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return datasets, and behind an ``@`` the tags and last versions of the dataset before it."""
    dataset, at, _ = incomplete.partition("@")
    if not at:
        return _datasets(ctx, incomplete)
    return [f"{dataset}@{version}" for version in _versions_of(dataset or None, ctx)]


def _log(dataset: str | None, ctx: typer.Context) -> Path:
    from usr_core.roots.layout import DatasetLayout
    from usr_core.roots.locate import locate_dataset

    return DatasetLayout(locate_dataset(dataset, root=_root_path(ctx, "root")).path).event_log


def _versions_of(dataset: str | None, ctx: typer.Context) -> list[str]:
    """Return its tags, ``now``, and the numbers of its last versions, the newest first."""
    from usr_core.events.log_entry import last_entries
    from usr_core.events.tags import live_tags

    log = _log(dataset, ctx)
    return [*live_tags(log), "now", *(str(entry.version) for entry in last_entries(log))]


def _keys(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the keys of an attachment: the four fixed ones, and the dataset's columns where one is named."""
    keys = ["id", "sequence", "sequence_norm", "sequence_ci"]
    try:
        return list(dict.fromkeys([*keys, *_columns(ctx, incomplete)]))
    except (UsrError, OSError):
        return keys


def _named_dataset(ctx: typer.Context) -> str | None:
    for name in ("dataset", "target"):
        if ctx.params.get(name):
            return str(ctx.params[name])
    # Behind an option without a value, Typer has not given the words to the arguments yet.
    words = [*(ctx.params.get("words") or ()), *(word for word in ctx.args if not word.startswith("-"))]
    return next((word for word in words if not Path(word).is_file()), words[0] if words else None)


def _namespaces(ctx: typer.Context, incomplete: str) -> list[str]:
    from usr_core.registry.document import TOMBSTONE_NAMESPACE
    from usr_core.registry.store import read_registry

    return sorted(name for name in read_registry(_root(ctx)).namespaces if name != TOMBSTONE_NAMESPACE)


def _remotes(ctx: typer.Context, incomplete: str) -> list[str]:
    from usr_core.remotes.config import find_remotes_file, load_remotes

    found = load_remotes(find_remotes_file(_root_path(ctx, "remotes_config")))
    return [*found.remotes, *found.faults]


def _plugins(ctx: typer.Context, incomplete: str) -> list[str]:
    return [record.id for record in _catalogue(ctx).all]


def _declaring(ctx: typer.Context, incomplete: str) -> list[str]:
    return [entry.record.id for entry in _catalogue(ctx).providers("namespace")]


def _root(ctx: typer.Context) -> Path:
    from usr_core.roots.find_root import find_root

    return find_root(_root_path(ctx, "root"))


def _root_path(ctx: typer.Context, option: str) -> Path | None:
    """Return what an option of ``usr`` itself names; a shell hands over ``~`` as it was typed."""
    given = ctx.find_root().params.get(option)
    return Path(given).expanduser() if given else None


def _catalogue(ctx: typer.Context) -> Catalogue:
    from usr_core.plugin.catalogue import Catalogue
    from usr_core.plugin.switches import read_switches

    given = ctx.find_root().params
    return Catalogue(read_switches(no_plugins=bool(given.get("no_plugins")), disable=given.get("disable_plugin") or ()))


_BY_KIND |= {
    "archived": lambda ctx, incomplete: _datasets(ctx, incomplete, archived=True),
    "column": _columns,
    "dataset": _datasets,
    "declaring": _declaring,
    "files": _files,
    "key": _keys,
    "namespace": _namespaces,
    "plugin": _plugins,
    "remote": _remotes,
    "tagged": _tagged,
    "version": _versions,
    "versioned": _versioned,
}
