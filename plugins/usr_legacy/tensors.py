"""Files with tensors: read by torch, which builds tensors and plain values only (``weights_only``)."""

from __future__ import annotations

import importlib
from pathlib import Path

from usr_legacy.errors import LegacyFileInvalid, TorchMissing
from usr_legacy.pickled import HoldsTensors, read_plain

__all__ = ["load_rows_object"]


def load_rows_object(path: Path) -> object:
    """Return the object in a ``.pt`` file: without torch where it holds plain values, else by torch.

    Raises:
        LegacyFileInvalid, LegacyHoldsCode: See `read_plain`; torch is not asked then.
        TorchMissing: The file holds tensors, and torch is not installed.
    """
    try:
        return read_plain(path)
    except HoldsTensors as found:
        try:
            torch = importlib.import_module("torch")
        except ImportError:
            raise TorchMissing(file=path, name=found.name) from None
    try:
        loaded: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - torch raises many kinds for a file that it refuses
        reason = f"torch refuses the file ({type(error).__name__})."
        raise LegacyFileInvalid(
            path=path, reason=reason, hint="Save it as a list of dicts with plain values."
        ) from None
    return loaded
