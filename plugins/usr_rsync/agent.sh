# The remote side's half: POSIX sh, read from standard input by the login shell's `sh` and evaluated once.
#
# T (a random token) is set by what is sent before this text. Requests are lines on standard input: a word, then one
# line for each argument, read raw and used quoted, never evaluated. An answer is its body, then a line of its own that
# starts with T: `<T> <status> <message>`. Nothing else can know T, so a body may hold any bytes.
# Lines that start with # are not sent. A change to what is said here is a change to session.py.
set -fu
LC_ALL=C
export LC_ALL
trap '' HUP
unset CDPATH
BLANKS=$(printf ' \t\nx')
BLANKS=${BLANKS%x}
IFS=$BLANKS
TAB=$(printf '\t')
NL='
'

have() { command -v "$1" >/dev/null 2>&1; }
get() { IFS= read -r "$1" || leave; }

# What a worker needs as well.
COMMON='
say() {
    if [ -z "${2-}" ]; then
        printf "\n%s %s \n" "$T" "$1"
    else
        printf "\n%s %s %s\n" "$T" "$1" "$(printf %s "$2" | tr "\n\r" "  " | cut -c 1-600)"
    fi
}
complaints() {
    printf "%s\n" "$1" | grep -v -e "No such file or directory" -e "Not a directory" -e ":BIO routines:" -e "^\$"
}
'
eval "$COMMON"

# Without these programs the script can neither look nor answer.
for x in cat cut dd find grep head tail tr; do
    have "$x" || { say tool "$x"; exit; }
done

# Read exactly so many bytes of standard input; the rest is the next request.
if head --version 2>/dev/null </dev/null | grep -q GNU; then
    take() { head -c "$1"; }
else
    take() { dd bs=1 count="$1" 2>/dev/null; }
fi

if find / -maxdepth 0 -printf '' >/dev/null 2>&1 </dev/null; then
    entries() { find "$@" -printf '%y\t%s\t%i\t%T@\t%P\0' </dev/null; }
else
    entries() {
        find "$@" -exec sh -c '
            top=$1
            shift
            for f do
                if [ -L "$f" ]; then k=l; elif [ -d "$f" ]; then k=d; elif [ -f "$f" ]; then k=f; else k=o; fi
                s=$(stat -c "%s/%i/%y" "$f" 2>/dev/null || stat -f "%z/%i/%Fm" "$f" 2>/dev/null) || continue
                i=${s#*/}
                [ "$f" = "$top" ] && n= || n=${f#"$top"/}
                printf "%s\t%s\t%s\t%s\t%s\0" "$k" "${s%%/*}" "${i%%/*}" "${i#*/}" "$n"
            done' sh "$1" {} + </dev/null
    }
fi

if have sha256sum; then S='sha256sum --'
elif have shasum; then S='shasum -a 256 --'
elif have openssl; then S='openssl dgst -sha256 -r'
else S=
fi

cores() {
    n=$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null || echo 2)
    [ "$n" -le 8 ] 2>/dev/null && echo "$n" || echo 8
}

# complaints() leaves out of what a program complained about the names that are not there.
# (openssl says it twice, the second time without a reason.)

do_list() {
    { err=$({ entries "$@" >&3; } 2>&1); } 3>&1
    if left=$(complaints "$err"); then say refused "$left"; else say ok; fi
}

# A listing is packed where that can be done. Where all but what writers need (`.usr.…`) is still the listing whose digest
# is named, only the rest is sent, as `same`.
do_walk() (
    { [ -d "$q" ] && [ ! -L "$q" ] && cd "$q"; } 2>/dev/null || { do_list "$q" -mindepth 1; exit 0; }
    status=ok
    if [ "$sum" ] && [ "$S" ]; then
        # shellcheck disable=SC2086
        x=$(entries . -mindepth 1 ! -path '*/.usr.*' 2>/dev/null | ${S% --}) || x=
        [ "${x%% *}" != "$sum" ] || status=same
    fi
    set -- . -mindepth 1
    [ "$status" = ok ] || set -- . -mindepth 1 -path '*/.usr.*'
    if have gzip; then
        packed=packed
        { err=$({ entries "$@" | gzip -c -1 >&3; } 2>&1); } 3>&1
    else
        packed=
        { err=$({ entries "$@" >&3; } 2>&1); } 3>&1
    fi
    if left=$(complaints "$err"); then say refused "$left"; else say "$status" "$packed"; fi
)

do_read() {
    if [ -f "$p" ] && [ ! -L "$p" ]; then
        {
            err=$({
                if [ "$n" = all ] && [ "$o" = 0 ]; then cat "$p"
                elif [ "$n" = all ]; then tail -c "+$((o + 1))" "$p"
                else tail -c "+$((o + 1))" "$p" | head -c "$n"
                fi >&3 </dev/null
            } 2>&1)
        } 3>&1
        if left=$(complaints "$err"); then say refused "$left"; else say ok; fi
    elif [ -e "$p" ] || [ -L "$p" ]; then
        say odd "it is a link, a folder or a special file"
    elif left=$(complaints "$(find "$p" -maxdepth 0 2>&1 >/dev/null </dev/null)"); then
        say refused "$left"
    else
        say changed "it is not there"
    fi
}

# Run "$@" with names behind it, so many at a time and so many at once, and answer. All of it is one group of processes
# where there is a setsid, so that it can be ended.
WORKER='
p=$1 k=$2 procs=$3
shift 3
{ err=$({ cd "$p" && tr "\n" "\0" | xargs -0 -n "$k" $procs "$@" >&3; } 2>&1); rc=$?; } 3>&1
case $err in
    "") [ "$rc" -le 123 ] || err="a program ended with $rc" ;;
    *) err=$(complaints "$err") ;;
