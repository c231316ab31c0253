"""`meta.md`: notes for people, only ever appended to."""

from __future__ import annotations

from usr_core.events.event import now_us, rfc3339
from usr_core.fs.files import read_regular
from usr_core.roots.layout import META
from usr_core.store.mutation import Mutation

__all__ = ["append_note", "first_note"]


def first_note(name: str, *, source: str | None, notes: str | None) -> str:
    """Return the text of a new dataset's `meta.md`."""
    lines = [f"# {name}", "", f"- created: {_today()}"]
    if source:
        lines.append(f"- source: {_one_line(source)}")
    text = "\n".join(lines) + "\n"
    return f"{text}\n{notes.strip()}\n" if notes and notes.strip() else text


def append_note(mutation: Mutation, note: str | None) -> None:
    """Stage `meta.md` with one more dated line, as part of the change that the note is about."""
    if not note or not note.strip():
        return
    staged = mutation.txn.stage(META)  # refuses what is not a regular file
    path = mutation.site.layout.meta
    text = read_regular(path).decode("utf-8", "surrogateescape") if path.exists() else f"# {mutation.site.ref.name}\n"
    if not text.endswith("\n"):
        text += "\n"
    text += f"\n- {_today()} {mutation.action}: {_one_line(note)}\n"
    staged.write_text(text, encoding="utf-8", errors="surrogateescape")


def _today() -> str:
    return rfc3339(now_us())[:19] + "Z"


def _one_line(text: str) -> str:
    return " ".join(text.split())
