"""``usr explore``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usr_core.api import UsrError
from usr_core.api.commands import AtOpt, DatasetArg, QuietOpt, UsageError, current_session, emit_text, examples, note

if TYPE_CHECKING:
    from usr_core.api import Dataset
    from usr_core.api.commands import Session
    from usr_explore.exploring import Exploration

__all__ = ["explore_app"]

explore_app = typer.Typer()


@explore_app.command(epilog=examples("usr explore lab/promoters", "usr explore lab/promoters --html promoters.html"))
def explore(
    dataset: DatasetArg = None,
    *,
    at: AtOpt = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, show_default=False, help="By default a free one.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address only.")] = False,
    host: Annotated[str, typer.Option("--host", help="What to listen on; others need --i-know.")] = "127.0.0.1",
    i_know: Annotated[bool, typer.Option("--i-know", help="Let other machines reach the page.")] = False,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", show_default=False, help="The path or address under which a proxy serves it."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", show_default=False, help="Write a report to a file instead.")
    ] = None,
    eject: Annotated[
        Path | None, typer.Option("--eject", show_default=False, help="Write the notebook to a file instead.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Say what the page needs and what is missing.")] = False,
    quiet: QuietOpt = False,
) -> None:
    """Look at a dataset in the browser: filter by condition and motif, plot, choose, mark. Ctrl-C ends it.

    The page is served on this machine alone, and the printed address lets one in.
    """
    from usr_explore import needs

    if check:
        emit_text("\n".join(needs.lines()))
        needs.require("explore")
        return
    if html is not None and eject is not None:
        raise UsageError("--html does not go with --eject", hint="Give one of the two.")
    needs.require("report" if html is not None else "explore")
    from usr_explore.exploring import Exploration

    session = current_session()
    if at is not None and eject is not None:
        raise UsageError("--at does not go with --eject", hint="Leave one of the two out.")
    named = dataset is not None or html is not None or at is not None
    found = session.dataset(dataset, at=at) if named else _here(session)
    root = session.found_root if found is None else found.ref.root
    name, version = (None, None) if found is None else (found.name, found.version)
    exploration = Exploration(root, name, session.lock_timeout, version)
    if html is not None:
        from usr_explore.report import write_report

        emit_text(f"wrote {write_report(exploration, str(exploration.name), html, overwrite=overwrite)}")
    elif eject is not None:
        from usr_explore.ejecting import eject_notebook

        emit_text(f"wrote {eject_notebook(exploration, eject, overwrite=overwrite)}; change it with `marimo edit`")
    else:
        _serve(exploration, host, port, base_url, known=i_know, browser=not no_browser, quiet=quiet)


def _here(session: Session) -> Dataset | None:
    """Return the dataset of the current folder, or None: the page has a picker."""
    try:
        return session.dataset(None)
    except UsrError:
        return None


def _serve(
    exploration: Exploration,
    host: str,
    port: int | None,
    base_url: str | None,
    *,
    known: bool,
    browser: bool,
    quiet: bool,
) -> None:
    from usr_explore.server import listen, run

    listening, place = listen(host, port, base_url, known=known)

    def ready() -> None:
        emit_text(place.url)
        sys.stdout.flush()
        if not quiet:
            note("From another machine: " + place.tunnel)
            note("Ctrl-C ends it.")
        if browser:
            import webbrowser

            webbrowser.open(place.url)

    with listening:
        run(exploration, listening, place, ready)