esac
if [ "$err" ]; then say refused "$err"; else say ok; fi
'

# The same, and the answer is one digest of the sorted lines, whichever program has written them. What goes wrong makes
# it another one: whoever asked asks for the lines then.
BRIEF='
p=$1 k=$2 procs=$3
shift 3
lines=$(cd "$p" && tr "\n" "\0" | xargs -0 -n "$k" $procs "$@" 2>/dev/null)
sum=$(printf "%s\n" "$lines" | sed "s/^\([0-9a-f]\{64\}\) [ *]/\1  /" | sort | ${S% --})
printf "%s" "${sum%% *}"
say ok
'

# While a worker runs, the next line is waited for: whoever asked sends one when it has the answer, and where it has gone
# instead, nothing goes on here.
work() {
    have xargs || { say tool xargs; get x; return; }
    own=
    ! have setsid || own=setsid
    printf '%s\n' "$names" | T=$T S=$S $own sh -c "$COMMON$worker" sh "$@" &
    job=$!
    if ! IFS= read -r x; then
        [ -z "$own" ] || kill -TERM "-$job" 2>/dev/null
        kill -TERM "$job" 2>/dev/null
        exit 0
    fi
    wait "$job"
}

do_digest() {
    [ "$S" ] || { say tool sha256sum; get x; return; }
    [ -d "$p" ] || { say ok; get x; return; }
    procs=$(cores)
    # More than one name a process only where a line is written at once.
    k=1
    if sha256sum --version 2>/dev/null </dev/null | grep -q GNU; then
        k=$((c / (procs * 4) + 1))
        [ "$k" -le 16 ] || k=16
    fi
    many="-P $procs"
    printf 'x\0' | xargs -0 -P 2 true >/dev/null 2>&1 || many=
    # shellcheck disable=SC2086
    work "$p" "$k" "$many" $S
}

do_facts() {
    [ -d "$p" ] || { say ok; get x; return; }
    work "$p" 100 '' python3 -c "$program"
}

python_has() { python3 -c "import importlib.util as u,sys; sys.exit(u.find_spec('pyarrow') is None)" >/dev/null 2>&1 </dev/null; }

do_abilities() {
    [ -z "$S" ] || echo sha256
    ! have flock || echo lock
    ! have python3 || ! python_has || echo parquet
    say ok
}

do_probe() {
    for x in rsync flock python3 "${S%% *}"; do
        [ "$x" ] && have "$x" || continue
        case $x in openssl) v=$(openssl version 2>&1 </dev/null) ;; *) v=$("$x" --version 2>&1 </dev/null) ;; esac
        printf '%s\t%s\n' "$x" "$(printf '%s\n' "$v" | head -n 1)"
    done
    printf 'digest\t%s\n' "${S%% *}"
    v=
    ! have python3 || v=$(python3 -c 'import pyarrow; print(pyarrow.__version__)' 2>/dev/null </dev/null)
    printf 'pyarrow\t%s\n' "$v"
    printf 'system\t%s\n' "$(uname -sr 2>/dev/null)"
    v=$(date +%s.%N)
    case $v in *N | *[!0-9.]*) v=$(date +%s) ;; esac
    printf 'clock\t%s\n' "$v"
    if [ ! -d "$p" ]; then v=missing; elif [ -w "$p" ] && [ -x "$p" ]; then v=writable; else v=read-only; fi
    printf 'folder\t%s\n' "$v"
    [ "$v" != writable ] || ! have flock || printf 'lock\t%s\n' "$(try_lock "$(date +%s)")"
    say ok
}

# Take a lock for real, on a file that is removed again: what is wrong with it, or nothing.
try_lock() {
    f=$p/.usr.lock.$$.$1
    if [ -e "$f" ] || [ -L "$f" ]; then return; fi
    if v=$({ : >"$f"; } 2>&1); then
        exec 7>>"$f"
        v=$(flock -n 7 2>&1 </dev/null) || v=${v:-"it can't be taken"}
        # A lock that another process gets as well locks nobody out.
        [ "$v" ] || ! ( exec 7>&-; exec 7>>"$f"; flock -n 7 2>/dev/null ) || v="two processes get it at once"
        exec 7>&-
        rm -f "$f"
    fi
    printf '%s' "$v" | tr '\n\t' '  '
}

# ---------------------------------------------------------------- the lock

network_place() {
    k=$(stat -f -c %T "$1" 2>/dev/null) || k=$(df -PT "$1" 2>/dev/null | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2)
    case $k in
        nfs* | lustre | gpfs | beegfs* | fuse.beegfs | fhgfs | cifs | smb* | ceph | fuse.sshfs | afs | *gluster* | fuse.ceph | fuse.juicefs | gfs* | ocfs2 | panfs | wekafs) return 0 ;;
    esac
    return 1
}

