"""Examples in the documentation, run as they are printed.

A fenced block of the language ``console`` holds commands, each after ``$ ``, and what they print. The blocks of one
page run in order in one fresh folder (``cd`` and ``export NAME=value`` hold for what follows), each command in a shell
of its own with ``usr`` first on PATH, which runs in a fork; ``usr`` with words that mean nothing to a shell runs in the
process of the tests. One ends with exit code 0, or with N where its line ends in ``# exit N``. Output lines are
compared where there are any; in them ``…`` stands for anything, and a line that is only ``…`` for any lines. A command
goes on in the next line after a backslash, and one with a here-document in lines that begin with ``>``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.cli import clean_env, usr_argv
from support.forked_cli import ForkedUsr
from support.own_process import run_here, suits_this_process

__all__ = ["Example", "examples_of", "path_with_usr", "run_page"]

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FOR_A_SHELL = re.compile(r"[^\w\s'\"=:/.,%+@-]")
_EXIT = re.compile(r"\s+# exit (\d+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One command of a page: its line there, the shell's text, the exit code it has to have, and its output."""

    line: int
    command: str
    exit_code: int
    output: str


def examples_of(page: Path) -> list[Example]:
    """Return the commands of a page in order."""
    text = page.read_text(encoding="utf-8")
    return [
        example
        for block in _BLOCK.finditer(text)
        for example in _examples(block.group(1), text.count("\n", 0, block.start()) + 2)
    ]


def run_page(page: Path, folder: Path, environ: Mapping[str, str] | None = None) -> None:
    """Run the commands of a page in order, in `folder`; ``cd`` and ``export`` hold for those after them."""
    exported = dict(environ or {})
    for example in examples_of(page):
        if example.command.startswith("cd "):
            folder /= example.command[3:].strip()
            assert folder.is_dir(), f"line {example.line}: there is no {folder.name}"
        elif example.command.startswith("export "):
            (word,) = shlex.split(example.command[7:])
            name, _, value = word.partition("=")
            exported[name] = value
        else:
            run_example(example, folder, exported)


def run_example(example: Example, folder: Path, exported: Mapping[str, str] | None = None) -> None:
    """Run one command in `folder`, with `exported` in its environment; fail where it does not do what the page says."""
    env = clean_env({"PATH": path_with_usr(), **(exported or {})})
    words = [] if _FOR_A_SHELL.search(example.command) else shlex.split(example.command)
    if words[:1] == ["usr"] and suits_this_process(exported):
        code, out, _ = run_here(words[1:], cwd=folder, env=env, merged=True)
        printed = out.decode("utf-8")
    else:
        code, printed = _in_a_shell(example.command, folder, env)
    told = f"line {example.line}: $ {example.command}\nexit code {code}\n{printed}"
    assert code == example.exit_code, told
    if example.output:
        assert re.fullmatch(_pattern(example.output), printed.rstrip("\n")), f"{told}\nexpected:\n{example.output}"


def _in_a_shell(command: str, folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def path_with_usr() -> str:
    """Return a PATH on which ``usr`` comes first, and then the programs of this environment."""
    (script,) = map(Path, usr_argv())
    return os.pathsep.join([str(ForkedUsr.programs(script)), str(script.parent), os.environ["PATH"]])


def _examples(block: str, first_line: int) -> list[Example]:
    found: list[Example] = []
    lines = block.splitlines()
    number = 0
    while number < len(lines):
        start = number
        assert lines[number].startswith("$ "), f"line {first_line + number}: an example begins with '$ '"
        command = lines[number][2:]
        while command.endswith("\\"):
            number += 1
            command = f"{command[:-1].rstrip()} {lines[number].strip()}"
        number += 1
        code = _EXIT.search(command)
        command = _EXIT.sub("", command)
        while "<<" in command and number < len(lines) and lines[number].startswith(">"):
            command = f"{command}\n{lines[number][1:].removeprefix(' ')}"
            number += 1
        output = []
        while number < len(lines) and not lines[number].startswith("$ "):
            output.append(lines[number].rstrip())
            number += 1
        found.append(
            Example(
                line=first_line + start,
                command=command,
                exit_code=int(code.group(1)) if code else 0,
                output="\n".join(output).rstrip("\n"),
            )
        )
    return found


def _pattern(output: str) -> str:
    pattern = ""
    lines = output.split("\n")
    for line in lines[:-1]:
        pattern += r"(?:[^\n]*\n)*?" if line == "…" else _line_pattern(line) + r"\n"
    return pattern + ("(?s:.*)" if lines[-1] == "…" else _line_pattern(lines[-1]))


def _line_pattern(line: str) -> str:
    return "[^\n]*".join(re.escape(part) for part in line.split("…"))
