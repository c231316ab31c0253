"""Exporters of a third party that say what is not so, or end as they should not."""

from __future__ import annotations

from support.plugins import FakePlugin

__all__ = ["ODD_EXPORTERS", "exporter_plugin"]

_HOOKS = """\
from usr_core.plugin import ExporterSpec, ExportResult, hookimpl


class Odd(str):
    def __repr__(self):
        raise ValueError("no text")
    __str__ = __eq__ = __hash__ = __repr__


class Writer:
    def write(self, request, batches):
        {body}


@hookimpl
def usr_exporters():
    return [ExporterSpec(name="odd", summary="s", factory=Writer, suffix=".odd", {flags})]
"""

_ALL = "rows = sum(b.num_rows for b in batches); request.path.write_bytes(b'x' * rows); "

ODD_EXPORTERS: dict[str, tuple[str, str]] = {
    "returns nothing": (_ALL + "return None", "it returned None"),
    "returns a text": (_ALL + "return 'done'", "it returned a str"),
    "returns numbers": (_ALL + "return (rows, rows)", "it returned a tuple"),
    "returns what lies about its class": (
        _ALL + "return type('L', (), {{'__class__': property(lambda self: 1 / 0)}})()", "ZeroDivisionError"
    ),
    "returns an odd object": (_ALL + "return Odd('x')", "it returned an Odd"),
    "counts a text": (_ALL + "return ExportResult(rows='6', size_bytes=rows)", "has to be a whole number"),
    "counts True": (_ALL + "return ExportResult(rows=True, size_bytes=rows)", "has to be a whole number"),
    "counts NaN": (_ALL + "return ExportResult(rows=float('nan'), size_bytes=rows)", "has to be a whole number"),
    "counts fewer rows": (_ALL + "return ExportResult(rows=rows - 1, size_bytes=rows)", "took 6 rows"),
    "counts less than nothing": (_ALL + "return ExportResult(rows=-1, size_bytes=rows)", "at least 0"),
    "counts very many rows": (_ALL + "return ExportResult(rows=10**30, size_bytes=rows)", "took 6 rows"),
    "counts other bytes": (_ALL + "return ExportResult(rows=rows, size_bytes=1)", "and there are 6"),
    "takes no batch": ("return ExportResult(rows=0, size_bytes=0)", "it stopped after 0 rows"),
    "takes one batch": (
        "n = next(iter(batches)).num_rows; return ExportResult(rows=n, size_bytes=0)", "it stopped after",
    ),
    "writes nothing": ("return ExportResult(rows=sum(b.num_rows for b in batches), size_bytes=0)", "wrote nothing"),
    "removes the file": (_ALL + "request.path.unlink(); return ExportResult(rows=rows, size_bytes=rows)", "removed"),
    "leaves a folder": (_ALL + "request.path.unlink(); request.path.mkdir(); return ExportResult(rows=6, size_bytes=6)",
                        "not a regular file"),
    "leaves a link": (_ALL + "request.path.unlink(); request.path.symlink_to('/etc/hostname'); "
                      "return ExportResult(rows=6, size_bytes=6)", "not a regular file"),
    "raises midway": ("next(iter(batches)); request.path.write_text('half'); raise ValueError('midway')", "midway"),
    "ends the process": ("raise SystemExit(0)", "SystemExit"),
    "raises what has no text": ("class E(Exception): __str__ = Odd.__repr__\n        raise E", "E"),
    "raises half an error": ("from usr_core.errors import UsrError\n        class E(UsrError):\n"
                             "            def __init__(self): pass\n        raise E()", "E"),
    "raises no exception of ours": ("raise type('Stop', (BaseException,), {{}})('now')", "Stop: now"),
}  # fmt: skip
"""By kind: the body of ``write``, and what the error's facts say of it."""


def exporter_plugin(body: str, *, flags: str = "") -> FakePlugin:
    """Return a plugin ``odd`` whose exporter writes as `body` says."""
    source = _HOOKS.replace("{body}", body.replace("{{", "{").replace("}}", "}")).replace("{flags}", flags)
    return FakePlugin("odd", hooks=source).provides("exporter", "odd")
