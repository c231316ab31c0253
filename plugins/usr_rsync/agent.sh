# The far side's half: POSIX sh, read from standard input by the login shell's `sh` and evaluated once.
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
TAB=$(printf '\t')

have() { command -v "$1" >/dev/null 2>&1; }
get() { IFS= read -r "$1" || exit 0; }

say() {
    if [ -z "${2-}" ]; then
        printf '\n%s %s \n' "$T" "$1"
    else
        printf '\n%s %s %s\n' "$T" "$1" "$(printf '%s' "$2" | tr '\n\r' '  ' | cut -c 1-600)"
    fi
}

# Read exactly so many bytes of standard input; the rest is the next request.
if head --version 2>/dev/null </dev/null | grep -q GNU; then
    take() { head -c "$1"; }
else
    take() { dd bs=1 count="$1" 2>/dev/null; }
fi

if find / -maxdepth 0 -printf '' >/dev/null 2>&1 </dev/null; then
    entries() { find "$1" "$2" "$3" -printf '%y %s %i %T@ %P\0' </dev/null; }
else
    entries() {
        find "$1" "$2" "$3" -exec sh -c '
            top=$1
            shift
            for f do
                if [ -L "$f" ]; then k=l; elif [ -d "$f" ]; then k=d; elif [ -f "$f" ]; then k=f; else k=o; fi
                s=$(stat -c "%s %i %Y" "$f" 2>/dev/null || stat -f "%z %i %m" "$f" 2>/dev/null) || continue
                [ "$f" = "$top" ] && n= || n=${f#"$top"/}
                printf "%s %s %s\0" "$k" "$s" "$n"
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

# What a listing or a read complained about, but for names that are not there.
# (openssl says it twice, the second time without a reason.)
complaints() {
    printf '%s\n' "$1" | grep -v -e 'No such file or directory' -e 'Not a directory' -e ':BIO routines:' -e '^$'
}

do_list() {
    { err=$({ entries "$1" "$2" "$3" >&3; } 2>&1); } 3>&1
    if left=$(complaints "$err"); then say refused "$left"; else say ok; fi
}

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
        say changed "it is no regular file"
    elif left=$(complaints "$(find "$p" -maxdepth 0 2>&1 >/dev/null </dev/null)"); then
        say refused "$left"
    else
        say changed "it is not there"
    fi
}

do_digest() {
    [ "$S" ] || { say tool sha256sum; return; }
    [ -d "$p" ] || { say ok; return; }
    procs=$(cores)
    # More than one name a process only where a line is written at once.
    k=1
    if sha256sum --version 2>/dev/null </dev/null | grep -q GNU; then
        k=$((c / (procs * 4) + 1))
        [ "$k" -le 16 ] || k=16
    fi
    # shellcheck disable=SC2086
    { err=$({ cd "$p" && printf '%s\n' "$names" | tr '\n' '\0' | xargs -0 -n "$k" -P "$procs" $S >&3; } 2>&1); } 3>&1
    if left=$(complaints "$err"); then say refused "$left"; else say ok; fi
}

do_facts() {
    [ -d "$p" ] || { say ok; return; }
    { err=$({ cd "$p" && printf '%s\n' "$names" | tr '\n' '\0' | xargs -0 -n 100 python3 -c "$program" >&3; } 2>&1); rc=$?; } 3>&1
    if [ "$rc" -eq 0 ]; then say ok; else say refused "$err"; fi
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
    printf 'clock\t%s\n' "$(date +%s.%N | sed 's/\.%*N$//')"
    if [ ! -d "$p" ]; then v=missing; elif [ -w "$p" ] && [ -x "$p" ]; then v=writable; else v=read-only; fi
    printf 'folder\t%s\n' "$v"
    say ok
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
    printf 'filelock/2\npid=%s\nhost=%s\nmode=lease\ntoken=%s\nduration=30.0\n' "$$" "$(hostname)" "$token" >"$mine" || return 1
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

do_lock() {
    l=$d/.usr.lock
    have flock || { say tool flock; return; }
    if [ "$make" = 1 ] && ! err=$(mkdir -p "$d" 2>&1 </dev/null); then say refused "$err"; return; fi
    [ -d "$d" ] || { say unwritable "there is no such folder"; return; }
    [ ! -L "$l" ] || { say refused "a symbolic link stands in place of .usr.lock"; return; }
    begun=$(date +%s)
    while :; do
        if ! err=$({ : >>"$l"; } 2>&1); then
            case $err in
                *"No space left"* | *uota* | *"Input/output"*) say refused "$err" ;;
                *) say unwritable "$err" ;;
            esac
            return
        fi
        exec 9>>"$l"
        if ! flock -w "$wait" 9 2>/dev/null; then
            say locked "$(head -c 500 "$l" 2>/dev/null)"
            exec 9>&-
            return
        fi
        # A lock on a file that has lost its name would exclude nobody.
        if [ ! -L "$l" ] && [ "$l" -ef /dev/fd/9 ]; then break; fi
        exec 9>&-
        [ -d "$d" ] && [ ! -L "$l" ] || { say changed "the folder went away"; return; }
    done
    beat=
    if network_place "$d"; then
        take_lease "$((begun + ${wait%.*}))"
        case $? in
            1) say refused "the lease .usr.lease can't be made"; exec 9>&-; return ;;
            2) say locked "$(head -c 500 "$d/.usr.lease" 2>/dev/null | tr '\n' ' ')"; exec 9>&-; return ;;
        esac
    fi
    printf '%s\n' "$label" 2>/dev/null >"$l"
    say ok
}

