"""The columns of the namespace `infer`, and the names of those that belong to one model and job.

What every model has are plain columns, ``infer__llr``; several models side by side have columns of their own,
``infer__<model>__<job>__<output>``. A name is never changed to make it fit: two models must not become one column.
"""

from __future__ import annotations

import re

from usr_infer.errors import InferNameUnsafe

__all__ = [
    "DESCRIPTION",
    "FIXED_COLUMNS",
    "LONGEST_NAME",
    "NAMESPACE",
    "check_name",
    "column_name",
    "embedding_type",
    "known_type",
]

NAMESPACE = "infer"
DESCRIPTION = "Outputs of sequence models"
FIXED_COLUMNS = (
    ("infer__llr", "float64"),
    ("infer__log_likelihood", "float64"),
    ("infer__model", "string"),
    ("infer__run_id", "string"),
)
LONGEST_NAME = 100
"""Letters of a model, a job or an output."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")


def check_name(name: str, what: str) -> str:
    """Return the name of a model, job or output if it can be a part of a column's name.

    Args:
        name: The name.
        what: ``model``, ``job`` or ``output``, for the error.

    Raises:
        InferNameUnsafe: The name has other characters than letters, digits and single underscores inside.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InferNameUnsafe(name, what=what, suggestion=_suggestion(name))
    return name


def column_name(output: str, *, model: str | None = None, job: str | None = None) -> str:
    """Return the full name of an output's column; of one model and job where they are given.

    Raises:
        InferNameUnsafe: A part can't be in a column's name.
    """
    named = ((model, "model"), (job, "job"), (output, "output"))
    parts = [check_name(name, what) for name, what in named if name is not None]
    return "__".join([NAMESPACE, *parts])


def embedding_type(dim: int) -> str:
    """Return the registry's type of a vector of `dim` numbers."""
    return f"fixed_size_list<float32>[{dim}]"


def known_type(output: str, dim: int | None) -> str | None:
    """Return the type of an output that needs none to be given, or None."""
    if output == "embedding":
        return None if dim is None else embedding_type(dim)
    return dict(FIXED_COLUMNS).get(f"{NAMESPACE}__{output}")


def _suggestion(name: str) -> str:
    words = [word for word in re.split(r"[^A-Za-z0-9]+", name) if word]
    safe = "_".join(words)[:LONGEST_NAME].strip("_")
    return f"m{safe}" if safe[:1].isdigit() else safe
