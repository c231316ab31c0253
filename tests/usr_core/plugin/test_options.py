"""Options of providers, as they are declared, given and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.hosts import HostMaker
from support.plugins import FakePlugin
from usr_core.plugin.errors import OptionInvalid, PluginCallError
from usr_core.plugin.options import option_line, option_values
from usr_core.plugin.specs import ImportRequest, OptionSpec

SPECS = (
    OptionSpec(name="sheet", help="The sheet to read"),
    OptionSpec(name="width", type=int, default=60),
    OptionSpec(name="scale", type=float, default=1.0),
    OptionSpec(name="strict", type=bool, default=False),
    OptionSpec(name="case", default="keep", choices=("keep", "upper")),
)


class TestValues:
    def test_come_in_their_types_with_defaults(self) -> None:
        """A text of the command line is read; an option without a default is there only where it is given."""
        given = {"width": "0", "strict": "yes", "case": "upper"}

        assert {"width": 0, "scale": 1.0, "strict": True, "case": "upper"} == option_values("importer x", SPECS, given)
        assert {"sheet", "width", "scale", "strict", "case"} == set(option_values("importer x", SPECS, {"sheet": "2"}))

    @pytest.mark.parametrize(
        ("given", "message", "hint"),
        [
            ({"size": "7"}, "The function gc takes no parameter 'size'.", "Use one of: sheet, width, scale"),
            (
                {"width": "7nt"},
                "The parameter 'width' of the function gc can't be '7nt'.",
                "Give --param width=",
            ),
        ],
    )
    def test_of_a_function_are_its_parameters(self, given: dict[str, object], message: str, hint: str) -> None:
        """An error calls them so, and names --param, which gives them; --option is another option."""
        with pytest.raises(OptionInvalid) as caught:
            option_values("function gc", SPECS, given, noun="parameter")

        assert message == caught.value.message
        assert str(caught.value.hint).startswith(hint)
        assert next(iter(given)) == caught.value.facts["option"]

    @pytest.mark.parametrize("given", [{"width": 7}, {"scale": 2}, {"strict": True}])
    def test_of_python_are_taken_as_they_are(self, given: dict[str, object]) -> None:
        """A whole number is a number."""
        assert given.items() <= option_values("importer x", SPECS, given).items()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("width", "wide"),
            ("width", 1.5),
            ("width", True),
            ("scale", "nan"),
            ("strict", "maybe"),
            ("case", "lower"),
            ("sheet", 2),
        ],
    )
    def test_of_another_kind_are_refused(self, name: str, value: object) -> None:
        """With what may be given instead."""
        with pytest.raises(OptionInvalid) as caught:
            option_values("importer x", SPECS, {name: value})

        assert name == caught.value.facts["option"]
        assert f"--option {name}=" in caught.value.hint

    def test_unknown_ones_are_refused(self) -> None:
        """With those that there are."""
        with pytest.raises(OptionInvalid) as caught:
            option_values("importer x", SPECS, {"colour": "red"})

        assert "sheet, width, scale, strict, case" in caught.value.hint

    def test_a_line_says_all(self) -> None:
        """Name, values, default and help."""
        assert ["sheet=text: The sheet to read", "width=a whole number (60)", "case=keep|upper (keep)"] == [
            option_line(spec) for spec in (SPECS[0], SPECS[1], SPECS[4])
        ]


def importer(options: str, *, api: str = "open") -> FakePlugin:
    """An importer whose column says what it was told."""
    methods = {
        "open": "    def open(self, request):\n"
        "        return Opened(columns=['sequence'], batches=iter([batch(str(dict(request.options)))]))\n",
        "1.0": "    def columns(self, request): return ['sequence']\n"
        "    def read(self, request): return iter([batch(str(dict(request.options)))])\n",
    }
    source = (
        "import pyarrow as pa\nfrom usr_core.api import ImporterSpec, Opened, OptionSpec, hookimpl\n"
        "def batch(text): return pa.record_batch({'sequence': [text]})\n"
        f"class Reader:\n{methods[api]}"
        "@hookimpl\ndef usr_importers():\n"
        f"    return [ImporterSpec(name='lab', summary='s', factory=Reader, suffixes=('.lab',), options={options})]\n"
    )
    return FakePlugin("lab", hooks=source).provides("importer", "lab")


class TestImporters:
    @pytest.mark.parametrize("api", ["open", "1.0"])
    def test_are_told_checked_values(self, make_host: HostMaker, api: str) -> None:
        """By either plugin API's methods, also where nothing is given."""
        reader = make_host(importer("(OptionSpec(name='width', type=int, default=60),)", api=api)).importer("lab")

        def told(**options: object) -> object:
            opened = reader.open(ImportRequest(path=Path("x"), options=options))
            return next(opened.batches).column(0)[0].as_py()

        assert ("{'width': 60}", "{'width': 5}") == (told(), told(width="5"))
        with pytest.raises(OptionInvalid):
            told(height="5")

    @pytest.mark.parametrize(
        "options",
        [
            "'width'",
            "('width',)",
            "(OptionSpec(name='a b'),)",
            "(OptionSpec(name='a=b'),)",
            "(OptionSpec(name='a'), OptionSpec(name='a'))",
            "(OptionSpec(name='a', type=list),)",
            "(OptionSpec(name='a', type=int, default='1'),)",
            "(OptionSpec(name='a', default='x', choices=('y',)),)",
            "(OptionSpec(name='a', help=None),)",
        ],
    )
    def test_with_odd_options_are_refused_at_the_border(self, make_host: HostMaker, options: str) -> None:
        """As the plugin's fault."""
        with pytest.raises(PluginCallError):
            make_host(importer(options)).importer("lab")

    def test_a_file_that_is_given_up_is_closed(self, tmp_path: Path) -> None:
        """Whether its batches were asked for or not."""
        from usr_core.plugin.specs import Opened

        def steps():  # type: ignore[no-untyped-def]
            with (tmp_path / "x").open("w") as file:
                seen.append(file)
                yield ["sequence"]
                yield None

        seen: list[object] = []
        Opened.begun(steps()).close()
        opened = Opened.begun(steps())
        next(opened.batches)
        opened.close()

        assert [True, True] == [file.closed for file in seen]  # type: ignore[attr-defined]
