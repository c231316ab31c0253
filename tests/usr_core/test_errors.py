"""Errors as data: what a class says in templates, and that every place gives what they name."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import pickle
import re
import sys
import textwrap
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from support.error_codes import coded_errors, error_fields
from usr_core.errors import _OF_THE_CLASS, ExitCode, UsrError, near_names, offered

CHECKOUT = Path(__file__).parents[2]


class Torn(UsrError, KeyError):
    """An error with every kind of field."""

    code = "TEST-001"
    template = (
        "{path.name}: {count:counted entry|entries} {count:is|are} torn near {value:quoted 5}, {value:visible 3}."
    )
    hint_template = "Use {{this}}: {known:join, |none} or {holder:or nobody} ({count:,}, {ratio:.2f}, {row:cell})."
    shown = ("file={path!s}", "row", "column=id", "known={known:join; }", "count", "same row as={row:visible}")
    row: int | None = None


class TornFile(UsrError, OSError):
    """An error that is an OSError as well."""

    code = "TEST-002"
    template = "{path.name} is torn."
    hint_template = "Look for {path.name}."


class TornImport(UsrError, ImportError):
    """An error that is an ImportError as well."""


class Unfinished(UsrError):
    """An error that does not call the `__init__` of `UsrError`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Handmade(UsrError, ValueError):
    """An error whose `__init__` makes the texts."""

    code = "TEST-003"
    exit_code = ExitCode.USAGE

    def __init__(self, path: Path, reason: str, *, row: int | None = None) -> None:
        super().__init__(f"{path}: {reason}.", hint=f"Fix {path}.", facts={"file": str(path), "row": row})
        self.row = row


def torn(**values: object) -> Torn:
    return Torn(
        **{"path": Path("a/b.csv"), "count": 1, "value": "x\ny", "known": [], "holder": "", "ratio": 0.5, **values}
    )


def test_templates_are_filled_with_the_values_and_shown_with_control_characters_escaped() -> None:
    """A number takes its noun and verb along, a text is escaped and cut, a sequence is joined."""
    one, many = torn(), torn(count=2000, value="abcdefg", known=["k", "l"], holder="me", row=7)

    assert one.message == "b.csv: 1 entry is torn near 'x\\\\ny', x\\ny."
    assert one.hint == "Use {this}: none or nobody (1, 0.50, null)."
    assert many.message == "b.csv: 2,000 entries are torn near 'abcde… (7 characters)', abc… (7 characters)."
    assert many.hint == "Use {this}: k, l or me (2,000, 0.50, 7)."


def test_facts_keep_their_order_and_kind_and_leave_out_what_is_none_or_empty() -> None:
    """A field alone is the value itself; what is None, or a join of nothing, is no fact; `facts` come behind."""
    assert torn(known=(), shown=("known={known:join, |none}",)).facts == {"known": "none"}
    assert list(torn().facts.items()) == [("file", "a/b.csv"), ("column", "id"), ("count", 1)]
    assert list(torn(row=7, known=("k", "l"), facts={"more": 1, "less": None}).facts.items()) == [
        ("file", "a/b.csv"),
        ("row", 7),
        ("column", "id"),
        ("known", "k; l"),
        ("count", 1),
        ("same row as", "7"),
        ("more", 1),
    ]


def test_every_value_is_an_attribute_and_a_list_a_tuple() -> None:
    """Attributes say what was given; one with a default has it where nothing was given."""
    error = torn(known=["k"])

    assert (error.path, error.known, error.row) == (Path("a/b.csv"), ("k",), None)  # type: ignore[attr-defined]


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_is_the_same_after_pickling_and_copying(again) -> None:
    """The texts, facts and attributes of an error go with it into another process."""
    error = torn(row=7)
    made = again(error)

    assert type(made) is Torn
    assert str(made) == str(error) == error.message
    assert (made.args, vars(made)) == (error.args, vars(error))


