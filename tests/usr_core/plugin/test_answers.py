"""What providers return is checked where it comes in: a wrong value is an error with the plugin's name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.hosts import HostMaker
from support.plugins import FakePlugin
from usr_core.plugin.errors import PluginCallError, PluginError
from usr_core.plugin.host import PluginHost
from usr_core.plugin.specs import (
    FileRef,
    Fingerprint,
    ImportRequest,
    OverlayRequest,
)
from usr_core.plugin.transports import (
    CommitRequest,
    DigestRequest,
    FetchRequest,
    LockRequest,
    PlaceRequest,
    ReadRequest,
    RemoveRequest,
    SendRequest,
)

ODD = """
from usr_core.plugin.specs import *
from usr_core.plugin import hookimpl
from usr_core.plugin.transports import *
import pyarrow as pa

class Odd(str):
    def __repr__(self): raise ValueError("no text")
    __str__ = __eq__ = __hash__ = __repr__

class Lies:
    @property
    def __class__(self): raise ValueError("no class")

def batch(**columns): return pa.record_batch(columns or {"sequence": ["ACGT"]})

class Provider:
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return lambda *args, **kwargs: answer()
"""


def odd(kind: str, answer: str) -> FakePlugin:
    """Return a plugin whose provider of this kind gives this answer to every call."""
    fields = {
        "importer": ("usr_importers", "ImporterSpec", ""),
        "overlay_writer": ("usr_overlay_writers", "OverlayWriterSpec", ", namespace='odd'"),
        "verify": ("usr_verify_strategies", "VerifySpec", ", strength=1"),
        "transport": ("usr_transports", "TransportSpec", ", scheme='odd'"),
        "check": ("usr_checks", "CheckSpec", ""),
    }
    hook, spec, more = fields[kind]
    factory = {"transport": "lambda settings: Provider()", "check": "lambda: lambda batches: answer()"}.get(
        kind, "Provider"
    )
    source = (
        f"{ODD}\ndef answer():\n    {answer}\n\n@hookimpl\ndef {hook}():\n"
        f"    return [{spec}(name='odd', summary='s', factory={factory}{more})]\n"
    )
    return FakePlugin("odd", hooks=source).provides(kind, "odd")


Call = Callable[[PluginHost], Any]
NEITHER = ("None", "'text'", "Lies()", "float('nan')")

REQUESTS: dict[tuple[str, str], Call] = {
    ("importer", "columns"): lambda host: host.importer("odd").columns(ImportRequest(path=Path("x"))),
    ("importer", "read"): lambda host: list(host.importer("odd").read(ImportRequest(path=Path("x")))),
    ("overlay_writer", "batches"): lambda host: list(
        host.overlay_writer("odd").batches(OverlayRequest(path=Path("x"), namespace="odd"))
    ),
    ("verify", "fingerprint"): lambda host: host.verify_strategy("odd").fingerprint(
        FileRef(path=Path("x"), size_bytes=1)
    ),
    ("verify", "compare"): lambda host: host.verify_strategy("odd").compare(*[Fingerprint(strategy="o", facts={})] * 2),
    ("check", ""): lambda host: list(next(c for c in host.checks() if c.spec.name == "odd").run(iter([]))),
    ("transport", "abilities"): lambda host: host.transport("odd", {}).abilities(),
    ("transport", "probe"): lambda host: host.transport("odd", {}).probe("/x"),
    ("transport", "stat"): lambda host: host.transport("odd", {}).stat("/x"),
    ("transport", "walk"): lambda host: list(host.transport("odd", {}).walk("/x")),
    ("transport", "read"): lambda host: host.transport("odd", {}).read(ReadRequest(path="/x")),
    ("transport", "digest"): lambda host: host.transport("odd", {}).digest(DigestRequest(folder="/x", files=("a",))),
    ("transport", "traffic"): lambda host: host.transport("odd", {}).traffic(),
    ("transport", "close"): lambda host: host.transport("odd", {}).close(),
    ("transport", "place"): lambda host: host.transport("odd", {}).place(PlaceRequest(staged="/a", final="/b")),
    ("transport", "remove_staging"): lambda host: host.transport("odd", {}).remove_staging(
        RemoveRequest(folder="/x", name="a")
    ),
    ("transport", "fetch"): lambda host: host.transport("odd", {}).fetch(
        FetchRequest(folder="/x", files=(), into=Path("x"))
    ),
    ("transport", "send"): lambda host: host.transport("odd", {}).send(
        SendRequest(source=Path("x"), files=(), into="/x")
    ),
    ("transport", "commit"): lambda host: host.transport("odd", {}).commit(
        CommitRequest(folder="/x", job="j", staging="s", seq=1, offset=0, length=0)
    ),
    ("transport", "lock"): lambda host: (
        host.transport("odd", {}).lock(LockRequest(folder="/x", timeout=1, label="l")).__enter__()
    ),
}
"""By kind and method: a call of it."""

FINE = {
    ("transport", "stat"): {"None"},
    **{("transport", method): {"None"} for method in ("close", "place", "remove_staging", "fetch", "send", "commit")},
}
"""Answers of `NEITHER` with which nothing is wrong."""

WRONG: list[tuple[str, str, str, str]] = [
    ("importer", "columns", "return ['a', 1]", "a text"),
    ("importer", "columns", "return {'a': 1}", "a dict"),
    ("importer", "read", "return [None]", "it yielded None"),
    ("importer", "read", "return [{'sequence': ['A']}]", "it yielded a dict"),
    ("importer", "read", "return batch()", "it returned a RecordBatch"),
    ("importer", "read", "return [batch(), batch(other=['A'])]", "schema"),
    ("importer", "read", "return [pa.RecordBatch.from_arrays([pa.array(['A'])] * 2, ['a', 'a'])]", "one name"),
    ("importer", "read", "return iter([pa.RecordBatch.from_arrays([pa.Array.from_buffers(pa.string(), 1, "
     "[None, pa.py_buffer(b'\\0\\0\\0\\0\\1\\0\\0\\0'), pa.py_buffer(b'\\xff')])], ['sequence'])])", "Arrow"),
    ("importer", "read", "yield batch()\n    raise SystemExit('midway')", "SystemExit"),
    ("importer", "read", "yield batch()\n    raise GeneratorExit", "GeneratorExit"),
    ("importer", "read", "async def read(): yield batch()\n    return read()", "an async_generator"),
    ("overlay_writer", "batches", "return [batch(), 'more']", "it yielded a str"),
    ("verify", "fingerprint", "return Fingerprint(strategy='o', facts={'a': None})", "whole number"),
    ("verify", "fingerprint", "return Fingerprint(strategy='o', facts=[('a', 1)])", "a list"),
    ("verify", "compare", "return True", "a bool"),
    ("verify", "compare", "return Verdict(equal='no')", "True or False"),
    ("verify", "compare", "return Verdict(equal=1, reason='')", "True or False"),
    ("verify", "compare", "return Verdict(equal=True, reason=None)", "a text"),
    ("check", "", "return Finding(code='X', message='m')", "a Finding"),
    ("check", "", "return [('X', 'm')]", "a tuple"),
    ("check", "", "return [Finding(code='X', message='m', severity='fatal')]", "severity"),
    ("check", "", "return [Finding(code='X', message=None)]", "a text"),
    ("check", "", "return [Finding(code='X', message='m', count=-1)]", "at least 0"),
    ("check", "", "return [Finding(code='X', message='m', rows='12')]", "whole numbers"),
    ("check", "", "return [Finding(code='X', message='m', rows=(1.5,))]", "whole number"),
    ("transport", "abilities", "return {'sha256': True}", "a dict"),
    ("transport", "probe", "return Probe(facts={}, clock=float('inf'), folder='writable')", "finite"),
    ("transport", "probe", "return Probe(facts={}, clock=0.0, folder='odd')", "folder"),
    ("transport", "probe", "return Probe(facts={}, clock=0.0, folder='missing', lock=3)", "lock"),
    ("transport", "probe", "return Probe(facts={}, clock=0.0, folder='missing', errors=['x'])", "errors"),
    ("transport", "stat", "return RemoteEntry(path='', kind='file', size_bytes=-1)", "at least 0"),
    ("transport", "stat", "return RemoteEntry(path='', kind='pipe')", "kind"),
    ("transport", "walk", "return [RemoteEntry(path=b'a', kind='file')]", "a text"),
    ("transport", "walk", "return [RemoteEntry(path='a', kind='file', size_bytes=True)]", "whole number"),
    ("transport", "digest", "return {'a': {'sha256': b'x'}}", "whole number"),
    ("transport", "digest", "return {'a': 'x'}", "a mapping"),
    ("transport", "traffic", "return Traffic(sent=0.5)", "whole number"),
    ("transport", "lock", "import contextlib\n    return contextlib.nullcontext('held')", "True or False"),
    ("transport", "lock", "import contextlib\n    @contextlib.contextmanager\n    def held():\n"
     "        1 / 0\n        yield True\n    return held()", "ZeroDivisionError"),
]  # fmt: skip


class TestAnswers:
    @pytest.mark.parametrize(("kind", "method"), REQUESTS)
    @pytest.mark.parametrize("value", NEITHER)
    def test_of_no_form_are_refused(self, make_host: HostMaker, kind: str, method: str, value: str) -> None:
        """Nothing, text, bytes, an object that lies and odd numbers, from every method of every kind."""
        host = make_host(odd(kind, f"return {value}"))
        if value in FINE.get((kind, method), set()):
            REQUESTS[kind, method](host)
            return

        with pytest.raises(PluginCallError, match=r"'odd' \(usr-plugin-odd 1\.0\)"):
            REQUESTS[kind, method](host)

    @pytest.mark.parametrize(("kind", "method", "answer", "said"), WRONG)
    def test_of_a_wrong_form_say_what_is_wrong(
        self, make_host: HostMaker, kind: str, method: str, answer: str, said: str
    ) -> None:
        """The right class is not enough."""
        with pytest.raises(PluginCallError) as caught:
            REQUESTS[kind, method](make_host(odd(kind, answer)))

        assert said in str(caught.value.facts["cause"])
        assert "odd" in caught.value.hook

    def test_lose_what_a_plugin_put_into_them(self, make_host: HostMaker) -> None:
        """A subclass of a text, a mapping or a number comes out as the plain value."""
        answer = "return Fingerprint(strategy='o', facts={Odd.__mro__[1]('a'): Odd('b')})"
        seen = REQUESTS["verify", "fingerprint"](make_host(odd("verify", answer)))

        assert {"a": "b"} == seen.facts
        assert str is type(seen.facts["a"])

    @pytest.mark.parametrize("kind", ["importer", "overlay_writer", "verify", "transport", "check"])
    @pytest.mark.parametrize("made", ["None", "object()", "5"])
    def test_of_a_factory_are_checked(self, make_host: HostMaker, kind: str, made: str) -> None:
        """A provider without the methods of its kind is told before it is used."""
        plugin = odd(kind, "pass")
        hooks = plugin.hooks.replace("factory=Provider", f"factory=lambda: {made}")
        hooks = hooks.replace("lambda settings: Provider()", f"lambda settings: {made}")
        hooks = hooks.replace("lambda: lambda batches: answer()", f"lambda: {made}")
        host = make_host(FakePlugin("odd", hooks=hooks).provides(kind, "odd"))

        with pytest.raises(PluginCallError, match="factory"):
            next(call for (of, _), call in REQUESTS.items() if of == kind)(host)

    @pytest.mark.parametrize(
        "body", ["yield True", "try:\n            yield True\n        except Exception:\n            pass"]
    )
    def test_a_lock_never_swallows_an_error_of_its_block(self, make_host: HostMaker, body: str) -> None:
        """Neither by saying so, nor by raising it anew as the plugin's."""
        answer = (
            f"import contextlib\n    @contextlib.contextmanager\n    def held():\n        {body}\n    return held()"
        )
        host = make_host(odd("transport", answer))

        request = LockRequest(folder="/x", timeout=1, label="l")
        with pytest.raises(LookupError, match="the core's"), host.transport("odd", {}).lock(request):
            raise LookupError("the core's")


