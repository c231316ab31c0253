"""Which of several providers is taken, and what is said of those that can't be."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.hosts import HostMaker
from support.plugins import FakePlugin
from usr_core.plugin.errors import AmbiguousImporter, PluginCallError, PluginConflict, PluginError, PluginMissing
from usr_core.plugin.specs import VerifyRequest
from usr_core.sync.errors import VerifyImpossible
from usr_core.sync.request import SyncOptions
from usr_core.sync.verification import choose_verification

ALL = frozenset({"sha256", "parquet", "lock"})


def importer(plugin_id: str, *suffixes: str) -> FakePlugin:
    source = (
        "from usr_core.plugin import ImporterSpec, hookimpl\nclass Reader:\n"
        f"    def columns(self, request): return ['{plugin_id}']\n    def read(self, request): return iter(())\n"
        f"@hookimpl\ndef usr_importers():\n    return [ImporterSpec(name='{plugin_id}', summary='s', factory=Reader, "
        f"suffixes={suffixes})]\n"
    )
    return FakePlugin(plugin_id, hooks=source).provides("importer", plugin_id)


def strategy(plugin_id: str, *, strength: int = 99, policy: str | None = None, verdict: bool = True) -> FakePlugin:
    source = (
        "from usr_core.plugin import Fingerprint, Verdict, VerifySpec, hookimpl\nclass Yes:\n"
        "    def fingerprint(self, ref): return Fingerprint(strategy='x', facts={})\n"
        f"    def compare(self, local, remote): return Verdict(equal={verdict})\n"
        "@hookimpl\ndef usr_verify_strategies():\n"
        f"    return [VerifySpec(name='{plugin_id}', summary='s', factory=Yes, strength={strength})]\n"
    )
    if policy is not None:
        source += f"@hookimpl\ndef usr_choose_verify(request):\n    return {policy}\n"
    return FakePlugin(plugin_id, hooks=source).provides("verify", plugin_id)


def prefer(tmp_path: Path, text: str) -> None:
    (tmp_path / "config" / "usr").mkdir(parents=True)
    (tmp_path / "config" / "usr" / "config.toml").write_text(f"[plugins.prefer]\n{text}\n")


class TestEndings:
    @pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".CSV", ".jsonl", ".parquet"])
    def test_of_built_in_importers_are_kept(self, make_host: HostMaker, ending: str) -> None:
        """A third party that claims one too takes nothing over, nor stops the other."""
        host = make_host(importer("greedy", ".csv", ".jsonl", ".parquet", ".my.csv"))

        assert ending.strip(".").split(".")[0].lower() == host.importer_for_path(Path(f"a{ending}"))[0]
        assert "csv" == host.importer_for_path(Path("a.my.csv"))[0]

    @pytest.mark.parametrize("choice", ["bb", "usr-plugin-bb", "USR_plugin.bb"])
    def test_of_third_parties_are_the_users_to_give(self, make_host: HostMaker, tmp_path: Path, choice: str) -> None:
        """To an importer, a plugin or a distribution; also below a compression, in any case."""
        prefer(tmp_path, f'".mot" = "{choice}"')
        host = make_host(importer("aa", ".mot"), importer("bb", ".mot", ".motif"))

        assert "bb" == host.importer_for_path(Path("x.mot"))[0]
        assert "bb" == host.importer_for_path(Path("x.MOT.gz"))[0]

    def test_that_nobody_gave_say_how(self, make_host: HostMaker) -> None:
        """With the line for the configuration file."""
        host = make_host(importer("aa", ".mot"), importer("bb", ".mot"))
        with pytest.raises(AmbiguousImporter) as caught:
            host.importer_for_path(Path("x.mot"))

        assert '".mot" = "aa"' in caught.value.hint
        assert "--from" in caught.value.hint

    def test_given_to_one_that_does_not_read_them_decide_nothing(self, make_host: HostMaker, tmp_path: Path) -> None:
        """And a built-in importer's ending can't be given away."""
        prefer(tmp_path, '".mot" = "cc"\n".csv" = "aa"')
        host = make_host(importer("aa", ".mot", ".csv"), importer("bb", ".mot"))

        assert "csv" == host.importer_for_path(Path("x.csv"))[0]
        with pytest.raises(AmbiguousImporter):
            host.importer_for_path(Path("x.mot"))


class TestAuto:
    def test_takes_nobody_at_his_own_word(self, make_host: HostMaker) -> None:
        """A third party's strength of 99 is not a reason; by name it can be had."""
        host = make_host(strategy("boast"))

        assert "hash" == choose_verification(host, SyncOptions(verify="auto"), ALL, remote="r").used
        assert "size" == choose_verification(host, SyncOptions(verify="auto"), frozenset(), remote="r").used
        assert "boast" == choose_verification(host, SyncOptions(verify="boast"), ALL, remote="r").used

    def test_takes_one_that_the_user_prefers(self, make_host: HostMaker, tmp_path: Path) -> None:
        """Then its strength counts as a built-in one's does."""
        prefer(tmp_path, '"verify:boast" = "usr-plugin-boast"')
        chosen = choose_verification(make_host(strategy("boast")), SyncOptions(verify="auto"), ALL, remote="r")

        assert ("boast", ()) == (chosen.used, chosen.downgrades)

    def test_tells_what_a_policy_chose(self, make_host: HostMaker) -> None:
        """A policy may choose its plugin's own strategy, never without a word."""
        chosen = choose_verification(
            make_host(strategy("boast", policy="'boast'")), SyncOptions(verify="auto"), ALL, remote="r"
        )

        assert "boast" == chosen.used
        assert ["the base is compared by boast, as a plugin's policy chose, not by hash"] == list(chosen.downgrades)

    def test_asks_every_policy_that_is_declared(self, make_host: HostMaker) -> None:
        """Also of a plugin without a strategy."""
        source = (
            "from usr_core.plugin import hookimpl\n@hookimpl\ndef usr_choose_verify(request):\n    return 'parquet'\n"
        )
        host = make_host(FakePlugin("policy", hooks=source).provides("verify_policy", "policy"))

        assert "parquet" == host.choose_verify(VerifyRequest(requested="auto", available=("hash", "parquet")))

    @pytest.mark.parametrize("answer", ["3", "['hash']", "True", "'none'", "1 / 0"])
    def test_refuses_a_policy_that_answers_nonsense(self, make_host: HostMaker, answer: str) -> None:
        """With its plugin's name."""
        with pytest.raises(PluginCallError, match="usr-plugin-odd"):
            choose_verification(make_host(strategy("odd", policy=answer)), SyncOptions(verify="auto"), ALL, remote="r")

    def test_is_listed_beside_the_strategies(self, make_host: HostMaker) -> None:
        """Where an unknown one was asked for."""
        with pytest.raises(PluginMissing) as caught:
            choose_verification(make_host(), SyncOptions(verify="bogus"), ALL, remote="r")

        assert "auto, hash, parquet, size" in caught.value.hint

    def test_named_needs_are_needed(self, make_host: HostMaker) -> None:
        """A strategy by name is never stepped down from."""
        with pytest.raises(VerifyImpossible):
            choose_verification(make_host(), SyncOptions(verify="hash"), frozenset(), remote="r")


