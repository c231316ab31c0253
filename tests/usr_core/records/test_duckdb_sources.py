"""Arrow values in DuckDB, and pandas, which stays out."""

from __future__ import annotations

import subprocess
import sys
import threading

import pyarrow as pa
import pytest

from support.reading import make_dataset
from usr_core.records.duckdb_sources import _WithoutPandas, open_database, register_source


def test_a_question_does_not_import_pandas(tmp_path):
    """Neither SQL nor a condition nor a sample imports pandas where it is installed; it can be imported later."""
    make_dataset(tmp_path, 3, columns={"mock__n": pa.array([1, 2, 3])})
    code = f"""if True:
        import sys
        from usr_core import Dataset
        ds = Dataset.open({str(tmp_path)!r}, 'd')
        assert [(3,)] == ds.sql("select count(*) from records where length > 0").fetchall()
        assert [(3,)] == ds.sql("select count(mock__n) from records").fetchall()
        assert 2 == ds.to_arrow(where="mock__n > 1").num_rows
        assert 2 == ds.head_arrow(2, sample=2, sort="mock__n").num_rows
        found = "pandas" in sys.modules
        import duckdb, pandas
        assert 1 == duckdb.sql("select 1").df().shape[0]
        sys.exit(found)
    """

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode


def test_hashing_does_not_import_pandas():
    """Ids that DuckDB makes are those of hashlib, of one type for all sequences and of one for each."""
    code = """if True:
        import hashlib, sys
        from usr_core.records.arrays import text_array
        from usr_core.records.bulk_ids import IdHasher
        kinds, sequences = ["dna", "rna"], ["GA", "TTT"]
        made = text_array(["ACGT", *sequences]).slice(1)
        with IdHasher(expected_rows=1 << 20) as hasher:
            for given, told in [("dna", ["dna", "dna"]), (text_array(kinds), kinds), ("dna", ["dna", "dna"])]:
                texts = [f"{kind}|{text}" for kind, text in zip(told, sequences)]
                wanted = [hashlib.sha1(text.encode()).hexdigest() for text in texts]
                assert wanted == hasher.ids(given, made).to_pylist()
        sys.exit("pandas" in sys.modules or "duckdb" not in sys.modules)
    """

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode


def test_a_source_is_scanned_under_its_name():
    """Whether pandas is imported or not."""
    import duckdb

    with duckdb.connect() as connection:
        register_source(connection, "numbers", pa.table({"n": pa.array([1, 2])}))

        assert [(3,)] == connection.execute("select sum(n) from numbers").fetchall()


def test_other_threads_find_pandas_meanwhile():
    """Only the thread that registers something is told that there is no pandas."""
    finder = _WithoutPandas()
    answers: list[object] = []

    other = threading.Thread(target=lambda: answers.append(finder.find_spec("pandas")))
    other.start()
    other.join(timeout=60)

    assert [None] == answers


def test_a_variable_of_python_is_not_a_table():
    """Nor are files read where the database is shut off from them; what does not fit is an error."""
    import duckdb

    numbers = pa.table({"n": pa.array([1, 2])})

    with open_database(memory_limit="64MB", threads=1, files=False) as connection:
        with pytest.raises(duckdb.CatalogException, match="numbers"):
            connection.sql("from numbers")
        with pytest.raises(duckdb.PermissionException, match="disabled"):
            connection.sql("from read_text('/dev/null')")
        limits = "select current_setting('temp_directory'), current_setting('autoload_known_extensions')"
        assert ("", False) == connection.execute(limits).fetchone()
    assert 2 == numbers.num_rows