do_unlock() {
    [ ! "$l" -ef /dev/fd/9 ] || : >"$l"
    if [ "$beat" ]; then
        kill "$beat" 2>/dev/null
        ! grep -q "^token=$token\$" "$d/.usr.lease" 2>/dev/null || rm -f "$d/.usr.lease"
    fi
    exec 9>&-
    l=
    say ok
}

# ---------------------------------------------------------------- a commit, inside a subshell that stands in the folder

there() { [ -e "./$1" ] || [ -L "./$1" ]; }

fail() {
    if [ "$linked" = 1 ]; then
        linked=0 copies=0
        if back=$(take_back 2>&1); then say "$1" "$2; the change was taken back"; else say pending "$2; $back"; fi
        exit 0
    fi
    if [ "$copies" = 1 ]; then
        each operations drop_copy
        [ "$made" = 0 ] || [ -s ./.events.log ] || rm -f ./.events.log
    fi
    say "$1" "$2"
    exit 0
}

plain() {
    case "/$1/" in *//* | */./* | */../*) fail name "$1 is no name inside the folder" ;; esac
}

# No folder on the way to a name is a link: what is renamed there would land somewhere else.
clear_way() {
    w=$1
    while :; do
        case $w in */*) w=${w%/*} ;; *) return 0 ;; esac
        [ ! -L "./$w" ] || fail refused "the folder $w is a symbolic link"
    done
}

staging_name() {
    case $1 in .usr.tmp/*) x=${1#.usr.tmp/} ;; *) x= ;; esac
    case $x in '' | *[!A-Za-z0-9-]*) fail name "$1 is no staging folder" ;; esac
    [ ! -L ./.usr.tmp ] && [ ! -L "./$1" ] || fail refused "$1 is a symbolic link"
}

each() {
    [ -f "$J/$1" ] || return 0
    while IFS=$TAB read -r op a b c || [ "$op" ]; do "$2" || return 1; done <"$J/$1"
}

# Make the files and folders named on standard input durable; what can't be synced one by one is left to the system.
flush() {
    have sync || return 0
    e=$(sort -u | tr '\n' '\0' | xargs -0 sync 2>&1) || case $e in
        *"Input/output error"* | *"No space left"* | *uota*) return 1 ;;
    esac
}

# The same, and a failure is the commit's failure.
durably() { "$@" | flush || fail refused "the file system could not make it durable"; }

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

# Is there a retire of the name $1? Its target is then in `to`.
retired() {
    while IFS=$TAB read -r x y z v || [ "$x" ]; do
        if [ "$x" = retire ] && [ "$y" = "$1" ]; then to=$z; return 0; fi
    done <"$J/operations"
    return 1
}

check() {
    plain "$a"
    plain "$b"
    clear_way "$a"
    clear_way "$b"
    case $op in
        publish)
            case $a in .usr.tmp/?*) ;; *) fail name "$a is not staged" ;; esac
            case $b in .usr.*) fail name "$b is no name for content" ;; esac
            [ -f "./$a" ] && [ ! -L "./$a" ] || fail changed "the staged file $a is missing"
            [ ! -d "./$b" ] || fail refused "a folder has the name $b"
            if [ "$c" = - ]; then
                ! there "$b" || retired "$b" || fail changed "$b is there by now"
            else
                plain "$c"
                clear_way "$c"
                case $c in .usr.tmp/?*) ;; *) fail name "$c is no undo copy" ;; esac
                there "$b" || fail changed "$b is not there any more"
            fi
            ;;
        retire)
            there "$a" || fail changed "$a is not there any more"
            [ ! -d "./$a" ] || fail refused "$a is a folder"
            ! there "$b" || fail changed "$b is there by now"
            ;;
        *) fail name "unknown operation" ;;
    esac
}

names_only() {
    plain "$a"
    plain "$b"
    case $op in
        publish)
            case $a in .usr.tmp/?*) ;; *) fail name "$a is not staged" ;; esac
            case $b in .usr.*) fail name "$b is no name for content" ;; esac
            [ "$c" = - ] || plain "$c"
            ;;
        retire) ;;
        *) fail name "unknown operation" ;;
    esac
}

drop_copy() { [ "$op" != publish ] || [ "$c" = - ] || [ ! -e "./$b" ] || rm -f "./$c"; }

keep_copy() {
    [ "$op" = publish ] && [ "$c" != - ] || return 0
    rm -f "./$c"
    [ -d "./${c%/*}" ] || e=$(mkdir -p "./${c%/*}" 2>&1) || fail refused "$e"
    ln "./$b" "./$c" 2>/dev/null </dev/null || e=$(cp -p "./$b" "./$c" 2>&1 </dev/null) || fail refused "$e"
}

# The folders that publishing and retiring will make, the deepest last.
missing_above() {
    w=$b
    while :; do
        case $w in */*) w=${w%/*} ;; *) return 0 ;; esac
        [ ! -d "./$w" ] || return 0
        printf '%s\n' "$w"
    done
}

touched() {
    case $b in */*) printf './%s\n' "${b%/*}" ;; esac
    [ "$op" = retire ] || return 0
    case $a in */*) printf './%s\n' "${a%/*}" ;; esac
}

all_touched() {
    echo .
    each operations touched
}

all_staged() {
    printf '%s\n' . ./.usr.tmp "$J" "./$staging" "$J/record.json" "$J/line"
    each operations made_durable
}

made_durable() {
    [ "$op" = publish ] || return 0
    printf './%s\n' "$a"
    [ "$c" = - ] || printf './%s\n' "$c"
}

alive() { [ "$held" -ef /dev/fd/8 ] || { linked=2; fail changed "somebody else has settled the change meanwhile"; }; }

rename() {
    case $2 in */*) [ -d "./${2%/*}" ] || e=$(mkdir -p "./${2%/*}" 2>&1 </dev/null) || return 1 ;; esac
    e="a folder has the name $2"
    [ ! -d "./$2" ] || return 1
    e=$(mv -f "./$1" "./$2" 2>&1 </dev/null)
}

