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
dependencies = ["universal-sequence-record"]
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
"""

_README = """\
# $dist

$usage

Work on it:

    pip install -e '.[test]'
    pytest
    usr plugins doctor $id

`src/$package/usr-plugin.toml` says what the plugin adds, `plugin.py` offers it, `$work.py` does the work, and
`tests/test_$id.py` holds it to the contract that USR relies on. Choose a licence before you share it.
"""

_MANIFEST = """\
api = "1.0"
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
