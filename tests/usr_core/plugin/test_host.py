"""What the host gives out: providers by name, isolated, from plugins imported no sooner than needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.hosts import HostMaker
from support.plugins import FakePlugin
from usr_core.errors import UsrError
from usr_core.plugin.discovery import PluginStatus
from usr_core.plugin.errors import AmbiguousImporter, PluginCallError, PluginConflict, PluginLoadError, PluginMissing
from usr_core.plugin.specs import ExportRequest, ImportRequest, VerifyRequest

IMPORTER = """
from usr_core.errors import UsrError
from usr_core.plugin import ImporterSpec, hookimpl

class Reader:
    def columns(self, request):
        {columns}
        return ["sequence"]
    def read(self, request):
        import pyarrow as pa
        yield pa.record_batch({{"sequence": ["first"]}})
        {read}

def factory():
    {factory}
    return Reader()

@hookimpl
def usr_importers():
    {hook}
    return [ImporterSpec(name="{name}", summary="s", factory=factory, suffixes=(".{name}",))]
"""


def importer(plugin_id: str, *, name: str = "", distribution: str = "", **bodies: str) -> FakePlugin:
    """Return a plugin with an importer of its own name whose parts do what `bodies` say."""
    code = {"columns": "pass", "read": "pass", "factory": "pass", "hook": "pass", **bodies}
    source = IMPORTER.format(name=name or plugin_id, **code)
    return FakePlugin(plugin_id, hooks=source, distribution=distribution).provides("importer", name or plugin_id)


def request(path: Path = Path("x")) -> ImportRequest:
    return ImportRequest(path=path)


class TestImporter:
    def test_comes_from_a_third_party(self, make_host: HostMaker) -> None:
        """A declared importer is found by name and reads."""
        host = make_host(importer("motif"))

        assert ["sequence"] == host.importer("motif").columns(request())
        assert [["first"]] == [batch.column(0).to_pylist() for batch in host.importer("motif").read(request())]

    @pytest.mark.parametrize("item", ["[1]", "{}", "__import__('pyarrow').table({'a': [1]})"])
    def test_that_yields_no_batch_is_its_plugins_error(self, make_host: HostMaker, item: str) -> None:
        """A list, a dictionary or a table in place of a record batch names the plugin, not the core."""
        host = make_host(importer("motif", read=f"yield {item}"))

        with pytest.raises(PluginCallError, match="importer motif, read"):
            list(host.importer("motif").read(request()))

    def test_imports_its_own_plugin_only(self, make_host: HostMaker) -> None:
        """Other plugins stay unimported."""
        make_host(importer("motif"), importer("scan")).importer("motif")

        assert "usr_plugin_motif.plugin" in sys.modules
        assert "usr_plugin_genbank.plugin" not in sys.modules

    def test_that_nobody_offers_is_missing(self, make_host: HostMaker) -> None:
        """The message names what there is, and the exit code is 4."""
        with pytest.raises(PluginMissing) as caught:
            make_host(importer("motif")).importer("embl")

        assert 4 == caught.value.exit_code
        assert "motif" in caught.value.hint

    def test_that_is_misspelled_is_offered(self, make_host: HostMaker) -> None:
        """The name that is meant stands before all that there are."""
        with pytest.raises(PluginMissing) as caught:
            make_host(importer("motif")).importer("motive")

        assert (caught.value.hint or "").startswith("Did you mean motif? Available: ")

    def test_of_a_disabled_plugin_says_which_switch(self, make_host: HostMaker) -> None:
        """What is switched off is not reported as not installed."""
        host = make_host(importer("motif"), environ={"USR_PLUGINS": ""})

        with pytest.raises(PluginMissing, match="not in USR_PLUGINS"):
            host.importer("motif")

    def test_that_the_hook_does_not_offer_is_an_error(self, make_host: HostMaker) -> None:
        """A manifest that promises more than the code is caught at use."""
        host = make_host(importer("motif").provides("importer", "embl"))

        with pytest.raises(PluginLoadError, match="declares the importer 'embl'"):
            host.importer("embl")

    def test_without_a_manifest_needs_the_id(self, make_host: HostMaker) -> None:
        """A bare plugin works by explicit name and is left out of lists."""
        plain = importer("motif")
        host = make_host(FakePlugin("motif", hooks=plain.hooks, bare=True))

        assert [["first"]] == [batch.column(0).to_pylist() for batch in host.importer("motif").read(request())]
        assert "motif" not in host.names_of("importer")


class TestIsolation:
    @pytest.mark.parametrize("failure", ["raise ValueError('bad')", "raise SystemExit(3)", "import sys; sys.exit(0)"])
    @pytest.mark.parametrize("place", ["columns", "factory", "hook"])
    def test_turns_what_plugin_code_raises_into_one_error(self, make_host: HostMaker, place: str, failure: str) -> None:
        """Hook, factory and call are all walled in, against SystemExit too."""
        host = make_host(importer("motif", **{place: failure}))

        with pytest.raises(PluginCallError) as caught:
            host.importer("motif").columns(request())

        error = caught.value
        assert ("motif", "usr-plugin-motif", "1.0", 4) == (
            error.plugin,
            error.distribution,
            error.version,
            error.exit_code,
        )
        assert isinstance(error.__cause__, (ValueError, SystemExit))

    def test_covers_every_step_of_a_generator(self, make_host: HostMaker) -> None:
        """What was yielded before the failure arrives, then the plugin's error."""
        batches = make_host(importer("motif", read="raise OSError('gone')")).importer("motif").read(request())

        assert ["first"] == next(batches).column(0).to_pylist()
        with pytest.raises(PluginCallError, match="importer motif, read"):
            next(batches)

    def test_closing_a_generator_closes_the_plugins(self, make_host: HostMaker) -> None:
        """A reader's ``finally`` runs when the core stops early."""
        body = (
            "import usr_plugin_motif as p\n        try:\n            yield pa.record_batch({'sequence': ['second']})\n"
            "        finally:\n            p.closed = True"
        )
        batches: Any = make_host(importer("motif", read=body)).importer("motif").read(request())
        next(batches)
        next(batches)
        batches.close()

        assert sys.modules["usr_plugin_motif"].closed

    def test_lets_an_error_in_proper_form_pass(self, make_host: HostMaker) -> None:
        """A UsrError of a provider is the message."""
        host = make_host(importer("motif", columns="raise UsrError('row 3 is odd', hint='mend it')"))

        with pytest.raises(UsrError, match="row 3 is odd") as caught:
            host.importer("motif").columns(request())

        assert not isinstance(caught.value, PluginCallError)

    def test_lets_an_interrupt_pass(self, make_host: HostMaker) -> None:
        """Ctrl-C inside a plugin is Ctrl-C."""
        host = make_host(importer("motif", columns="raise KeyboardInterrupt"))

        with pytest.raises(KeyboardInterrupt):
            host.importer("motif").columns(request())

    @pytest.mark.parametrize("source", ["1 / 0", "import sys; sys.exit(5)", "import no_such_module", "def ("])
    def test_of_an_import_names_the_plugin(self, make_host: HostMaker, source: str) -> None:
        """A plugin that can't be imported is one error, and is then listed as unimportable."""
        host = make_host(FakePlugin("motif", hooks=source).provides("importer", "motif"))

        with pytest.raises(PluginLoadError, match=r"'motif' \(usr-plugin-motif 1.0\)"):
            host.importer("motif")

        assert {PluginStatus.UNIMPORTABLE} == {record.status for record in host.plugins() if record.id == "motif"}

    def test_refuses_an_unknown_hook(self, make_host: HostMaker) -> None:
        """A misspelled hook is found, not ignored."""
        source = "from usr_core.plugin import hookimpl\n@hookimpl\ndef usr_importer(): return []\n"
        host = make_host(FakePlugin("motif", hooks=source).provides("importer", "motif"))

        with pytest.raises(PluginLoadError, match="'usr_importer'"):
            host.importer("motif")

        assert {PluginStatus.FAILED} == {record.status for record in host.plugins() if record.id == "motif"}

    def test_does_not_blame_a_plugin_for_the_cores_batches(self, make_host: HostMaker) -> None:
        """An error of what the core hands over comes out as itself."""
        source = """
from usr_core.plugin import ExporterSpec, hookimpl
class Writer:
    def write(self, request, batches):
        for batch in batches:
            pass
@hookimpl
def usr_exporters():
    return [ExporterSpec(name="motif", summary="s", factory=Writer, suffix=".fa")]
"""
        host = make_host(FakePlugin("motif", hooks=source).provides("exporter", "motif"))

        def broken() -> Iterator[Any]:
            yield 1
            raise RuntimeError("the base can't be read")

        with pytest.raises(RuntimeError, match="the base can't be read"):
            host.exporter("motif").write(ExportRequest(path=Path("x"), schema=None), broken())  # type: ignore[arg-type]


