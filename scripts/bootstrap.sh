#!/bin/sh
# bootstrap.sh runtime|dev: have a .venv with this checkout installed in it, editable; `dev` adds the tools and test
# libraries. Instant when nothing changed. Where pip finds packages is the environment's business.
set -eu
cd "$(dirname "$0")/.."
extra=$1
stamp=.venv/.usr-installed
venv_python=.venv/bin/python

# An editable install knows the packages that were there when it was made, so a new plugin folder means a new one.
fingerprint() {
    pwd -P
    cksum pyproject.toml
    ls -d plugins/usr_*/__init__.py
}

# Is FILE's Python at least 3.11?
recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.11 python3.12 python3.13; do
        if command -v "$candidate" >/dev/null 2>&1 && recent "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    echo "make: Python 3.11 or later is needed and was not found; set PYTHON=/path/to/python3" >&2
    exit 1
}

make_venv() {
    python=$(find_python)
    # Debian keeps the parts that make a venv in a package of their own.
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        sh scripts/debian_packages.sh "python$version-venv"
    fi
    echo "make: creating .venv with $("$python" --version)" >&2
    "$python" -m venv --clear .venv
}

now=$(fingerprint)
if recent "$venv_python" && [ -f "$stamp" ]; then
    for installed in dev "$extra"; do
        [ "$(cat "$stamp")" = "$installed
$now" ] && exit 0
    done
    # A venv that had the development tools keeps them.
    [ "$(head -n 1 "$stamp")" = dev ] && extra=dev
fi

if ! recent "$venv_python" || ! "$venv_python" -m pip --version >/dev/null 2>&1; then
    make_venv
fi
rm -f "$stamp"
target=.
[ "$extra" = dev ] && target='.[dev]'
echo "make: installing the project and what it needs into .venv (once; it may take a minute)" >&2
"$venv_python" -m pip install --quiet --quiet --disable-pip-version-check --editable "$target"
printf '%s\n%s\n' "$extra" "$now" >"$stamp"
