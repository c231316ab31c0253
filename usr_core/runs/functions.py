"""The function of a run: found by name, path or object, told to workers as plain data, and loaded once a worker."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from usr_core.errors import UsrError, first_line
from usr_core.plugin.errors import PluginMissing
from usr_core.plugin.executors import FunctionRef
from usr_core.plugin.options import option_values
from usr_core.plugin.printing import printing_to_stderr
from usr_core.plugin.specs import FunctionSpec
from usr_core.runs.errors import FunctionUnusable

if TYPE_CHECKING:
    from usr_core.plugin.host import PluginHost

__all__ = ["find_function", "load_function", "plugin_function"]

Function = Callable[..., Any]

_BEGAN = time.time()
_imported: dict[str, str] = {}
"""The digests of modules' files as they were when they were imported."""
_IMPORTING: ContextVar[str] = ContextVar("the function whose file is being imported", default="")
_GUARD = 'Put `if __name__ == "__main__":` before its lines that do something, or the function into a file of its own.'

_FORMS = "Give a name that a plugin offers, package.module:function, or path/to/file.py:function."


def plugin_function(name: str, host: PluginHost) -> FunctionSpec | None:
    """Return what a plugin says of the function of that name; None where `name` is a path.

    Raises:
        PluginMissing: No plugin offers it.
    """
    if ":" in name:
        return None
    if "." in name:
        module, _, last = name.rpartition(".")
        meant = f"{name}:NAME, with the name of the function" if last == "py" else f"{module}:{last}"
        raise PluginMissing(f"there is no function {name!r}", hint=f"A colon stands before a function: {meant}.")
    return host.function_spec(name)[1]


def find_function(
    function: str | Function, params: Mapping[str, object], host: PluginHost, *, per_record: bool = False
) -> tuple[FunctionRef, dict[str, Any]]:
    """Return where workers find a function, and its parameters, checked as far as they can be.

    Args:
        function: A plugin's name, ``package.module:function``, ``file.py:function``, or a function that a worker can
            import by its module and name.
        params: Keyword arguments.
        host: Where plugins' functions come from.
        per_record: It takes the values of one record.

    Raises:
        FunctionUnusable: There is no such function, or a worker could not import it.
        PluginMissing, OptionInvalid: No plugin offers it, or it takes no such parameter.
    """
    name = function if isinstance(function, str) else _name_of(function)
    if outer := _IMPORTING.get():
        script = outer.rpartition(":")[0]
        reason = f'{script}, which workers import, begins a run without `if __name__ == "__main__":`'
        raise _unusable(name, reason, _GUARD)
    if ":" not in name:
        plugin, spec = host.function_spec(name)
        values = option_values(f"function {name}", spec.params, params, noun="parameter")
        ref = FunctionRef(name=name, kind="plugin", place=plugin, digest=_plugin_digest(spec), per_record=per_record)
        return ref, dict(values)
    module, _, attribute = name.rpartition(":")
    if not module or not attribute:
        raise _unusable(name, "it has no module before, or no name behind, the colon", _FORMS)
    if module.endswith(".py"):
        path = Path(module).expanduser().absolute()
        with _readable(name, path):
            if not path.is_file():
                raise _unusable(name, f"there is no file {path}", _FORMS)
            digest = _digest(path)
        ref = FunctionRef(
            name=f"{path.name}:{attribute}", kind="file", place=str(path), digest=digest, per_record=per_record
        )
    else:
        place, file = _module_place(name, module)
        with _readable(name, file):
            digest = _digest(file)
        ref = FunctionRef(name=name, kind="module", place=place, digest=digest, per_record=per_record)
    _attribute(ref)
    return ref, dict(params)


def load_function(ref: FunctionRef, params: Mapping[str, Any], host: PluginHost | None = None) -> Function:
    """Return the function of a run, ready to be called with a batch (or a record's values); made once a process.

    A class is made with the parameters; a function gets them with each call.

    Raises:
        FunctionUnusable: It can't be imported here, or its file is not the one that the run was planned with.
        PluginError: Its plugin is missing or broken.
    """
    return _loaded(ref, tuple(sorted((name, _frozen(value)) for name, value in params.items())), _Host(host))


