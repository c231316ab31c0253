"""The registry's hashes."""

from __future__ import annotations

import hashlib

import pytest
import yaml

from usr_core.registry.document import namespace_of
from usr_core.registry.errors import ColumnNotRegistered, NamespaceNotRegistered
from usr_core.registry.reader import parse_registry

TEXT = """\
namespaces:
  b: {columns: [{name: b__y, type: 'timestamp[us,UTC]'}, {name: b__x, type: int8}], owner: ä}
  a: {columns: [{name: a__z, type: bool}], description: 'on: off'}
"""


def registry(text: str = TEXT):
    return parse_registry(text.encode(), "x")


class TestHash:
    def test_it_is_the_sha256_of_pyyamls_canonical_dump(self):
        """The bytes are safe_dump's of the documented mapping, with canonical types and nulls."""
        document = {
            "namespaces": {
                "a": {"columns": [{"name": "a__z", "type": "bool"}], "description": "on: off", "owner": None},
                "b": {
                    "columns": [{"name": "b__y", "type": "timestamp[us, UTC]"}, {"name": "b__x", "type": "int8"}],
                    "description": None,
                    "owner": "ä",
                },
            }
        }
        wanted = yaml.safe_dump(document, sort_keys=True, default_flow_style=False).encode()

        assert wanted == registry().canonical_bytes()
        assert hashlib.sha256(wanted).hexdigest() == registry().hash

    def test_the_canonical_bytes_are_a_registry_of_the_same_hash(self):
        """A frozen registry reads back as itself."""
        assert registry() == parse_registry(registry().canonical_bytes(), "frozen")

    def test_the_order_of_columns_counts(self):
        """Columns in another order are another registry."""
        other = TEXT.replace(
            "{name: b__y, type: 'timestamp[us,UTC]'}, {name: b__x, type: int8}",
            "{name: b__x, type: int8}, {name: b__y, type: 'timestamp[us, UTC]'}",
        )

        assert registry(other).hash != registry().hash


class TestContractHash:
    def test_its_bytes_are_a_line_for_the_namespace_and_each_column(self):
        """The contract is the id and the name/type pairs in order."""
        wanted = hashlib.sha256(b"b\nb__y:timestamp[us, UTC]\nb__x:int8\n").hexdigest()

        assert wanted == registry().contract_hash("b")

    def test_owner_description_and_other_namespaces_do_not_change_it(self):
        """Only its own columns do."""
        other = registry(TEXT.replace("ä", "someone").replace("a__z", "a__q"))

        assert registry().contract_hash("b") == other.contract_hash("b")
        assert registry().contract_hash("a") != other.contract_hash("a")


class TestLookUp:
    def test_a_column_is_found_with_and_without_its_prefix(self):
        """Both names give the same column."""
        entry = registry().namespace("b")

        assert entry.column("x") == entry.column("b__x")
        assert "int8" == registry().column_type("b__x").canonical()

    def test_what_is_not_registered_is_a_typed_error(self):
        """Unknown namespaces and columns, and names without one."""
        for column, error in [
            ("c__x", NamespaceNotRegistered),
            ("x", NamespaceNotRegistered),
            ("b__q", ColumnNotRegistered),
        ]:
            with pytest.raises(error):
                registry().column_type(column)

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            (
                "plat",
                "Did you mean plate? Look at `usr namespace list`, or register it: `usr namespace register plat --",
            ),
            ("no good", "Look at `usr namespace list`, or register it: `usr namespace register NS --from-file FILE`"),
        ],
    )
    def test_the_hint_about_a_namespace_can_be_pasted(self, name: str, hint: str):
        """Its command has the name that was asked for, where a namespace can have it."""
        assert str(NamespaceNotRegistered(name=name, known=["fasta", "plate"]).hint).startswith(hint)

    def test_the_hint_about_a_namespace_names_that_of_a_plugin(self):
        """A plugin's namespace is registered without listing its columns."""
        hint = str(NamespaceNotRegistered(name="features", known=[]).hint)

        assert "`usr namespace register --from-plugin features`" in hint

    @pytest.mark.parametrize(
        ("column", "command"),
        [
            ("lab__sites", "`usr namespace register lab --add lab__sites:TYPE`"),
            ("tm", "`usr namespace register lab --add tm:TYPE`"),
            ("not one", "`usr namespace register lab --add NAME:TYPE`"),
        ],
    )
    def test_the_hint_about_a_column_can_be_pasted(self, column: str, command: str):
        """Its command adds the column that was asked for, and keeps those that are there."""
        assert command in str(ColumnNotRegistered(column=column, namespace="lab", known=["lab__gc"]).hint)

    @pytest.mark.parametrize(
        ("column", "namespace"),
        [
            ("a__b", "a"),
            ("a__b__c", "a"),
            ("a_b__c", "a_b"),
            ("a___b", "a_"),
            ("id", None),
            ("a__", None),
            ("A__b", None),
        ],
    )
    def test_a_columns_namespace_is_what_stands_before_its_field(self, column, namespace):
        """The first ``__`` that leaves a well-formed namespace and field divides them."""
        assert namespace == namespace_of(column)