# The lease of usr_core/fs/lock.py: the library filelock's marker, protocol 2. It is made create-only by a link, its
# time is renewed by a helper that ends with us, and one that was not renewed for its duration is taken over.
take_lease() {
    mine=$d/.usr.lease.$token
    printf 'filelock/2\npid=%s\nhost=%s\nmode=lease\ntoken=%s\nduration=30.0\n' "$$" "$(uname -n 2>/dev/null || hostname)" "$token" >"$mine" || return 1
    seen= since=0
    while ! ln "$mine" "$d/.usr.lease" 2>/dev/null; do
        now=$(date +%s)
        if [ ! -e "$d/.usr.lease" ]; then
            # A file system without links, or the lease was just given back.
            tried=$((${tried-0} + 1))
            [ "$tried" -lt 5 ] || { rm -f "$mine"; return 1; }
        else
            mark=$(ls -i "$d/.usr.lease" 2>/dev/null; find "$d/.usr.lease" -newer "$mine" 2>/dev/null; stat -c '%Y %i' "$d/.usr.lease" 2>/dev/null)
            [ "$mark" = "$seen" ] || { seen=$mark since=$now; }
            if [ $((now - since)) -gt 30 ] && grep -q '^mode=lease$' "$d/.usr.lease" 2>/dev/null; then
                mv -f "$d/.usr.lease" "$mine.old" 2>/dev/null && rm -f "$mine.old"
                continue
            fi
            [ "$now" -lt "$1" ] || { rm -f "$mine"; return 2; }
        fi
        sleep 1
    done
    rm -f "$mine"
    me=$$
    (
        # A sleep that outlives us must hold neither the lock nor the connection open.
        exec 9>&- >/dev/null 2>&1 </dev/null
        while sleep 8 && kill -0 "$me" && grep -q "^token=$token\$" "$d/.usr.lease"; do touch -c "$d/.usr.lease"; done
    ) &
    beat=$!
}

# Ask again and again, as not every flock can wait; in whole seconds, the last one begun.
do_lock() {
    l=$d/.usr.lock
    for x in flock date mkdir sleep; do
        have "$x" || { say tool "$x"; return; }
    done
    if [ "$make" = 1 ] && ! err=$(mkdir -p "$d" 2>&1 </dev/null); then say refused "$err"; return; fi
    [ -d "$d" ] || { say unwritable "there is no such folder"; return; }
    [ "$wait" -eq 0 ] || wait=$((wait + 1))
    end=$(($(date +%s) + wait))
    while :; do
        [ ! -L "$l" ] || { say odd "a symbolic link stands in place of .usr.lock"; return; }
        # Opening a named pipe would wait for its other end.
        [ ! -e "$l" ] || [ -f "$l" ] || { say odd "something that is not a regular file stands in place of .usr.lock"; return; }
        if ! err=$({ : >>"$l"; } 2>&1); then
            case $err in
                *"No space left"* | *uota* | *"Input/output"*) say refused "$err" ;;
                *) say unwritable "$err" ;;
            esac
            return
        fi
        exec 9>>"$l"
        if err=$(flock -n 9 2>&1 </dev/null); then
            # A lock on a file that has lost its name would exclude nobody.
            if [ -e /dev/fd/9 ] && [ ! "$l" -ef /dev/fd/9 ]; then exec 9>&-; else break; fi
        else
            exec 9>&-
            case $err in
                '') ;;
                *ption* | *sage* | *rgument*) say tool "flock that understands -n ($err)"; return ;;
                *) say refused "$err"; return ;;
            esac
        fi
        [ -d "$d" ] || { say changed "the folder went away"; return; }
        if [ "$(date +%s)" -ge "$end" ]; then say locked "$(head -c 500 "$l" 2>/dev/null)"; return; fi
        sleep 0.1 2>/dev/null || sleep 1
    done
    beat=
    if network_place "$d"; then
        take_lease "$end"
        case $? in
            1) say refused "the lease .usr.lease can't be made"; exec 9>&-; return ;;
            2) say locked "$(head -c 500 "$d/.usr.lease" 2>/dev/null | tr '\n' ' ')"; exec 9>&-; return ;;
        esac
    fi
    printf '%s\n' "$label" 2>/dev/null >"$l"
    say ok
}

# A lease that stays behind keeps everybody out until its time is over.
give_back() {
    [ "$beat" ] || return 0
    kill "$beat" 2>/dev/null
    ! grep -q "^token=$token\$" "$d/.usr.lease" 2>/dev/null || rm -f "$d/.usr.lease"
}

leave() {
    give_back
    exit 0
}

do_unlock() {
    [ ! "$l" -ef /dev/fd/9 ] || : >"$l"
    give_back
    exec 9>&-
    l=
    say ok
}

# ---------------------------------------------------------------- a commit, inside a subshell that stands in the folder
#
# A commit of many files costs few processes: awk judges all operations at once against lists of what is there, whole
# new folders are renamed as one, and other files in batches. Lists are kept in variables, so that a change can be taken
# back on a full disk.

