"""When an attempt is made again."""

from __future__ import annotations

import pytest

from usr_core.errors import UsrError
from usr_notify.delivery import LONGEST_WAIT, RetryPolicy, SendFailure, deliver
from usr_notify.message import Message
from usr_notify.webhook import _seconds

MESSAGE = Message(dataset="ns/d", action="x", seq=1, key="k", payload=b"{}")


class Failing:
    """A target whose attempts fail as told, then work."""

    label = "failing"

    def __init__(self, *failures: SendFailure) -> None:
        self.failures, self.attempts = list(failures), 0

    def send(self, message: Message) -> None:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)

    def close(self) -> None:
        return None


def failure(*, retryable: bool = True, retry_after: float | None = None) -> SendFailure:
    return SendFailure(UsrError("no", hint=""), retryable=retryable, retry_after=retry_after)


class TestDeliver:
    def test_waits_grow_and_differ(self) -> None:
        """Each up to twice the last, at least half of that, and never beyond the longest."""
        waits: list[float] = []
        target = Failing(*(failure() for _ in range(10)))
        deliver(target, MESSAGE, RetryPolicy(retries=10, first_wait=1, longest_wait=8, sleep=waits.append))

        tops = [1, 2, 4, 8, 8, 8, 8, 8, 8, 8]
        assert all(top / 2 <= wait <= top for wait, top in zip(waits, tops, strict=True))
        assert 10 == len(set(waits))

    def test_a_wait_that_was_asked_for_is_kept(self) -> None:
        """To the second; one that is too long is a failure at once."""
        waits: list[float] = []
        deliver(Failing(failure(retry_after=7)), MESSAGE, RetryPolicy(sleep=waits.append))
        with pytest.raises(SendFailure):
            deliver(Failing(failure(retry_after=LONGEST_WAIT + 1)), MESSAGE, RetryPolicy(sleep=waits.append))

        assert [7.0] == waits

    def test_no_second_attempt_where_it_is_no_use(self) -> None:
        """And so many as allowed where it is."""
        hopeless, hopeful = Failing(failure(retryable=False)), Failing(*(failure() for _ in range(9)))
        for target in (hopeless, hopeful):
            with pytest.raises(SendFailure):
                deliver(target, MESSAGE, RetryPolicy(retries=2, sleep=lambda _: None))

        assert (1, 3) == (hopeless.attempts, hopeful.attempts)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3", 3, 3),
        (" 0 ", 0, 0),
        ("99999999999999999999", 10**8, 10**9),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2215 07:28:00 GMT", 10**9, 10**11),
    ],
)
def test_retry_after_is_seconds_or_a_time(text: str, low: float, high: float) -> None:
    """A time in the past means no wait."""
    seconds = _seconds(text)

    assert seconds is not None and low <= seconds <= high


@pytest.mark.parametrize("text", [None, "", "soon", "-1", "1.5", "٣"])
def test_a_retry_after_that_says_nothing(text: str | None) -> None:
    """It counts as not given."""
    assert _seconds(text) is None
