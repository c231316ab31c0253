"""A manifest is read strictly, and what is wrong with one is said by the key's name."""

from __future__ import annotations

import pytest

from usr_core.plugin.errors import BadManifest, IncompatiblePlugin
from usr_core.plugin.manifest import CommandClaim, Manifest, ProviderClaim, parse_manifest

HEAD = 'api = "1.0"\nid = "demo"\nsummary = "A demo"\n'
COMMAND = '[[commands]]\nname = "count"\ntarget = "usr_demo.cli:app"\nsummary = "Count rows"\n'
PROVIDER = '[[provides]]\nkind = "importer"\nname = "fasta"\n'


def parse(text: str) -> Manifest:
    return parse_manifest(text, file="usr-plugin.toml")


class TestParseManifest:
    def test_reads_every_key(self) -> None:
        """The example of the contract comes out whole."""
        text = (
            HEAD
            + 'requires-tools = ["rsync", "ssh"]\n'
            + COMMAND
            + 'parent = "maintenance"\nenv-gate = "USR_X"\n'
            + PROVIDER
        )

        assert Manifest(
            api="1.0",
            id="demo",
            summary="A demo",
            requires_tools=("rsync", "ssh"),
            commands=(
                CommandClaim(
                    name="count",
                    target="usr_demo.cli:app",
                    summary="Count rows",
                    parent="maintenance",
                    env_gate="USR_X",
                ),
            ),
            provides=(ProviderClaim(kind="importer", name="fasta"),),
        ) == parse(text)

    @pytest.mark.parametrize("missing", ["api", "id", "summary"])
    def test_needs_its_three_first_keys(self, missing: str) -> None:
        """Each of api, id and summary has to be there."""
        text = "".join(line + "\n" for line in HEAD.splitlines() if not line.startswith(missing))

        with pytest.raises(BadManifest, match=f"'{missing}' is missing"):
            parse(text)

    @pytest.mark.parametrize(
        ("text", "key"),
        [
            (HEAD + "colour = 1\n", "colour"),
            (HEAD + COMMAND + 'aliases = ["c"]\n', "commands[1].aliases"),
            (HEAD + COMMAND + COMMAND.replace("count", "Count"), "commands[2].name"),
            (HEAD + COMMAND.replace("usr_demo.cli:app", "usr_demo.cli"), "commands[1].target"),
            (HEAD + COMMAND.replace("usr_demo.cli:app", "usr_demo..cli:app"), "commands[1].target"),
            (HEAD + COMMAND.replace("Count rows", "Count\\nrows"), "commands[1].summary"),
            (HEAD + COMMAND + 'parent = "attic"\n', "commands[1].parent"),
            (HEAD + COMMAND.replace('"count"', '"maintenance"'), "commands[1].name"),
            (HEAD + COMMAND + 'env-gate = "lower"\n', "commands[1].env-gate"),
            (HEAD + COMMAND + COMMAND, "commands"),
            (HEAD + PROVIDER + PROVIDER, "provides"),
            (HEAD + PROVIDER.replace("importer", "improter"), "provides[1].kind"),
            (HEAD + PROVIDER.replace("fasta", "../fasta"), "provides[1].name"),
            (HEAD.replace("demo", "Demo", 1), "id"),
            (HEAD.replace('"demo"', "7"), "id"),
            (HEAD.replace('"A demo"', '"  "'), "summary"),
            (HEAD.replace('"1.0"', "1.0"), "api"),
            (HEAD.replace("1.0", "1"), "api"),
            (HEAD + "requires-tools = 'ssh'\n", "requires-tools"),
            (HEAD + "commands = 'none'\n", "commands"),
        ],
    )
    def test_names_the_key_that_is_wrong(self, text: str, key: str) -> None:
        """An unknown key, a wrong type and a wrong form are all refused by name."""
        with pytest.raises(BadManifest) as caught:
            parse(text)

        assert key == caught.value.facts["key"]
        assert f"'{key}'" in caught.value.message

    def test_refuses_what_is_not_toml(self) -> None:
        """The parser's line and column are passed on."""
        with pytest.raises(BadManifest, match=r"not valid TOML \(line 2, column 6\)"):
            parse('api = "1.0"\nid = = 2\n')

    @pytest.mark.parametrize("api", ["2.0", "0.9", "99999.0"])
    def test_refuses_another_major(self, api: str) -> None:
        """The message holds both versions."""
        with pytest.raises(IncompatiblePlugin, match=rf"{api}.*1\.2"):
            parse(HEAD.replace("1.0", api))

    def test_looks_at_the_api_before_other_keys(self) -> None:
        """A manifest of another major is incompatible, not bad, whatever keys it has."""
        with pytest.raises(IncompatiblePlugin):
            parse('api = "2.7"\nnew-key = 1\n')


NEWER = HEAD.replace("1.0", "1.7")


class TestHigherMinor:
    @pytest.mark.parametrize(
        ("text", "what"),
        [
            (NEWER + "colour = 'red'\n", "the key 'colour'"),
            (NEWER + COMMAND + "group = 'x'\n", "the key 'commands[1].group'"),
            (NEWER + PROVIDER + "since = '1.7'\n", "the key 'provides[1].since'"),
            (NEWER + PROVIDER.replace("importer", "aligner"), "the aligner 'fasta'"),
            (NEWER + COMMAND + "parent = 'attic'\n", "the command 'attic count'"),
        ],
    )
    def test_what_is_not_known_is_left_out_with_a_note(self, text: str, what: str) -> None:
        """The note says what, and both versions."""
        manifest = parse(text)

        assert (f"made for plugin API 1.7, of which this USR has 1.2: {what} is left out",) == manifest.notes
        assert not [claim for claim in manifest.provides if claim.kind == "aligner"]
        assert not [claim for claim in manifest.commands if claim.parent == "attic"]

    def test_what_is_known_is_taken(self) -> None:
        """The same claims as of a manifest for this API, and no note."""
        newer, same = parse(NEWER + COMMAND + PROVIDER), parse(HEAD + COMMAND + PROVIDER)

        assert same._replace(api="1.7") == newer
        assert () == newer.notes

    @pytest.mark.parametrize(
        ("text", "key"),
        [(NEWER.replace("demo", "Demo", 1), "id"), (NEWER + PROVIDER + PROVIDER, "provides"), ('api = "1.7"\n', "id")],
    )
    def test_what_is_known_has_to_be_right(self, text: str, key: str) -> None:
        """A wrong form is refused as in any manifest."""
        with pytest.raises(BadManifest) as caught:
            parse(text)

        assert key == caught.value.facts["key"]