staged_still() { [ "$op" != publish ] || there "$a" || fail changed "the staged file $a has gone"; }

apply() {
    alive
    clear_way "$b"
    if [ "$op" = publish ]; then
        if there "$a"; then rename "$a" "$b" || fail refused "$e"
        elif [ "$strict" = 1 ] && ! there "$b"; then fail lost "the staged file $a has gone"
        fi
    elif there "$a" && ! there "$b"; then
        rename "$a" "$b" || fail refused "$e"
    fi
}

reverse() {
    if [ "$op" = retire ]; then
        if there "$b" && ! there "$a"; then rename "$b" "$a" || { printf '%s' "$e"; return 1; }; fi
        return 0
    fi
    if there "$a"; then return 0; fi
    # What has the name may be the old file, back from where it was retired to.
    if retired "$b" && ! there "$to"; then return 0; fi
    if [ "$c" = - ]; then
        rm -f "./$b" || return 1
    elif there "$c"; then
        rename "$c" "$b" || { printf '%s' "$e"; return 1; }
    fi
}

empty_above() {
    w=$b
    while :; do
        case $w in */*) w=${w%/*} ;; *) return 0 ;; esac
        rmdir "./$w" 2>/dev/null || return 0
    done
}

# Under its abort name, so that a reader sees the old state from here on.
take_back() {
    [ ! -f "$R" ] || mv -f "$R" "$A" || return 1
    echo . | flush || return 1
    log_state
    if [ "$length" -gt 0 ] && [ "$s" -gt "$offset" ] && [ "$s" -le $((offset + length)) ] && [ "$state" != foreign ]; then
        cut_log || return 1
        echo ./.events.log | flush || return 1
    fi
    each reversed reverse || return 1
    if [ -f "$J/folders" ]; then
        sort -r "$J/folders" | while IFS= read -r w; do rmdir "./$w" 2>/dev/null; done
    else
        each reversed empty_above
    fi
    [ ! -f ./.events.log ] || touch -c ./.events.log 2>/dev/null
    [ "$made" = 0 ] || [ -s ./.events.log ] || rm -f ./.events.log
    { echo .; each operations touched | while IFS= read -r w; do [ ! -d "$w" ] || echo "$w"; done; } | flush || return 1
    clean "$A"
}

clean() {
    rm -f "$1" || return 1
    rm -rf "./$staging" "./$job"
    rmdir ./.usr.tmp 2>/dev/null
    return 0
}

empty_retired() {
    case $op$a in retire*/*) rmdir "./${a%/*}" 2>/dev/null ;; esac
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
    each operations apply
    durably all_touched
    alive
    write_line
    linked=2
    exec 8<&-
    # The empty folders of what was retired go, after the job's own files were read for the last time.
    each operations empty_retired
    clean "$held" || fail refused "the record can't be removed"
    say ok
}

