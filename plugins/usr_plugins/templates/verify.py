"""A new verify strategy: size and CRC-32."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "verify"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: a way to tell whether two copies are equal."""

from usr_core.api import VerifySpec, hookimpl


@hookimpl
def usr_verify_strategies():
    # `auto` prefers the stronger one; the built-in ones have 30 (hash), 20 (parquet) and 10 (size).
    return [VerifySpec(name="$id", summary="Size and CRC-32", factory=_strategy, strength=5, needs=("$id",))]


def _strategy():
    from $package.strategy import ${title}Strategy

    return ${title}Strategy()
'''

_CODE = '''\
"""Copies compared by size and CRC-32."""

import zlib

from usr_core.api import Fingerprint, UsrError, Verdict

BLOCK = 1 << 20


class Unreadable(UsrError):
    code = "$upper-101"


class ${title}Strategy:
    """`fingerprint` looks at one copy, `compare` at two fingerprints; the remote side's come from its transport."""

    def fingerprint(self, ref):
        size = crc = 0
        try:
            with ref.path.open("rb") as file:
                while block := file.read(BLOCK):
                    size, crc = size + len(block), zlib.crc32(block, crc)
        except OSError as error:
            raise Unreadable(
                f"The file can't be read: {error.strerror}.",
                hint="Check the path and its permissions.",
                facts={"file": ref.path},
            ) from error
        return Fingerprint(strategy="$id", facts={"size": size, "crc": crc})

    def compare(self, local, remote):
        for fact in ("size", "crc"):
            here, there = local.facts.get(fact), remote.facts.get(fact)
            if here is None or there is None:  # a side that could not look never agrees
                return Verdict(equal=False, reason=f"{fact} is unknown on one side")
            if here != there:
                return Verdict(equal=False, reason=f"{fact} is {here} here and {there} there")
        return Verdict(equal=True)
'''

_TESTS = """\
import pytest

from usr_core.testing import ManifestContract, VerifyContract
from $package.strategy import ${title}Strategy


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestVerify(VerifyContract):
    sees_flipped_bytes = True

    @pytest.fixture
    def strategy(self):
        return ${title}Strategy()
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="strategy",
    code=_CODE,
    tests=_TESTS,
    usage="Compares copies in `usr push DATASET --verify $id`, with transports that have the ability `$id`.",
)
