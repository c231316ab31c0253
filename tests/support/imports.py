"""What a source file imports, read from its syntax tree: at any depth, in functions and for type checkers too."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["circles", "imported_names", "module_name"]


def module_name(path: Path, source_root: Path) -> str:
    """Return the dotted name of a module's file."""
    parts = path.relative_to(source_root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(source: str) -> Iterator[tuple[str, str | None]]:
    """Yield each import as (module, name), the name None for ``import module``; relative ones do not occur here."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None and node.level == 0, f"line {node.lineno}: a relative import"
            yield from ((node.module, alias.name) for alias in node.names)


def circles(sources: dict[str, str]) -> list[list[str]]:
    """Return the groups of modules each of which is reached from itself by imports, given sources by module name."""
    graph = {module: _targets(imported_names(source), sources) - {module} for module, source in sources.items()}
    reached = {module: _reached(module, graph) for module in graph}
    in_a_circle = sorted(module for module in graph if module in reached[module])
    groups = {tuple(other for other in in_a_circle if other in reached[m] and m in reached[other]) for m in in_a_circle}
    return [list(group) for group in sorted(groups)]


def _targets(imports: Iterable[tuple[str, str | None]], modules: Iterable[str]) -> set[str]:
    known = set(modules)
    found = {f"{module}.{name}" if f"{module}.{name}" in known else module for module, name in imports}
    return found & known


def _reached(start: str, graph: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(graph[module])
    return found
