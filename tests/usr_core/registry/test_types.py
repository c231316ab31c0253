"""The type grammar, its canonical text, and Arrow."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.column_types import column_types
from usr_core.registry.document import check_column
from usr_core.registry.errors import ColumnSpecError, TypeSyntaxError, UnsupportedType
from usr_core.registry.type_parser import parse_type, split_columns
from usr_core.registry.types import MAX_DEPTH, from_arrow, keeps_type, same_type

ANY_TYPE = column_types()


class TestRoundTrip:
    @settings(max_examples=200, deadline=None)
    @given(ANY_TYPE)
    def test_canonical_text_parses_to_the_same_type(self, kind):
        """Text to tree to text is the identity, and so is tree to Arrow to tree."""
        assert kind == parse_type(kind.canonical())
        assert kind.canonical() == parse_type(kind.canonical()).canonical()
        assert kind == from_arrow(kind.to_arrow())

    @settings(max_examples=100, deadline=None)
    @given(ANY_TYPE, st.data())
    def test_white_space_between_words_and_signs_is_free(self, kind, data):
        """Blanks around every sign change nothing."""
        blanks = st.sampled_from(["", " ", "\t\n"])

        text = "".join(f"{data.draw(blanks)}{sign} " if sign in "<>[]," else sign for sign in kind.canonical())

        assert kind == parse_type(text)

    @settings(max_examples=300, deadline=None)
    @given(st.text(alphabet="<>[], :ablistruc_fexd032UTC+", max_size=30))
    def test_any_text_is_a_type_or_a_typed_error(self, text):
        """The parser ends for every text, and what it accepts is canonical after one pass."""
        try:
            kind = parse_type(text)
        except TypeSyntaxError as error:
            assert 0 <= error.position <= len(text)
        else:
            assert kind == parse_type(kind.canonical())


class TestText:
    @pytest.mark.parametrize(
        ("text", "canonical", "arrow"),
        [
            (" list < float64 > ", "list<float64>", pa.list_(pa.float64())),
            ("timestamp[us,UTC]", "timestamp[us, UTC]", pa.timestamp("us", "UTC")),
            ("timestamp[ns, +02:00]", "timestamp[ns, +02:00]", pa.timestamp("ns", "+02:00")),
            ("timestamp[s, America/Argentina/Ushuaia]", None, pa.timestamp("s", "America/Argentina/Ushuaia")),
            ("fixed_size_list<float32>[ 0512 ]", "fixed_size_list<float32>[512]", pa.list_(pa.float32(), 512)),
            ("struct<a: int64, b : list<bool>>", "struct<a:int64,b:list<bool>>", None),
            ("date32", "date32", pa.date32()),
            ("float16", "float16", pa.float16()),
        ],
    )
    def test_a_text_has_one_canonical_form(self, text, canonical, arrow):
        """Blanks go, but for the one before a time zone."""
        kind = parse_type(text)

        assert (canonical or text) == kind.canonical()
        assert arrow is None or arrow == kind.to_arrow()

    @pytest.mark.parametrize(
        ("text", "position"),
        [
            ("", 0),
            ("list<", 5),
            ("list<float64", 12),
            ("list<>", 5),
            ("struct<>", 7),
            ("struct<a>", 8),
            ("struct<a:int64,a:bool>", 15),
            ("struct<1a:int64>", 7),
            ("struct<a:int64,>", 15),
            ("fixed_size_list<float32>", 24),
            ("fixed_size_list<float32>[0]", 25),
            ("fixed_size_list<float32>[-1]", 25),
            ("fixed_size_list<float32>[2147483648]", 25),
            (f"fixed_size_list<float32>[{'9' * 10_000}]", 25),
            ("float63", 0),
            ("List<int64>", 0),
            ("int64 x", 6),
            ("timestamp", 9),
            ("timestamp[m]", 10),
            ("timestamp[us, Europe/Atlantis]", 14),
            ("timestamp[us, ../../etc/passwd]", 14),
            ("timestamp[us, +25:00]", 14),
            ("timestamp[us, localtime]", 14),
            ("large_string", 0),
            ("int64\u00a0", 5),
        ],
    )
    def test_a_malformed_type_is_refused_where_it_goes_wrong(self, text, position):
        """The error knows the letter."""
        with pytest.raises(TypeSyntaxError) as caught:
            parse_type(text)

        assert position == caught.value.position

    def test_nesting_is_bounded(self):
        """The deepest allowed type parses; one level more, or a hundred thousand, is refused."""
        deepest = "list<" * (MAX_DEPTH - 1) + "int8" + ">" * (MAX_DEPTH - 1)

        assert deepest == parse_type(deepest).canonical()
        for depth in (MAX_DEPTH, 100_000):
            with pytest.raises(TypeSyntaxError, match="deep"):
                parse_type("list<" * depth + "int8" + ">" * depth)


class TestArrow:
    def test_any_name_of_a_list_child_is_read(self):
        """Lists whose child is named otherwise, or not null, are the same type of the registry."""
        assert "list<float32>" == from_arrow(pa.list_(pa.field("element", pa.float32(), nullable=False))).canonical()

    @pytest.mark.parametrize(
        "arrow",
        [
            pa.large_string(),
            pa.string_view(),
            pa.decimal128(10, 2),
            pa.dictionary(pa.int8(), pa.string()),
            pa.struct([]),
            pa.struct([("a", pa.int8()), ("a", pa.int8())]),
            pa.struct([("a b", pa.int8())]),
            pa.list_(pa.large_list(pa.int8())),
            pa.list_(pa.int8(), 0),
            pa.timestamp("us", "Europe/Atlantis"),
            pa.null(),
            pa.duration("s"),
            pa.map_(pa.string(), pa.int8()),
        ],
        ids=str,
    )
    def test_other_arrow_types_are_refused(self, arrow):
        """What the registry can't write down is a typed error."""
        with pytest.raises(UnsupportedType):
            from_arrow(arrow)

    def test_types_are_compared_without_names_and_nullability_of_list_children(self):
        """Equal up to what Parquet writers do to list children; lengths, units, names and zones count."""
        child = pa.field("element", pa.float32(), nullable=False)

        assert same_type(pa.list_(child), pa.list_(pa.float32()))
        assert same_type(pa.struct([("v", pa.list_(child, 3))]), pa.struct([("v", pa.list_(pa.float32(), 3))]))
        assert not same_type(pa.list_(pa.float32(), 3), pa.list_(pa.float32(), 2))
        assert not same_type(pa.list_(pa.float32(), 3), pa.list_(pa.float32()))
        assert not same_type(pa.struct([("a", pa.int8())]), pa.struct([("b", pa.int8())]))
        assert not same_type(pa.struct([("a", pa.int8())]), pa.struct([("a", pa.int8()), ("b", pa.int8())]))
        assert not same_type(pa.timestamp("us", "UTC"), pa.timestamp("us"))


