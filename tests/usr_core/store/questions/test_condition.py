"""Conditions written as SQL: what they keep, and what is refused before anything is read."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from support.reading import make_dataset
from usr_core.store.questions.condition import SqlCondition
from usr_core.store.questions.errors import ConditionInvalid

KNOWN = pa.schema(
    [
        ("id", pa.string()),
        ("sequence", pa.string()),
        ("n", pa.int64()),
        ("x", pa.float64()),
        ("half", pa.float16()),
        ("items", pa.list_(pa.int32())),
        ("site", pa.struct([("start", pa.int32()), ("name", pa.string())])),
        ("made", pa.timestamp("us", "UTC")),
        ("flag", pa.bool_()),
        ("Größe", pa.int32()),
        ("N2", pa.int32()),
        ("n2", pa.int32()),
    ]
)
BATCH = pa.RecordBatch.from_pylist(
    [
        {
            "id": "a", "sequence": "GAATTCAA", "n": 1, "x": 0.5, "half": 0.5, "items": [1, 2], "flag": True, "n2": 7,
            "site": {"start": 3, "name": "box"}, "made": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "Größe": 5,
        },
        {
            "id": "b", "sequence": "gaattcTT", "n": 2, "x": float("nan"), "half": 2.0, "items": [], "flag": False,
            "n2": 8, "site": None, "made": datetime.datetime(2025, 12, 31, tzinfo=datetime.UTC), "Größe": 6,
        },
        {"id": "c", "sequence": "TTT"},
    ],
    schema=KNOWN,
)  # fmt: skip

KEPT = {
    "x > 0.1 and sequence like '%GAATTC%'": "a",
    "sequence ilike '%gaattc%'": "ab",
    "sequence not ilike '%gaattc%'": "c",
    "sequence ~ '^G'": "a",
    "regexp_matches(sequence, '^[Gg]A')": "a",
    "length(sequence) between 4 and 8": "ab",
    "id in ('a', 'c')": "ac",
    "id not in ('a', 'c')": "b",
    "n is null": "c",
    "not (n = 1)": "b",
    "n is distinct from 1": "bc",
    "coalesce(n, 0) = 0": "c",
    "n % 2 = 0 or n // 1 = 1": "ab",
    "isnan(x)": "b",
    "half = 2": "b",
    "items[1] = 1": "a",
    "list_contains(items, 2)": "a",
    "2 in items": "a",
    "len(items) = 0": "b",
    "site.start = 3": "a",
    "struct_extract(site, 'name') = 'box'": "a",
    "made >= '2026-01-01'": "a",
    "made >= timestamp '2025-12-30' + interval 2 days": "a",
    "extract(year from made) = 2025": "b",
    "flag": "a",
    "case when n = 2 then true else false end": "b",
    "Größe > 5": "b",
    '"Größe" = 5': "a",
    "try_cast(sequence as integer) is null": "abc",
    "lower(upper(id)) = 'b'": "b",
    "n2 = 8": "b",
    "true": "abc",
    "null": "",
}

HOSTILE = [
    "n in (select 1)",
    "exists (select * from information_schema.tables)",
    "n = (select count(*) from 'other.parquet')",
    "n = any([1, 2])",
    "n = 1; drop table records",
    "n = 1;",
    "n = 1) or (n = 2",
    "n = 1] or [n = 2",
    "n = 1) union select (1",
    "n = 1] union all select 1 where [true",
    "n = 1] order by [1",
    "n = 1] group by [n",
    "n = 1 -- and more",
    "n = 1 /* more */",
    "from records",
    "from 'other.csv' select true",
    "select true",
    "read_csv('/etc/passwd') is not null",
    "length(read_text('/etc/passwd')) > 0",
    "read_blob('x') is null",
    "len(glob('*')) > 0",
    "copy records to 'out.csv'",
    "attach 'other.db'",
    "pragma database_list",
    "set threads = 1",
    "install httpfs",
    "load 'x.so'",
    "getenv('HOME') like '%'",
    "current_setting('threads') = '1'",
    "getvariable('x') = 1",
    "pg_typeof(n) = 'bigint'",
    "pg_catalog.pg_table_size(1) > 0",
    "current_user = 'duckdb'",
    "version() is not null",
    "query('select 1') is null",
    "query_table('records') is null",
    "nextval('s') > 0",
    "error('stop')",
    "repeat('x', 1000000000) = ''",
    "len(range(1000000000)) > 0",
    "random() < 0.5",
    "uuid() = id",
    "write_log('x') is null",
    "system.main.lower(id) = 'a'",
    "main.lower(id) = 'a'",
    "id.lower() = 'a'",
    "list_filter(items, lambda i: i > 1) = items",
    "list_apply(items, i -> i) = items",
    "[i for i in items] = items",
    "count(*) > 1",
    "sum(n) > 1",
    "lower(id order by n) = 'a'",
    "lower(id) filter (where true) = 'a'",
    "row_number() over () = 1",
    "unnest(items) = 1",
    "* is null",
    "columns('n') = 1",
    "records.* is null",
    "#1 = 'a'",
    "? = 1",
    "$x = 1",
    "n = default",
    "id::records is null",
    "id::json is null",
    "cast(id as main.kind) is null",
    "cast(id as struct(a integer)) is null",
    "n::regclass is null",
    "id collate nocase = 'A'",
    "rowid = 1",
    "records.id = 'a'",
    "information_schema.tables = 'a'",
    "struct_pack(a := 1).a = 1",
    "\uff4c\uff45\uff4e\uff47\uff54\uff48(id) = 1",
    "\uff49\uff44 = 'a'",
    "n = 1\uff1b n = 2",
    "\u0456d = 'a'",
    "id = \u2018a\u2019",
    "n\x00 = 1",
    "n = \ud800",
    "n2 = N2",
    "(" * 5000 + "true" + ")" * 5000,
    "not " * 5000 + "true",
    "n = 1 as m",
    "",
    "   ",
    "n =",
    "(n = 1",
    "id = 'a",
    "n",
    "n + 1",
    "n, x",
    "n = 'many'",
    "sequence ~ '('",
    "site.end = 1",
    "nn = 1",
]


class TestRows:
    @pytest.mark.parametrize("text", KEPT)
    def test_the_rows_that_meet_it_are_kept(self, text: str) -> None:
        """Null is not true."""
        condition = SqlCondition(text, KNOWN)

        mask = condition.mask(BATCH)

        assert KEPT[text] == "".join(BATCH.column("id").filter(mask).to_pylist())

    def test_it_says_which_columns_it_looks_at(self) -> None:
        """Each once, in the order of the text; a struct's field is not a column."""
        assert ("site", "n") == SqlCondition("site.start > n and n in (n, 2)", KNOWN).columns

    def test_a_value_that_can_not_be_converted_is_an_error(self) -> None:
        """It says so in DuckDB's words."""
        with pytest.raises(ConditionInvalid, match=r"Could not convert string 'GAATTCAA'"):
            SqlCondition("cast(sequence as integer) > 1", KNOWN).mask(BATCH)


