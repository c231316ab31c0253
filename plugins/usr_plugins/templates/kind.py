"""What a kind of plugin adds to the files that all plugins have."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KindTemplate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTemplate:
    """Texts in which ``$id``, ``$package``, ``$dist``, ``$title`` and ``$command`` are filled in.

    Attributes:
        claims: The manifest's tables.
        hooks: ``plugin.py``.
        work: Name of the module that does the work.
        code: That module's text.
        tests: The test module.
        usage: A sentence and an example for the README.
        api: The lowest version of the plugin API that has the kind.
    """

    claims: str
    hooks: str
    work: str
    code: str
    tests: str
    usage: str
    api: str = "1.0"