class TestImporterForPath:
    @pytest.mark.parametrize(
        "name", ["a.motif", "a.MOTIF", "a.b.motif.gz", "a.motif.zst", "a.motif.bgz", "a.motif.bz2", "a.motif.XZ"]
    )
    def test_goes_by_the_ending(self, make_host: HostMaker, name: str) -> None:
        """Case and compression do not matter."""
        found, _ = make_host(importer("motif")).importer_for_path(Path(name))

        assert "motif" == found

    def test_reports_an_unknown_ending(self, make_host: HostMaker) -> None:
        """The hint lists endings that are read."""
        with pytest.raises(PluginMissing) as caught:
            make_host(importer("motif")).importer_for_path(Path("a.docx"))

        assert ".motif" in caught.value.hint

    def test_does_not_guess_between_two(self, make_host: HostMaker) -> None:
        """Two importers for one ending have to be told apart by name (exit 2)."""
        second = importer("other")
        second = FakePlugin("other", hooks=second.hooks.replace('".other"', '".motif"')).provides("importer", "other")

        with pytest.raises(AmbiguousImporter, match="motif, other"):
            make_host(importer("motif"), second).importer_for_path(Path("a.motif"))

    def test_goes_on_without_a_broken_plugin(self, make_host: HostMaker) -> None:
        """Another importer's failure is reported and hinders nobody."""
        host = make_host(importer("motif"), FakePlugin("broken", hooks="1 / 0").provides("importer", "broken"))

        assert "motif" == host.importer_for_path(Path("a.motif"))[0]
        assert ["broken" in line and "ZeroDivisionError" in line for line in host.reports] == [True]  # type: ignore[attr-defined]

    def test_under_strict_a_broken_plugin_is_fatal(self, make_host: HostMaker) -> None:
        """USR_PLUGINS_STRICT=1 lets no failure pass."""
        broken = FakePlugin("broken", hooks="1 / 0").provides("importer", "broken")
        host = make_host(importer("motif"), broken, environ={"USR_PLUGINS_STRICT": "1"})

        with pytest.raises(PluginLoadError):
            host.importer_for_path(Path("a.motif"))