class TestSplitColumns:
    def test_commas_inside_brackets_do_not_split(self):
        """Structs and zoned timestamps stay whole."""
        spec = "a__s:struct<x:int64, y:list<string>>, a__t : timestamp[us, UTC],a__f:fixed_size_list<float32>[4]"

        assert [
            ("a__s", "struct<x:int64, y:list<string>>"),
            ("a__t", "timestamp[us, UTC]"),
            ("a__f", "fixed_size_list<float32>[4]"),
        ] == split_columns(spec)

    @pytest.mark.parametrize("spec", ["", "  ", "a__x", "a__x:", ":int64", "a__x:int64,", "a__x:int64,,a__y:bool"])
    def test_an_incomplete_list_is_refused(self, spec):
        """Every piece has a name, a colon and a type."""
        with pytest.raises(ColumnSpecError):
            split_columns(spec)


class TestWhatParquetKeeps:
    @pytest.mark.parametrize(
        ("stored", "registered"),
        [
            ("timestamp[ms]", "timestamp[s]"),
            ("timestamp[ms, UTC]", "timestamp[s, UTC]"),
            ("list<timestamp[ms]>", "list<timestamp[s]>"),
            ("struct<a:fixed_size_list<timestamp[ms]>[2]>", "struct<a:fixed_size_list<timestamp[s]>[2]>"),
            ("timestamp[us]", "timestamp[us]"),
        ],
    )
    def test_seconds_are_kept_in_milliseconds(self, stored: str, registered: str) -> None:
        """Parquet has no seconds; milliseconds hold them without loss, at any depth."""
        assert keeps_type(parse_type(stored).to_arrow(), parse_type(registered).to_arrow())

    @pytest.mark.parametrize(("stored", "registered"), [("timestamp[us]", "timestamp[s]"), ("int32", "int64")])
    def test_nothing_else_is_taken_for_another(self, stored: str, registered: str) -> None:
        """Any other difference is one."""
        assert not keeps_type(parse_type(stored).to_arrow(), parse_type(registered).to_arrow())


@pytest.mark.parametrize(
    ("text", "meant"),
    [("int", "int64"), ("list<Text>", "string"), ("date", "date32"), ("flaot64", "float64"), ("Int32", "int32")],
)
def test_a_type_of_another_language_has_its_counterpart_named(text: str, meant: str) -> None:
    """A word of Python, SQL or pandas, and a misspelled one, are answered with the registry's word."""
    with pytest.raises(TypeSyntaxError) as caught:
        parse_type(text)

    assert (caught.value.hint or "").startswith(f"Did you mean {meant}")


@pytest.mark.parametrize(
    ("spec", "wanted"), [("gfp:float64", "lab__gfp:float64"), ("old__gfp:float64", "lab__gfp:float64")]
)
def test_a_column_without_its_namespace_is_spelled_with_it(spec: str, wanted: str) -> None:
    """The hint has the column as it has to be written."""
    [(name, _)] = split_columns(spec)
    with pytest.raises(ColumnSpecError) as caught:
        check_column(name, "lab")

    assert f"Write lab__gfp:TYPE, as in {wanted}." == caught.value.hint


def test_a_column_without_its_type_is_spelled_with_one() -> None:
    """What stands behind the colon may be any type; two are shown."""
    with pytest.raises(ColumnSpecError) as caught:
        split_columns("lab__gfp")

    assert "Write lab__gfp:TYPE, as in lab__gfp:float64 or lab__gfp:string." == caught.value.hint