SPECS = {
    "importer": (
        "usr_importers",
        "ImporterSpec(name='odd', summary='s', factory=list, suffixes=('.odd',))",
        {"suffixes='.fa'": "suffixes", "suffixes=('',)": "suffixes", "suffixes=('fa',)": "suffixes",
         "name=None": "name", "summary=3": "summary", "factory=None": "factory", "name=''": "name"},
    ),
    "exporter": (
        "usr_exporters",
        "ExporterSpec(name='odd', summary='s', factory=list, suffix='.odd')",
        {"suffix=None": "suffix", "suffix='/etc/x'": "suffix", "streams='yes'": "streams", "binary=1": "binary"},
    ),
    "overlay_writer": (
        "usr_overlay_writers",
        "OverlayWriterSpec(name='odd', summary='s', factory=list, namespace='odd')",
        {"namespace=None": "namespace", "key='row'": "key", "options='abc'": "options"},
    ),
    "verify": (
        "usr_verify_strategies",
        "VerifySpec(name='odd', summary='s', factory=list, strength=1)",
        {"strength='much'": "strength", "strength=True": "strength", "strength=float('nan')": "strength",
         "needs='sha256'": "needs"},
    ),
    "transport": (
        "usr_transports",
        "TransportSpec(name='odd', summary='s', factory=list, scheme='odd')",
        {"scheme=None": "scheme", "settings='host'": "settings", "features=3": "features"},
    ),
    "event_sink": (
        "usr_event_sinks",
        "EventSinkSpec(name='odd', summary='s', factory=list)",
        {"actions='attach'": "actions", "required='no'": "required", "timeout_s=0": "timeout_s",
         "timeout_s=float('inf')": "timeout_s", "timeout_s=1e12": "timeout_s", "timeout_s='10'": "timeout_s"},
    ),
    "namespace": (
        "usr_namespaces",
        "NamespaceSpec(name='odd', summary='s', columns=(('odd__x', 'int64'),))",
        {"columns='odd__x:int64'": "columns", "columns=(('odd__x',),)": "columns", "columns=(('x', 'int64'),)": "'x'",
         "columns=(('odd__x', 'integer'),)": "odd__x", "columns=(('odd__x', 3),)": "columns", "owner=3": "owner",
         "name='other', columns=()": "'other'"},
    ),
    "check": (
        "usr_checks",
        "CheckSpec(name='odd', summary='s', factory=list)",
        {"columns='length'": "columns", "namespace=3": "namespace"},
    ),
}  # fmt: skip
"""By kind: its hook, a good spec, and fields that make it a bad one with what the error names."""


