"""Choosing how copies are compared. Every step down from what was asked for is said, never silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from usr_core.plugin.specs import FileRef, Fingerprint, VerifyRequest, VerifySpec, VerifyStrategy
from usr_core.plugin.transports import ABILITY_SHA256
from usr_core.sync.errors import VerifyImpossible
from usr_core.sync.request import SyncOptions

if TYPE_CHECKING:
    from pathlib import Path

    from usr_core.plugin.host import PluginHost

__all__ = ["Verification", "choose_verification"]

_AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How copies are compared.

    Attributes:
        requested, used: Strategies for the base.
        needs: What both sides compute for it; None compares sizes.
        strategy: The strategy that `used` names.
        contents: Whether sidecars are compared by SHA-256 as well.
        digests: Whether the remote can compute SHA-256, so that what arrives can be checked.
        sidecars: Whether a sidecar that does not arrive is an error.
        downgrades: A sentence for each thing that is weaker than asked for.
    """

    requested: str
    used: str
    needs: str | None
    strategy: VerifyStrategy
    contents: bool
    digests: bool
    sidecars: bool
    downgrades: tuple[str, ...]

    def local_facts(self, path: Path) -> Fingerprint:
        """Return what the strategy sees of a file here."""
        return self.strategy.fingerprint(FileRef(path=path, size_bytes=path.stat().st_size))

    def remote_facts(self, facts: Mapping[str, str | int]) -> Fingerprint:
        """Return what the strategy is told of a file there."""
        return Fingerprint(strategy=self.used, facts=facts)

    def equal(self, local: Fingerprint, remote: Fingerprint) -> bool:
        """Tell whether the strategy calls a file here and one there equal."""
        return self.strategy.compare(local, remote).equal

    def as_audit(self, *, primary_only: bool = False) -> dict[str, object]:
        """Return how copies are compared as an audit says it; with `primary_only`, nothing but the base is."""
        return {
            "primary": self.requested,
            "used": self.used,
            "sidecars": "strict" if self.sidecars and not primary_only else "off",
            "content_hashes": "on" if self.contents and not primary_only else "off",
            "downgrades": list(self.downgrades),
        }


def choose_verification(
    host: PluginHost, options: SyncOptions, abilities: frozenset[str], *, remote: str
) -> Verification:
    """Return how to compare with a remote of these abilities; `remote` is its name, for hints.

    Raises:
        VerifyImpossible: What was asked for by name needs something that the remote lacks.
        PluginMissing: There is no such strategy.
    """
    specs = {spec.name: spec for spec in host.verify_specs()}
    used, downgrades = options.verify, list[str]()
    if used == _AUTO:
        used, downgrades = _strongest(host, specs, abilities)
    needs = specs[used].needs if used in specs else ()
    lacking = set(needs) - abilities
    if lacking and options.verify != _AUTO:
        raise VerifyImpossible(used, lacks=", ".join(sorted(lacking)), remote=remote)
    digests = ABILITY_SHA256 in abilities
    contents = options.verify_sidecars and options.verify_derived_hashes is not False
    if contents and not digests:
        if options.verify_derived_hashes:
            raise VerifyImpossible("derived hashes", lacks=ABILITY_SHA256, remote=remote)
        contents = False
        downgrades.append("overlays and other files are compared by size only: the remote can't compute sha256")
    return Verification(
        requested=options.verify,
        used=used,
        needs=needs[0] if needs else None,
        strategy=host.verify_strategy(used),
        contents=contents,
        digests=digests,
        sidecars=options.verify_sidecars,
        downgrades=tuple(downgrades),
    )


def _strongest(host: PluginHost, specs: Mapping[str, VerifySpec], abilities: frozenset[str]) -> tuple[str, list[str]]:
    """Return the strategy that `auto` means with a remote of these abilities, and a sentence for each step down."""
    trusted = host.trusted_verify()
    # Those that nobody vouches for come last: what they say of their strength decides nothing.
    possible = sorted((n for n, spec in specs.items() if set(spec.needs) <= abilities), key=lambda n: n not in trusted)
    request = VerifyRequest(requested=_AUTO, available=tuple(possible), remote_abilities=abilities)
    best = next((name for name in possible if name in trusted), "size")
    used = host.choose_verify(request) or best
    if used in trusted and used in specs:
        return used, _stronger(used, {name: spec for name, spec in specs.items() if name in trusted}, abilities)
    told = f"the base is compared by {used}, as a plugin's policy chose, not by {best}"
    return used, [] if used == best else [told]


def _stronger(used: str, specs: Mapping[str, VerifySpec], abilities: frozenset[str]) -> list[str]:
    """Return a sentence for every strategy that is stronger than the one that is used."""
    told = []
    for name, spec in specs.items():
        if spec.strength > specs[used].strength:
            lacks = ", ".join(sorted(set(spec.needs) - abilities)) or "nothing"
            told.append(f"the base is compared by {used}, not by {name}: the remote can't compute {lacks}")
    return told
