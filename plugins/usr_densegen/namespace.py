"""The namespace ``densegen``: the columns that DenseGen's records have, with Arrow's own types and no JSON text."""

from __future__ import annotations

__all__ = ["COLUMNS", "DESCRIPTION", "NAMESPACE", "full_name"]

NAMESPACE = "densegen"
DESCRIPTION = "Sequences designed by DenseGen: plan, binding sites, solver and artifacts"

_FIELDS = {
    # Which run and plan made the sequence.
    "plan": "string",
    "run_id": "string",
    "random_seed": "int64",
    # Binding sites, each `tf:motif`: those on offer, and those that the sequence holds.
    "tfbs_parts": "list<string>",
    "used_tfbs": "list<string>",
    "used_tfbs_detail": "list<struct<tf:string,tfbs:string,orientation:string,offset:int64>>",
    "used_tf_counts": "list<struct<tf:string,count:int64>>",
    "used_tf_list": "list<string>",
    # Lengths in letters.
    "length": "int64",
    "library_size": "int64",
    "pad_length": "int64",
    # The solver, and how it ended.
    "solver": "string",
    "solver_status": "string",
    "solver_objective": "float64",
    "solve_seconds": "float64",
    # Shares of G and C, 0 to 1: of the whole sequence, its designed core, its padding.
    "gc_total": "float64",
    "gc_core": "float64",
    "gc_pad": "float64",
    # Large or ragged arrays, kept as a file of the dataset.
    "npz_ref": "string",
    "npz_sha256": "string",
    "npz_bytes": "int64",
    "npz_fields": "list<string>",
}

COLUMNS: tuple[tuple[str, str], ...] = tuple((f"{NAMESPACE}__{field}", kind) for field, kind in _FIELDS.items())
"""Pairs of full column name and registry type, in registered order."""


def full_name(field: str) -> str:
    """Return the column of a field."""
    return f"{NAMESPACE}__{field}"
