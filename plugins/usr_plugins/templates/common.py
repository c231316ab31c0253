"""The files that every new plugin has."""

from __future__ import annotations

__all__ = ["COMMON"]

_PYPROJECT = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "$dist"
version = "0.1.0"
description = "$kind_words $id for USR, the Universal Sequence Record"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["$dependency"]
# Choose a licence: add a file LICENSE and a line `license = ...` here.

[project.optional-dependencies]
test = ["pytest>=8"]

[project.entry-points."usr.plugins"]
$id = "$package.plugin"

[tool.setuptools.packages.find]
where = ["src"]

[tool.setuptools.package-data]
"*" = ["usr-plugin.toml"]

[tool.pytest.ini_options]
testpaths = ["tests"]
$sources"""

_README = """\
# $dist

$usage

Work on it:

    pip install -e '.[test]'
    pytest
    usr plugins doctor $id

`src/$package/usr-plugin.toml` says what the plugin adds, and `plugin.py` offers it; $works, and
$tests to the contract that USR relies on. Choose a licence before you share it.
"""

_MANIFEST = """\
api = "$api"
id = "$id"
summary = "$kind_words $id"

$claims"""

COMMON = {
    "pyproject.toml": _PYPROJECT,
    "README.md": _README,
    "src/$package/__init__.py": "",
    "src/$package/usr-plugin.toml": _MANIFEST,
}
"""By path inside the distribution's folder."""