same_record() { cmp -s "$1" "$J/record.json" || fail changed "the record there is another one"; }

do_commit() (
    linked=0 copies=0 made=0 strict=1 held= to= e=
    cd "$p" 2>/dev/null || { action=none; fail changed "the folder is not there"; }
    J=./$job R=./.usr.commit.$seq.json A=./.usr.abort.$seq.json
    case $action in commit) ;; *) linked=2 ;; esac
    staging_name "$job"
    staging_name "$staging"
    for x in record.json line operations reversed; do
        [ -f "$J/$x" ] && [ ! -L "$J/$x" ] || fail changed "$job/$x is missing"
    done
    [ "$(($(wc -c <"$J/line")))" -eq "$length" ] || fail changed "$job/line has not the length that was named"
    [ ! -L ./.events.log ] || fail refused ".events.log is a symbolic link"
    each operations names_only
    each reversed names_only
    have cmp || fail tool cmp
    case $action in
        commit)
            rm -f "$J/folders"
            ! there "$R" && ! there "$A" || fail changed "change $seq was made by somebody else"
            each operations check
            size
            # A line that was cut off is no event: it goes, as it does when a writer there opens the dataset.
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
            each operations keep_copy
            each operations missing_above | sort -u >"$J/folders" || fail refused "no room for the list of folders"
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
            each operations staged_still
            carry_out
            ;;
        finish)
            linked=2
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
            linked=2
            if there "$R"; then same_record "$R"; elif there "$A"; then same_record "$A"; fi
            if there "$R" || there "$A"; then
                each operations way_is_clear
                if back=$(take_back 2>&1); then say ok; else say pending "$back"; fi
            else
                clean "$R"
                say ok
            fi
            ;;
        discard)
            linked=2
            ! there "$R" || same_record "$R"
            clean "$R" || fail refused "the record can't be removed"
            say ok
            ;;
        *) fail name "unknown action" ;;
    esac
)

way_is_clear() {
    clear_way "$a"
    clear_way "$b"
}

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

# Remove what rsync leaves of tries that were cut off.
do_sweep() {
    rm -rf "$p/.rsync-tmp"
    find "$p" -type d -name .rsync-partial -prune -exec rm -rf {} + </dev/null >/dev/null 2>&1
    say ok
}

l= d= beat= token=
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
            walk) get q; do_list "$q" -mindepth 1 ;;
            read) get p; get o; get n; do_read ;;
            digest) get p; get c; get n; names=$(take "$n"); do_digest ;;
            facts) get p; get n; program=$(take "$n"); get n; names=$(take "$n"); do_facts ;;
            abilities) do_abilities ;;
            probe) get p; do_probe ;;
            place) get p; get to; do_place ;;
            remove) get p; get name; do_remove ;;
            folder) get p; do_folder ;;
            sweep) get p; do_sweep ;;
            *) say name "unknown request" ;;
        esac 9>&- ;;
    esac
done
[ -z "$beat" ] || { kill "$beat" 2>/dev/null; ! grep -q "^token=$token\$" "$d/.usr.lease" || rm -f "$d/.usr.lease"; } 2>/dev/null