# Read operations; print `A <folder>` for each folder above a name, `T <folder>` for each whose entries change, `J
# <folder>` for each that something is retired from; or only `! <reason>` for a name that leads out of the folder.
NAMES='
BEGIN { FS = "\t" }
function wrong(reason) { if (fault == "") fault = reason }
function plain(n) {
    if (n == "" || n ~ /^\// || n ~ /\/$/ || n ~ /\/\// || n ~ /(^|\/)\.\.?(\/|$)/) wrong(n " is not a name inside the folder")
}
function folder(n) { return match(n, /\/[^\/]*$/) ? substr(n, 1, RSTART - 1) : "" }
function once(tag, n) { if (!((tag, n) in said)) { said[tag, n] = 1; out[++lines] = tag "\t" n } }
function above(n) { while ((n = folder(n)) != "" && !(("A", n) in said)) once("A", n) }
/^$/ { next }
$1 == "publish" && NF == 4 {
    plain($2); plain($3); if ($4 != "-") plain($4)
    if ($2 !~ /^\.usr\.tmp\/./) wrong($2 " is not staged")
    if ($4 != "-" && $4 !~ /^\.usr\.tmp\/./) wrong($4 " is not an undo copy")
    if ($3 ~ /^\.usr\./) wrong($3 " is not a name for content")
    above($2); above($3); above($4); once("T", folder($3))
    next
}
$1 == "retire" && NF == 3 {
    plain($2); plain($3)
    above($2); above($3); once("T", folder($2)); once("T", folder($3)); once("J", folder($2))
    next
}
{ wrong("unknown operation") }
END { if (fault != "") print "!\t" fault; else for (i = 1; i <= lines; i++) print out[i] }
'

# Read what look() lists; print what is to be done for `mode` commit, finish
# or undo, each line behind a letter: `! <status>
# <reason>` alone, where it is not to be done; `W <staged> <final>` a folder to rename; `H <n> <folder>` and `B <n> <name>`
# names to move into a folder; `V <name> <new name>`; `Q`, `G` and `Y` the same for what is retired; `U <name>` to remove;
# `K <final> <copy>` undo copies to make; `C <folder>` folders to make first.
PLAN='
BEGIN { FS = "\t" }
function wrong(status, reason) { if (fault == "") fault = status "\t" reason }
function put(line) { out[++lines] = line }
function folder(n) { return match(n, /\/[^\/]*$/) ? substr(n, 1, RSTART - 1) : "" }
function last(n) { return match(n, /\/[^\/]*$/) ? substr(n, RSTART + 1) : n }
function exists(n) { return (n in here) || (n in staged) || (n in odd) }
function need(n) { if (n != "" && !(n in needed)) { needed[n] = 1; put("C\t" n) } }
function move(from, to, kind) { moves++; from_[moves] = from; to_[moves] = to; kind_[moves] = kind }
function top(n,   d, w, t) {
    d = folder(n)
    if (d in tops) return tops[d]
    t = ""
    for (w = d; w != ""; w = folder(w)) if (w in missing) t = w
    tops[d] = t
    return t
}
function root(n,   d, w) {
    d = folder(n)
    if (d in roots) return roots[d]
    for (w = d; w != "" && !(w in whole); w = folder(w)) ;
    roots[d] = w
    return w
}
/^=/ { list = $0; next }
list == "=staged" { staged[substr($0, 3)] = 1; next }
list == "=folders" { folders[substr($0, 3)] = 1; next }
list == "=odd" { odd[substr($0, 3)] = 1; next }
list == "=here" { here[substr($0, 3)] = 1; next }
list == "=isfolder" { isfolder[substr($0, 3)] = 1; next }
list == "=missing" { missing[$0] = 1; next }
$1 == "publish" { n++; a[n] = $2; b[n] = $3; c[n] = $4; next }
$1 == "retire" { r++; old[r] = $2; aside[r] = $3; to[$2] = $3; next }
END {
    if (mode == "undo") undo(); else apply()
    if (fault != "") { print "!\t" fault; exit }
    for (i = 1; i <= moves; i++) {
        into = folder(to_[i])
        need(into)
        if (last(from_[i]) == last(to_[i]) && !((kind_[i], into) in group)) { group[kind_[i], into] = ++groups[kind_[i]]; where[kind_[i], groups[kind_[i]]] = into }
    }
    for (kind in groups) if (groups[kind] <= 50) for (g = 1; g <= groups[kind]; g++) put((kind == "new" ? "H" : "G") "\t" g "\t" where[kind, g])
    for (i = 1; i <= moves; i++) {
        kind = kind_[i]
        if (last(from_[i]) == last(to_[i]) && groups[kind] <= 50) put((kind == "new" ? "B" : "Q") "\t" group[kind, folder(to_[i])] "\t./" from_[i])
        else put((kind == "new" ? "V" : "Y") "\t" from_[i] "\t" to_[i])
    }
    for (i = 1; i <= lines; i++) print out[i]
}
function apply() {
    for (i = 1; i <= r; i++) {
        if (mode == "commit") {
            if (old[i] in isfolder) wrong("refused", old[i] " is a folder")
            if (!exists(old[i])) wrong("changed", old[i] " is not there any more")
            if (exists(aside[i]) || (aside[i] in isfolder)) wrong("changed", aside[i] " is there by now")
        }
        if (exists(old[i]) && !exists(aside[i])) { move(old[i], aside[i], "old"); gone[old[i]] = 1 }
        if (top(aside[i]) != "") unfit[top(aside[i])] = 1
    }
    for (i = 1; i <= n; i++) {
        if (b[i] in isfolder) wrong("refused", "a folder has the name " b[i])
        if (mode == "commit") {
            if (!(a[i] in staged)) wrong("changed", "the staged file " a[i] " is missing")
            if (c[i] == "-" && exists(b[i]) && !(b[i] in gone)) wrong("changed", b[i] " is there by now")
            if (c[i] != "-" && !exists(b[i])) wrong("changed", b[i] " is not there any more")
            if (c[i] != "-") { put("K\t" b[i] "\t" c[i]); if (folder(c[i]) != staging) need(folder(c[i])) }
        } else if (strict && !(a[i] in staged) && !exists(b[i])) wrong("lost", "the staged file " a[i] " has gone")
        if (!(a[i] in staged)) continue
        f = top(b[i])
        if (f == "") continue
        rest = "/" substr(b[i], length(f) + 2)
        s = substr(a[i], 1, length(a[i]) - length(rest))
        if (c[i] != "-" || s rest != a[i] || index(s, staging "/") != 1 || ((f in source) && source[f] != s) || ((s in whole) && whole[s] != f)) { unfit[f] = 1; continue }
        source[f] = s; whole[s] = f; count[f]++
        for (w = folder(a[i]); w != s && !(w in known); w = folder(w)) known[w] = 1
        known[s] = 1
    }
    for (s in whole) for (w = folder(s); w != ""; w = folder(w)) if (w in whole) unfit[whole[s]] = unfit[whole[w]] = 1
    for (f in staged) if ((s = root(f)) != "") found[whole[s]]++
    for (f in odd) if ((s = root(f)) != "") unfit[whole[s]] = 1
    for (f in folders) if ((s = root(f)) != "" && !(f in known)) unfit[whole[s]] = 1
    for (f in source) if (!(f in unfit) && found[f] == count[f]) { fit[f] = 1; need(folder(f)); put("W\t" source[f] "\t" f) }
    for (i = 1; i <= n; i++) if ((a[i] in staged) && !(top(b[i]) in fit)) move(a[i], b[i], "new")
}
function undo() {
    for (i = 1; i <= n; i++) {
        # What has the name may be the old file, back from where it was retired to.
        if ((a[i] in staged) || ((b[i] in to) && !exists(to[b[i]]))) continue
        if (c[i] == "-") { if (exists(b[i])) { put("U\t./" b[i]); gone[b[i]] = 1 } }
        else if (exists(c[i])) move(c[i], b[i], "new")
    }
    for (i = 1; i <= r; i++) if (exists(aside[i]) && (!exists(old[i]) || (old[i] in gone))) move(aside[i], old[i], "old")
}
'

there() { [ -e "./$1" ] || [ -L "./$1" ]; }

fail() {
    if [ "$linked" = 1 ]; then
        linked=0 copies=0
        if back=$(take_back 2>&1); then say "$1" "$2; the change was taken back"; else say pending "$2; $back"; fi
        exit 0
    fi
    if [ "$copies" = 1 ]; then
        pick K | while IFS=$TAB read -r b c; do rm -f "./$c"; done
        [ "$made" = 0 ] || [ -s ./.events.log ] || rm -f ./.events.log
    fi
    say "$1" "$2"
    exit 0
}

staging_name() {
    case $1 in .usr.tmp/*) x=${1#.usr.tmp/} ;; *) x= ;; esac
    case $x in '' | *[!A-Za-z0-9-]*) fail name "$1 is not a staging folder" ;; esac
    [ ! -L ./.usr.tmp ] && [ ! -L "./$1" ] || fail refused "$1 is a symbolic link"
}

# The lines of a plan that stand behind a tag.
pick() { printf '%s\n' "$plan" | sed -n "s/^$1$TAB//p"; }
among_names() { printf '%s\n' "$names" | sed -n "s/^$1$TAB//p"; }
zeros() { tr '\n' '\0'; }

# Make the files and folders named on standard input durable: one by one where they are few, else the file system that
# they are on; what can't be synced like that is left to the system. It prints why it could not.
flush() {
    have sync || return 0
    f=$(sort -u)
    if [ "$(($(printf '%s\n' "$f" | wc -l)))" -le 64 ]; then e=$(printf '%s\n' "$f" | zeros | xargs -0 sync 2>&1)
    else e=$(sync -f . 2>&1) || e=$(sync 2>&1)
    fi || case $e in
        *"nput/output error"* | *"I/O error"* | *"No space left"* | *uota*) printf '%s' "$e"; return 1 ;;
    esac
}

# The same, and a failure is the commit's failure.
durably() { e=$("$@" | flush) || fail refused "the file system could not make it durable: $e"; }

size() { if [ -f ./.events.log ]; then s=$(($(wc -c <./.events.log))); else s=0; fi; }

from_offset() { tail -c "+$((offset + 1))" ./.events.log 2>/dev/null; }

log_state() {
    size
    if [ "$s" -lt "$offset" ]; then state=foreign
    elif [ "$length" -eq 0 ]; then state=written
    elif [ "$s" -eq "$offset" ]; then state=open
    elif from_offset | head -c "$length" | cmp -s - "$J/line"; then state=written
    elif [ "$s" -gt $((offset + length)) ]; then state=foreign
    elif from_offset | cmp -l - "$J/line" 2>/dev/null | grep -v '^ *[0-9]* *0 ' | grep -q .; then state=foreign
    else state=open
    fi
}

cut_log() { dd if=/dev/null of=./.events.log bs=1 seek="$offset" count=0 2>&1; }

# No folder on the way to a name is a link: what is renamed there would land somewhere else. Those that are there are
# then in `present`, the others in `missing`.
look_at_ways() {
    missing='' present=.$NL
    IFS=$NL
    for w in $(among_names A); do
        if [ -L "./$w" ]; then IFS=$BLANKS; e="the folder $w is a symbolic link"; return 1; fi
        case $w in
            .usr.tmp | .usr.tmp/*) [ -d "./$w" ] || missing=$missing$w$NL ;;
            *) if [ -d "./$w" ]; then present=$present./$w$NL; else missing=$missing$w$NL; fi ;;
        esac
    done
    IFS=$BLANKS
}

in_folders() { printf %s "$present" | zeros | xargs -0 sh -c 't=$1; shift; exec find "$@" -mindepth 1 -maxdepth 1 $t' sh "$1" 2>/dev/null; }

# Make the plan for `mode`, from what is there.
look() {
    look_at_ways || return 1
    plan=$({
        echo =staged
        find "./$staging" -type f 2>/dev/null
        echo =folders
        find "./$staging" -type d 2>/dev/null
        echo =odd
        find "./$staging" ! -type d ! -type f 2>/dev/null
        echo =here
        in_folders '! -type d'
        echo =isfolder
        in_folders '-type d'
        echo =missing
        printf %s "$missing"
        echo =operations
        cat "$J/operations"
    } </dev/null | awk -v mode="$1" -v strict="$strict" -v staging="$staging" "$PLAN" 2>&1) && return 0
    e=$plan plan=
    return 1
}

alive() { [ "$held" -ef /dev/fd/8 ] || { linked=2; fail changed "somebody else has settled the change meanwhile"; }; }

# Move what the plan has under the tags $1 (folders), $2 (names) and $3 (renames); `held` is looked at before each step.
move() {
    IFS=$NL
    for h in $(pick "$1"); do
        IFS=$BLANKS
        [ -z "$held" ] || alive
        e=$(pick "$2$TAB${h%%"$TAB"*}" | zeros | xargs -0 sh -c 'd=$1; shift; exec mv -f "$@" "$d/"' sh "./${h#*"$TAB"}" 2>&1) || return 1
    done
    IFS=$NL
    for h in $(pick "$3"); do
        IFS=$BLANKS
        [ -z "$held" ] || alive
        rename "${h%%"$TAB"*}" "${h#*"$TAB"}" || return 1
    done
    IFS=$BLANKS
}

rename() {
    e="a folder has the name $2"
    [ ! -d "./$2" ] || return 1
    e=$(mv -f "./$1" "./$2" 2>&1 </dev/null)
}

make_folders() { e=$(pick C | sed 's|^|./|' | zeros | xargs -0 sh -c '[ "$#" = 0 ] || exec mkdir -p "$@"' sh 2>&1); }

apply() {
    # The plan of a commit was made under this lock: what has gone since, a rename will find.
    if [ "$action" = commit ]; then look_at_ways || fail refused "$e"
    else
        look "$action" || fail refused "$e"
        refuse
    fi
    alive
    make_folders || fail refused "$e"
    move G Q Y || fail refused "$e"
    IFS=$NL
    for h in $(pick W); do
        IFS=$BLANKS
        alive
        rename "${h%%"$TAB"*}" "${h#*"$TAB"}" || fail refused "$e"
    done
    IFS=$BLANKS
    move H B V || fail refused "$e"
}

# End where the plan says why it is not to be carried out.
refuse() {
    case $plan in "!$TAB"*) h=${plan#??} plan=; fail "${h%%"$TAB"*}" "${h#*"$TAB"}" ;; esac
}

keep_copies() {
    IFS=$NL
    for h in $(pick K); do
        IFS=$BLANKS
        b=${h%%"$TAB"*} c=${h#*"$TAB"}
        rm -f "./$c"
        [ -d "./${c%/*}" ] || e=$(mkdir -p "./${c%/*}" 2>&1) || fail refused "$e"
        ln "./$b" "./$c" 2>/dev/null </dev/null || e=$(cp -p "./$b" "./$c" 2>&1 </dev/null) || fail refused "$e"
    done
    IFS=$BLANKS
}

all_touched() {
    echo .
    among_names T | while IFS= read -r w; do [ ! -d "./$w" ] || printf './%s\n' "$w"; done
}

# More than flush() makes durable one by one make no difference.
all_staged() {
    printf '%s\n' . ./.usr.tmp "$J" "./$staging" "$J/record.json" "$J/line"
    head -n 65 "$J/operations" | cut -f 2 | sed -n 's|^\.usr\.tmp/|./&|p'
    pick K | cut -f 2 | sed 's|^|./|'
}

# Under its abort name, so that a reader sees the old state from here on.
take_back() {
    held=
    [ ! -f "$R" ] || mv -f "$R" "$A" || return 1
    echo . | flush || return 1
    log_state
    if [ "$length" -gt 0 ] && [ "$s" -gt "$offset" ] && [ "$s" -le $((offset + length)) ] && [ "$state" != foreign ]; then
        cut_log || return 1
        echo ./.events.log | flush || return 1
    fi
    look undo || { printf '%s' "$e"; return 1; }
    pick U | zeros | xargs -0 sh -c '[ "$#" = 0 ] || exec rm -f "$@"' sh || return 1
    make_folders && move H B V && move G Q Y || { printf '%s' "$e"; return 1; }
    if [ "$new" ]; then w=$new; else w=$(among_names A | grep -v '^\.usr\.tmp'); fi
    printf '%s\n' "$w" | sed -e '/^$/d' -e 's|^|./|' | sort -r | zeros | xargs -0 rmdir 2>/dev/null
    [ ! -f ./.events.log ] || touch -c ./.events.log 2>/dev/null
    [ "$made" = 0 ] || [ -s ./.events.log ] || rm -f ./.events.log
    all_touched | flush || return 1
    clean "$A"
}

clean() {
    rm -f "$1" || return 1
    rm -rf "./$staging" "./$job"
    rmdir ./.usr.tmp 2>/dev/null
    return 0
}

write_line() {
    [ "$length" -gt 0 ] || return 0
    log_state
    [ "$state" != written ] || return 0
    [ "$state" = open ] || fail changed "the log has moved on"
    [ "$s" -eq "$offset" ] || e=$(cut_log) || fail refused "$e"
    e=$({ cat "$J/line" >>./.events.log; } 2>&1 </dev/null) || fail refused "$e"
    log_state
    [ "$state" = written ] || fail refused "the event log could not be extended"
    durably echo ./.events.log
}

carry_out() {
    exec 8<"$held"
    apply
    durably all_touched
    alive
    write_line
    linked=2
    exec 8<&-
    # The empty folders of what was retired go.
    among_names J | sed -e '/^$/d' -e 's|^|./|' | zeros | xargs -0 rmdir 2>/dev/null
    clean "$held" || fail refused "the record can't be removed"
    say ok
}

same_record() { cmp -s "$1" "$J/record.json" || fail changed "the record there is another one"; }

do_commit() (
    linked=0 copies=0 made=0 strict=1 held='' e='' plan='' names='' new=''
    cd "$p" 2>/dev/null || { action=none; fail changed "the folder is not there"; }
    J=./$job R=./.usr.commit.$seq.json A=./.usr.abort.$seq.json
    case $action in commit) ;; *) linked=2 ;; esac
    for x in awk cmp cp cut dd find grep head ln mkdir mv rm rmdir sed sort tail touch tr wc xargs; do
        have "$x" || fail tool "$x"
    done
    staging_name "$job"
    staging_name "$staging"
    for x in record.json line operations; do
        [ -f "$J/$x" ] && [ ! -L "$J/$x" ] || fail changed "$job/$x is missing"
    done
    [ "$(($(wc -c <"$J/line")))" -eq "$length" ] || fail changed "$job/line does not have the length that was named"
    [ ! -L ./.events.log ] || fail odd ".events.log is a symbolic link"
    [ ! -e ./.events.log ] || [ -f ./.events.log ] || fail odd ".events.log is not a regular file"
    names=$(awk "$NAMES" "$J/operations" 2>&1) || fail refused "$names"
    case $names in "!$TAB"*) fail name "${names#??}" ;; esac
    case $action in
        commit)
            ! there "$R" && ! there "$A" || fail changed "change $seq was made by somebody else"
            look commit || fail refused "$e"
            refuse
            new=$(printf %s "$missing" | grep -v '^\.usr\.tmp')
            size
            # A line that was cut off is not an event: it goes, as it does when a writer there opens the dataset.
            if [ "$s" -gt "$offset" ] && [ "$(($(from_offset | tr -dc '\n' | wc -c)))" -eq 0 ]; then
                e=$(cut_log) || fail refused "$e"
                size
            fi
            [ "$s" -eq "$offset" ] || fail changed "the log has moved on"
            if [ "$length" -gt 0 ]; then
                there .events.log || made=1
                e=$({ : >>./.events.log; } 2>&1) || fail refused "$e"
            fi
            copies=1
            keep_copies
            durably all_staged
            if [ "$length" -gt 0 ] && have fallocate; then
                e=$(fallocate -n -o "$offset" -l "$length" ./.events.log 2>&1 </dev/null) || case $e in
                    *"No space left"* | *uota* | *"File too large"* | *"Input/output"*) fail refused "$e" ;;
                esac
            fi
            tmp=./.usr.commit.$seq.${job##*/}.tmp
            rm -f "$tmp"
            e=$(cp "$J/record.json" "$tmp" 2>&1 </dev/null) || { rm -f "$tmp"; fail refused "$e"; }
            durably echo "$tmp"
            size
            [ "$s" -eq "$offset" ] || { rm -f "$tmp"; fail changed "the log has moved on"; }
            # The commit point: a link refuses a name that exists.
            if there "$R" || ! e=$(ln "$tmp" "$R" 2>&1 </dev/null); then
                rm -f "$tmp"
                ! there "$R" || fail changed "change $seq was made by somebody else"
                fail refused "$e"
            fi
            rm -f "$tmp"
            size
            [ "$s" -eq "$offset" ] || { rm -f "$R"; fail changed "the log has moved on"; }
            linked=1 copies=0 held=$R
            durably echo .
            carry_out
            ;;
        finish)
            log_state
            if ! there "$R"; then
                [ "$state" = written ] && ! there "$A" || fail changed "there is no change $seq to finish"
                clean "$R"
                say ok
                exit 0
            fi
            same_record "$R"
            [ "$state" != foreign ] || fail changed "the log has moved on"
            [ "$state" = open ] || strict=0
            held=$R
            carry_out
            ;;
        undo)
            if there "$R"; then same_record "$R"; elif there "$A"; then same_record "$A"; fi
            if there "$R" || there "$A"; then
                look_at_ways || fail refused "$e"
                if back=$(take_back 2>&1); then say ok; else say pending "$back"; fi
            else
                clean "$R"
                say ok
            fi
            ;;
        discard)
            ! there "$R" || same_record "$R"
            clean "$R" || fail refused "the record can't be removed"
            say ok
            ;;
        *) fail name "unknown action" ;;
    esac
)

