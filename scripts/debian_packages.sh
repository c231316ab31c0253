#!/bin/sh
# debian_packages.sh PACKAGE…: install them where this machine lets us; else say in one line what to install, and fail.
set -eu

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "make: please install first (Debian names): apt-get install $*" >&2
    exit 1
fi

echo "make: installing $*" >&2
export DEBIAN_FRONTEND=noninteractive
install() {
    apt-get install --yes --quiet --no-install-recommends "$@" </dev/null
}
# A fresh machine has no package lists yet, an old one has lists of packages that are gone: both fail once.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if install "$@" >"$log" 2>&1 || { apt-get update --quiet >"$log" 2>&1 && install "$@" >>"$log" 2>&1; }; then
    exit 0
fi
tail -n 5 "$log" >&2
echo "make: apt-get could not install: $*" >&2
exit 1