class TestHostileConditions:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_it_is_refused_before_anything_is_read(self, text: str) -> None:
        """There is no batch yet; the error ends the command with exit code 2."""
        with pytest.raises(ConditionInvalid) as caught:
            SqlCondition(text, KNOWN)

        assert 2 == caught.value.exit_code

    @pytest.mark.parametrize(
        ("text", "letter"), [("nn = 1", 1), ("'éé' = id and getenv('HOME') = 'x'", 15), ("n = 1 n", 7), ("(n = 1", 7)]
    )
    def test_the_error_names_the_place(self, text: str, letter: int) -> None:
        """Letters are counted from 1, not bytes."""
        with pytest.raises(ConditionInvalid, match=rf"\(at letter {letter}\)") as caught:
            SqlCondition(text, KNOWN)

        assert letter == caught.value.facts["letter"]

    @pytest.mark.parametrize("text", ["id = pJ03", 'id = "pJ03"'])
    def test_a_text_without_its_quotes_is_told_of_them(self, text: str) -> None:
        """Both ways of writing it name a column in SQL; those that there are follow."""
        with pytest.raises(ConditionInvalid) as caught:
            SqlCondition(text, KNOWN)

        assert (caught.value.hint or "").startswith("A text stands in single quotes: 'pJ03'. The columns are id, ")

    def test_a_registered_column_without_values_is_told_of(self) -> None:
        """A column that nothing was attached to is not in the view yet."""
        with pytest.raises(ConditionInvalid) as caught:
            SqlCondition("zz__qqqqq > 1", KNOWN)

        assert "`usr attach` adds values." in (caught.value.hint or "")

    def test_an_unknown_column_names_near_ones(self) -> None:
        """A name that is typed wrong is not a column of nulls."""
        with pytest.raises(ConditionInvalid, match="no column 'sequnce'") as caught:
            SqlCondition("sequnce = 'A'", KNOWN)

        assert "Did you mean sequence?" == caught.value.hint


