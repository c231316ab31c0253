"""The wall around plugin code: what it raises comes out as one kind of error that says whose it is.

A `UsrError` passes untouched, because a plugin that raises one has said what is wrong in the proper form.
So do ``KeyboardInterrupt`` and whatever else is no `Exception`, but for ``SystemExit``: a plugin must not
end the process. Errors of the core's own batches, raised while a plugin consumes them, pass too.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from usr_core.errors import UsrError
from usr_core.plugin.errors import PluginCallError, PluginLoadError, cause_text
from usr_core.plugin.records import PluginRecord

__all__ = ["Isolated", "calling", "loading"]


# What authors yield by mistake. By name: nothing heavy is imported to look at what a plugin gives.
_NO_BATCHES = frozenset({"list", "tuple", "dict", "Table", "DataFrame"})


class calling:
    """Turn what plugin code raises inside ``with`` into `PluginCallError`.

    Args:
        record: The plugin that is called.
        hook: What is called, for the message: ``importer csv, read``.
        lent: Iterators of the core that the call consumes; their own errors pass.
    """

    def __init__(self, record: PluginRecord, hook: str, lent: Iterable[Lent] = ()) -> None:
        self.record, self.hook, self.lent = record, hook, tuple(lent)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None or isinstance(error, UsrError) or not isinstance(error, (Exception, SystemExit)):
            return
        for iterator in self.lent:
            if iterator.failure is not None and _was_caused_by(error, iterator.failure):
                raise iterator.failure
        distribution = self.record.installed.distribution
        raise PluginCallError(
            plugin=self.record.id,
            distribution=distribution.name,
            version=distribution.version,
            hook=self.hook,
            cause=error,
        ) from error


class loading:
    """Turn what the import of plugin code raises inside ``with`` into `PluginLoadError`."""

    def __init__(self, record: PluginRecord, what: str) -> None:
        self.record, self.what = record, what

    def __enter__(self) -> None:
        self.started = time.perf_counter()
        # What a plugin prints while it is imported is no result of the command.
        self._printed = contextlib.redirect_stdout(sys.stderr)
        self._printed.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._printed.__exit__(None, None, None)
        if error is None or isinstance(error, UsrError) or not isinstance(error, (Exception, SystemExit)):
            return
        raise load_error(self.record, f"{self.what} raised an error", cause=error) from error


def load_error(record: PluginRecord, what: str, *, cause: BaseException | None = None) -> PluginLoadError:
    """Return the error that says `record` can't be used."""
    distribution = record.installed.distribution
    return PluginLoadError(
        plugin=record.id,
        distribution=distribution.name,
        version=distribution.version,
        what=what,
        hint=f"Install or upgrade {distribution.name}, or switch it off with --disable-plugin {record.id}.",
        cause=None if cause is None else cause_text(cause),
    )


class Lent:
    """An iterator of the core in a plugin's hands; remembers the error that it raised itself."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._iterator = iterator
        self.failure: BaseException | None = None

    def __iter__(self) -> Lent:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._iterator)
        except StopIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise


class Isolated:
    """A provider behind the wall: every call, and every step of an iterator it returns, is isolated.

    It has the methods and attributes of the provider. Iterators among the arguments are lent: see `Lent`.
    """

    def __init__(self, provider: object, record: PluginRecord, name: str) -> None:
        self._provider, self._record, self._name = provider, record, name

    def __getattr__(self, attribute: str) -> Any:
        hook = f"{self._name}, {attribute}"
        with calling(self._record, hook):
            value = getattr(self._provider, attribute)
        return self._wrapped(value, hook) if callable(value) else value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._wrapped(self._provider, self._name)(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self._name} of {self._record.origin}>"

    def _wrapped(self, function: Any, hook: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            lent: list[Lent] = []
            passed = [_lend(argument, lent) for argument in args]
            named = {key: _lend(argument, lent) for key, argument in kwargs.items()}
            with calling(self._record, hook, lent):
                result = function(*passed, **named)
            if isinstance(result, Iterator):
                return _steps(result, self._record, hook, lent)
            return result

        return call


def _lend(argument: Any, lent: list[Lent]) -> Any:
    if not isinstance(argument, Iterator):
        return argument
    lent.append(Lent(argument))
    return lent[-1]


def _steps(iterator: Iterator[Any], record: PluginRecord, hook: str, lent: list[Lent]) -> Iterator[Any]:
    try:
        while True:
            with calling(record, hook, lent):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
                if type(item).__name__ in _NO_BATCHES:
                    raise TypeError(f"it yielded a {type(item).__name__}; record batches are wanted")
            yield item
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            with calling(record, f"{hook}, close", lent):
                close()


def _was_caused_by(error: BaseException, failure: BaseException) -> bool:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if current is failure:
            return True
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return False
