"""A new alphabet: the letters that sequences of one bio_type may have."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "alphabet"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: an alphabet."""

from usr_core.api import AlphabetSpec, hookimpl


@hookimpl
def usr_alphabets():
    from $package.letters import BIO_TYPE, LETTERS

    return [AlphabetSpec(name="$id", summary="Letters of $id", bio_type=BIO_TYPE, letters=LETTERS)]
'''

_CODE = '''\
"""The letters of the alphabet `$id`, in upper case; each counts in either case. Never change them once used."""

BIO_TYPE = "dna"
LETTERS = "ACGTJ"
'''

_TESTS = """\
import pytest

from usr_core.testing import AlphabetContract, ManifestContract
from $package.letters import LETTERS


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestAlphabet(AlphabetContract):
    plugin = ("$id", "$package.plugin")
    alphabet = "$id"
    allowed = [LETTERS, "ACGJT"]
    refused = ["ACGN"]
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="letters",
    code=_CODE,
    tests=_TESTS,
    usage="Adds letters: `usr import DATASET --alphabet $id FILE`.",
    api="1.1",
)