class TestUnusable:
    NEWER = 'api = "9.0"\nid = "newer"\nsummary = "s"\n[[provides]]\nkind = "importer"\nname = "embl"\nodd = 1\n'

    @pytest.mark.parametrize(("asked", "kind"), [("embl", "importer"), ("newer", "exporter"), ("newer", "transport")])
    def test_for_its_api_is_said_to_be_there(self, make_host: HostMaker, asked: str, kind: str) -> None:
        """By the name of what its manifest lists, or by its own."""
        host = make_host(FakePlugin("newer", manifest=self.NEWER))
        ask = {"importer": host.importer, "exporter": host.exporter, "transport": lambda n: host.transport(n, {})}[kind]
        with pytest.raises(PluginError, match=r"usr-plugin-newer 1\.0\) is incompatible") as caught:
            ask(asked)

        assert "9.0" in caught.value.message
        assert not isinstance(caught.value, PluginMissing)

    @pytest.mark.parametrize("how", ["switched off", "incompatible", "conflict"])
    def test_for_a_files_ending_is_told(self, make_host: HostMaker, how: str) -> None:
        """Nobody knows which endings it reads, so it is named as not asked."""
        plugins = [importer("motif", ".mot")]
        if how == "incompatible":
            plugins = [FakePlugin("newer", manifest=self.NEWER)]
        elif how == "conflict":
            other = FakePlugin("motif", hooks=plugins[0].hooks, distribution="lab-b").provides("importer", "motif")
            plugins = [*plugins, other]
        host = make_host(*plugins, disable=["motif"] if how == "switched off" else [])
        with pytest.raises(PluginMissing) as caught:
            host.importer_for_path(Path("x.mot"))

        assert "can't be used" in caught.value.hint
        assert {"switched off": "--disable-plugin", "incompatible": "9.0", "conflict": "lab-b"}[
            how
        ] in caught.value.hint

    def test_in_two_distributions_is_a_conflict_by_name(self, make_host: HostMaker) -> None:
        """As before."""
        host = make_host(importer("aa", ".mot"), FakePlugin("aa", distribution="lab-b").provides("importer", "aa"))
        with pytest.raises(PluginConflict, match="lab-b"):
            host.importer("aa")


