"""The contract of an alphabet: subclass `AlphabetContract`, name the plugin, and give sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from usr_core.plugin.offers import check_spec
from usr_core.plugin.specs import AlphabetSpec
from usr_core.records.alphabets import ALPHABETS
from usr_core.testing.contract import Contract

if TYPE_CHECKING:
    from usr_core.dataset import Dataset

__all__ = ["AlphabetContract"]


class AlphabetContract(Contract):
    """Datasets take what the alphabet allows, refuse what it does not, and say whose alphabet it is.

    A subclass whose name begins with ``Test`` overrides `plugin`, `alphabet`, `allowed` and `refused`.

    Attributes:
        plugin: The plugin's id and the module of its hooks, such as ``("lab", "usr_plugin_lab.plugin")``.
        alphabet: The alphabet's name.
        allowed: Sequences that it has the letters of; together with all of its letters.
        refused: Sequences with a letter that it does not have.
    """

    plugin: ClassVar[tuple[str, str]]
    alphabet: ClassVar[str]
    allowed: ClassVar[Sequence[str]] = ()
    refused: ClassVar[Sequence[str]] = ()

    @pytest.fixture
    def host(self, usr_host: Callable[..., Any]) -> Any:
        """Return a host that sees the plugin and nothing else."""
        return usr_host(**dict([self.plugin]))

    @pytest.fixture
    def dataset(self, host: Any, dataset_factory: Callable[..., Dataset]) -> Dataset:
        """Return an empty dataset of that host."""
        return dataset_factory(host=host)

    def test_the_spec_is_one_that_the_host_takes(self, host: Any) -> None:
        """Its name, its bio type, and its letters, each once and in upper case."""
        found = host.alphabet(self.alphabet)
        spec = AlphabetSpec(name=found.name, summary="", bio_type=found.bio_type, letters=found.letters)
        check_spec("alphabet", spec)

        assert self.plugin[0] == found.plugin
        assert set(found.letters) not in [
            set(own.letters) for own in ALPHABETS.values() if own.bio_type == found.bio_type
        ]

    def test_its_letters_are_taken_in_either_case(self, host: Any, dataset: Dataset) -> None:
        """All of them, and every sequence of `allowed`."""
        letters = host.alphabet(self.alphabet).letters
        sequences = dict.fromkeys([*self.allowed, letters, letters.lower()])
        self._add(dataset, host, list(sequences))

        assert dataset.validate().ok
        assert [*sequences] == dataset.to_arrow(columns=["sequence"]).column(0).to_pylist()

    def test_other_letters_are_refused(self, host: Any, dataset: Dataset) -> None:
        """With the letter and its row, and nothing is added."""
        from usr_core.store.rules.errors import LetterOutsideAlphabet

        assert self.refused, "the contract needs `refused`"
        for sequence in self.refused:
            with pytest.raises(LetterOutsideAlphabet) as caught:
                self._add(dataset, host, [*self.allowed, sequence])

            assert len(self.allowed) + 1 == caught.value.facts["row"]
        assert 0 == dataset.overview().rows

    def test_a_dataset_says_whose_it_is(self, host: Any, dataset: Dataset) -> None:
        """So that whoever lacks the plugin knows what to install."""
        self._add(dataset, host, [host.alphabet(self.alphabet).letters])

        assert {self.alphabet: self.plugin[0]} == dataset.overview().alphabets

    def test_without_the_plugin_validate_names_it(
        self, host: Any, dataset: Dataset, usr_host: Callable[..., Any]
    ) -> None:
        """It does not say that letters are good which nobody knows; all else can be read."""
        from usr_core.plugin.errors import PluginMissing

        self._add(dataset, host, [host.alphabet(self.alphabet).letters])
        without = type(dataset).open(dataset.ref.root, dataset.name, host=usr_host())

        assert 1 == without.to_arrow().num_rows
        with pytest.raises(PluginMissing, match=self.plugin[0]):
            without.validate()

    def _add(self, dataset: Dataset, host: Any, sequences: Sequence[str]) -> None:
        dataset.add_sequences(
            [{"sequence": sequence} for sequence in sequences],
            bio_type=host.alphabet(self.alphabet).bio_type,
            alphabet=self.alphabet,
        )
