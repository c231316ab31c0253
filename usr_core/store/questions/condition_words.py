"""What a condition may hold: the kinds of nodes of DuckDB's tree, functions and types; anything else is refused.

The functions look at nothing but their arguments, and give back no more than a few times what they get.
"""

from __future__ import annotations

__all__ = ["CAST_TYPES", "CHILDREN", "FUNCTIONS", "OPERATORS", "SCALARS"]

CHILDREN = {
    "BETWEEN": ("input", "lower", "upper"),
    "CASE": ("case_checks", "else_expr"),
    "CAST": ("child",),
    "COLUMN_REF": (),
    "COMPARISON": ("left", "right"),
    "CONJUNCTION": ("children",),
    "CONSTANT": (),
    "FUNCTION": ("arguments",),
    "OPERATOR": ("children",),
}
"""Each kind of node, and where its children stand."""

_EVERY = frozenset({"class", "type", "alias", "query_location", "query_location_length"})
SCALARS = {kind: _EVERY for kind in CHILDREN} | {
    "CAST": _EVERY | {"try_cast", "type_expr"},
    "COLUMN_REF": _EVERY | {"column_names"},
    "CONSTANT": _EVERY | {"literal"},
    "FUNCTION": _EVERY
    | {"function_name", "schema", "catalog", "qualified_name", "filter", "order_bys", "distinct", "export_state"}
    | {"is_operator", "is_legacy_function_call"},
}
"""What else a node of each kind has; it is looked at where it can mean something."""

OPERATORS = frozenset(
    {
        "ARRAY_EXTRACT",
        "ARRAY_SLICE",
        "COMPARE_IN",
        "COMPARE_NOT_IN",
        "OPERATOR_COALESCE",
        "OPERATOR_IS_NOT_NULL",
        "OPERATOR_IS_NULL",
        "OPERATOR_NOT",
        "OPERATOR_NULLIF",
        "OPERATOR_TRY",
        "STRUCT_EXTRACT",
    }
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CAST_TYPES = _words(
    """
    BOOLEAN BOOL TINYINT SMALLINT INTEGER INT BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT FLOAT REAL DOUBLE
    DECIMAL NUMERIC VARCHAR TEXT STRING DATE TIME TIMESTAMP TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS TIMESTAMPTZ
    INTERVAL
    """
) | {"TIMESTAMP WITH TIME ZONE"}

FUNCTIONS = _words(
    """
    + - * / // % ^ ** & | << >> ~ @ || ~~ !~~ ~~* !~~* ~~~ ^@
    like_escape not_like_escape ilike_escape not_ilike_escape
    abs add subtract multiply divide mod pow power sqrt cbrt exp ln log log2 log10 sign round floor ceil ceiling trunc
    least greatest isnan isinf isfinite xor bit_count
    length len strlen char_length character_length lower upper lcase ucase trim ltrim rtrim left right
    substring substr reverse concat contains prefix suffix starts_with ends_with strpos instr position ascii unicode
    regexp_matches regexp_full_match regexp_extract hamming mismatches levenshtein editdist3 damerau_levenshtein
    jaccard jaro_similarity jaro_winkler_similarity
    if nullif ifnull
    list_value list_contains list_has array_contains array_has list_has_any array_has_any list_has_all array_has_all
    list_extract list_element array_extract element_at list_position array_position array_length list_slice array_slice
    list_min list_max list_sum list_avg list_count list_first list_last struct_extract
    date_part datepart date_trunc datetrunc date_diff datediff year month day hour minute second millisecond
    microsecond dayofweek weekday isodow dayofyear week quarter epoch epoch_ms epoch_us timezone
    to_years to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds to_microseconds
    """
)