def test_what_a_builtin_exception_holds_outside_its_attributes_is_pickled_too() -> None:
    """The number of an OSError and the name of an ImportError arrive in the other process."""
    error = TornFile(path=Path("a.csv"))
    error.errno = 28

    assert pickle.loads(pickle.dumps(error)).errno == 28
    assert pickle.loads(pickle.dumps(TornImport("It broke.", hint="Fix it.", name="torch"))).name == "torch"


def test_a_traceback_ends_with_the_hint() -> None:
    """Where no command line shows it: in a script, a notebook, the log of a job; notes that are added come behind."""
    error = pickle.loads(pickle.dumps(torn()))
    error.add_note("while it was tried")
    error.hint = "Fix it."

    assert ["hint: Fix it.\n", "while it was tried\n"] == traceback.format_exception_only(error)[1:]
    assert "It broke" in traceback.format_exception_only(Unfinished("It broke"))[-1]


def test_an_error_without_templates_is_made_with_its_texts() -> None:
    """What plugins raise for one occasion has its message first, and its hint and facts by keyword."""
    error = UsrError("It {broke}.", hint="Fix {it}.", facts={"row": 1, "column": None})

    assert (str(error), error.hint, error.facts, error.args) == (
        "It {broke}.",
        "Fix {it}.",
        {"row": 1},
        ("It {broke}.",),
    )


def test_a_class_that_makes_its_texts_itself_works_and_can_be_pickled() -> None:
    """A plugin's class with an `__init__` of its own, as it was written before there were templates."""
    error = Handmade(Path("{a}.csv"), "It broke", row=3)

    for one in (error, pickle.loads(pickle.dumps(error))):
        assert (str(one), one.hint, one.facts, one.code, one.exit_code, one.row) == (
            "{a}.csv: It broke.",
            "Fix {a}.csv.",
            {"file": "{a}.csv", "row": 3},
            "TEST-003",
            ExitCode.USAGE,
            3,
        )
        assert isinstance(one, ValueError)


def test_a_class_that_leaves_out_the_init_of_its_base_still_has_a_text() -> None:
    """Such a class of a plugin is broken, and what it was made with is all there is to show."""
    error = Unfinished("It broke")

    assert (str(error), str(pickle.loads(pickle.dumps(error)))) == ("It broke", "It broke")


@pytest.mark.parametrize("texts", [{}, {"message": "It broke."}, {"hint": "Fix it."}])
def test_an_error_without_a_message_or_a_hint_is_refused(texts) -> None:
    """Where neither a template nor the caller says what happened or what to do, the error is not made."""
    with pytest.raises(TypeError, match="UsrError needs a message and a hint"):
        UsrError(**texts)


@pytest.mark.parametrize("name", ["code", "exit_code"])
def test_a_value_can_not_take_the_place_of_what_a_class_says_of_itself(name: str) -> None:
    """An exit status given as `code` would be the code of the error, which the host then takes for a broken one."""
    with pytest.raises(TypeError, match=f"Torn can't be given {name}: its class says that"):
        torn(**{name: -9})


def test_a_text_given_goes_before_the_template() -> None:
    """One place can say more than the class does."""
    error = torn(message="It {broke}.", hint="Fix it.")

    assert (error.message, error.hint) == ("It {broke}.", "Fix it.")
    assert error.facts["file"] == "a/b.csv"


def test_every_place_that_makes_an_error_gives_what_its_templates_name() -> None:
    """A template names only what each call gives or the class has; a call gives only what class or templates name."""
    kinds = {kind for listed in coded_errors().values() for kind in listed}
    seen, wrong = set(), []
    for place, kind, call in (*_calls(kinds), *_own_inits(kinds)):
        seen.add(kind)
        wrong += [f"{place}:{call.lineno}: {kind.__name__}: {one}" for one in _faults(kind, call)]

    assert wrong == []
    assert len(seen & kinds) > 200


