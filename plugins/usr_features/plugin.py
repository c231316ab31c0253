"""What the plugin `features` offers: functions for `usr map`, and the namespace that their values go into."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

from usr_core.api import FunctionSpec, NamespaceSpec, OptionSpec, hookimpl
from usr_features.enzymes import DEFAULT_ENZYMES

__all__ = ["usr_functions", "usr_namespaces"]

# The module of each function, its type (with its default parameters), what it computes, and its parameters.
_FUNCTIONS: tuple[tuple[str, str, str, str, tuple[OptionSpec, ...]], ...] = (
    ("gc", "composition", "float64", "Part of letters that are G or C, 0 to 1", ()),
    (
        "kmer_counts",
        "composition",
        "fixed_size_list<int32>[64]",
        "How often each k-mer stands in the sequence",
        (
            OptionSpec(name="k", type=int, default=3, help="Letters of a k-mer: 1 to 6, of proteins 1 to 3"),
            OptionSpec(
                name="letters", default="nucleotides", choices=("nucleotides", "amino_acids"), help="What is counted"
            ),
        ),
    ),
    ("length", "composition", "int64", "Letters", ()),
    ("longest_homopolymer", "composition", "int64", "Letters of the longest run of one letter", ()),
    (
        "melting_temperature",
        "melting",
        "float64",
        "Melting temperature of the DNA duplex in degrees Celsius, nearest neighbours (SantaLucia 1998)",
        (
            OptionSpec(name="sodium_mm", type=float, default=50.0, help="Monovalent cations, mmol/l"),
            OptionSpec(name="strands_nm", type=float, default=50.0, help="Both strands together, nmol/l"),
            OptionSpec(name="longest", type=int, default=60, help="Letters of the longest sequence that gets a value"),
        ),
    ),
    ("molecular_weight", "weights", "float64", "Average molecular weight of the single strand in g/mol", ()),
    (
        "restriction_site_counts",
        "restriction",
        "fixed_size_list<int32>[9]",
        "How often each enzyme's site stands in the sequence, on either strand",
        (OptionSpec(name="enzymes", default=DEFAULT_ENZYMES, help="Names with commas between them, in order"),),
    ),
    ("reverse_complement_id", "strands", "string", "Id that the reverse complement has as a record", ()),
)


@hookimpl
def usr_functions() -> Iterable[FunctionSpec]:
    """Offer functions of one sequence; each reads its type too, as most have a meaning for some types only."""
    return [
        FunctionSpec(
            name=name,
            summary=summary,
            factory=partial(_function, module, name),
            columns=("sequence", "bio_type"),
            params=params,
            # A list is as long as the parameters say.
            type="" if value_type.startswith("fixed_size_list") else value_type,
        )
        for name, module, value_type, summary, params in _FUNCTIONS
    ]


@hookimpl
def usr_namespaces() -> Iterable[NamespaceSpec]:
    """Describe a column for each function, of the type that it has with its default parameters."""
    return [
        NamespaceSpec(
            name="features",
            summary="Features computed from sequences",
            columns=tuple((f"features__{name}", value_type) for name, _, value_type, _, _ in _FUNCTIONS),
            description="Features computed from sequences",
        )
    ]


def _function(module: str, name: str) -> Callable[..., Any]:
    return getattr(import_module(f"usr_features.{module}"), name)  # type: ignore[no-any-return]
