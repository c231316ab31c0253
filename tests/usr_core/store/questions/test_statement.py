"""What is refused of a statement of SQL before anything is opened for it."""

from __future__ import annotations

import shlex

import pytest

from usr_core.store.questions.errors import StatementRefused
from usr_core.store.questions.statement import named_tables


@pytest.mark.parametrize(
    ("statement", "mended", "tables"),
    [
        ("select 1 from lab/p", 'select 1 from "lab/p"', {"lab/p"}),
        (
            "select 1 FROM lab/p-2 a Join b/q b using (id)",
            'select 1 FROM "lab/p-2" a Join "b/q" b using (id)',
            {"lab/p-2", "b/q"},
        ),
        (
            "select 1 from lab/p@4 where id in (select id from b/q@v1.0)",
            'select 1 from "lab/p@4" where id in (select id from "b/q@v1.0")',
            {"lab/p@4", "b/q@v1.0"},
        ),
    ],
)
def test_an_id_without_its_quotes_is_shown_with_them(statement: str, mended: str, tables: set[str]) -> None:
    """The statement in the hint stands in the shell's quotes, and is one that can be read."""
    with pytest.raises(StatementRefused) as caught:
        named_tables(statement)

    hint = caught.value.hint or ""
    assert f"Write a dataset's id in double quotes: {shlex.quote(mended)}" == hint
    assert tables == set(named_tables(mended))


def test_another_mistake_has_the_general_hint() -> None:
    """Quotes are not what is missing."""
    with pytest.raises(StatementRefused) as caught:
        named_tables("selct 1")

    assert "Write one SELECT" in (caught.value.hint or "")
