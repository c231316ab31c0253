"""Parameters that ``usr notify follow`` and ``usr notify drain`` share, and the target that they describe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from usr_notify.delivery import RetryPolicy, Target

__all__ = [
    "AllowHttpOpt",
    "CaBundleOpt",
    "ConnectTimeoutOpt",
    "ExecOpt",
    "HeaderFileOpt",
    "RetriesOpt",
    "TargetChoice",
    "TemplateOpt",
    "TimeoutOpt",
    "ToFileOpt",
    "ToOpt",
    "TokenFileOpt",
    "open_target",
    "retry_policy",
]

ToOpt = Annotated[
    str | None, typer.Option("--to", metavar="URL", show_default=False, help="The webhook, https; no secrets here.")
]
ToFileOpt = Annotated[
    Path | None,
    typer.Option("--to-file", readable=False, show_default=False, help="A file with the webhook's URL."),
]
ExecOpt = Annotated[
    str | None,
    typer.Option("--exec", metavar="CMD", show_default=False, help="A program that takes each event on its stdin."),
]
TokenFileOpt = Annotated[
    Path | None,
    typer.Option("--token-file", readable=False, show_default=False, help="A file with a bearer token."),
]
HeaderFileOpt = Annotated[
    Path | None,
    typer.Option("--header-file", readable=False, show_default=False, help="A file with headers, one a line."),
]
CaBundleOpt = Annotated[
    Path | None,
    typer.Option("--ca-bundle", readable=False, show_default=False, help="Certificates (PEM) to trust instead."),
]
AllowHttpOpt = Annotated[
    bool, typer.Option("--allow-http-localhost", help="Let --to be http where it is this very machine.")
]
ConnectTimeoutOpt = Annotated[
    float, typer.Option("--connect-timeout", min=0.1, help="Seconds for a connection to the webhook.")
]
TimeoutOpt = Annotated[
    float, typer.Option("--timeout", min=0.1, help="Seconds that the webhook or the program may take.")
]
TemplateOpt = Annotated[
    str | None,
    typer.Option(
        "--template",
        metavar="JSON",
        show_default=False,
        help="The webhook's request instead of the event: JSON with {action}, {dataset}, {rows} … in its texts.",
    ),
]
RetriesOpt = Annotated[
    int,
    typer.Option("--retries", min=0, help="Further attempts, with growing pauses, before an event counts as failed."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChoice:
    """What the options say of the target; see their help."""

    to: str | None
    to_file: Path | None
    program: str | None
    token_file: Path | None
    header_file: Path | None
    ca_bundle: Path | None
    allow_http_localhost: bool
    connect_timeout: float
    timeout: float
    template: str | None


def open_target(choice: TargetChoice) -> Target:
    """Return the target; nothing is sent yet.

    Raises:
        UsageError: No target or several targets are given, or an option does not fit the target.
        TargetInvalid, SecretUnusable, ProgramMissing, TemplateInvalid: The target can't be used.
    """
    from usr_core.api.commands import UsageError
    from usr_notify.credentials import read_headers, read_url

    named = [choice.to, choice.to_file, choice.program]
    if sum(one is not None for one in named) > 1:
        raise UsageError("--to, --to-file and --exec exclude each other.", hint="Give one of them.")
    if choice.program is not None:
        from usr_notify.program import ProgramTarget, program_words

        if choice.token_file or choice.header_file or choice.ca_bundle or choice.template is not None:
            raise UsageError(
                "--token-file, --header-file, --ca-bundle and --template are for webhooks.",
                hint="Leave them out with --exec.",
            )
        return ProgramTarget(program_words(choice.program), timeout=choice.timeout)
    url = read_url(choice.to, choice.to_file)
    if url is None:
        raise UsageError("No target for events is given.", hint="Give --to URL, --to-file FILE or --exec CMD.")
    from usr_notify.address import parse_address, refuse_secret_in
    from usr_notify.template import Template
    from usr_notify.webhook import WebhookTarget

    if choice.to is not None:
        refuse_secret_in(choice.to)
    return WebhookTarget(
        parse_address(url, allow_http_localhost=choice.allow_http_localhost),
        headers=read_headers(token_file=choice.token_file, header_file=choice.header_file),
        ca_bundle=choice.ca_bundle,
        connect_timeout=choice.connect_timeout,
        timeout=choice.timeout,
        template=None if choice.template is None else Template(choice.template),
    )


def retry_policy(retries: int) -> RetryPolicy:
    """Return when to try again."""
    return RetryPolicy(retries=retries)
