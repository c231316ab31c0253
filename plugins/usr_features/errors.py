"""Errors of features: which sequences a function is for, and what its parameters may be."""

from __future__ import annotations

from usr_core.api import ExitCode, UsrError

__all__ = ["FeatureColumnMissing", "FeatureParameterInvalid", "FeatureSequenceUnfit"]


class FeatureSequenceUnfit(UsrError, ValueError):
    """A function has no meaning for a record's sequence: for its type, or for its length."""

    code = "USR-FEATURES-101"
    template = "{function} is for {wanted}, and record {record} {found}."
    shown = ("function", "record", "row", "column=sequence")
    row: int


class FeatureParameterInvalid(UsrError, ValueError):
    """A parameter of a function has a value that it can't have."""

    code = "USR-FEATURES-102"
    exit_code = ExitCode.USAGE
    template = "{function}: {parameter} can't be {value:quoted}."
    shown = ("function", "parameter", "value={value:visible}")


class FeatureColumnMissing(UsrError, LookupError):
    """A function was not given a column that it reads."""

    code = "USR-FEATURES-103"
    template = "{function} reads the column {column}, which it was not given."
    hint_template = "Leave --columns out, or name sequence and bio_type in it."
    shown = ("function", "column")