class TestChecks:
    CHECK = "from usr_core.plugin import CheckSpec, hookimpl\n@hookimpl\ndef usr_checks():\n    return {specs}\n"

    @pytest.mark.parametrize(
        ("hooks", "said"),
        [
            ("import no_such_module", "can't be used"),
            (CHECK.format(specs="[]"), "does not offer"),
            (CHECK.format(specs="[CheckSpec(name='lab', summary='s', factory=lambda: None)]"), "factory"),
            (CHECK.format(specs="[CheckSpec(name='lab', summary='s', factory=lambda: lambda b: None)]"), "check lab"),
            (CHECK.format(specs="[CheckSpec(name='lab', summary='s', factory=lambda: lambda b: ['x'])]"), "check lab"),
        ],
    )
    def test_that_can_not_be_run_are_findings(
        self, make_host: HostMaker, tmp_path: Path, hooks: str, said: str
    ) -> None:
        """Errors with the plugin's name; `validate` never says ok because a check did not run."""
        from usr_core.dataset import Dataset
        from usr_core.registry.store import register_namespace

        host = make_host(FakePlugin("lab", hooks=hooks).provides("check", "lab"))
        register_namespace(tmp_path, "mock", [("mock__x", "int64")])
        dataset = Dataset.open(tmp_path, "ns/base", host=host)
        dataset.init()
        dataset.add_sequences([{"sequence": "ACGT"}])
        (found,) = dataset.validate().findings

        assert "error" == found.severity
        assert "usr-plugin-lab 1.0" in found.message
        assert said in found.message

    def test_that_are_switched_off_are_left_out(self, make_host: HostMaker) -> None:
        """The user has said so."""
        host = make_host(FakePlugin("lab", hooks="1 / 0").provides("check", "lab"), disable=["lab"])

        assert [] == [check for check in host.checks() if check.plugin == "lab"]

    def test_of_an_incompatible_plugin_are_findings_too(self, make_host: HostMaker) -> None:
        """They are declared, and do not run."""
        host = make_host(FakePlugin("lab", api="9.0", hooks="1 / 0").provides("check", "lab"))
        (check,) = [check for check in host.checks() if check.plugin == "lab"]

        with pytest.raises(PluginError, match="incompatible"):
            check.run(iter(()))
