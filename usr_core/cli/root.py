"""The root of the command line: its options, its help text, its version."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from usr_core.cli.session import LOCK_TIMEOUT, Session, open_session
from usr_core.plugin.catalogue import Catalogue

__all__ = ["root_app"]

_HELP = "Keep biological sequences in plain Parquet files, with typed overlays and an event for every change."


def root_app(catalogue: Catalogue, *, with_footer: bool) -> typer.Typer:
    """Return an application with the root options and no command.

    Args:
        catalogue: Goes into the session that the root options open.
        with_footer: Whether the help ends with a line about plugins that have a problem.
    """
    app = typer.Typer(
        name="usr",
        help=_HELP,
        epilog=_footer(catalogue) if with_footer else None,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        # The value of a command's function is not the exit code; what is left are the codes of typer.Exit.
        result_callback=_no_result,
    )

    @app.callback()
    def root(
        *,
        root: Annotated[
            Path | None,
            typer.Option("--root", metavar="DIR", show_default=False, help="The folder that holds registry.yaml."),
        ] = None,
        remotes_config: Annotated[
            Path | None,
            typer.Option("--remotes-config", metavar="FILE", show_default=False, help="The remotes file."),
        ] = None,
        debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
        no_plugins: Annotated[bool, typer.Option("--no-plugins", help="Use the built-in plugins only.")] = False,
        disable_plugin: Annotated[
            list[str] | None,
            typer.Option(
                "--disable-plugin",
                metavar="ID",
                autocompletion=_plugins,
                show_default=False,
                help="Do without a plugin; repeatable.",
            ),
        ] = None,
        lock_timeout: Annotated[
            float,
            typer.Option("--lock-timeout", metavar="S", min=0, callback=_seconds, help="Seconds to wait for a lock."),
        ] = LOCK_TIMEOUT,
        version: Annotated[
            bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
        ] = False,
    ) -> None:
        open_session(
            Session(
                root=root, remotes_config=remotes_config, debug=debug, lock_timeout=lock_timeout, catalogue=catalogue
            )
        )

    return app


def _plugins(ctx: typer.Context, incomplete: str) -> list[str]:
    from usr_core.cli.completion import candidates

    return candidates("plugin", ctx, incomplete)


def _no_result(*_: object, **__: object) -> None:
    return None


def _seconds(value: float) -> float:
    if math.isnan(value):
        raise typer.BadParameter("it has to be a number of seconds")
    return value


def _print_version(value: bool) -> None:
    if value:
        from usr_core.version import package_version

        typer.echo(f"usr {package_version()}")
        raise typer.Exit


def _footer(catalogue: Catalogue) -> str | None:
    broken = [f"{record.id} ({record.status.value})" for record in catalogue.problems()]
    if catalogue.switches.problem is not None:
        return f"{catalogue.switches.problem.message}: {catalogue.switches.problem.facts['file']}"
    if not broken:
        return None
    return f"Plugins with a problem: {', '.join(broken)}. `usr plugins list` says more."
