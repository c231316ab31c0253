#!/bin/sh
# OpenSSH 1:9.2p1 (Debian 12), client. A path with a blank, given as `-o UserKnownHostsFile=/a b/known_hosts` in one
# argument, is split at the blank: ssh reads the files `/a` and `b/known_hosts`, finds no key, and says "Host key
# verification failed." without a word about the path. Quotes inside the argument keep it whole. `-i`, another option that
# takes a path, needs none.
# Whoever builds an argument list, and so believes that no quoting is needed, refuses hosts that are known.
set -eu
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || :; rm -rf "$work"' EXIT
server=
port=${PORT:-28437}
ssh -V 2>&1
dpkg-query -W openssh-client 2>/dev/null || :

for key in host user; do ssh-keygen -q -t ed25519 -N '' -f "$work/$key"; done
mkdir "$work/with blank"
cp "$work/user.pub" "$work/authorized"
printf '[127.0.0.1]:%s %s\n' "$port" "$(cat "$work/host.pub")" >"$work/with blank/known_hosts"
cat >"$work/config" <<END
Port $port
ListenAddress 127.0.0.1
HostKey $work/host
AuthorizedKeysFile $work/authorized
PidFile $work/pid
StrictModes no
UsePAM no
END
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
"$(command -v sshd || echo /usr/sbin/sshd)" -D -f "$work/config" 2>/dev/null &
server=$!
sleep 1

login() {
    ssh -F none -o BatchMode=yes -o GlobalKnownHostsFile=/dev/null -o "$1" -o IdentitiesOnly=yes -i "$work/user" -p "$port" \
        "$(id -un)@127.0.0.1" true 2>"$work/told"
}

status=0
if login "UserKnownHostsFile=$work/with blank/known_hosts"; then
    echo "changed: the path with a blank is taken whole"
    status=1
else
    echo "without quotes: $(tail -n 1 "$work/told")"
fi
if login "UserKnownHostsFile=\"$work/with blank/known_hosts\""; then
    echo "with quotes inside the argument: logged in"
else
    echo "changed: quotes inside the argument do not help: $(tail -n 1 "$work/told")"
    status=1
fi
exit "$status"