# ---------------------------------------------------------------- small things

do_place() {
    if [ ! -f "$p" ] || [ -L "$p" ]; then say changed "the staged file is missing"
    elif [ -d "$to" ]; then say refused "a folder has that name"
    elif err=$({ mv -f "$p" "$to" && { ! have sync || sync "$to" "${to%/*}/" || :; }; } 2>&1 </dev/null); then say ok
    elif [ -f "$p" ]; then say refused "$err"
    else say ok
    fi
}

do_remove() {
    case $name in '' | *[!A-Za-z0-9-]*) say name "$name"; return ;; esac
    if [ -L "$p/.usr.tmp" ]; then say refused ".usr.tmp is a symbolic link"
    elif err=$(rm -rf "$p/.usr.tmp/$name" 2>&1 </dev/null); then
        rmdir "$p/.usr.tmp" 2>/dev/null
        say ok
    else say refused "$err"
    fi
}

# Make a folder to send into; from the staging folder on, nothing on the way may be a link.
do_folder() {
    w=$p
    case $p in
        */.usr.tmp/* | */.usr.tmp)
            while :; do
                [ ! -L "$w" ] || { say refused "$w is a symbolic link"; return; }
                case $w in */.usr.tmp) break ;; esac
                w=${w%/*}
            done
            ;;
        *) [ ! -L "$w" ] || { say refused "$w is a symbolic link"; return; } ;;
    esac
    if err=$({ mkdir -p "$p" && rm -rf "$p/.rsync-tmp" && mkdir "$p/.rsync-tmp"; } 2>&1 </dev/null); then say ok
    else say refused "$err"
    fi
}

# Remove what rsync leaves of tries that were cut off, and make durable what has arrived: no lock is held now.
do_sweep() {
    rm -rf "$p/.rsync-tmp"
    find "$p" -type d -name .rsync-partial -prune -exec rm -rf {} + </dev/null >/dev/null 2>&1
    if err=$(cd "$p" 2>&1 && printf '%s\n' "$names" | flush); then say ok
    else say refused "$err"
    fi
}

l= d= beat= token=
# Whoever asked may be gone in the middle of an answer. Caught and not ignored, since children inherit what is ignored.
trap leave PIPE
say ready
while IFS= read -r request; do
    case $request in
        lock) get d; get make; get wait; get token; get label; do_lock ;;
        unlock) do_unlock ;;
        # Its subshell holds the lock too: should we be killed alone, it finishes under it.
        commit) get p; get job; get staging; get seq; get offset; get length; get action; do_commit ;;
        # Closed for everything else, so that no child holds the lock longer than we do.
        *) case $request in
            stat) get q; do_list "$q" -maxdepth 0 ;;
            walk) get q; get sum; do_walk ;;
            read) get p; get o; get n; do_read ;;
            digest) worker=$WORKER; get p; get c; get n; names=$(take "$n"); do_digest ;;
            brief) worker=$BRIEF; get p; get c; get n; names=$(take "$n"); do_digest ;;
            facts) worker=$WORKER; get p; get n; program=$(take "$n"); get n; names=$(take "$n"); do_facts ;;
            abilities) do_abilities ;;
            probe) get p; do_probe ;;
            place) get p; get to; do_place ;;
            remove) get p; get name; do_remove ;;
            folder) get p; do_folder ;;
            sweep) get p; get n; names=$(take "$n"); do_sweep ;;
            *) say name "unknown request" ;;
        esac 9>&- ;;
    esac
done
leave
