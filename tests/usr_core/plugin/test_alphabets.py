"""Alphabets of plugins: checked at the border, used by imports, sessions and merges, and missed by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.hosts import HostMaker
from support.plugins import FakePlugin
from usr_core import Dataset
from usr_core.api.registry import make_root
from usr_core.plugin.errors import PluginError, PluginMissing
from usr_core.plugin.host import PluginHost
from usr_core.store.rules.errors import AlphabetMismatch, LetterOutsideAlphabet, UnknownAlphabet
from usr_core.testing.fixed_plugins import FixedCatalogue

HOOKS = """
from usr_core.api import AlphabetSpec, hookimpl


@hookimpl
def usr_alphabets():
    return [AlphabetSpec(name={name!r}, summary="s", bio_type={bio_type!r}, letters={letters!r})]
"""


def lab(name: str = "dna_6", bio_type: str = "dna", letters: str = "ACGTMJ") -> FakePlugin:
    """Return a plugin with one alphabet."""
    return FakePlugin("lab", api="1.1", hooks=HOOKS.format(name=name, bio_type=bio_type, letters=letters)).provides(
        "alphabet", name
    )


def made(folder: Path, name: str, host: PluginHost) -> Dataset:
    """Return a new dataset."""
    if not (folder / "root").exists():
        make_root(folder / "root")
    return Dataset.open(folder / "root", name, host=host).init()


class TestBorder:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"letters": "ACGTé"}, "printable ASCII"),
            ({"letters": "ACGT "}, "without a blank"),
            ({"letters": ""}, "printable ASCII"),
            ({"letters": "AACGT"}, "given once"),
            ({"letters": "ACGTa"}, "in upper case"),
            ({"letters": 4}, "letters is an int"),
            ({"bio_type": "xna"}, "has to be one of dna, rna, protein"),
            ({"name": "dna_5"}, "none of USR's own"),
            ({"name": "dna-6"}, "name is 'dna-6'"),
            ({"name": "auto"}, "none of USR's own"),
        ],
    )
    def test_a_wrong_field_is_told_with_the_plugin(
        self, make_host: HostMaker, change: dict[str, str], told: str
    ) -> None:
        """Letters, type and name are looked at when the alphabet is offered."""
        host = make_host(lab(**change))

        with pytest.raises(PluginError) as caught:
            host.alphabet(change.get("name", "dna_6"))

        assert "lab" in caught.value.message
        assert told in str(caught.value.facts.get("cause", ""))

    def test_a_name_that_nobody_claims_is_none(self, make_host: HostMaker) -> None:
        """It is no error of a plugin."""
        assert make_host(lab()).alphabet("dna_7") is None


class TestUse:
    def test_letters_are_judged_in_either_case(self, make_host: HostMaker, tmp_path: Path) -> None:
        """Records have the alphabet, validate is content, and info names the plugin."""
        dataset = made(tmp_path, "d/one", make_host(lab()))
        dataset.add_sequences([{"sequence": "ACGTMj"}], alphabet="dna_6")

        assert dataset.validate(strict=True).ok
        assert {"dna_6": "lab"} == dataset.overview().alphabets

    def test_another_letter_is_told_with_the_letters_of_the_plugin(self, make_host: HostMaker, tmp_path: Path) -> None:
        """The error is the one of USR's own alphabets."""
        dataset = made(tmp_path, "d/one", make_host(lab()))

        with pytest.raises(LetterOutsideAlphabet, match=r"dna_6, which has ACGTMJ"):
            dataset.add_sequences([{"sequence": "ACGN"}], alphabet="dna_6")

    def test_the_hint_and_auto_take_it_where_none_of_usr_fits(self, make_host: HostMaker, tmp_path: Path) -> None:
        """A letter that USR has no alphabet of the bio_type for."""
        dataset = made(tmp_path, "d/one", make_host(lab()))
        with pytest.raises(LetterOutsideAlphabet) as caught:
            dataset.add_sequences([{"sequence": "ACGJ"}])
        done = dataset.add_sequences([{"sequence": "ACGJ"}], alphabet="auto")

        assert caught.value.hint.endswith("--alphabet dna_6")
        assert ("dna_6",) == done.alphabets

    def test_auto_prefers_one_of_usr(self, make_host: HostMaker, tmp_path: Path) -> None:
        """Where both fit, the data need no plugin."""
        done = made(tmp_path, "d/one", make_host(lab())).add_sequences([{"sequence": "ACGM"}], alphabet="auto")

        assert ("dna_15",) == done.alphabets

    def test_it_fits_its_bio_type_only(self, make_host: HostMaker, tmp_path: Path) -> None:
        """As USR's own."""
        dataset = made(tmp_path, "d/one", make_host(lab()))

        with pytest.raises(AlphabetMismatch):
            dataset.add_sequences([{"sequence": "ACGM"}], alphabet="dna_6", bio_type="protein")

    def test_an_unknown_name_is_told_with_all_that_there_are(self, make_host: HostMaker, tmp_path: Path) -> None:
        """The hint lists those of plugins too."""
        with pytest.raises(UnknownAlphabet) as caught:
            made(tmp_path, "d/one", make_host(lab())).add_sequences([{"sequence": "A"}], alphabet="dna_7")

        assert "dna_6" in caught.value.hint

    def test_a_session_and_a_merge_note_it(self, make_host: HostMaker, tmp_path: Path) -> None:
        """Wherever records come from, the base says whose alphabets they have."""
        host = make_host(lab())
        source, target = made(tmp_path, "d/one", host), made(tmp_path, "d/two", host)
        with source.writer(name="w", alphabet="dna_6") as session:
            session.add([{"sequence": "ACGJ"}])
        noted = source.overview().alphabets
        with target.maintenance("test"):
            target.merge(source)

        assert {"dna_6": "lab"} == noted == target.overview().alphabets
        assert target.validate(strict=True).ok


class TestMissing:
    @pytest.mark.parametrize(("off", "told"), [(True, "which can't be used"), (False, "which is not installed")])
    def test_validate_says_which_plugin(self, make_host: HostMaker, tmp_path: Path, off: bool, told: str) -> None:
        """Exit code 4, with the alphabet and its plugin; the rest of the dataset can be read."""
        host = make_host(lab())
        made(tmp_path, "d/one", host).add_sequences([{"sequence": "ACGJ"}], alphabet="dna_6")
        without = make_host(disable=["lab"]) if off else PluginHost(FixedCatalogue([]))
        dataset = Dataset.open(tmp_path / "root", "d/one", host=without)

        with pytest.raises(PluginMissing, match=r"dna_6.*'lab'") as caught:
            dataset.validate()

        assert (4, True) == (caught.value.exit_code, told in caught.value.message)
        assert ({"dna_6": "lab"}, 1) == (dataset.overview().alphabets, dataset.to_arrow().num_rows)