class TestOffers:
    @pytest.mark.parametrize(
        ("kind", "change", "said"),
        [(kind, change, said) for kind, (_, _, changes) in SPECS.items() for change, said in changes.items()],
    )
    def test_with_a_wrong_field_are_refused(self, make_host: HostMaker, kind: str, change: str, said: str) -> None:
        """The field is named, and the plugin."""
        hook, spec, _ = SPECS[kind]
        source = (
            "from usr_core.plugin.specs import *\nfrom usr_core.plugin import hookimpl\nimport dataclasses\n"
            f"@hookimpl\ndef {hook}():\n    return [dataclasses.replace({spec}, {change})]\n"
        )
        host = make_host(FakePlugin("odd", hooks=source).provides(kind, "odd"))

        with pytest.raises(PluginError, match="usr-plugin-odd") as caught:
            host._spec(kind, "odd", object)  # type: ignore[type-var]
        assert said in f"{caught.value.message} {caught.value.facts.get('cause')}"

    @pytest.mark.parametrize("answer", ["None", "'x'", "{}", "5", "[None]", "[object]", "Lies()"])
    @pytest.mark.parametrize("kind", ["importer", "check", "event_sink"])
    def test_of_no_form_are_refused(self, make_host: HostMaker, kind: str, answer: str) -> None:
        """A hook that returns no list of specs."""
        source = f"{ODD}\n@hookimpl\ndef {SPECS[kind][0]}():\n    return {answer}\n"
        host = make_host(FakePlugin("odd", hooks=source).provides(kind, "odd"))

        with pytest.raises(PluginError, match=r"usr-plugin-odd|declares the"):
            host._spec(kind, "odd", object)  # type: ignore[type-var]


