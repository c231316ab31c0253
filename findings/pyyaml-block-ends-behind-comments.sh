#!/bin/sh
# PyYAML 6.0.3, `yaml.compose`. The end mark of a mapping in block style is not where its last value ends: it is where the
# next token begins, behind blank lines and comments. An editor of YAML that replaces a mapping by its marks takes the
# comment of the next key along.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install 'pyyaml==6.0.3'
"$work/venv/bin/python" - <<'END'
import sys

import yaml

print("PyYAML", yaml.__version__)
text = "a:\n  x: 1\n\n# about b\nb:\n  y: 2\n"
(_, first), _ = yaml.compose(text).value
value = first.value[0][1]
print("the last value ends in line", value.end_mark.line + 1, "and its mapping in line", first.end_mark.line + 1)
taken = text[first.start_mark.index : first.end_mark.index]
print("the text between the marks of the mapping:", repr(taken))
sys.exit(0 if (value.end_mark.line, first.end_mark.line, "# about b" in taken) == (1, 4, True) else 1)
END
