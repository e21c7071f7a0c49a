#!/bin/sh
# The life of a container under vesicle-oci, one shell function each, for a guest that has only busybox: on both CPUs.
#
#   VESICLE=target/release/vesicle-oci sh tests/oci/cases.sh
#
# It says `ok NAME` or `not ok NAME: detail`, and closes with `N passed, N failed, N skipped`.
set -u
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
BUSYBOX=${BUSYBOX:-/bin/busybox}
T=$(mktemp -d "${TMPDIR:-/tmp}/vesicle-oci-cases.XXXXXX") || exit 1
trap 'rm -rf "$T"' EXIT
mkdir -p "$T/rootfs/bin" "$T/state"
cp "$BUSYBOX" "$T/rootfs/bin/busybox"
for applet in sh cat grep hostname id kill sleep true uname; do ln -s busybox "$T/rootfs/bin/$applet"; done

fail() { echo "$*"; exit 1; }
eq() { [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"; }
# Where / is an initramfs there is no pivot_root, and as for runc it has to be said.
pivot=
grep -q '^rootfs / rootfs ' /proc/mounts && [ "$(grep -c ' / ' /proc/mounts)" = 1 ] && pivot=--no-pivot
o() { timeout -s KILL 60 "$VESICLE" --root "$T/state" "$@"; }
# bundle COMMAND : what `spec` says, for a shell without a terminal.
bundle() {
    cd "$T" || exit 1
    rm -f config.json
    [ "$(id -u)" = 0 ] || rootless=--rootless
    o spec ${rootless:-} || fail "no spec"
    tr -d '\n\t' <config.json | sed "s/\"terminal\": *true/\"terminal\":false/; s/\"args\": *\[ *\"sh\" *\]/\"args\":[\"sh\",\"-c\",\"$1\"]/" >"$T/c" && mv "$T/c" config.json
    grep -q "$1" config.json || fail "no command in $(cat config.json)"
}

a_command_runs_and_its_exit_code_is_passed_on() {
    bundle 'hostname; exit 7'
    # shellcheck disable=SC2086 # a word or none
    out=$(o run $pivot a 2>&1)
    eq "exit code ($out)" $? 7
    eq output "$out" vesicle
    eq "what is left" "$(ls "$T/state")" ""
}
a_container_is_created_started_joined_and_deleted() {
    bundle 'sleep 1000'
    # shellcheck disable=SC2086 # a word or none
    o create $pivot --pid-file "$T/pid" a >"$T/out" 2>&1 </dev/null || fail "$(cat "$T/out")"
    o state a | grep -q '"status": *"created"' || fail "$(o state a)"
    o start a || fail "no start"
    o state a | grep -q '"status": *"running"' || fail "$(o state a)"
    eq "what exec says" "$(o exec a hostname 2>&1)" vesicle
    o exec a sh -c 'exit 9'
    eq "exit code of exec" $? 9
    o delete a 2>/dev/null && fail "it was deleted while it ran"
    o kill a KILL || fail "no kill"
    n=0
    until o state a | grep -q '"status": *"stopped"'; do
        n=$((n + 1))
        [ $n -lt 100 ] || fail "$(o state a)"
        sleep 0.1
    done
    o delete a || fail "no delete"
    eq "what is left" "$(ls "$T/state")" ""
}
a_filter_denies_calls_of_this_cpu_and_kills_foreign_ones() {
    bundle 'uname -m; hostname x; echo denied $?'
    filter='"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["sethostname"],"action":"SCMP_ACT_ERRNO","errnoRet":38}]},'
    sed "s/\"linux\": *{/&$filter/" config.json >c && mv c config.json
    # shellcheck disable=SC2086 # a word or none
    out=$(o run $pivot a 2>&1)
    echo "$out" | grep -q 'not implemented' || fail "$out"
    echo "$out" | grep -q 'denied 1' || fail "$out"
}
what_is_wrong_is_told_in_a_line() {
    bundle true
    echo '{' >config.json
    out=$(o run a 2>&1) && fail "it ran"
    eq "lines of '$out'" "$(echo "$out" | wc -l)" 1
    eq "what is left" "$(ls "$T/state")" ""
}

passed=0 failed=0
for name in a_command_runs_and_its_exit_code_is_passed_on a_container_is_created_started_joined_and_deleted \
    a_filter_denies_calls_of_this_cpu_and_kills_foreign_ones what_is_wrong_is_told_in_a_line; do
    if detail=$($name 2>&1); then
        echo "ok $name"
        passed=$((passed + 1))
    else
        echo "not ok $name: $detail"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