SINK = """
from usr_core.plugin import EventSinkSpec, hookimpl
import usr_plugin_{id} as package
package.seen = []
class Sink:
    def emit(self, event):
        {emit}
        package.seen.append(event["action"])
    def close(self):
        package.seen.append("closed")
def factory():
    {factory}
    return Sink()
@hookimpl
def usr_event_sinks():
    return [EventSinkSpec(name="{id}", summary="s", factory=factory, required={required}, actions=frozenset({actions}))]
"""


def sink(
    plugin_id: str, *, emit: str = "pass", factory: str = "pass", required: bool = False, actions: tuple[str, ...] = ()
) -> FakePlugin:
    source = SINK.format(id=plugin_id, emit=emit, factory=factory, required=required, actions=actions)
    return FakePlugin(plugin_id, hooks=source).provides("event_sink", plugin_id)


def seen(plugin_id: str) -> list[str]:
    return list(sys.modules[f"usr_plugin_{plugin_id}"].seen)


class TestEventSinks:
    def test_get_the_events_they_want(self, make_host: HostMaker) -> None:
        """Empty actions mean all."""
        host = make_host(sink("every"), sink("some", actions=("attach",)))
        host.emit({"action": "init"})
        host.emit({"action": "attach"})
        host.close()

        assert ["init", "attach", "closed"] == seen("every")
        assert ["attach", "closed"] == seen("some")

    def test_that_fail_are_reported_and_counted(self, make_host: HostMaker) -> None:
        """The other sinks still get the event, and nothing is raised."""
        host = make_host(sink("bad", emit="raise ValueError('no')"), sink("good"))
        host.emit({"action": "init"})
        host.emit({"action": "init"})

        assert 2 == host.sinks.failures
        assert 2 == len(host.reports)  # type: ignore[attr-defined]
        assert ["init", "init"] == seen("good")

    def test_that_are_required_raise_after_all_were_served(self, make_host: HostMaker) -> None:
        """A required failure ends the command, and later sinks are served first."""
        host = make_host(sink("bad", emit="raise ValueError('no')", required=True), sink("good"))

        with pytest.raises(PluginCallError, match="event sink bad, emit"):
            host.emit({"action": "init"})

        assert ["init"] == seen("good")

    def test_that_are_required_and_missing_stop_every_event(self, make_host: HostMaker) -> None:
        """A required sink that can't be built is not forgotten after its first failure."""
        host = make_host(sink("bad", factory="raise ValueError('no')", required=True))

        for _ in range(2):
            with pytest.raises(PluginCallError):
                host.emit({"action": "init"})