class TestPrinting:
    def test_of_a_plugin_goes_to_stderr(self, make_host: HostMaker, capsys: pytest.CaptureFixture[str]) -> None:
        """From its hook, its factory, its call and every step; what the core prints between does not."""
        source = """
import sys
print("at import")
from usr_core.plugin import ImporterSpec, hookimpl
class Reader:
    def __init__(self):
        print("in the factory")
    def columns(self, request):
        sys.stdout.write("in the call\\n")
        return ["sequence"]
    def read(self, request):
        import pyarrow as pa
        for number in range(2):
            print("in step", number)
            yield pa.record_batch({"sequence": ["A"]})
@hookimpl
def usr_importers():
    print("in the hook")
    return [ImporterSpec(name="loud", summary="s", factory=Reader)]
"""
        host = make_host(FakePlugin("loud", hooks=source).provides("importer", "loud"))
        reader = host.importer("loud")
        reader.columns(ImportRequest(path=Path("x")))
        for batch in reader.read(ImportRequest(path=Path("x"))):
            print("rows", batch.num_rows)
        shown = capsys.readouterr()

        assert "rows 1\nrows 1\n" == shown.out
        assert [
            "at import", "in the hook", "in the factory", "in the call", "in step 0", "in step 1"
        ] == shown.err.splitlines()  # fmt: skip

    def test_leaves_standard_output_as_it_was(self, make_host: HostMaker) -> None:
        """Also after an error."""
        before = sys.stdout
        with pytest.raises(PluginCallError):
            REQUESTS["importer", "read"](make_host(odd("importer", "print('x'); return [None]")))

        assert before is sys.stdout