def _faults(kind: type[UsrError], call: ast.Call) -> Iterator[str]:
    """Say what is wrong with the keywords that `UsrError.__init__` gets for a class."""
    given = {one.arg for one in call.keywords}
    if None in given:
        return
    if bool(kind.template) == bool(call.args):
        yield "the message is given and has a template, or neither"
    if not kind.hint_template and "hint" not in given:
        yield "there is no hint"
    named = error_fields(kind, with_hint="hint" not in given)
    yield from (f"{name} is missing" for name in sorted(named - given) if not hasattr(kind, name))
    declared = {name for one in kind.__mro__ for name in inspect.get_annotations(one)}
    yield from (f"{name} is of the class" for name in sorted(given & _OF_THE_CLASS))
    for name in sorted(given - {"hint", "facts"} - declared - error_fields(kind, with_hint=True)):
        yield f"{name} is shown nowhere and not declared in the class"


def _calls(kinds: Iterable[type[UsrError]]) -> Iterator[tuple[str, type[UsrError], ast.Call]]:
    """Yield every call of a class without an `__init__` of its own, in the core and in the built-in plugins."""
    call = re.compile(rf"\b({'|'.join({kind.__name__ for kind in kinds})})\(")
    for module in [one for name, one in sorted(sys.modules.items()) if name.startswith("usr_")]:
        text = Path(module.__file__ or "").read_text(encoding="utf-8") if _is_ours(module.__file__) else ""
        if not call.search(text):
            continue
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call | ast.ImportFrom)]
        names = dict(vars(module))
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("usr_"):
                source = importlib.import_module(node.module or "")
                names |= {one.asname or one.name: getattr(source, one.name, None) for one in node.names}
        for node in nodes:
            kind = names.get(node.func.id) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
            if isinstance(kind, type) and issubclass(kind, UsrError) and kind.__init__ is UsrError.__init__:
                yield module.__name__, kind, node


def _is_ours(file: str | None) -> bool:
    return file is not None and Path(file).is_relative_to(CHECKOUT)


def _own_inits(kinds: Iterable[type[UsrError]]) -> Iterator[tuple[str, type[UsrError], ast.Call]]:
    """Yield what the `__init__` of a class hands to `UsrError.__init__`, for the class and for those below it."""
    for kind in kinds:
        owner, after = [one for one in kind.__mro__ if "__init__" in vars(one)][:2]
        if owner is UsrError or after is not UsrError:
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(owner.__init__)))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"super().__init__", "UsrError.__init__"}:
                yield owner.__module__, kind, node


class TestNearNames:
    @pytest.mark.parametrize(
        ("asked", "meant"),
        [
            ("gfp", ["lab__gfp"]),
            ("LAB__GFP", ["lab__gfp"]),
            ("plate__gfp", ["lab__gfp"]),
            ("lab__gpf", ["lab__gfp"]),
            ("nam", ["fasta__name"]),
            ("sequnce", ["sequence"]),
            (" Sequence ", ["sequence"]),
            ("zzz", []),
            ("", []),
            ("__", []),
        ],
    )
    def test_a_name_may_lack_its_namespace_or_its_case(self, asked: str, meant: list[str]) -> None:
        """A name that differs in these alone is the one that is meant; else it is one that is spelled alike."""
        assert meant == near_names(asked, ["id", "sequence", "fasta__name", "lab__gfp"])

    def test_a_bare_name_of_two_namespaces_is_both(self) -> None:
        """Nobody can say which of them was meant."""
        assert ["lab__gfp", "old__gfp"] == near_names("gfp", ["lab__gfp", "old__gfp", "lab__gfp_sd"])

    def test_many_names_are_counted(self) -> None:
        """A hint has so many names, and tells how many it has not."""
        assert "a, b, and 2 more" == offered(["a", "b", "c", "d"], limit=2)
        assert "none" == offered([])
