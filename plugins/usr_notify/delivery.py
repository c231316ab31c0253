"""Trying until an event is delivered, or until another attempt would not help."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from usr_core.api import UsrError
from usr_notify.message import Message

__all__ = ["LONGEST_WAIT", "RetryPolicy", "SendFailure", "Target", "deliver"]

LONGEST_WAIT = 300.0
"""Seconds that a receiver may ask us to wait (``Retry-After``); one that asks for more counts as failed."""


class SendFailure(Exception):
    """One attempt did not work.

    Attributes:
        error: What to tell where it was the last attempt; holds no secret.
        retryable: Whether a later attempt may work.
        rejects: Whether it is this event that was refused; else the target is down or set up wrongly, and events wait.
        retry_after: Seconds that the receiver asked for, or None.
    """

    def __init__(
        self, error: UsrError, *, retryable: bool, retry_after: float | None = None, rejects: bool = False
    ) -> None:
        super().__init__(error.message)
        self.error, self.retryable, self.retry_after, self.rejects = error, retryable, retry_after, rejects


class Target(Protocol):
    """Where events go."""

    @property
    def label(self) -> str:
        """Its name for people, without anything secret."""
        ...

    def send(self, message: Message) -> None:
        """Make one attempt; return when the receiver has the event.

        Raises:
            SendFailure: The receiver may not have the event.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and when to try again.

    Attributes:
        retries: Attempts after the first.
        first_wait: Seconds before the second attempt; each later wait is twice as long, up to `longest_wait`. Half
            of a wait is left to chance, so that many senders do not come back at once.
        sleep: Waits.
    """

    retries: int = 5
    first_wait: float = 0.5
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, attempt: int) -> float:
        """Return the seconds to wait after an attempt (0 is the first)."""
        whole: float = min(self.longest_wait, self.first_wait * 2.0 ** min(attempt, 32))
        return whole * random.uniform(0.5, 1.0)


def deliver(target: Target, message: Message, policy: RetryPolicy) -> None:
    """Hand an event to the target, at least once.

    Raises:
        SendFailure: The event could not be delivered; ``retryable`` tells whether it may be worth trying later.
    """
    attempt = 0
    while True:
        try:
            target.send(message)
        except SendFailure as failure:
            asked = failure.retry_after
            if not failure.retryable or attempt >= policy.retries or (asked is not None and asked > LONGEST_WAIT):
                failure.error.facts.update(dataset=message.dataset, seq=message.seq, attempts=attempt + 1)
                raise
            policy.sleep(policy.wait(attempt) if asked is None else asked)
            attempt += 1
        else:
            return
