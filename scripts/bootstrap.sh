#!/bin/sh
# bootstrap.sh runtime|dev: have a .venv with this checkout installed in it, editable, and beside it exactly the versions
# of requirements/*.txt; `dev` adds the tools and test libraries. Instant when nothing changed.
# bootstrap.sh newest|oldest: the same in .venv-newest or .venv-oldest, with the newest or the oldest versions that
# pyproject.toml admits today.
# bootstrap.sh torch: add PyTorch to .venv.
# bootstrap.sh venv FOLDER: only make a venv.
# Where pip finds packages is the environment's business.
set -eu
cd "$(dirname "$0")/.."
wanted=$1
case $wanted in
runtime | dev | torch) venv=.venv ;;
newest | oldest) venv=.venv-$wanted ;;
venv) venv=$2 ;;
esac
stamp=$venv/.usr-installed

# An editable install knows the packages that were there when it was made, so a new plugin folder means a new one.
fingerprint() {
    pwd -P
    cksum pyproject.toml requirements/*.txt
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
    echo "make: creating $venv with $("$python" --version)" >&2
    "$python" -m venv --clear "$venv"
}

pip_install() {
    "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check "$@"
}

if [ "$wanted" = venv ]; then
    make_venv
    exit
fi

# By version, not by hash: the build for processors and the one for GPUs are different files of one version, and which one
# there is depends on the machine and on where pip looks.
if [ "$wanted" = torch ]; then
    torch=2.13.0
    if [ "$("$venv/bin/python" -c 'from importlib.metadata import version; print(version("torch").partition("+")[0])' \
        2>/dev/null)" != "$torch" ]; then
        echo "make: installing PyTorch into $venv (once; for processors 200 MB to load and 700 MB on disk, for GPUs ten times" \
            "that; half a minute and more)" >&2
        pip_install --no-compile "torch==$torch"
    fi
    exit
fi

now=$(fingerprint)
if [ "$venv" = .venv ] && recent "$venv/bin/python" && [ -f "$stamp" ]; then
    for installed in dev "$wanted"; do
        [ "$(cat "$stamp")" = "$installed
$now" ] && exit 0
    done
    # A venv that had the development tools keeps them.
    [ "$(head -n 1 "$stamp")" = dev ] && wanted=dev
fi

if ! recent "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    make_venv
fi
rm -f "$stamp"
echo "make: installing the project and what it needs into $venv (once; it may take a minute)" >&2
case $wanted in
runtime | dev)
    pip_install --require-hashes --no-deps --requirement "requirements/$wanted.txt"
    pip_install --no-deps --no-build-isolation --editable .
    ;;
newest | oldest)
    [ "$wanted" = newest ] && resolution=highest || resolution=lowest-direct
    pip_install uv
    build=$("$venv/bin/python" -c '
import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])
')
    # shellcheck disable=SC2086  # one word a requirement
    "$venv/bin/uv" pip install --quiet --upgrade --python "$venv/bin/python" --resolution "$resolution" \
        --editable '.[dev]' $build
    ;;
esac
printf '%s\n%s\n' "$wanted" "$now" >"$stamp"
