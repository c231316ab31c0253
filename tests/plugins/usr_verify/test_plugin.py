"""The plugin `verify` as the host sees it: strategies by name, and what `auto` stands for."""

from __future__ import annotations

import pytest

from usr_core.plugin.host import PluginHost
from usr_core.plugin.specs import VerifyRequest
from usr_verify.plugin import usr_choose_verify


def test_the_host_lists_the_strongest_first():
    """With what each needs of the remote side."""
    specs = {spec.name: spec for spec in PluginHost().verify_specs()}
    built_in = [name for name in specs if name in ("hash", "parquet", "size")]

    assert ["hash", "parquet", "size"] == built_in
    assert [("sha256",), ("parquet",), ()] == [specs[name].needs for name in built_in]
    assert [30, 20, 10] == [specs[name].strength for name in built_in]


@pytest.mark.parametrize("name", ["hash", "parquet", "size"])
def test_the_host_builds_each_by_its_name(name: str):
    """And every strategy's fingerprints carry that name."""
    assert name == PluginHost().verify_strategy(name).strategy  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("available", "chosen"),
    [
        (("hash", "parquet", "size"), "hash"),
        (("size", "parquet", "hash"), "hash"),
        (("parquet", "size"), "parquet"),
        (("size",), "size"),
        (("crc", "hash", "size"), "crc"),
        (("hash", "crc", "size"), "hash"),
    ],
)
def test_auto_is_the_strongest_that_is_available(available: tuple[str, ...], chosen: str):
    """In whatever order ours are listed; a stranger's only where the host lists it as the strongest."""
    assert chosen == usr_choose_verify(VerifyRequest(requested="auto", available=available))


def test_auto_is_nothing_where_nothing_is_available():
    """No opinion, so that the host can say what is missing."""
    assert usr_choose_verify(VerifyRequest(requested="auto", available=())) is None


def test_the_host_asks_the_policy():
    """Through the hook, as a transfer does."""
    request = VerifyRequest(requested="auto", available=("parquet", "size"))

    assert "parquet" == PluginHost().choose_verify(request)