class _Host:
    """A host as an argument of a cached function: any two are equal."""

    def __init__(self, host: PluginHost | None) -> None:
        self.host = host

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Host)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=8)
def _loaded(ref: FunctionRef, params: tuple[tuple[str, Any], ...], host: _Host) -> Function:
    values = {name: _thawed(value) for name, value in params}
    if ref.kind == "plugin":
        from usr_core.plugin.host import PluginHost

        plugins = host.host or PluginHost()
        if _plugin_digest(plugins.function_spec(ref.name)[1]) != ref.digest:
            raise _changed(ref, f"the plugin {ref.place} is not the version")
        found: Any = plugins.function(ref.name)
    else:
        file = Path(ref.place) if ref.kind == "file" else _file_of(ref)
        with _readable(ref.name, file):
            changed = _digest(file) != ref.digest
        if changed:
            raise _changed(ref, f"{file} is not the file")
        found = _attribute(ref)
    if inspect.isclass(found):
        with _told(ref, "it can't be made"), printing_to_stderr():
            return cast(Function, found(**values))
    if not values:
        return found  # type: ignore[no-any-return]
    return lambda *arguments: found(*arguments, **values)


class _told:
    """Turn what a function's import or class raises into `FunctionUnusable`."""

    def __init__(self, ref: FunctionRef, what: str) -> None:
        self.ref, self.what = ref, what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (Exception, SystemExit)) and not isinstance(error, (UsrError, MemoryError)):
            raise FunctionUnusable(
                function=self.ref.name,
                reason=f"{self.what}: {type(error).__name__}: {first_line(error)}",
                advice="Import it in a shell of its own: python -c 'import MODULE' shows the whole error.",
            ) from error


def _attribute(ref: FunctionRef) -> Any:
    module, _, attribute = ref.name.rpartition(":")
    outer = _IMPORTING.set(ref.name)
    try:
        with _told(ref, "its module can't be imported"), printing_to_stderr():
            if ref.kind == "file":
                found: Any = _file_module(ref.place, ref.digest)
            else:
                _see(ref.place)
                found = _module(module, ref)
    finally:
        _IMPORTING.reset(outer)
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise _unusable(ref.name, f"{module} has no {attribute!r}", _FORMS) from None
    if not callable(found):
        raise _unusable(ref.name, f"it is a {type(found).__name__}, which can't be called", _FORMS)
    return found


