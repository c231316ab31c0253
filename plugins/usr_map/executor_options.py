"""The options of executors that have a flag of their own: declared once, for every command that hands out shards."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from usr_core.api.commands import choice_option, split_options

__all__ = ["EXECUTOR_FLAGS", "takes_executor_options"]

_Text = str | None

EXECUTOR_FLAGS: Mapping[str, Any] = {
    "submit": Annotated[bool | None, typer.Option("--submit", help="Let the executor hand the jobs over itself.")],
    "scheduler_file": Annotated[
        _Text, typer.Option("--scheduler-file", metavar="FILE", show_default=False, help="Where a scheduler listens.")
    ],
    "scheduler": Annotated[
        _Text, typer.Option("--scheduler", metavar="ADDRESS", show_default=False, help="A scheduler's address.")
    ],
    "cluster": Annotated[
        _Text, choice_option("--cluster", choices="slurm|sge|lsf", show_default=False, help="The batch system.")
    ],
    "queue": Annotated[_Text, typer.Option("--queue", show_default=False, help="Its queue or partition.")],
    "walltime": Annotated[
        _Text,
        typer.Option(
            "--walltime", metavar="H:MM:SS", show_default=False, help="The time of a job; for local, of a shard."
        ),
    ],
    "cores": Annotated[int | None, typer.Option("--cores", min=1, show_default=False, help="Processors of a job.")],
    "memory": Annotated[
        _Text, typer.Option("--memory", metavar="SIZE", show_default=False, help="Memory of a job, such as 8GB.")
    ],
}
"""By the name that an executor gives the option."""
_OTHERS = Annotated[
    list[str] | None,
    typer.Option("--option", show_default=False, help="NAME=VALUE for the executor; may be repeated."),
]


def takes_executor_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options in place of its parameter `asked`, which gets those that were given, by name."""
    own = inspect.signature(command, eval_str=True)
    added = {"options": _OTHERS, **EXECUTOR_FLAGS}
    parameters = []
    for one in own.parameters.values():
        if one.name != "asked":
            parameters.append(one)
            continue
        parameters += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
            for name, kind in added.items()
        ]

    @functools.wraps(command)
    def taking(*arguments: Any, **values: Any) -> None:
        flags = {name: values.pop(name) for name in EXECUTOR_FLAGS}
        asked = {name: value for name, value in flags.items() if value is not None}
        command(*arguments, asked=asked | split_options(values.pop("options") or ()), **values)

    taking.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    taking.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": None}
    return taking
