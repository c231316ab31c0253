"""The isolation around plugin code: what it raises, and wrong values that it returns, become one kind of error.

A `UsrError` passes untouched if it is well formed, because a plugin that raises one has said what is wrong in the
proper form. So does ``KeyboardInterrupt``. Everything else is a `PluginCallError` with the plugin's name,
``SystemExit`` included: a plugin must not end the process. Errors of the core's own batches, raised while a plugin
consumes them, pass too. What plugin code prints meanwhile goes to standard error.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from usr_core.errors import ExitCode, OutOfMemory, UsrError
from usr_core.plugin.discovery import PluginRecord
from usr_core.plugin.errors import PluginCallError, PluginLoadError, cause_text
from usr_core.plugin.printing import printing_to_stderr

if TYPE_CHECKING:
    from usr_core.plugin.answers import Answer

__all__ = ["Isolated", "call_error", "calling", "load_error", "loading", "wrong_answer"]


class calling:
    """Turn what plugin code raises inside ``with`` into `PluginCallError`.

    Args:
        record: The plugin that is called.
        hook: What is called, for the message: ``importer csv, read``.
        lent: Iterators of the core that the call consumes; their own errors pass.
        file: What it reads, where that is known.
    """

    def __init__(self, record: PluginRecord, hook: str, lent: Iterable[Lent] = (), *, file: str | None = None) -> None:
        self.record, self.hook, self.lent, self.file = record, hook, tuple(lent), file
        self._printing = printing_to_stderr()

    def __enter__(self) -> None:
        self._printing.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._printing.__exit__(None, None, None)
        if error is None or passes(error):
            return
        for iterator in self.lent:
            if iterator.failure is not None and _was_caused_by(error, iterator.failure):
                raise iterator.failure
        if isinstance(error, MemoryError):
            raise OutOfMemory(self.hook, file=self.file) from error
        raise call_error(self.record, self.hook, error) from error


class loading:
    """Turn what the import of plugin code raises inside ``with`` into `PluginLoadError`."""

    def __init__(self, record: PluginRecord, what: str) -> None:
        self.record, self.what = record, what
        self._printing = printing_to_stderr()

    def __enter__(self) -> None:
        self.started = time.perf_counter()
        self._printing.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._printing.__exit__(None, None, None)
        if error is None or passes(error):
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


def call_error(record: PluginRecord, hook: str, cause: BaseException) -> PluginCallError:
    """Return the error that says `record` failed in `hook`."""
    distribution = record.installed.distribution
    return PluginCallError(
        plugin=record.id, distribution=distribution.name, version=distribution.version, hook=hook, cause=cause
    )


def wrong_answer(provider: object, method: str, what: str) -> PluginCallError:
    """Return the error that says what is wrong with the answer of a provider's method, once the core has checked it."""
    if isinstance(provider, Isolated):
        return call_error(provider.__record__, f"{provider.__name__}, {method}", ValueError(what))
    kind = type(provider)
    return PluginCallError(
        plugin=kind.__name__, distribution=kind.__module__, version="?", hook=method, cause=ValueError(what)
    )


def passes(error: BaseException) -> bool:
    """Tell whether an error out of plugin code is let through as it is."""
    if isinstance(error, UsrError):
        return _is_well_formed(error)
    return isinstance(error, KeyboardInterrupt)


