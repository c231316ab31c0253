"""Write usr_core/plugin/builtin_manifests.py: the manifests of the built-in plugins, parsed, so that no start does it.

`make manifests` calls this. With ``--check``, as `make lint` calls it, nothing is written, and the exit code is 1 where
the file differs from the manifests.
"""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TARGET = CHECKOUT / "usr_core" / "plugin" / "builtin_manifests.py"
sys.path.insert(0, str(CHECKOUT))

from usr_core.plugin.manifest import MANIFEST_NAME, parse_manifest  # noqa: E402

HEAD = '''\
"""The manifests of the built-in plugins, by their text, as `usr_core.plugin.manifest.parse_manifest` reads it.

Made by ``make manifests``; not edited by hand. It spares each start the parsing, and nothing else: the text is read
from the plugin's own file, and one that does not stand here is parsed.
"""

# fmt: off
# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Mapping

from usr_core.plugin.manifest import CommandClaim, Manifest, ProviderClaim

__all__ = ["PARSED"]

PARSED: Mapping[str, Manifest] = {
'''


def module_text() -> str:
    """Return what the module has to be for the manifests of this checkout."""
    lines = [HEAD]
    for path in sorted(CHECKOUT.glob(f"plugins/usr_*/{MANIFEST_NAME}")):
        text = path.read_text(encoding="utf-8")
        lines.append(f"    {text!r}:\n        {parse_manifest(text, file=str(path))!r},\n")
    return "".join([*lines, "}\n"])


def main() -> int:
    text = module_text()
    if "--check" not in sys.argv:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET.relative_to(CHECKOUT)} differs from the manifests: run `make manifests`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