class TestDatasets:
    def test_python_takes_it_beside_the_list(self, tmp_path: Path) -> None:
        """The column that only the condition names is not returned."""
        dataset, ids = make_dataset(tmp_path, 6, columns={"mock__n": pa.array([0, 1, 2, 3, None, 5])})

        table = dataset.to_arrow(columns=["id"], where="mock__n >= 2 and mock__n != 3")

        assert {"id": [ids[2], ids[5]]} == table.to_pydict()

    def test_the_head_is_of_the_records_that_meet_it(self, tmp_path: Path) -> None:
        """In the base's order, deleted ones left out."""
        dataset, ids = make_dataset(tmp_path, 6, columns={"mock__n": pa.array(range(6))}, deleted=[3])

        assert [ids[2], ids[4]] == dataset.head_arrow(2, where="mock__n > 1")["id"].to_pylist()

    def test_an_export_holds_the_records_that_meet_it(self, tmp_path: Path) -> None:
        """A condition that can't be used writes no file."""
        dataset, ids = make_dataset(tmp_path, 6, columns={"mock__n": pa.array(range(6))})

        done = dataset.export(tmp_path / "out.csv", columns=["id"], where="mock__n > 3")
        with pytest.raises(ConditionInvalid):
            dataset.export(tmp_path / "other.csv", where="1 / (mock__n // mock__n) > 0 and sequence::integer > 1")

        assert (2, ["id", *ids[4:]]) == (done.rows, (tmp_path / "out.csv").read_text().split())
        assert not (tmp_path / "other.csv").exists()

    def test_a_search_looks_only_at_the_records_that_meet_it(self, tmp_path: Path) -> None:
        """In a base column and in an attached one."""
        tags = pa.array([f"t{n}" for n in range(6)])
        dataset, ids = make_dataset(tmp_path, 6, columns={"mock__n": pa.array(range(6)), "mock__tag": tags})

        assert ids[4:] == dataset.grep("[ACGT]", where="mock__n > 3")["id"].to_pylist()
        assert ids[2:3] == dataset.grep("^t", column="mock__tag", where="mock__n = 2")["id"].to_pylist()

    def test_a_description_is_of_every_record_that_meets_it(self, tmp_path: Path) -> None:
        """Whatever the sample."""
        dataset, _ = make_dataset(tmp_path, 6, columns={"mock__n": pa.array(range(6))})

        found = dataset.describe(["mock__n"], sample=1, where="mock__n >= 2")

        assert (4, True) == (found.sampled, found.complete)
        assert 2 == found.columns[0].summary.minimum.as_py()
