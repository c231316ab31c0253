"""What the plugin `verify` offers: three ways to compare copies, and the policy behind ``--verify auto``."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import VerifyRequest, VerifySpec, VerifyStrategy, hookimpl
from usr_core.api.transports import ABILITY_PARQUET, ABILITY_SHA256
from usr_verify.strengths import STRENGTHS

__all__ = ["usr_choose_verify", "usr_verify_strategies"]


@hookimpl
def usr_verify_strategies() -> Iterable[VerifySpec]:
    """Offer to compare copies by SHA-256, by Parquet footer, and by size."""
    return [
        VerifySpec(
            name="hash",
            summary="SHA-256 of every byte",
            factory=_hash,
            strength=STRENGTHS["hash"],
            needs=(ABILITY_SHA256,),
        ),
        VerifySpec(
            name="parquet",
            summary="Rows, columns and schema of a Parquet footer",
            factory=_parquet,
            strength=STRENGTHS["parquet"],
            needs=(ABILITY_PARQUET,),
        ),
        VerifySpec(name="size", summary="Bytes, counted", factory=_size, strength=STRENGTHS["size"]),
    ]


@hookimpl(trylast=True)
def usr_choose_verify(request: VerifyRequest) -> str | None:
    """Choose the strongest of what is available.

    A third party's strategy that the host lists first is preferred by the user's configuration and stronger than ours,
    or it would not be first. Any other is left alone: whoever offers it can choose it by a policy of its own.
    """
    if not request.available:
        return None
    first = request.available[0]
    ours = [name for name in request.available if name in STRENGTHS]
    return max(ours, key=STRENGTHS.__getitem__) if first in STRENGTHS else first


def _hash() -> VerifyStrategy:
    from usr_verify.strategies import HashStrategy

    return HashStrategy()


def _parquet() -> VerifyStrategy:
    from usr_verify.strategies import ParquetStrategy

    return ParquetStrategy()


def _size() -> VerifyStrategy:
    from usr_verify.strategies import SizeStrategy

    return SizeStrategy()
