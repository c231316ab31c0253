#!/bin/sh
# lock.sh: write requirements/*.txt anew, with the newest versions that pyproject.toml admits and the hash of each of
# their files. One file serves every Python from 3.11 on and every system; a line that is for some of them only says so.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sh scripts/bootstrap.sh venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check uv

"$work/venv/bin/python" -c '
import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")
' >"$work/build.in"

# resolve FILE OPTION…: the project, with what builds it, which the install needs without a build environment of its own.
resolve() {
    file=$1
    shift
    echo "make: resolving $file" >&2
    {
        echo "# Written by \`make lock\`; pip checks every file against these hashes."
        "$work/venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
            --no-header --no-annotate --no-emit-index-url "$@" pyproject.toml "$work/build.in"
    } >"$work/new"
    cat "$work/new" >"$file"
}

mkdir -p requirements
resolve requirements/dev.txt --extra dev
# What `make demo` installs is a part of what was tested.
resolve requirements/runtime.txt --constraint requirements/dev.txt
