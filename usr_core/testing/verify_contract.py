"""The contract of a verify strategy: subclass `VerifyContract` and supply ``strategy`` and ``content``."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core.errors import UsrError
from usr_core.plugin.specs import FileRef, Fingerprint, VerifyStrategy

__all__ = ["VerifyContract"]


class VerifyContract:
    """Two copies are equal or they are not, whichever side is asked first.

    A subclass whose name begins with ``Test`` overrides the fixtures.

    Attributes:
        sees_flipped_bytes: False for a strategy that looks at less than every byte.
    """

    sees_flipped_bytes = True

    @pytest.fixture
    def strategy(self) -> VerifyStrategy:
        """Return the strategy."""
        raise NotImplementedError("a subclass of VerifyContract supplies the fixture `strategy`")

    @pytest.fixture
    def content(self) -> bytes:
        """Return the bytes of a file that the strategy can look at."""
        return b"any content\n" * 20_000

    @pytest.fixture
    def other_content(self) -> bytes:
        """Return the bytes of a file that the strategy has to tell from `content`."""
        return b"other content\n" * 30_000

    def test_equal_copies_are_equal(
        self, strategy: VerifyStrategy, content: bytes, other_content: bytes, tmp_path: Path
    ) -> None:
        """Name and place of a copy do not matter, and no reason is given."""
        for index, whole in enumerate((content, other_content)):
            here = _seen(strategy, tmp_path / f"here-{index}", whole)
            there = _seen(strategy, tmp_path / f"there-{index}" / "other name", whole)

            assert here == there
            assert (True, "") == (strategy.compare(here, there).equal, strategy.compare(here, there).reason)

    def test_other_content_is_a_difference_with_a_reason(
        self, strategy: VerifyStrategy, content: bytes, other_content: bytes, tmp_path: Path
    ) -> None:
        """Both ways round, in words."""
        one = _seen(strategy, tmp_path / "one", content)
        other = _seen(strategy, tmp_path / "other", other_content)
        verdicts = (strategy.compare(one, other), strategy.compare(other, one))

        assert [False, False] == [verdict.equal for verdict in verdicts]
        assert all(verdict.reason for verdict in verdicts)

    def test_one_flipped_byte_at_equal_size_is_seen(
        self, strategy: VerifyStrategy, content: bytes, tmp_path: Path
    ) -> None:
        """Wherever it is; a strategy that looks at less declares that, and is held to it."""
        seen = []
        for place in (len(content) // 2, len(content) // 3):
            flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            whole = _seen(strategy, tmp_path / "whole", content)
            try:
                damaged = _seen(strategy, tmp_path / "damaged", flipped)
            except UsrError:  # so damaged that it can't be looked at
                seen.append(True)
                continue
            verdicts = {strategy.compare(whole, damaged).equal, strategy.compare(damaged, whole).equal}
            assert 1 == len(verdicts)
            seen.append(verdicts == {False})

        assert self.sees_flipped_bytes == all(seen)

    def test_facts_that_are_missing_are_a_difference(
        self, strategy: VerifyStrategy, content: bytes, tmp_path: Path
    ) -> None:
        """A remote side that could not look at a file is never taken to agree: not even with itself."""
        here = _seen(strategy, tmp_path / "here", content)
        nothing = Fingerprint(strategy=here.strategy, facts={})

        assert [False, False, False] == [
            strategy.compare(*pair).equal for pair in ((here, nothing), (nothing, here), (nothing, nothing))
        ]

    def test_a_missing_file_is_an_error_that_names_it(self, strategy: VerifyStrategy, tmp_path: Path) -> None:
        """A `UsrError` with the file among its facts, and no other exception."""
        path = tmp_path / "absent"

        with pytest.raises(UsrError) as caught:
            strategy.fingerprint(FileRef(path=path, size_bytes=0))
        assert str(path) in map(str, caught.value.facts.values())


def _seen(strategy: VerifyStrategy, path: Path, content: bytes) -> Fingerprint:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return strategy.fingerprint(FileRef(path=path, size_bytes=len(content)))