def _is_well_formed(error: UsrError) -> bool:
    """Tell whether an error can be shown: a subclass may have left out what `UsrError` sets."""
    try:
        texts = [error.code, error.message, error.hint, *error.facts, *map(str, error.facts.values())]
        return all(isinstance(text, str) for text in texts) and ExitCode(error.exit_code) is not ExitCode.DONE
    except Exception:  # noqa: BLE001 - it is a stranger's object
        return False


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
    """An isolated provider: every call, and every step of an iterator it returns, is isolated and checked.

    It has the methods and attributes of the provider. Iterators among the arguments are lent: see `Lent`.

    Args:
        provider: What the plugin's factory gave.
        record: The plugin.
        name: What it is, for messages: ``importer csv``.
        answers: What the methods have to return; a method that is named here has to be there. ``""`` is the call of
            the provider itself.

    Raises:
        PluginCallError: A method is missing.
    """

    def __init__(
        self, provider: object, record: PluginRecord, name: str, answers: Mapping[str, Answer] | None = None
    ) -> None:
        self._provider, self.__record__, self.__name__ = provider, record, name
        self._answers = answers or {}
        with calling(record, f"{name}, factory"):
            for method in self._answers:
                if not callable(getattr(provider, method, None) if method else provider):
                    from usr_core.plugin.answers import named

                    lacks = f"which has no method {method}" if method else "which can't be called"
                    raise TypeError(f"it returned {named(provider)}, {lacks}")

    def __getattr__(self, attribute: str) -> Any:
        hook = f"{self.__name__}, {attribute}"
        with calling(self.__record__, hook):
            value = getattr(self._provider, attribute)
        return self._wrapped(value, hook, self._answers.get(attribute)) if callable(value) else value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._wrapped(self._provider, self.__name__, self._answers.get(""))(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self.__name__} of {self.__record__.origin}>"

    def _wrapped(self, function: Any, hook: str, answer: Answer | None) -> Any:
        from usr_core.plugin.specs import Opened

        def call(*args: Any, **kwargs: Any) -> Any:
            lent: list[Lent] = []
            passed = [_lend(argument, lent) for argument in args]
            named = {key: _lend(argument, lent) for key, argument in kwargs.items()}
            file = _file_of((*args, *kwargs.values()))
            with calling(self.__record__, hook, lent, file=file):
                result = function(*passed, **named)
                if answer is not None:
                    result = answer.checked(result)
            if isinstance(result, Opened):
                return replace(result, batches=_steps(result.batches, self.__record__, hook, lent, answer, file))
            if isinstance(result, Iterator):
                return _steps(result, self.__record__, hook, lent, answer, file)
            if isinstance(result, AbstractContextManager):
                return _Held(result, self.__record__, hook)
            return result

        return call


_OF_A_LIST: tuple[type, ...] = (type(iter([])), type(iter(())))


def _file_of(arguments: Iterable[object]) -> str | None:
    """Return the file that a request among the arguments is about."""
    paths = (one if isinstance(one, Path) else getattr(one, "path", None) for one in arguments)
    return next((str(path) for path in paths if isinstance(path, Path)), None)


def _lend(argument: Any, lent: list[Lent]) -> Any:
    if not isinstance(argument, Iterator):
        return argument
    lent.append(Lent(argument))
    return lent[-1]


def _steps(
    iterator: Iterator[Any], record: PluginRecord, hook: str, lent: list[Lent], answer: Answer | None, file: str | None
) -> Iterator[Any]:
    check = answer.item_check() if answer is not None else None
    if isinstance(iterator, _OF_A_LIST):
        # Its items are there already: no code of the plugin runs between them.
        with calling(record, hook, lent, file=file):
            items = list(iterator) if check is None else [check(item) for item in iterator]
        yield from items
        return
    try:
        while True:
            with calling(record, hook, lent, file=file):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
                if check is not None:
                    item = check(item)
            yield item
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            with calling(record, f"{hook}, close", lent):
                close()


class _Held:
    """An isolated context manager of a provider: entering gives True or False, and leaving swallows nothing."""

    def __init__(self, manager: AbstractContextManager[Any], record: PluginRecord, hook: str) -> None:
        self._manager, self._record, self._hook = manager, record, hook

    def __enter__(self) -> bool:
        with calling(self._record, f"{self._hook}, entering"):
            entered = self._manager.__enter__()
            if entered is not True and entered is not False:
                from usr_core.plugin.answers import named

                raise TypeError(f"it gave {named(entered)} and has to give True or False")
        return entered

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            with calling(self._record, f"{self._hook}, leaving"):
                self._manager.__exit__(kind, error, at)
        except PluginCallError as failure:
            if error is not None and _was_caused_by(failure, error):
                return  # it let the error of the block out again, which goes its way
            raise


def _was_caused_by(error: BaseException, failure: BaseException) -> bool:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if current is failure:
            return True
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return False