@lru_cache(maxsize=32)
def _file_module(place: str, _version: str) -> Any:
    """Import a file that is no module of a package, under a name of its own; its folder can be imported from.

    With another version (a digest) it is another module: a notebook stays while the file beside it is edited.
    """
    path = Path(place)
    name = f"usr_map_{hashlib.sha256(place.encode()).hexdigest()[:12]}_{path.stem}"
    module = ModuleType(name)
    module.__file__ = place
    _see(str(path.parent))
    sys.modules[name] = module
    try:
        # Not by a loader, which would leave byte code in the user's folder.
        exec(compile(path.read_bytes(), place, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _module(name: str, ref: FunctionRef) -> Any:
    """Import a module; one that this process imported from another version of its file is run anew beside that one."""
    known = name in sys.modules
    found = importlib.import_module(name)
    file = getattr(found, "__file__", None) or ""
    if not known:
        _imported[name] = ref.digest
    elif name not in _imported and (not file or Path(file).stat().st_mtime < _BEGAN):
        _imported[name] = ref.digest  # somebody else imported it, and it has not changed since
    return found if _imported.get(name) == ref.digest or not file.endswith(".py") else _module_anew(name, ref.digest)


@lru_cache(maxsize=32)
def _module_anew(name: str, _version: str) -> Any:
    known = sys.modules[name]
    module = ModuleType(name)
    for fact in ("__file__", "__package__", "__path__", "__spec__"):
        if hasattr(known, fact):
            setattr(module, fact, getattr(known, fact))
    exec(compile(Path(str(module.__file__)).read_bytes(), str(module.__file__), "exec"), module.__dict__)
    return module


def _name_of(function: Any) -> str:
    """Return the name by which a worker can import a function; a closure has none."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    shown = name or type(function).__name__
    if not module or not name or "<" in name:
        raise _unusable(
            shown, "a worker can't import it", "Define it at the top of a module, without a closure or lambda."
        )
    file = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__" and file is None:
        raise _unusable(shown, "it was typed in a session, which workers do not see", "Put it into a file.")
    if module == "__main__" or module.startswith("usr_map_"):
        return f"{file}:{name}"
    return f"{module}:{name}"


def _module_place(name: str, module: str) -> tuple[str, str | None]:
    """Return the folder that a module is imported from, and its file; both without running the module itself.

    Raises:
        FunctionUnusable: There is no such module.
    """
    _see(str(Path.cwd()), last=True)
    importlib.invalidate_caches()
    ref = FunctionRef(name=name, kind="module", place="", digest="")
    with _told(ref, "its module can't be imported"), printing_to_stderr():
        spec = sys.modules[module].__spec__ if module in sys.modules else importlib.util.find_spec(module)
    if spec is None and module not in sys.modules:
        raise _unusable(name, f"there is no module {module}", f"{_FORMS} The current folder is looked in too.")
    file = spec.origin if spec is not None and spec.has_location else None
    if file is None:
        return "", None
    folder = Path(file).parent
    depth = module.count(".") + (1 if Path(file).name == "__init__.py" else 0)
    for _ in range(depth):
        folder = folder.parent
    return str(folder), file


def _file_of(ref: FunctionRef) -> str | None:
    _see(ref.place)
    return _module_place(ref.name, ref.name.rpartition(":")[0])[1]


def _see(folder: str, *, last: bool = False) -> None:
    """Let modules of a folder be imported."""
    if folder and folder not in sys.path:
        sys.path.insert(len(sys.path) if last else 0, folder)


def _digest(file: str | Path | None) -> str:
    """Return what tells one version of a function from another: its file's digest, else the interpreter's version."""
    if file is None:
        return hashlib.sha256(sys.version.encode()).hexdigest()
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


@contextlib.contextmanager
def _readable(name: str, file: str | Path | None) -> Iterator[None]:
    """Turn the error of a file that can't be read into one of the function `name`."""
    try:
        yield
    except OSError as error:
        if isinstance(error, UsrError):
            raise
        advice = "Look at the file and its rights; every worker has to be able to read it."
        raise _unusable(name, f"{file} can't be read: {error.strerror or error}", advice) from error


def _plugin_digest(spec: FunctionSpec) -> str:
    """Return the digest of all modules of the package that has `factory`: it may take the function from any of them."""
    with printing_to_stderr():
        found = inspect.getsourcefile(_unwrapped(spec.factory))
    if found is None or not Path(found).with_name("__init__.py").is_file():
        return _digest(found)
    modules = {file.name: _digest(file) for file in sorted(Path(found).parent.glob("*.py"))}
    return hashlib.sha256(repr(modules).encode()).hexdigest()


def _unwrapped(factory: Callable[..., Any]) -> Any:
    found: Any = inspect.unwrap(getattr(factory, "func", factory))
    return found if inspect.isfunction(found) or inspect.isclass(found) else type(found)


def _changed(ref: FunctionRef, what: str) -> FunctionUnusable:
    advice = "Put it back, or map again: a changed function is another run."
    return _unusable(ref.name, f"{what} that the run was planned with", advice)


def _unusable(name: str, reason: str, advice: str) -> FunctionUnusable:
    return FunctionUnusable(function=name, reason=reason, advice=advice)


def _frozen(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ("list", *map(_frozen, value))
    if isinstance(value, Mapping):
        return ("map", *((key, _frozen(one)) for key, one in sorted(value.items())))
    return ("value", type(value).__name__, value)


def _thawed(value: Any) -> Any:
    kind, *parts = value
    if kind == "list":
        return [_thawed(part) for part in parts]
    if kind == "map":
        return {key: _thawed(part) for key, part in parts}
    return parts[1]
