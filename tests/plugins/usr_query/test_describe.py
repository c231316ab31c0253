"""``usr describe`` as it is typed."""

from __future__ import annotations

import pyarrow as pa

from support.cli import Usr
from support.overlays import ids_of, write_overlay
from support.tree import assert_unchanged

DS = "ns/base"


def attach(usr: Usr) -> None:
    columns = {
        "id": pa.array(ids_of(usr.path(DS))[:3]),
        "mock__vec": pa.array([[1.0] * 3, [1.0] * 7, [1.0] * 5], pa.list_(pa.float64())),
    }
    write_overlay(usr.path(DS) / "_derived" / "mock" / "part-1.parquet", "mock", columns)


class TestDescribe:
    def test_a_line_a_column(self, seeded: Usr) -> None:
        """With type, share of nulls, lengths and a histogram."""
        attach(seeded)

        with assert_unchanged(seeded.root):
            result = seeded.ok("describe", DS)

        line = next(line for line in result.out.splitlines() if line.startswith("mock__vec"))
        assert ["mock__vec", "list<float64>", "50.0%", "items", "3", "5", "7", "█▁█▁█"] == line.split()
        assert "all rows looked at\n" == result.err

    def test_json(self, seeded: Usr) -> None:
        """An object that says what was looked at, with an object a column."""
        attach(seeded)

        data = seeded.ok("describe", DS, "--columns", "mock__vec,length", "--format", "json").data

        assert (6, 6, True) == (data["rows"], data["sampled"], data["complete"])
        assert ["mock__vec", "length"] == [column["name"] for column in data["columns"]]
        assert (50.0, 3, 5.0, 7) == tuple(data["columns"][0][key] for key in ("null_share", "min", "mean", "max"))

    def test_a_sample(self, seeded: Usr) -> None:
        """How much was looked at is said on stderr, unless --quiet."""
        assert "2 of 6 rows looked at\n" == seeded.ok("describe", DS, "--sample", "2").err
        assert "" == seeded.ok("describe", DS, "--sample", "2", "--quiet").err
        assert "all rows looked at\n" == seeded.ok("describe", DS, "--sample", "0").err

    def test_an_unknown_column(self, seeded: Usr) -> None:
        """It is named."""
        assert "nope" in seeded.refuses(1, "describe", DS, "--columns", "nope").err


class TestPlot:
    def test_a_line_a_bin(self, seeded: Usr) -> None:
        """Below the column's name and type; what there is at all is seen, and a column of one value has one line."""
        attach(seeded)

        lines = seeded.ok("describe", DS, "--columns", "mock__vec,length", "--plot").out.splitlines()

        assert ["mock__vec (list<float64>, items, 3 nulls)", "", "length (int32)"] == [lines[0], lines[6], lines[7]]
        assert f"  3 to 3.8  {'█' * 40} 1" == lines[1]
        assert "3.8 to 4.6   0" == lines[2]
        assert f"20  {'█' * 40} 6" == lines[8]

    def test_json_has_the_counts_already(self, seeded: Usr) -> None:
        """The two do not go together."""
        seeded.refuses(2, "describe", DS, "--plot", "--format", "json")
