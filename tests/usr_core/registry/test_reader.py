"""registry.yaml as people and other tools write it."""

from __future__ import annotations

import pytest

from usr_core.registry import reader
from usr_core.registry.errors import RegistryInvalid
from usr_core.registry.reader import MAX_BYTES, MAX_DEPTH, parse_registry

GOOD = """\
namespaces:
  mock:
    columns:
    - name: mock__score
      type: float64
    - {type: "list<string>", name: mock__tags}
    owner: ünal
"""


def refused(text: str | bytes) -> RegistryInvalid:
    with pytest.raises(RegistryInvalid) as caught:
        parse_registry(text if isinstance(text, bytes) else text.encode(), "registry.yaml")
    return caught.value


class TestRead:
    def test_columns_keep_their_order_and_unset_texts_are_none(self):
        """A list of name and type, in either order of keys."""
        entry = parse_registry(GOOD.encode(), "x").namespace("mock")

        assert [("mock__score", "float64"), ("mock__tags", "list<string>")] == [
            (column.name, column.type.canonical()) for column in entry.columns
        ]
        assert ("ünal", None) == (entry.owner, entry.description)

    def test_a_mapping_of_columns_is_read_too(self):
        """Name: type, as people write by hand, gives the same registry, and so does a BOM with CRLF."""
        by_hand = "\ufeffnamespaces:\r\n  m:\r\n    columns: {m__a: int8, m__b: bool}\r\n"
        listed = "namespaces:\n  m:\n    columns: [{name: m__a, type: int8}, {name: m__b, type: bool}]\n"

        assert parse_registry(listed.encode(), "x") == parse_registry(by_hand.encode(), "x")

    def test_quoted_text_that_looks_like_something_else_is_text(self):
        """An owner of "007" in quotes is that text."""
        text = GOOD.replace("ünal", '"007"')

        assert "007" == parse_registry(text.encode(), "x").namespace("mock").owner

    def test_the_same_bytes_are_parsed_once(self):
        """Whatever file they come from; one byte more is another registry."""
        first = parse_registry(GOOD.encode(), "x")

        assert first is parse_registry(GOOD.encode(), "y")
        assert first is not parse_registry(f"{GOOD}\n".encode(), "x")

    def test_only_some_registries_are_kept(self):
        """Of many, or of large ones, a process does not keep all in memory."""
        for number in range(100):
            parse_registry(f"{GOOD}# {number}\n".encode(), "x")
        parse_registry(f"{GOOD}# {'x' * 100_000}\n".encode(), "x")

        assert len(reader._parsed) <= 16
        assert max(map(len, reader._parsed)) < 100_000


class TestRefused:
    @pytest.mark.parametrize(
        ("change", "line", "reason"),
        [
            (("mock__score\n", "mock__score: x\n"), 4, "it is not YAML"),
            (("float64", "float63"), 4, "no type 'float63'"),
            (("mock__tags", "mock__score"), 6, "repeated"),
            (("mock__tags", "other__tags"), 6, "does not begin with"),
            (("owner: ünal", "owner: 007"), 7, "put it in quotes"),
            (("owner: ünal", "owner: 2026-01-01"), 7, "put it in quotes"),
            (("owner: ünal", "owner: [a]"), 7, "has to be text"),
            (("owner", "colour"), 7, "unknown key 'colour'"),
            (("owner: ünal", "owner: a\n    owner: b"), 8, "repeated (first in line 7)"),
            (("  mock:", "  usr:"), 2, "reserved"),
            (("  mock:", "  Mock:"), 2, "not a namespace's name"),
            (("  mock:", "  a__b:"), 2, "not a namespace's name"),
            (("  mock:", "  yes:"), 2, "put it in quotes"),
            (("namespaces:", "spaces:"), 1, "unknown key"),
            (("ünal", "&a x"), 7, "anchors"),
            (("ünal", "*a"), 7, "aliases"),
            (("ünal", "!!str x"), 7, "tag"),
            (("ünal", "x\n---\na: b"), 8, "second document"),
            (("type: float64", "kind: float64"), 5, "unknown key 'kind'"),
            (("      type: float64\n", ""), 4, "has no type"),
            (("ünal", "x\n    ? [a]\n    : b"), 8, "a key has to be text"),
            (("ünal", "'x"), 8, "it is not YAML"),
        ],
    )
    def test_a_fault_is_named_with_its_line(self, change, line, reason):
        """One change of a good file gives one error at its line."""
        error = refused(GOOD.replace(*change))

        assert reason in error.message
        assert line == error.line

    @pytest.mark.parametrize(
        "text",
        ["", "# only a comment\n", "null\n", "[]\n", "namespaces:\n", "namespaces: {m: {columns: []}}\n", "x: [\n"],
    )
    def test_a_file_without_a_registry_is_refused(self, text):
        """Empty, of another shape, or cut."""
        assert refused(text).label == "registry.yaml"

    def test_bytes_that_are_not_utf8_are_refused_with_their_line(self):
        """latin-1 is not taken for UTF-8."""
        assert 7 == refused(GOOD.encode("latin-1")).line

    def test_control_characters_are_refused(self):
        """What YAML can't hold is a typed error."""
        assert refused("namespaces: \x00\n").code == "USR-REGISTRY-007"

    def test_an_anchor_bomb_is_refused_before_it_grows(self):
        """Ten lines that would become 10^9 items end at the first anchor."""
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

        assert "anchors" in refused("\n".join(lines)).reason

    def test_depth_and_size_are_bounded(self):
        """Brackets beyond the limit, half a million of them and a file of more than 1 MiB are refused."""
        assert "deeper" in refused("namespaces: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)).reason
        assert "nests" in refused("namespaces: " + "[" * 500_000).reason
        assert "bytes" in refused(b"#" * (MAX_BYTES + 1)).reason