class TestChooseVerify:
    SOURCE = """
from usr_core.plugin import VerifySpec, hookimpl
@hookimpl
def usr_verify_strategies():
    return [VerifySpec(name="{id}", summary="s", factory=object, strength={strength})]
@hookimpl
def usr_choose_verify(request):
    return {answer!r}
"""

    def plugin(self, plugin_id: str, strength: int, answer: str | None) -> FakePlugin:
        source = self.SOURCE.format(id=plugin_id, strength=strength, answer=answer)
        return FakePlugin(plugin_id, hooks=source).provides("verify", plugin_id)

    def test_takes_the_first_answer(self, make_host: HostMaker) -> None:
        """A plugin without an opinion leaves it to the next."""
        host = make_host(self.plugin("aa", 1, None), self.plugin("bb", 2, "bb"))

        assert "bb" == host.choose_verify(VerifyRequest(requested="auto", available=("aa", "bb")))
        assert ["hash", "parquet", "size", "bb", "aa"] == [spec.name for spec in host.verify_specs()]  # by strength

    def test_refuses_an_answer_that_is_not_available(self, make_host: HostMaker) -> None:
        """A policy can't step outside what both sides can do."""
        host = make_host(self.plugin("aa", 1, "xx"))

        with pytest.raises(PluginCallError, match="usr_choose_verify") as caught:
            host.choose_verify(VerifyRequest(requested="auto", available=("aa",)))

        assert "'xx'" in str(caught.value.facts["cause"])


class TestConflicts:
    def test_between_third_parties_nobody_wins(self, make_host: HostMaker) -> None:
        """A provider offered by two distributions is refused, with both named."""
        host = make_host(importer("one", name="motif"), importer("two", name="motif"))

        with pytest.raises(PluginConflict) as caught:
            host.importer("motif")

        assert "usr-plugin-one" in caught.value.message
        assert "usr-plugin-two" in caught.value.message

    def test_are_settled_by_the_users_configuration(self, make_host: HostMaker, tmp_path: Path) -> None:
        """``[plugins.prefer]`` names the distribution that gets the name."""
        config = tmp_path / "config" / "usr"
        config.mkdir(parents=True)
        (config / "config.toml").write_text('[plugins.prefer]\n"importer:motif" = "usr-plugin-two"\n')
        host = make_host(
            importer("one", name="motif", columns="return ['one']"),
            importer("two", name="motif", columns="return ['two']"),
        )

        assert ["two"] == host.importer("motif").columns(request())

    def test_with_a_built_in_leave_the_built_in(self, make_host: HostMaker) -> None:
        """A third party can't take over ``usr plugins``, and its importer still works."""
        host = make_host(importer("mine").command("plugins"))

        assert ["sequence"] == host.importer("mine").columns(request())
        refused = next(record for record in host.plugins() if record.id == "mine")
        assert PluginStatus.CONFLICT is refused.status
        assert "universal-sequence-record" in refused.reason
