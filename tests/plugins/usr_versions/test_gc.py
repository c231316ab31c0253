"""``usr gc`` as it is typed."""

from __future__ import annotations

import pytest

from support.cli import Usr
from support.tree import assert_unchanged


@pytest.mark.parametrize("text", ["two", "٢", "-1", "9" * 5000])
def test_what_is_no_number_of_a_version_is_refused(seeded: Usr, text: str):
    """One error about the option, and nothing is given up."""
    with assert_unchanged(seeded.root):
        refused = seeded.refuses(2, "gc", "ns/base", "--keep", "0d", "--keep-versions", text)

    assert "--keep-versions takes numbers" in refused.err
