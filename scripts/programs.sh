#!/bin/sh
# programs.sh PROGRAM…: see to it that each program is there. A missing one is an error, never a skipped test.
set -eu
here=$(dirname "$0")
PATH=$PATH:/usr/sbin:/sbin

missing() {
    packages=
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 && continue
        case $program in
            sshd) package=openssh-server ;;
            ssh | ssh-keygen) package=openssh-client ;;
            flock | setpriv | unshare | mount) package=util-linux ;;
            *) package=$program ;;
        esac
        case " $packages " in
            *" $package "*) ;;
            *) packages="$packages $package" ;;
        esac
    done
    echo "$packages"
}

packages=$(missing "$@")
[ -z "$packages" ] && exit 0
# Unquoted: a list of words.
# shellcheck disable=SC2086
sh "$here/debian_packages.sh" $packages
packages=$(missing "$@")
[ -z "$packages" ] && exit 0
echo "make: still missing after the installation: programs of$packages" >&2
exit 1
