#!/bin/sh
# The promises of `vesicle run` and `vesicle init`, one shell function each, for a host and for a guest that has only busybox.
#
#   VESICLE=target/release/vesicle sh tests/cases.sh [NAME...]
#
# Run it as root or as anybody: it adapts. VESICLE names the binary, BUSYBOX a static busybox (default: the one on PATH).
# It says `ok NAME`, `not ok NAME: detail` or `skip NAME: reason`, and closes with `N passed, N failed, N skipped`.
set -u
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
unset BASH_ENV ENV 2>/dev/null

VESICLE=${VESICLE:-vesicle}
for busybox in /bin/busybox /usr/bin/busybox /sbin/busybox "$(command -v busybox)"; do
    [ -n "${BUSYBOX:-}" ] || { [ -x "$busybox" ] && BUSYBOX=$busybox; }
done
BUSYBOX=${BUSYBOX:-}
ME=$(id -u)
MYGROUP=$(id -g)
T=$(mktemp -d "${TMPDIR:-/tmp}/vesicle-cases.XXXXXX") || exit 1
chmod 755 "$T"
trap 'chmod -R u+rwx "$T" 2>/dev/null; rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM
R=$T/root
# Seconds that tell the sleepers of this run from those of another.
S=9$$

# A root file system of one program and its names.
make_root() {
    mkdir -p "$1/bin" "$1/proc" "$1/sys" "$1/dev" "$1/tmp" "$1/data" "$1/etc" || return 1
    cp "$BUSYBOX" "$1/bin/busybox" && chmod 755 "$1/bin/busybox" || return 1
    for applet in sh ash awk cat chmod chown cut date df env false grep head hostname id ifconfig ip kill ls mkdir mount \
        nc printf ps pwd readlink rm sed sleep sort stat stty tail touch tr true tty umount uname uptime wc; do
        ln -s busybox "$1/bin/$applet"
    done
}

fail() { echo "$*"; exit 1; }
skip() { echo "$*"; exit 77; }
eq() { [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"; }
# No child outlives its limit.
limited() { timeout -s KILL 60 "$@"; }
v() { limited "$VESICLE" run "$@"; }
# box OPTION... -- SHELL-SCRIPT : the script inside the root file system.
inside() {
    script=$1
    shift
    v "$@" "$R" /bin/sh -c "$script"
}
# refused CODE WORD ARG... : vesicle ends with CODE and one line that begins as promised and has WORD in it.
refused() {
    code=$1 word=$2
    shift 2
    v "$@" >"$T/refused.out" 2>"$T/refused.err"
    eq "exit status of '$*' ($(cat "$T/refused.err"))" $? "$code"
    eq "number of lines of '$*' ($(cat "$T/refused.err"))" "$(wc -l <"$T/refused.err" | tr -d ' ')" 1
    grep -q '^vesicle: ' "$T/refused.err" || fail "the line does not begin with 'vesicle: ': $(cat "$T/refused.err")"
    grep -q -e "$word" "$T/refused.err" || fail "the line does not say '$word': $(cat "$T/refused.err")"
    [ -s "$T/refused.out" ] && fail "something was said on stdout: $(cat "$T/refused.out")"
    return 0
}
kernel_at_least() {
    have=$(uname -r)
    major=${have%%.*}
    rest=${have#*.}
    minor=${rest%%[!0-9]*}
    [ "$major" -gt "$1" ] || { [ "$major" -eq "$1" ] && [ "$minor" -ge "$2" ]; }
}
# before_5_12 NAME ARG... : mount_setattr is not there; then a refusal in words is the promise.
before_5_12() {
    kernel_at_least 5 12 && return 1
    word=$1
    shift
    refused 125 "$word" "$@" "$R" /bin/true
    grep -q -i -e 'kernel' -e '5\.12' -e 'ENOSYS' "$T/refused.err" || fail "it does not tell why: $(cat "$T/refused.err")"
    echo "not on this kernel: refused in words"
}
# Is there a process with these words in its command line? Write one letter in brackets, so as not to find the search.
alive() { [ -n "$(grep -l -e "$1" /proc/[0-9]*/cmdline 2>/dev/null)" ]; }
# soon COMMAND... : it comes true within ten seconds.
soon() {
    n=0
    until "$@"; do
        n=$((n + 1))
        [ $n -gt 100 ] && return 1
        sleep 0.1 2>/dev/null || sleep 1
    done
}
not() { ! "$@"; }
over() { case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in '' | Z*) return 0 ;; esac; return 1; }
# ended PID : the exit status of a child in the background, which has ten seconds to end.
ended() {
    soon over "$1" || { kill -KILL "$1"; echo "it had to be killed"; }
    wait "$1"
}

# as NAME ARG... : vesicle under another name.
as() {
    name=$1
    shift
    [ -e "$T/$name" ] || ln "$VESICLE" "$T/$name" 2>/dev/null || cp "$VESICLE" "$T/$name"
    limited "$T/$name" "$@"
}
b() { echo "$R/bin/busybox"; }

# status NAME OPTION... : a line of /proc/self/status inside.
status() {
    line=$1
    shift
    inside "grep '^$line:' /proc/self/status | cut -f2" "$@"
}

# A static program of system calls, made of its bytes, for what no busybox does. It writes to stdout what each call said: the
# errno, one byte each.
put() { # put BYTES NUMBER...
    width=$1
    shift
    for number; do
        left=$width
        while [ "$left" -gt 0 ]; do
            code=$code\\$((number >> 6 & 3))$((number >> 3 & 7))$((number & 7))
            number=$((number >> 8)) left=$((left - 1))
        done
    done
}
# begin [foreign], then call NUMBER [ARGUMENT [ARGUMENT]]... (an argument that isn't given is -1), then made FILE. A foreign
# one is of another architecture, for the same kernel: calls by int 0x80, or a program of arm.
begin() {
    code= calls=0 abi=${1:-}$(uname -m)
    case $abi in
    *x86_64) # lea r14, [rsp - 4096]; mov r15, r14; rdi, rsi, rdx, r10, r8 and r9: -1
        put 1 0x4c 0x8d 0xb4 0x24 0 0xf0 0xff 0xff 0x4d 0x89 0xf7
        for register in 0xc7c748 0xc6c748 0xc2c748 0xc2c749 0xc0c749 0xc1c749; do put 3 $register && put 4 -1; done
        ;;
    aarch64) # sub x19, sp, #4096; mov x20, x19; x2 to x5: -1
        put 4 0xd14007f3 0xaa1303f4 0x92800002 0x92800003 0x92800004 0x92800005
        ;;
    foreignaarch64) # sub r8, sp, #4096; mov r9, r8; r2 to r5: -1
        put 4 0xe24d8a01 0xe1a09008 0xe3e02000 0xe3e03000 0xe3e04000 0xe3e05000
        ;;
    *) skip "not a program for $(uname -m)" ;;
    esac
}
call() {
    calls=$((calls + 1)) first=${2:--1} second=${3:--1}
    case $abi in
    *x86_64) # rdi, rsi, eax; syscall; or rbx, rcx, eax; int 0x80; then neg eax; mov [r14], al; inc r14
        set -- $1 0xc7c748 0xc6c748 0x050f
        [ $abi = x86_64 ] || set -- $1 0xc3c748 0xc1c748 0x80cd
        put 3 $2 && put 4 $first && put 3 $3 && put 4 $second && put 1 0xb8 && put 4 $1
        put 2 $4 && put 1 0xf7 0xd8 0x41 0x88 0x06 0x49 0xff 0xc6
        ;;
    aarch64) # w0 and w1 by halves, or -1; w8; svc; neg w0, w0; strb w0, [x19], #1
        n=0
        for value in $first $second; do
            if [ $value = -1 ]; then put 4 $((0x92800000 | n)); else
                put 4 $((0x52800000 | (value & 0xffff) << 5 | n)) $((0x72a00000 | (value >> 16 & 0xffff) << 5 | n))
            fi
            n=$((n + 1))
        done
        put 4 $((0x52800008 | $1 << 5)) 0xd4000001 0x4b0003e0 0x38001660
        ;;
    foreignaarch64) # r0 and r1 of 16 bits, or -1; r7; svc; rsb r0, r0, #0; strb r0, [r8], #1
        if [ $first = -1 ]; then put 4 0xe3e00000; else put 4 $((0xe3000000 | first >> 12 << 16 | first & 0xfff)); fi
        if [ $second = -1 ]; then put 4 0xe3e01000; else put 4 $((0xe3001000 | second >> 12 << 16 | second & 0xfff)); fi
        put 4 $((0xe3007000 | $1 >> 12 << 16 | $1 & 0xfff)) 0xef000000 0xe2600000 0xe4c80001
        ;;
    esac
}
made() {
    case $abi in
    *x86_64) # write(1, r15, calls); exit(0)
        put 1 0xbf 1 0 0 0 0x4c 0x89 0xfe 0xba && put 4 $calls
        put 1 0xb8 1 0 0 0 0x0f 0x05 0x31 0xff 0xb8 60 0 0 0 0x0f 0x05
        machine=62
        ;;
    aarch64) # write(1, x20, calls); exit(0)
        put 4 0xd2800020 0xaa1403e1 $((0xd2800002 | calls << 5)) 0xd2800808 0xd4000001 0xd2800000 0xd2800ba8 0xd4000001
        machine=183
        ;;
    foreignaarch64) # write(1, r9, calls); exit(0)
        put 4 0xe3a00001 0xe1a01009 $((0xe3002000 | calls)) 0xe3a07004 0xef000000 0xe3a00000 0xe3a07001 0xef000000
        ;;
    esac
    body=$code code=
    # elf(5): the header, one segment that is read and executed, of 64 KiB at most.
    if [ $abi = foreignaarch64 ]; then
        put 1 0x7f 0x45 0x4c 0x46 1 1 1 0 0 0 0 0 0 0 0 0 && put 2 2 40 && put 4 1 0x10054 52 0 0x5000000 && put 2 52 32 1 40 0 0
        put 4 1 0 0x10000 0x10000 0x2000 0x2000 5 0x10000
    else
        put 1 0x7f 0x45 0x4c 0x46 2 1 1 0 0 0 0 0 0 0 0 0 && put 2 2 $machine && put 4 1 && put 8 0x400078 64 0 && put 4 0
        put 2 64 56 1 64 0 0 && put 4 1 5 && put 8 0 0x400000 0x400000 0x2000 0x2000 0x10000
    fi
    # shellcheck disable=SC2059 # it is all escapes
    { printf "$code$body"; head -c 8192 /dev/zero; } >"$1"
    chmod 755 "$1"
}
# what PROGRAM said inside, in words of one number each
said() {
    v "$@" >"$T/said-by-calls" || fail "it ended with $?: $*"
    echo $(od -An -v -tu1 <"$T/said-by-calls")
}

# The calls that src/seccomp/default.txt refuses whatever their arguments are; tests/seccomp.rs holds them to it.
case $(uname -m) in
x86_64)
    always="308 165 166 155 428 429 430 431 432 433 442 467 304 175 313 176 246 320 169 167 168 163 179 443 164 227 170 171 103 153 172 173 321 298 323 425 426 427 250 248 249 300 212 312 438 440 237 238 239 450 256 279 134 136 139 156 174 177 178 180"
    clone=56 unshare=272 personality=135 socket=41 ioctl=16
    ;;
*)
    always="268 40 39 41 428 429 430 431 432 433 442 467 265 105 273 106 104 294 142 224 225 89 60 443 170 112 161 162 116 58 280 241 282 425 426 427 219 217 218 262 18 272 438 440 235 237 236 450 238 239 42"
    clone=220 unshare=97 personality=92 socket=198 ioctl=29
    ;;
esac

# of_cgroups CONTROLLER... : this is a machine whose cgroups are all of version 2, and these can be had.
of_cgroups() {
    C=/sys/fs/cgroup
    for controller; do
        grep -q -w "$controller" $C/cgroup.controllers 2>/dev/null || skip "only guests have controller $controller of cgroup2"
    done
    [ "$ME" = 0 ] || skip "not root, and nothing is delegated"
    # No mount of it in the root on an old kernel.
    mkdir -p "$R/cg"
}
# What there is below the root of all cgroups, apart from what was there before.
cgroups() { find $C -mindepth 1 -type d | sort | tr '\n' ' '; }

# traced OPTION... : the system calls of a launch in order of their numbers, one a line, with a minus behind one that failed.
traced() {
    echo >/sys/kernel/tracing/trace
    limited sh -c 'cd /sys/kernel/tracing && echo $$ >set_event_pid && echo 1 >events/raw_syscalls/sys_exit/enable && cd / && exec "$@"' \
        sh "$VESICLE" run "$@" "$R" /bin/true || fail "it ended with $?: $*"
    echo 0 >/sys/kernel/tracing/events/raw_syscalls/sys_exit/enable
    sed -n 's/.* sys_exit: NR \([0-9]*\) = \(-\{0,1\}\).*/\1\2/p' /sys/kernel/tracing/trace | sort -n
}
# Those that a launch by chroot(2) and one by pivot_root(2) have both.
others() { grep -v -x -e $statx -e $chroot "$@"; }
# centiseconds OPTION... : how long a few launches take.
centiseconds() {
    read begin rest </proc/uptime
    for launch in 1 2 3 4; do "$VESICLE" run "$@" "$R" /bin/true || fail "it ended with $?"; done
    read end rest </proc/uptime
    echo $((${end%.*}${end#*.} - ${begin%.*}${begin#*.}))
}

# --- promises

hostname_set_inside_is_not_seen_outside() {
    before=$(uname -n)
    eq "host name inside" "$(inside 'hostname; hostname other 2>/dev/null; true' --hostname box)" box
    eq "host name outside" "$(uname -n)" "$before"
}

domainname_is_set_inside_only() {
    before=$(cat /proc/sys/kernel/domainname)
    eq "domain name inside" "$(inside 'cat /proc/sys/kernel/domainname' --domainname lab.example)" lab.example
    eq "domain name outside" "$(cat /proc/sys/kernel/domainname)" "$before"
}

message_queue_made_outside_is_not_listed_inside() {
    here=$(readlink /proc/self/ns/ipc)
    there=$(inside 'readlink /proc/self/ns/ipc') || fail "no answer"
    [ "$here" != "$there" ] || fail "the IPC namespace is the host's: $here"
    eq "IPC namespace with --share-ipc" "$(inside 'readlink /proc/self/ns/ipc' --share-ipc)" "$here"
    command -v ipcmk >/dev/null && command -v ipcrm >/dev/null || return 0
    id=$(ipcmk -Q | sed 's/[^0-9]//g')
    seen=$(wc -l </proc/sysvipc/msg)
    lines=$(inside 'wc -l </proc/sysvipc/msg')
    ipcrm -q "$id"
    [ "$seen" -ge 2 ] || fail "the queue is not listed outside"
    eq "lines of /proc/sysvipc/msg inside" "$lines" 1
}

network_inside_is_only_lo_and_it_is_up() {
    out=$(inside 'ip addr') || fail "ip says $out"
    echo "$out" | grep -E '^[0-9]+: ' | grep -v -E '(sit0|tunl0|gre0|gretap0|erspan0|ip6tnl0|ip6gre0|ip_vti0|ip6_vti0)' >"$T/links"
    eq "number of links ($out)" "$(wc -l <"$T/links" | tr -d ' ')" 1
    grep -q 'lo: <.*UP' "$T/links" || fail "lo is not up: $out"
    echo "$out" | grep -q '127\.0\.0\.1/8' || fail "lo has no address: $out"
    eq "network with --share-net" "$(inside 'readlink /proc/self/ns/net' --share-net)" "$(readlink /proc/self/ns/net)"
}

command_is_process_1_and_proc_lists_only_the_container() {
    out=$(inside 'echo $$; for d in /proc/[0-9]*; do echo ${d#/proc/}; done') || fail "$out"
    eq "own process id and the list" "$(echo $out)" "1 1"
    [ "$(inside 'echo $$; true' --share-pid)" -gt 1 ] || fail "--share-pid did not share"
}

mount_inside_shows_proc_and_what_was_asked_for_only() {
    mkdir -p "$T/src"
    cat /proc/self/mountinfo >"$T/before"
    for how in '' --chroot; do
        out=$(inside 'cat /proc/self/mounts' $how --tmpfs /tmp --bind "$T/src" /data) || fail "$out"
        echo "$out" | cut -d' ' -f2 | grep -v '^/proc/' | sort >"$T/mounts"
        for want in /data /proc /tmp; do
            eq "mounts at $want (${how:-pivot_root}: $out)" "$(grep -c "^$want\$" "$T/mounts")" 1
        done
        rest=$(grep -v -x -e /data -e /proc -e /tmp -e / "$T/mounts")
        eq "what else is mounted (${how:-pivot_root})" "$rest" ""
    done
    cat /proc/self/mountinfo >"$T/after"
    cmp "$T/before" "$T/after" || fail "the host's mounts changed"
}

nothing_mounted_inside_is_seen_outside() {
    rm -f "$R/data/up"
    "$VESICLE" run --tmpfs /tmp --die-with-parent "$R" /bin/sh -c \
        'mount -t tmpfs none /etc 2>/dev/null; touch /etc/made /tmp/made; touch /data/up; exec sleep 60' &
    pid=$!
    soon test -e "$R/data/up" || fail "the container did not come up"
    grep -e "$R" /proc/self/mountinfo >"$T/seen"
    kill -TERM $pid
    ended $pid
    eq "exit status" $? 143
    [ ! -s "$T/seen" ] || fail "the host sees $(cat "$T/seen")"
    [ ! -e "$R/tmp/made" ] || fail "the file in the tmpfs is in the root file system"
    rm -f "$R/etc/made" "$R/data/up"
}

propagation_of_a_shared_parent_mount_is_cut() {
    [ "$ME" = 0 ] || skip "only root can make a shared mount"
    unshare -m true 2>/dev/null || skip "no unshare here"
    limited unshare -m sh -c '
        mkdir -p "$1/shared" && mount -t tmpfs none "$1/shared" && mount --make-rshared / && mount --make-shared "$1/shared" || exit 3
        cp -a "$2" "$1/shared/root"
        cat /proc/self/mountinfo >"$1/before"
        "$3" run --tmpfs /tmp --bind "$1/shared" /data --dev /dev "$1/shared/root" /bin/true || exit 4
        "$3" run --chroot --tmpfs /tmp "$1/shared/root" /bin/true || exit 5
        "$3" run --tmpfs "$1/shared" / "$4" true || exit 6
        cat /proc/self/mountinfo >"$1/after"
        cmp "$1/before" "$1/after"' sh "$T" "$R" "$VESICLE" "$BUSYBOX" || fail "step $?"
}

# Whatever of the caller's is bound, and wherever ROOTFS lies: nothing goes to where it comes from, and nothing comes from there.
no_mount_goes_to_or_comes_from_what_is_bound() {
    [ "$ME" = 0 ] || skip "only root can make a shared mount"
    unshare -m true 2>/dev/null || skip "no unshare here"
    mkdir -p "$T/source"
    for how in '' --share-pid; do
        limited unshare -m sh -c '
            mount -t tmpfs none "$1/source" && mkdir -p "$1/source/in/deep" "$1/source/dev/deep" && cp -a "$2" "$1/source/root" || exit 3
            mount --make-rshared / && mount --make-shared "$1/source" || exit 4
            cat /proc/self/mountinfo >"$1/before"
            "$3" run $4 --privileged --bind "$1/source/in" /data --dev-bind "$1/source/dev" /tmp --dev /dev --mask /etc/f "$1/source/root" /bin/sh -c "
                for place in /data/deep /data /tmp/deep /etc /proc/sys /dev/pts; do mount -t tmpfs none \$place || exit 5; done
                mount --bind /bin/true /dev/null || exit 6
                wc -l </proc/self/mountinfo; echo >/up; until [ -e /go ]; do sleep 0.1; done; wc -l </proc/self/mountinfo" >"$1/out" &
            until [ -e "$1/source/root/up" ] || ! kill -0 $!; do sleep 0.1; done
            cat /proc/self/mountinfo >"$1/after"
            cmp "$1/before" "$1/after" || exit 7
            for place in in/deep dev/deep root/sys; do mount -t tmpfs none "$1/source/$place" || exit 8; done
            echo >"$1/source/root/go"
            wait $!' sh "$T" "$R" "$VESICLE" "$how" || fail "step $? $how"
        eq "mounts before and after $how" "$(sed -n 1p "$T/out")" "$(sed -n 2p "$T/out")"
    done
}

# The devices of the host take their place.
dev_is_whole_where_no_device_can_be_made() {
    [ "$ME" = 0 ] || skip "only root can do without a user namespace"
    out=$(limited "$VESICLE" run --privileged --cap-drop CAP_MKNOD / "$(readlink -f "$VESICLE")" run --privileged --dev /dev "$R" /bin/sh -c \
        'echo gone >/dev/null && head -c 5 /dev/zero | wc -c && ls -l /dev/null | cut -c1 && cut -d" " -f5 /proc/self/mountinfo | grep -c ^/dev && wc -l </proc/self/mountinfo') || fail "$out"
    eq "what it has, and its mounts" "$(echo $out)" "5 c 8 10"
}

# What a kernel has is found out by the call that makes use of it; with --chroot the caller's mounts are copied on any kernel.
mounts_of_the_caller_are_not_copied_since_linux_7() {
    case $0 in /cases.sh) ;; *) skip "only guests are traced" ;; esac
    [ "$ME" = 0 ] || skip "only root traces"
    case $(uname -m) in x86_64) pivot=155 chroot=161 umount=166 statx=332 setns=308 ;; *) pivot=41 chroot=51 umount=39 statx=291 setns=268 ;; esac
    mkdir -p "$T/many"
    grep -q /sys/kernel/tracing /proc/mounts || mount -t tracefs none /sys/kernel/tracing || fail "no tracefs"
    echo 1 >/sys/kernel/tracing/options/event-fork
    # ROOTFS is a mount of its own by both.
    same='--cap-drop CAP_SYS_CHROOT' cgroup=
    ! kernel_at_least 5 12 || same="$same --read-only"
    [ ! -e /sys/fs/cgroup/cgroup.procs ] || cgroup=--unshare-user+--cgroup+box
    for how in '' --privileged --unshare-user '--proc-opts hidepid=0' '--unshare-user --proc-opts hidepid=0' '--sysfs /sys' \
        '--info-fd 2' '--json-status-fd 2' $cgroup; do
        how=$(echo "$how" | tr + ' ')
        new=$(traced $same $how)
        old=$(traced $same $how --chroot)
        said="$how: $(echo $new), and else $(echo $old)"
        eq "failed without trying $said" "$(echo "$old" | grep -c -x -e 428- -e 435-)" 0
        if kernel_at_least 7 1; then
            eq "failed $said" "$(echo "$new" | grep -c -x -e 428- -e 435-)" 0
            echo "$new" | grep -q -x $setns || fail "not taken $said"
            ! echo "$new" | grep -q -e "^$pivot" -e "^$chroot" || fail "pivoted $said"
            # pivot_root(2) takes an umount2(2) more; a root that will be read-only is opened.
            [ $(echo "$new" | wc -l) -le $(($(echo "$old" | wc -l) + 2)) ] || fail "more calls $said"
        else
            eq "failed $said" "$(echo "$new" | grep -c -x -e 428- -e 435-)" 1
            # An initramfs is asked whether it is one.
            ! kernel_at_least 5 12 ||
                eq "all others $said" "$(echo "$new" | others -e 428- -e 435- -e $pivot- -e $pivot -e $umount)" "$(echo "$old" | others)"
        fi
    done
    kernel_at_least 7 1 || return 0
    # On the initramfs too, which is no longer the first root.
    traced --unshare-user --bind "$T" /data | grep -q -x $pivot || fail "not pivoted"
    mount -t tmpfs none "$T/many" && mount --make-private "$T/many" || fail "no tmpfs"
    for n in 1 2 3 4 5 6 7 8 9 10 11 12; do mkdir "$T/many/$n" && mount --rbind "$T/many" "$T/many/$n" || fail "mount $n"; done
    mounts=$(grep -c "$T/many" /proc/self/mountinfo)
    # One after the other, so that a machine that is busy is so for both; most of the rounds count.
    for how in --privileged --unshare-user; do
        said= rounds=0
        for round in 1 2 3 4 5; do
            new=$(centiseconds $how) && old=$(centiseconds $how --chroot --read-only) || fail "$new$old"
            said="$said $new/$old"
            [ $((new * 3)) -ge $((old * 2)) ] || rounds=$((rounds + 1))
        done
        echo "centiseconds beside $mounts mounts $how, without and with a copy of them:$said"
        [ $rounds -ge 3 ] || fail "not flat"
    done
    umount -l "$T/many"
}

namespaces_that_are_told_are_those_of_command() {
    for how in '' --unshare-user; do
        out=$(v $how --info-fd 5 --json-status-fd 6 "$R" /bin/sh -c \
            'for kind in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$kind; done' 5>"$T/info" 6>"$T/status") || fail "$out"
        for told in info status; do
            eq "$told $how" "$(tr , '\n' <"$T/$told" | sed -n 's/.*"\([a-z]*\)-namespace": \([0-9]*\).*/\1:[\2]/p')" "$out"
        done
    done
}

unprivileged_caller_is_root_inside_and_its_files_are_its_own_outside() {
    rm -f "$R/data/made"
    if [ "$ME" = 0 ]; then set -- --unshare-user; else set --; fi
    eq "ids inside" "$(inside 'id -u; id -g; touch /data/made' "$@" | tr '\n' ' ')" "0 0 "
    eq "owner outside" "$(stat -c %u:%g "$R/data/made")" "$ME:$MYGROUP"
    rm -f "$R/data/made"
}

range_map_maps_each_id() {
    [ "$ME" = 0 ] || skip "only root writes a range without newuidmap"
    chmod 777 "$R/data"
    out=$(inside 'touch /data/a /data/b && chown 5:7 /data/a && chown 999:1999 /data/b && echo $(cat /proc/self/uid_map) $(cat /proc/self/gid_map)' \
        --unshare-user --map-users 0:100000:1000 --map-groups 0:200000:2000) || fail "$out"
    eq "maps" "$out" "0 100000 1000 0 200000 2000"
    eq "owner of a" "$(stat -c %u:%g "$R/data/a")" 100005:200007
    eq "owner of b" "$(stat -c %u:%g "$R/data/b")" 100999:201999
    rm -f "$R/data/a" "$R/data/b"
    out=$(inside 'cat /proc/self/uid_map' --unshare-user --map-users 0:100000:10 --map-users 10:300000:5 --map-groups 0:100000:10) || fail "$out"
    eq "two ranges" "$(echo $out)" "0 100000 10 10 300000 5"
}

uid_and_gid_choose_the_ids_inside() {
    eq "ids" "$(inside 'id -u; id -g' --uid 77 --gid 88 | tr '\n' ' ')" "77 88 "
    eq "ids in a user namespace" "$(inside 'id -u; id -g' --unshare-user --uid 77 --gid 88 | tr '\n' ' ')" "77 88 "
}

cgroup_inside_reads_as_root() {
    out=$(inside 'cat /proc/self/cgroup') || fail "$out"
    [ -n "$out" ] || skip "this kernel shows no cgroup"
    eq "lines that are not the root" "$(echo "$out" | grep -v ':/$')" ""
}

boottime_offset_shifts_uptime() {
    [ -e /proc/self/ns/time ] || skip "this kernel has no time namespaces"
    out=$(cut -d. -f1 /proc/uptime)
    in=$(inside 'cut -d. -f1 /proc/uptime' --unshare-time --boottime-offset 100000) || fail "$in"
    [ "$in" -ge $((out + 100000)) ] && [ "$in" -le $((out + 100300)) ] || fail "uptime is $out outside, $in inside"
    in=$(inside 'cat /proc/self/timens_offsets' --unshare-time --monotonic-offset 500 --boottime-offset 7) || fail "$in"
    eq "offsets" "$(echo $in)" "monotonic 500 0 boottime 7 0"
    [ "$(cut -d. -f1 /proc/uptime)" -lt $((out + 300)) ] || fail "the clock outside moved"
}

busybox_root_runs_with_chdir_and_proc() {
    eq "working directory by default" "$(inside pwd)" /
    eq "working directory" "$(inside pwd --chdir /bin)" /bin
    eq "working directory under --chroot" "$(inside pwd --chroot --chdir /bin)" /bin
    eq "type of /proc" "$(inside 'stat -f -c %T /proc')" proc
    eq "what / holds" "$(inside 'ls /' | tr '\n' ' ')" "$(ls "$R" | tr '\n' ' ')"
    eq "command without a slash" "$(PATH=/nowhere:/bin "$VESICLE" run "$R" uname -s)" Linux
}

share_mount_is_a_chroot_that_mounts_nothing() {
    cat /proc/self/mountinfo >"$T/before"
    eq "what / holds" "$(inside 'ls /' --share-mount | tr '\n' ' ')" "$(ls "$R" | tr '\n' ' ')"
    eq "what /proc holds" "$(inside 'ls /proc' --share-mount)" ""
    cat /proc/self/mountinfo >"$T/after"
    cmp "$T/before" "$T/after" || fail "the mounts changed"
}

host_root_runs_without_preparing() {
    [ -x /bin/sh ] || skip "no /bin/sh here"
    eq "answer" "$(v / /bin/sh -c 'echo $$')" 1
    eq "host name" "$(v --hostname box / /bin/sh -c 'cat /proc/sys/kernel/hostname')" box
}

no_descriptor_above_2_reaches_the_payload() {
    look='for n in 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 63 64 100 255 256 1023; do [ -L /proc/self/fd/$n ] && echo $n; done; true'
    for how in '' --init --chroot; do
        out=$(inside "$look" $how 3</ 4</etc 5</proc 6</dev 7<"$T" 8<"$R" 9<"$R/bin" 2>&1) || fail "$out"
        eq "descriptors above 2 ${how:-by default}" "$out" ""
    done
    eq "kept one" "$(inside "$look" --keep-fd 7 3</ 7<"$T")" 7
    eq "of init" "$(inside 'ls /proc/1/fd | tr "\n" " "' --init 3</ 7<"$T")" "0 1 2 "
}

with_die_with_parent_the_container_dies_when_the_launcher_is_killed() {
    for how in '' --init; do
        rm -f "$R/data/up"
        "$VESICLE" run --die-with-parent $how "$R" /bin/sh -c 'touch /data/up; sleep '$S'1; true' &
        pid=$!
        soon test -e "$R/data/up" || fail "the container did not come up"
        alive "[9]${S#9}1" || fail "it is not seen while it runs"
        kill -KILL $pid
        wait $pid 2>/dev/null
        soon not alive "[9]${S#9}1" || fail "the payload outlived the launcher ${how:-}"
    done
    rm -f "$R/data/up"
}

with_init_orphans_are_reaped() {
    out=$(inside '(sleep 0 & sleep 0 & (sleep 0 &) ) ; sleep 1; cat /proc/[0-9]*/status 2>/dev/null | grep -c "^State:.Z"; true' --init)
    eq "zombies" "$out" 0
    eq "the command's own status, whatever was reaped" "$(inside '(exit 7) & (sleep 0; exit 9) & exit 4' --init; echo $?)" 4
}

with_init_the_command_is_a_child_of_process_1() {
    eq "parent" "$(inside 'cut -d" " -f4 /proc/$$/stat' --init)" 1
    [ "$(inside 'echo $$' --init)" -gt 1 ] || fail "the command is process 1"
}

wait_all_stays_until_every_process_is_gone() {
    rm -f "$R/data/late"
    inside '(sleep 1; echo late >/data/late) & exit 5' --init --wait-all
    eq "exit status" $? 5
    [ -e "$R/data/late" ] || fail "it did not wait"
    rm -f "$R/data/late"
    inside '(sleep 3; echo late >/data/late) & exit 6' --init
    eq "exit status" $? 6
    [ ! -e "$R/data/late" ] || fail "it waited without being asked"
}

exit_status_is_that_of_the_command() {
    for n in 0 1 3 42 124 125 126 127 128 255; do
        inside "exit $n"
        eq "exit status" $? $n
        inside "exit $n" --init
        eq "exit status under --init" $? $n
    done
}

exit_status_of_a_signal_is_128_and_its_number() {
    for s in 1 2 6 9 11 14 15; do
        inside "kill -$s \$\$; sleep 20" --init 2>/dev/null
        eq "exit status for signal $s" $? $((128 + s))
    done
}

reboot_inside_is_told_as_such() {
    # In a user namespace of its own: there its rights end at the PID namespace, whatever happens.
    for options in "" --init; do
        v --unshare-user $options "$R" /bin/busybox reboot -f 2>"$T/err"
        eq "exit status of a restart" $? 129
        eq "message" "$(cat "$T/err")" "vesicle: wait for COMMAND: it called reboot(2) to restart"
        v --unshare-user $options "$R" /bin/busybox poweroff -f 2>"$T/err"
        eq "exit status of a power off" $? 130
        eq "message" "$(cat "$T/err")" "vesicle: wait for COMMAND: it called reboot(2) to halt or power off"
    done
}

exit_125_when_vesicle_fails() {
    refused 125 nonsense --nonsense "$R" /bin/true
    refused 125 missing "$T/missing" /bin/true
    refused 125 bin/busybox "$R/bin/busybox" /bin/true
    refused 125 hostname --hostname
    refused 125 . "$R"
    refused 125 .
}

exit_126_when_the_command_cannot_be_executed() {
    echo 'no program' >"$R/data/plain"
    refused 126 plain "$R" /data/plain
    chmod 755 "$R/data/plain"
    refused 126 plain "$R" /data/plain
    refused 126 /data "$R" /data
    rm -f "$R/data/plain"
}

exit_127_when_the_command_is_not_found() {
    refused 127 nowhere "$R" nowhere
    refused 127 /bin/nowhere "$R" /bin/nowhere
    refused 127 nowhere --init "$R" nowhere
    printf '#!/missing/interpreter\n' >"$R/data/script"
    chmod 755 "$R/data/script"
    refused 127 'interpreter' "$R" /data/script
    rm -f "$R/data/script"
}

term_to_the_launcher_ends_the_container() {
    for how in '' --init; do
        rm -f "$R/data/up"
        "$VESICLE" run $how "$R" /bin/sh -c 'touch /data/up; exec sleep '$S'2' &
        pid=$!
        soon test -e "$R/data/up" || fail "the container did not come up"
        kill -TERM $pid
        ended $pid
        eq "exit status ${how:-}" $? 143
        soon not alive "[9]${S#9}2" || fail "the payload is still there"
    done
    rm -f "$R/data/up"
}

signal_reaches_a_payload_that_handles_it() {
    for how in '' --init; do
        rm -f "$R/data/up"
        "$VESICLE" run $how "$R" /bin/sh -c 'trap "exit 9" TERM; touch /data/up; while :; do sleep 1; done' &
        pid=$!
        soon test -e "$R/data/up" || fail "the container did not come up"
        kill -TERM $pid
        ended $pid
        eq "exit status ${how:-}" $? 9
    done
    rm -f "$R/data/up"
}

bind_shows_a_tree_and_takes_writes() {
    mkdir -p "$T/src/sub"
    echo hello >"$T/src/file"
    eq "file" "$(inside 'cat /data/file; echo back >/data/answer; ls -d /data/sub' --bind "$T/src" /data)" "hello
/data/sub"
    eq "answer" "$(cat "$T/src/answer")" back
    eq "one file" "$(inside 'cat /etc/one' --bind "$T/src/file" /etc/one)" hello
    [ -e "$R/etc/one" ] && rm -f "$R/etc/one"
    inside 'cat /new/deep/dir/file' --bind "$T/src" /new/deep/dir >"$T/out" || fail "DEST was not made"
    eq "file below a new DEST" "$(cat "$T/out")" hello
    rm -rf "$R/new"
    refused 125 gone --bind "$T/gone" /data "$R" /bin/true
    inside 'true' --bind-try "$T/gone" /data || fail "--bind-try of what is not there failed"
}

ro_bind_refuses_writes() {
    mkdir -p "$T/src"
    echo hello >"$T/src/file"
    before_5_12 data --ro-bind "$T/src" /data && return
    eq "file" "$(inside 'cat /data/file; (echo x >/data/file) 2>/dev/null || echo refused' --ro-bind "$T/src" /data)" "hello
refused"
    eq "file outside" "$(cat "$T/src/file")" hello
    inside 'true' --ro-bind-try "$T/gone" /data || fail "--ro-bind-try of what is not there failed"
}

read_only_root_refuses_writes() {
    before_5_12 . --read-only && return
    eq "answer" "$(inside '(touch /data/x) 2>/dev/null || echo refused; touch /tmp/x && echo fine' --read-only --tmpfs /tmp)" "refused
fine"
    eq "answer under --chroot" "$(inside '(touch /data/x) 2>/dev/null || echo refused' --read-only --chroot)" refused
    # With all that is mounted below: the host's own tree has a lot.
    eq "answer of the host's own tree" \
        "$(v --read-only / /bin/sh -c '(: >/tmp/vesicle-x) 2>/dev/null || echo refused; (: >/dev/shm/x) 2>/dev/null || echo refused' | tr '\n' ' ')" \
        "refused refused "
}

tmpfs_has_the_mode_and_the_size_that_were_asked_for() {
    eq "default mode" "$(inside 'stat -c %a /data' --tmpfs /data)" 755
    eq "mode" "$(inside 'stat -c %a /data' --perms 0700 --tmpfs /data)" 700
    eq "size" "$(inside 'df -k /data | tail -n 1 | awk "{print \$2}"' --size 1M --tmpfs /data)" 1024
    eq "both, and for the next operation only" \
        "$(inside 'stat -c %a /data /etc; df -k /data | tail -n 1 | awk "{print \$2}"' --size 65536 --perms 1777 --tmpfs /data --tmpfs /etc | tr '\n' ' ')" "1777 755 64 "
    eq "what is in it" "$(inside 'ls -A /data' --tmpfs /data)" ""
}

dev_has_the_nodes_that_bubblewrap_describes() {
    out=$(inside '
        for n in null zero full random urandom tty; do [ -c /dev/$n ] || echo "no $n"; done
        [ -d /dev/pts ] && [ -d /dev/shm ] || echo "no pts or shm"
        [ -e /dev/ptmx ] || echo "no ptmx"
        echo x >/dev/null || echo "null is not writable"
        [ "$(head -c 4 /dev/zero | wc -c)" -eq 4 ] || echo "zero is empty"
        (echo x >/dev/full) 2>/dev/null && echo "full takes bytes"
        [ "$(head -c 4 /dev/urandom | wc -c)" -eq 4 ] || echo "urandom is empty"
        [ "$(readlink /dev/fd)" = /proc/self/fd ] || echo "fd is $(readlink /dev/fd)"
        for n in 0:stdin 1:stdout 2:stderr; do
            [ "$(readlink /dev/${n#*:})" = /proc/self/fd/${n%:*} ] || echo "${n#*:} is $(readlink /dev/${n#*:})"
        done
        touch /dev/shm/made || echo "shm is not writable"
        [ "$(stat -f -c %T /dev/pts)" = "$(stat -f -c %T /dev/ptmx)" ] || [ -c /dev/ptmx ] || [ -L /dev/ptmx ] || echo "ptmx is no terminal multiplexer"
        ls /dev | grep -v -x -e null -e zero -e full -e random -e urandom -e tty -e pts -e shm -e ptmx -e fd -e stdin -e stdout -e stderr -e console -e core
        true' --dev /dev) || fail "$out"
    eq "complaints" "$out" ""
}

sysfs_shows_the_own_network_only() {
    [ -d /sys/class/net ] || skip "no sysfs outside"
    out=$(inside 'ls /sys/class/net | grep -v -e tunl -e sit -e gre -e vti -e erspan -e bonding_masters -e ip6tnl' --sysfs /sys) || fail "$out"
    eq "interfaces" "$out" lo
}

dir_and_symlink_are_made_inside() {
    out=$(inside 'stat -c %a /t/d /t/e; readlink /t/l; cat /t/l' --tmpfs /t --dir /t/d --perms 0711 --dir /t/e --symlink /proc/sys/kernel/ostype /t/l) || fail "$out"
    eq "answer" "$(echo $out)" "755 711 /proc/sys/kernel/ostype Linux"
    rmdir "$R/t" 2>/dev/null
    return 0
}

files_and_binds_come_from_descriptors() {
    mkdir -p "$T/src"
    echo hello >"$T/src/file"
    exec 7<"$T/src/file" 8<"$T/src"
    eq "a file" "$(inside 'cat /t/made; stat -c %a /t/made' --tmpfs /t --perms 0640 --file 7 /t/made | tr '\n' ' ')" "hello 640 "
    exec 7<"$T/src/file"
    eq "a file in memory" "$(inside 'cat /t/data; echo more >>/t/data; tail -n 1 /t/data; ls -A /.. | grep -x 7' --tmpfs /t --bind-data 7 /t/data | tr '\n' ' ')" "hello more "
    before_5_12 /data --bind-fd 8 /data --ro-bind-fd 8 /data && return
    eq "what is open" "$(inside 'cat /data/file; (: >/data/x) 2>/dev/null || echo refused' --ro-bind-fd 8 /data | tr '\n' ' ')" "hello refused "
    exec 7<"$T/src/file"
    eq "a file that is read-only" "$(inside 'cat /t/data; (: >>/t/data) 2>/dev/null || echo refused' --tmpfs /t --ro-bind-data 7 /t/data | tr '\n' ' ')" "hello refused "
}

masks_and_modes_are_as_asked_for() {
    echo secret >"$R/etc/secret"
    eq "what is masked" "$(inside 'cat /etc/secret; ls -A /data; (: >/data/x) 2>/dev/null || echo refused; stat -c %a /t' \
        --mask /etc/secret --mask /data --mask /nowhere --tmpfs /t --chmod 1700 /t | tr '\n' ' ')" "refused 1700 "
    rm -f "$R/etc/secret"
    before_5_12 /t --tmpfs /t --remount-ro /t && return
    eq "what is read-only" "$(inside '(: >/t/x) 2>/dev/null || echo refused; : >/t/y/z && echo written' --tmpfs /t --tmpfs /t/y --remount-ro /t | tr '\n' ' ')" \
        "refused written "
}

cgroup_and_mqueue_are_mounted() {
    grep -q cgroup2 /proc/filesystems || skip "this kernel has no cgroup2"
    out=$(inside 'grep -o " /cg cgroup2 r[ow],nosuid,nodev,noexec" /proc/mounts; [ -e /cg/cgroup.procs ] || echo "no cgroup.procs"' --cgroup /cg) || fail "$out"
    if [ "$ME" = 0 ]; then how=ro; else how=rw; fi
    eq "cgroups" "$out" " /cg cgroup2 $how,nosuid,nodev,noexec"
    grep -q mqueue /proc/filesystems || return 0
    eq "queues" "$(inside ': >/mq/q && ls /mq' --mqueue /mq)" q
    rmdir "$R/cg" "$R/mq" 2>/dev/null
    return 0
}

overlays_need_a_kernel_that_has_them() {
    mkdir -p "$T/low" "$T/high"
    echo low >"$T/low/both"
    echo high >"$T/high/both"
    set -- --overlay-src "$T/low" --overlay-src "$T/high" --tmp-overlay /o
    if ! grep -q overlay /proc/filesystems; then
        refused 125 ENODEV "$@" "$R" /bin/true
        echo "not on this kernel: refused in words"
        return
    fi
    if [ "$ME" != 0 ] && ! kernel_at_least 5 11; then
        refused 125 '5\.11' "$@" "$R" /bin/true
        echo "not on this kernel: refused in words"
        return
    fi
    eq "an overlay" "$(inside 'cat /o/both; echo new >/o/new; echo changed >/o/both; cat /o/both; ls /o' "$@" | tr '\n' ' ')" "high changed both new "
    eq "its layers" "$(cat "$T/low/both" "$T/high/both" | tr '\n' ' ')" "low high "
    shift 4
    eq "one that is read-only" "$(inside 'cat /r/both; (: >/r/x) 2>/dev/null || echo refused' --overlay-src "$T/high" --overlay-src "$T/low" --ro-overlay /r | tr '\n' ' ')" \
        "low refused "
    rmdir "$R/o" "$R/r" 2>/dev/null
    return 0
}

directory_that_nobody_may_enter_can_be_covered() {
    [ "$ME" = 0 ] || skip "only root makes a directory of another user"
    mkdir -m 700 "$R/data/closed"
    set -- --unshare-user --map-users 0:1234:1 --map-groups 0:1234:1
    out=$(inside 'ls /data/closed 2>&1' "$@") && fail "it can be entered: $out"
    eq "a tmpfs" "$(inside 'echo >/data/closed/f; ls /data/closed' "$@" --tmpfs /data/closed)" f
    eq "a /dev" "$(inside 'ls /data/closed/null' "$@" --dev /data/closed)" /data/closed/null
    eq "a proc" "$(inside 'ls -d /data/closed/self' "$@" --proc /data/closed)" /data/closed/self
    eq "what was made" "$(ls "$R/data/closed")" ""
    rmdir "$R/data/closed"
}

operations_are_done_in_the_order_given() {
    mkdir -p "$T/src/sub"
    echo hello >"$T/src/file"
    eq "tmpfs over a bind" "$(inside 'ls /data /data/sub' --bind "$T/src" /data --tmpfs /data/sub --dir /data/sub/x | grep -x -e file -e x | tr '\n' ' ')" "file x "
    eq "bind over a tmpfs" "$(inside 'ls /data/b' --tmpfs /data --bind "$T/src" /data/b | grep -x file)" file
}

symlink_in_the_root_does_not_lead_a_mount_or_a_file_out() {
    mkdir -p "$T/outside" "$T/src" "$R/trap"
    echo mine >"$T/src/mine"
    up=../../../../../../../../../..
    ln -s "$T/outside" "$R/trap/abs"
    ln -s "$up$T/outside" "$R/trap/rel"
    ln -s /proc/self/root "$R/trap/magic"
    ln -s /proc/1/root "$R/trap/magic1"
    for way in abs rel "magic$T/outside" "magic1$T/outside"; do
        for op in "--bind $T/src" --tmpfs --dev --dir "--symlink x" --proc; do
            for below in '' /new /new/deeper; do
                v $op "/trap/$way$below" "$R" /bin/true >/dev/null 2>&1
                left=$(ls -A "$T/outside")
                eq "what '$op /trap/$way$below' left outside" "$left" ""
            done
        done
    done
    rm -rf "${R:?}$T" "$R/trap"
    [ -d "$R/tmp" ] || mkdir "$R/tmp"
}

proc_that_is_a_symlink_is_refused() {
    make_root "$T/fake" && rmdir "$T/fake/proc"
    mkdir -p "$T/fake/elsewhere"
    ln -s elsewhere "$T/fake/proc"
    refused 125 proc "$T/fake" /bin/true
    rm -rf "$T/fake"
}

root_without_proc_is_refused_with_a_hint_and_no_proc_helps() {
    make_root "$T/bare" && rmdir "$T/bare/proc"
    refused 125 no-proc "$T/bare" /bin/true
    eq "answer" "$(v --no-proc "$T/bare" /bin/sh -c 'ls /proc 2>/dev/null; echo here')" here
    mkdir "$T/bare/p"
    eq "answer of --proc" "$(v --proc /p "$T/bare" /bin/sh -c 'cat /p/1/comm')" cat
    rm -rf "$T/bare"
}

proc_opts_hide_what_they_name() {
    kernel_at_least 5 8 || skip "subset= needs Linux 5.8"
    eq "list" "$(inside 'ls /proc | grep -c -x -e version -e meminfo; [ -e /proc/1/status ] && echo own' --proc-opts hidepid=2,subset=pid | tr '\n' ' ')" "0 own "
}

environment_is_the_callers_and_what_was_asked_for() {
    export KEPT=kept GONE=gone
    eq "set and unset" "$(inside 'echo $KEPT $GONE $NEW' --setenv NEW new --unsetenv GONE)" "kept new"
    eq "a value with = in it" "$(inside 'echo $NEW' --setenv NEW a=b=c)" a=b=c
    eq "empty value" "$(inside 'echo ${NEW-unset}.' --setenv NEW '')" .
    eq "cleared" "$(v --clearenv --setenv ONE 1 "$R" /bin/env | grep -v '^PWD=' | sort | tr '\n' ' ')" "ONE=1 "
    eq "the last one counts" "$(inside 'echo $KEPT' --setenv KEPT one --setenv KEPT two)" two
}

argv0_names_the_command_for_itself() {
    eq "first word" "$(v --argv0 wc "$R" /bin/busybox </dev/null | tr -s ' ')" "$(printf '' | wc | tr -s ' ')"
}

umask_is_the_callers_or_what_was_asked_for() {
    eq "the caller's" "$( (umask 027; inside umask))" 0027
    eq "asked for" "$(inside umask --umask 0077)" 0077
}

new_session_has_no_terminal_of_the_caller() {
    eq "session" "$(inside 'cut -d" " -f6 /proc/1/stat' --new-session)" 1
    eq "without" "$(inside 'cut -d" " -f6 /proc/1/stat')" 0
}

no_new_privs_is_on_unless_allowed() {
    eq "NoNewPrivs" "$(inside 'grep NoNewPrivs /proc/self/status | tr -dc 01')" 1
    eq "NoNewPrivs" "$(inside 'grep NoNewPrivs /proc/self/status | tr -dc 01' --allow-new-privs)" 0
}

capabilities_are_those_that_are_asked_for() {
    if [ "$ME" = 0 ]; then set -- --unshare-user; else set --; fi
    for name in CapPrm CapEff CapBnd; do
        eq "$name" "$(status $name "$@" --cap-drop ALL --cap-add KILL --cap-add cap_net_raw)" 0000000000002020
        eq "$name without KILL" "$(printf '%x' $((0x$(status $name "$@" --cap-drop 5) & 0xff)))" df
    done
    for name in CapInh CapAmb; do
        eq "$name" "$(status $name "$@" --cap-drop ALL --cap-add KILL)" 0000000000000000
        eq "$name of another user" "$(status $name "$@" --uid 7 --cap-add KILL)" 0000000000000020
    done
    eq "CapEff of another user" "$(status CapEff "$@" --uid 7)" 0000000000000000
    refused 125 'no such capability' "$@" --cap-add 63 "$R" /bin/true
    refused 125 cap-add --cap-add nonsense "$R" /bin/true
}

root_without_a_user_namespace_is_held_by_capabilities_and_masks() {
    [ "$ME" = 0 ] || skip "not root"
    all=$(grep '^CapBnd:' /proc/self/status | cut -f2)
    default=$(printf '%016x' $((0x$all & 0x800405fb)))
    for how in '' --init --chroot --share-pid --no-proc; do
        tree=$R
        if [ "$how" = --no-proc ]; then tree=/; [ -x /bin/sh ] || continue; fi
        out=$(v $how "$tree" /bin/sh -c '
            grep ^CapBnd /proc/self/status | cut -f2
            for f in sys/kernel/core_pattern sys/kernel/hostname sysrq-trigger irq/default_smp_affinity; do
                [ ! -e /proc/$f ] || { (: >>/proc/$f) 2>&- && echo $f can be written; }
            done
            for f in kcore keys latency_stats sched_debug timer_list; do
                [ ! -e /proc/$f ] || [ -z "$(head -c 1 /proc/$f 2>&-)" ] || echo $f can be read
            done
            for d in acpi asound scsi; do
                [ ! -d /proc/$d ] || [ -z "$(ls -A /proc/$d)" ] || echo $d is not empty
            done
            (: >>/proc/self/comm) 2>&- || echo comm can not be written
            umount /proc/sys 2>&- && echo sys was unmounted
            mount -o remount,rw /proc/sys 2>&- && echo sys was remounted
            true')
        want=$default
        if [ "$how" = --chroot ]; then want=$(printf '%016x' $((0x$all & 0x800005fb & ~0x40000))); fi
        eq "what is open with '$how'" "$out" "$want"
    done
    eq "with --privileged" "$(inside '(: >>/proc/sys/kernel/core_pattern) && grep ^CapBnd /proc/self/status | cut -f2' --privileged)" "$all"
    refused 125 privileged --share-mount / /bin/true
}

sysfs_is_read_only_where_root_is_root_outside() {
    [ "$ME" = 0 ] || skip "not root"
    [ -d /sys/firmware ] || skip "no sysfs outside"
    look='ls -A /sys/firmware; [ -d /sys/class/net ] || echo no sysfs
        for f in /sys/kernel/mm/transparent_hugepage/enabled /sys/kernel/profiling /sys/kernel/uevent_seqnum; do
            [ ! -e $f ] || { (: >>$f) 2>&- && echo $f can be written; }
        done; true'
    eq "with --sysfs" "$(inside "$look" --sysfs /sys)" ""
    [ -x /bin/sh ] || return 0
    eq "of the host's own tree" "$(v / /bin/sh -c "$look")" ""
}

default_filter_refuses_each_call_of_its_table() {
    begin
    for number in $always; do call "$number"; done
    # New user and mount namespaces; personality(2) without ASLR; AF_ALG, AF_VSOCK; TIOCSTI, TIOCLINUX
    call $clone 0x10000000
    call $clone 0x20000
    call $unshare 0x10000000
    call $unshare 0x80
    call $personality 0x40000
    call $socket 38
    call $socket 40
    call $ioctl -1 0x5412
    call $ioctl -1 0x541c
    refused=$calls
    # clone3(2), what came after the table, and what is no call
    call 435
    call 470
    call 600
    # What stays as it was: unshare(2) of CLONE_FS; personality(2), asked; AF_UNIX; TIOCGWINSZ
    call $unshare 0x200
    call $personality 0xffffffff
    call $socket 1
    call $ioctl -1 0x5413
    made "$R/bin/try"
    for how in "" --init --allow-new-privs; do
        set -- $(said $how --seccomp default "$R" /bin/try)
        eq "number of answers" $# $calls
        n=0
        while [ $n -lt $refused ]; do
            eq "what call $((n + 1)) of '$always ...' said ($how)" "$1" 1
            n=$((n + 1))
            shift
        done
        eq "what else was said ($how)" "$*" "38 38 38 0 0 22 9"
    done
    rm -f "$R/bin/try"
}

default_filter_ends_another_architecture() {
    # getpid(2)
    begin foreign
    call 20
    made "$R/bin/foreign"
    v "$R" /bin/foreign >/dev/null 2>&1 || skip "this kernel runs no 32-bit program"
    for how in "" --init; do
        v $how --seccomp default "$R" /bin/foreign
        eq "exit status ($how)" $? 159
    done
    rm -f "$R/bin/foreign"
}

terminal_of_the_caller_is_guarded_from_what_types_into_it() {
    begin
    call $ioctl -1 0x5412
    call $ioctl -1 0x541c
    call $ioctl -1 0x5413
    made "$R/bin/try"
    for how in "" --init --allow-new-privs --chroot; do
        # A terminal as standard input; -1 is no descriptor, which the kernel says where nobody guards.
        eq "with a terminal ($how)" "$(said $how "$R" /bin/try <>/dev/ptmx)" "1 1 9"
        eq "without one ($how)" "$(said $how --new-session "$R" /bin/try)" "9 9 9"
    done
    rm -f "$R/bin/try"
}

filters_are_read_from_files_and_descriptors() {
    # struct sock_filter: load the number; if it is that of times(2) then errno 77, else allowed.
    if [ "$(uname -m)" = x86_64 ]; then times=100; else times=153; fi
    begin
    call $times
    made "$R/bin/try"
    eq "without a filter" "$(said "$R" /bin/try)" 14
    code=
    put 8 0x20 $((0x01000015 | times << 32)) $((0x06 | 0x5004d << 32)) $((0x06 | 0x7fff0000 << 32))
    # shellcheck disable=SC2059
    printf "$code" >"$T/filter"
    eq "of a file" "$(said --seccomp "$T/filter" "$R" /bin/try)" 77
    eq "of a descriptor" "$(said --init --seccomp default --seccomp 9 "$R" /bin/try 9<"$T/filter")" 77
    head -c 31 "$T/filter" >"$T/short"
    refused 125 "EINVAL" --seccomp "$T/short" "$R" /bin/true
    head -c 16 "$T/filter" >"$T/short"
    refused 125 "EINVAL" --seccomp "$T/short" "$R" /bin/true
    refused 125 "ENOENT" --seccomp "$T/nowhere" "$R" /bin/true
    rm -f "$R/bin/try" "$T/filter" "$T/short"
}

options_are_read_from_a_descriptor_and_from_a_file() {
    printf '%s\0' --hostname fromfd --setenv X 'two words' >"$T/args"
    eq "--args" "$(v --args 9 "$R" /bin/sh -c 'hostname; echo "$X"' 9<"$T/args" | tr '\n' ,)" "fromfd,two words,"
    printf '%s\n' --hostname fromfile --setenv X 'two words' >"$T/args"
    eq "@FILE" "$(v "@$T/args" "$R" /bin/sh -c 'hostname; echo "$X"' | tr '\n' ,)" "fromfile,two words,"
    printf '%s\n' --nonsense >"$T/args"
    refused 125 nonsense "@$T/args" "$R" /bin/true
    refused 125 gone "@$T/gone" "$R" /bin/true
    rm -f "$T/args"
}

pid_file_names_the_process_and_goes_with_it() {
    rm -f "$R/data/up"
    "$VESICLE" run --pid-file "$T/pid" "$R" /bin/sh -c 'touch /data/up; exec sleep '$S'3' &
    pid=$!
    soon test -e "$R/data/up" || fail "the container did not come up"
    [ -s "$T/pid" ] || fail "no pid file while the command runs"
    child=$(cat "$T/pid")
    grep -q 'sleep' "/proc/$child/comm" 2>/dev/null || soon grep -q sleep "/proc/$child/comm" || fail "process $child is not the command"
    kill -TERM $pid
    ended $pid
    [ ! -e "$T/pid" ] || fail "the pid file is left"
    rm -f "$R/data/up"
}

timings_are_one_line_on_the_descriptor() {
    for how in "" --init --unshare-time "--pid-file $T/pid"; do
        out=$(v --timings=9 $how --hostname box "$R" /bin/sh -c 'sleep 0.2; exit 3' 9>"$T/line")
        eq "exit status ($how)" $? 3
        eq "output ($how)" "$out" ""
        eq "lines ($how)" "$(wc -l <"$T/line" | tr -d ' ')" 1
        times=$(sed -n 's/^{"clock":"CLOCK_MONOTONIC","unit":"ns","entry":\([0-9]*\),"steps":\[.*"step":"set host name","subject":"box".*\],"omitted":0,"exec":\([0-9]*\),"exit":\([0-9]*\),"status":3}$/\1 \2 \3/p' "$T/line")
        [ -n "$times" ] || fail "not the line that was promised ($how): $(cat "$T/line")"
        set -- $times
        [ "$1" -lt "$2" ] && [ $(($3 - $2)) -gt 100000000 ] || fail "the times ($how): $times"
    done
    rm -f "$T/line"
    refused 125 'descriptor 8' --timings=8 "$R" /bin/true
    refused 125 'not a number' --timings= "$R" /bin/true
}

joining_takes_a_path() {
    rm -f "$R/data/up"
    if [ "$ME" = 0 ]; then user=; else user=1; fi
    "$VESICLE" run --hostname first --pid-file "$T/pid" "$R" /bin/sh -c 'touch /data/up; exec sleep '$S'4' &
    pid=$!
    soon test -e "$R/data/up" || fail "the container did not come up"
    child=$(cat "$T/pid")
    out=$(inside 'hostname; readlink /proc/self/ns/net' ${user:+--userns /proc/$child/ns/user} --utsns "/proc/$child/ns/uts" --netns "/proc/$child/ns/net")
    want=$(readlink "/proc/$child/ns/net")
    kill -TERM $pid
    ended $pid
    eq "what was joined" "$(echo $out)" "first $want"
    rm -f "$R/data/up"
}

closed_standard_descriptors_do_no_harm() {
    inside 'exit 3' <&- >&- 2>&-
    eq "exit status with all three closed" $? 3
    inside 'exit 3' --dev /dev --tmpfs /tmp <&- >&- 2>&-
    eq "exit status with mounts" $? 3
    inside 'echo lost' >&- 2>/dev/null
    eq "standard input" "$(inside 'cat' </etc/passwd 2>/dev/null | head -n 1)" "$(head -n 1 /etc/passwd 2>/dev/null)"
}

init_exits_as_its_command_does() {
    for code in 0 1 125 126 127 128 200 255; do
        limited "$VESICLE" init -- "$(b)" sh -c "exit $code"
        eq "exit code" $? $code
    done
    for signal in 1 2 9 11 15 31 40; do
        limited "$VESICLE" init "$(b)" sh -c "kill -$signal \$\$"
        eq "exit code of signal $signal" $? $((128 + signal))
    done
    limited "$VESICLE" init -e 3 -e 143 "$(b)" sh -c 'exit 3'
    eq "exit code that counts as success" $? 0
    limited "$VESICLE" init /nowhere/at/all 2>"$T/err"
    eq "exit code of a command that is not there" $? 127
    eq "lines" "$(wc -l <"$T/err" | tr -d ' ')" 1
    limited "$VESICLE" init /etc 2>"$T/err"
    eq "exit code of a directory" $? 126
    limited "$VESICLE" init -p NOSUCH "$(b)" true 2>"$T/err"
    eq "exit code of a bad option" $? 125
}

init_as_process_1_reaps_orphans_and_says_so() {
    cp "$VESICLE" "$R/bin/init-under-test"
    out=$(v --dev /dev "$R" /bin/init-under-test init -w /bin/sh -c '
        for i in 1 2 3 4 5 6 7 8 9 10; do (sh -c "sleep 0.2; exit 3" & ) ; done
        n=0
        while [ "$(grep -c . /proc/1/task/1/children)" = 1 ] && [ "$(cat /proc/1/task/1/children)" != "$$ " ] && [ $n -lt 50 ]; do n=$((n + 1)); sleep 0.1; done
        cat /proc/1/task/1/children; echo $$; cat /proc/[0-9]*/stat | grep -c ") Z"' 2>"$T/err")
    rm -f "$R/bin/init-under-test"
    set -- $out
    # Where the kernel has no list of children, the first cat says nothing.
    [ $# = 2 ] && set -- "$1" "$1" "$2"
    eq "children of process 1" "$1" "$2"
    eq "zombies" "$3" 0
    eq "what it says of them" "$(grep -c '^vesicle: reaped process [0-9]*: exit code 3$' "$T/err")" 10
}

init_in_an_image_is_named_as_one_likes() {
    for name in init vesicle pid1; do
        cp "$VESICLE" "$R/bin/$name"
        v "$R" "/bin/$name" init -- /bin/sh -c 'exit $(($$ + 1))'
        code=$?
        rm -f "$R/bin/$name"
        eq "exit code as $name" $code 3
    done
}

init_forwards_every_signal_but_those_that_cannot_be_caught() {
    : >"$T/out"
    # 32 and 33 are the C library's own: a shell can't trap them; nor 2 and 3 when it was started in the background, where
    # they are ignored from the start.
    "$VESICLE" init "$(b)" sh -c '
        for n in 1 4 5 6 7 8 10 11 12 13 14 15 16 18 20 21 22 23 24 25 26 27 28 29 30 31 34 35 50 63 64; do trap "echo $n" $n; done
        trap "exit 5" 36; echo ready; while :; do sleep 1 & wait $!; done' >"$T/out" 2>/dev/null &
    pid=$!
    soon grep -q ready "$T/out" || fail "it did not start"
    for signal in 1 4 5 6 7 8 10 11 12 13 14 15 16 18 20 21 22 23 24 25 26 27 28 29 30 31 34 35 50 63 64; do
        kill -$signal $pid
        soon grep -q -x $signal "$T/out" || fail "signal $signal did not arrive: $(echo $(cat "$T/out"))"
    done
    kill -36 $pid
    ended $pid
    eq "exit code" $? 5
}

init_rewrites_signals() {
    : >"$T/out"
    "$VESICLE" init -r TERM:USR1 -r 12:0 "$(b)" sh -c 'trap "exit 7" USR1; trap "exit 8" TERM; trap "exit 9" USR2; echo ready; while :; do sleep 1 & wait $!; done' >"$T/out" &
    pid=$!
    soon grep -q ready "$T/out" || fail "it did not start"
    kill -USR2 $pid
    kill -TERM $pid
    ended $pid
    eq "exit code" $? 7
}

init_ends_what_outlives_its_command() {
    limited "$VESICLE" init -k 1 "$(b)" sh -c 'sh -c "trap : TERM; while :; do sleep 9'$S'1; done" & sleep 9'$S'2 & sleep 0.3; exit 4'
    eq "exit code" $? 4
    sleep 1
    alive "sleep.9$S[12]" && fail "a child that ignores TERM is still there"
    : >"$T/out"
    "$VESICLE" init -k 0.5 "$(b)" sh -c 'trap : TERM; echo ready; while :; do sleep 1; done' >"$T/out" &
    pid=$!
    soon grep -q ready "$T/out" || fail "it did not start"
    kill -TERM $pid
    ended $pid
    eq "exit code of a command that ignores TERM" $? 137
}

init_waits_for_all_when_asked_to() {
    limited "$VESICLE" init -a "$(b)" sh -c "(sleep 1; echo late >'$T/late') & exit 6"
    eq "exit code" $? 6
    eq "what the child wrote" "$(cat "$T/late")" late
}

init_pauses_until_term_or_int() {
    for signal in TERM INT; do
        "$VESICLE" init -P &
        pid=$!
        sleep 0.3
        over $pid && fail "it did not stay"
        kill -$signal $pid
        ended $pid
        eq "exit code after $signal" $? 0
    done
}

init_has_the_names_and_words_of_others() {
    eq "tini" "$(as tini --version)" "tini version 0.19.0 - git.vesicle"
    eq "docker-init" "$(as docker-init --version)" "tini version 0.19.0 - git.vesicle"
    eq "dumb-init" "$(as dumb-init --version 2>&1)" "dumb-init v1.2.5"
    eq "catatonit" "$(as catatonit --version)" "tini version 0.1.7_catatonit"
    as tini "$(b)" true 2>"$T/err"
    grep -q "zombie reaping won't work" "$T/err" || fail "tini does not warn: $(cat "$T/err")"
    TINI_SUBREAPER= as tini -w -- "$(b)" sh -c '(sleep 0.2 &); sleep 1; exit 3' 2>"$T/err"
    eq "exit code" $? 3
    grep -q '^\[WARN  tini ([0-9]*)\] Reaped zombie process with pid=[0-9]*$' "$T/err" || fail "tini does not say what it reaped: $(cat "$T/err")"
    as dumb-init -v "$(b)" sh -c 'exit 4' 2>"$T/err"
    eq "exit code" $? 4
    grep -q '^\[dumb-init\] Child exited with status 4. Goodbye.$' "$T/err" || fail "dumb-init: $(cat "$T/err")"
    "$T/dumb-init" "$(b)" sh -c 'sleep 9'$S'3 & wait' &
    pid=$!
    soon alive "sleep.9$S[3]" || fail "it did not start"
    kill -TERM $pid
    ended $pid
    eq "exit code" $? 143
    soon not alive "sleep.9$S[3]" || fail "the session's group was not told"
    as catatonit /nowhere 2>"$T/err"
    eq "exit code" $? 127
    grep -q '^ERROR (catatonit:[0-9]*): failed to exec pid1: No such file or directory$' "$T/err" || fail "catatonit: $(cat "$T/err")"
}

landlock_keeps_command_to_the_paths_that_are_named() {
    if ! kernel_at_least 6 2; then
        refused 125 'restrict by Landlock.*6\.2' --landlock-ro /bin "$R" /bin/true
        refused 125 'restrict by Landlock.*6\.2' --deny-net --landlock-rw / "$R" /bin/true
        echo "not on this kernel: refused in words"
        return 0
    fi
    echo text >"$R/data/f"
    echo text >"$R/data/g"
    for how in '' --init --deny-net; do
        out=$(inside 'cat /data/f; cat /data/g; echo x >/data/f; busybox truncate -s 0 /data/g; echo x >/tmp/f; rm /data/f; ls /; echo end' $how \
            --tmpfs /tmp --landlock-ro /bin --landlock-ro /data/f --landlock-rw /tmp 2>"$T/err") || fail "$out$(cat "$T/err")"
        eq "what could be read" "$(echo $out)" "text end"
        eq "what was refused" "$(grep -c 'Permission denied' "$T/err")" 5
        out=$(inside 'echo new >/data/f && cat /data/f && mv /data/f /tmp/f && mv /tmp/f /data/f && ls /data' $how \
            --landlock-ro /bin --landlock-rw data --landlock-rw /../tmp) || fail "$out"
        eq "what could be written" "$(echo $out)" "new f g"
        out=$(inside 'echo other >/data/f && cat /data/f' $how --landlock-ro /bin --landlock-rw /data/f) || fail "$out"
        eq "a file of its own" "$out" other
        echo text >"$R/data/f"
    done
    refused 126 'exec /bin/true.*--landlock-ro' --landlock-rw /data "$R" /bin/true
    rm -f "$R/data/f" "$R/data/g"
}

no_network_is_reached_without_a_namespace_of_its_own() {
    here=$(readlink /proc/self/ns/net)
    for how in '' --init; do
        out=$(inside 'readlink /proc/self/ns/net; nc 127.0.0.1 9; ip link; ifconfig lo; echo end' --deny-net $how 2>"$T/err") || fail "$out"
        eq "network namespace, and what was reached" "$(echo $out)" "$here end"
        [ "$(grep -c 'Permission denied' "$T/err")" -ge 2 ] || fail "it was not refused: $(cat "$T/err")"
        eq "filters of process 1" "$(inside "sed -n 's/^Seccomp:.//p' /proc/1/status" --deny-net $how)" 2
    done
}

no_network_is_reached_by_another_architecture() {
    # socketcall(2), which arm lacks; socket(2), socketpair(2)
    if [ "$(uname -m)" = x86_64 ]; then set -- 102 359 360; else set -- 102 281 288; fi
    begin foreign
    # SYS_SOCKET; AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG, none; a pair of AF_INET; io_uring_setup(2)
    call $1 1
    for family in 2 10 16 17 38 -1; do call $2 $family 2; done
    call $3 2 2
    call 425 1
    refused=$calls
    # AF_UNIX, of no protocol that there is, and a pair that has no place; getppid(2)
    call $2 1 1
    call $3 1 1
    call 64
    made "$R/bin/foreign"
    v "$R" /bin/foreign >/dev/null 2>&1 || skip "this kernel runs no 32-bit program"
    for how in '' --init; do
        set -- $(said $how --deny-net "$R" /bin/foreign)
        eq "number of answers" $# $calls
        eq "what is refused ($how)" "$(echo $* | cut -d' ' -f1-$refused)" "13 13 13 13 13 13 13 13 1"
        shift $refused
        # Where no local socket can be kept apart from the host's, none is made.
        case $1 in 13 | 93) ;; *) fail "a local socket: $1" ;; esac
        eq "a local pair ($how)" "$2" 14
    done
    rm -f "$R/bin/foreign"
}

no_further_user_namespace_is_made_inside() {
    if [ "$ME" = 0 ]; then
        refused 125 '--disable-userns.*--unshare-user' --disable-userns "$R" /bin/true
        set -- --unshare-user
    else
        set --
    fi
    "$BUSYBOX" unshare --help >"$T/help" 2>&1 || skip "no unshare here"
    before=$(cat /proc/sys/user/max_user_namespaces)
    inside 'busybox unshare -U true' "$@" || fail "none can be made here in any case"
    for how in '' --init; do
        out=$(inside 'busybox unshare -U true; echo 9 >/proc/sys/user/max_user_namespaces; cat /proc/sys/user/max_user_namespaces' \
            "$@" $how --disable-userns 2>"$T/err") || fail "$out$(cat "$T/err")"
        eq "the limit" "$out" 0
        grep -q 'No space left on device' "$T/err" || fail "one was made: $(cat "$T/err")"
    done
    eq "the limit outside" "$(cat /proc/sys/user/max_user_namespaces)" "$before"
}

limits_are_those_that_are_asked_for_and_the_callers_stay() {
    read_back='ulimit -Sn; ulimit -Hn; cut -d" " -f19 /proc/self/stat; cat /proc/self/oom_score_adj; sed -n "s/^Cpus_allowed_list:.//p" /proc/self/status'
    mine=$(sh -c "$read_back")
    for how in '' --init --unshare-user --share-pid; do
        out=$(inside "$read_back" $how --rlimit nofile=50:60 --nice 7 --oom-score-adj 700 --cpuset 0) || fail "$how"
        eq "limits, nice value, score, CPUs $how" "$(echo $out)" "50 60 7 700 0"
        # Where the child borrows its memory, the launcher's own would be the first to change.
        "$VESICLE" run $how --rlimit nofile=50:60 --nice 7 --oom-score-adj 700 --cpuset 0 "$R" /bin/sh -c 'echo up; exec sleep 60' >"$T/up" &
        until [ -s "$T/up" ]; do sleep 0.1; done
        eq "score of the launcher $how" "$(cat /proc/$!/oom_score_adj)" "$(cat /proc/self/oom_score_adj)"
        eq "nice value of the launcher $how" "$(cut -d' ' -f19 /proc/$!/stat)" "$(cut -d' ' -f19 /proc/self/stat)"
        eq "limit of the launcher $how" "$(grep 'open files' /proc/$!/limits)" "$(grep 'open files' /proc/self/limits)"
        kill $!
        wait $!
        : >"$T/up"
    done
    eq "what the caller has" "$(sh -c "$read_back")" "$mine"
    refused 125 cpuset --cpuset 0-4095 "$R" /bin/true
    [ "$ME" -eq 0 ] || { refused 125 EACCES --nice -5 "$R" /bin/true && refused 125 EACCES --oom-score-adj -5 "$R" /bin/true && return; }
    # What root may and its child in a user namespace may not.
    caps=$(sed -n 's/^CapEff:.//p' /proc/self/status)
    [ $((0x$caps >> 24 & 1)) -eq 1 ] || return 0
    for how in '' --init --unshare-user; do
        out=$(inside "$read_back" $how --rlimit nofile=50:500000 --nice -7 --oom-score-adj -700) || fail "$how"
        case $(echo $out) in "50 500000 -7 -700 "*) ;; *) fail "raised $how: $out" ;; esac
    done
}
time_that_is_up_is_124() {
    for how in '' --init --share-pid; do
        limited "$VESICLE" run $how --timeout 0.5 "$R" /bin/sleep 100 2>"$T/err"
        eq "exit status $how ($(cat "$T/err"))" $? 124
        grep -q '^vesicle: .*--timeout' "$T/err" || fail "it said: $(cat "$T/err")"
        limited "$VESICLE" run $how --timeout 0.5 --grace 0.5 "$R" /bin/sh -c 'trap "" TERM; while :; do sleep 0.1; done' 2>"$T/err"
        eq "exit status after KILL $how" $? 124
    done
    v --timeout 100 "$R" /bin/sh -c 'exit 7'
    eq "exit status of what ends in time" $? 7
}

memory_hog_is_killed_and_told() {
    of_cgroups memory
    before=$(cgroups)
    mkfifo "$T/json"
    cat "$T/json" >"$T/status" &
    v --cgroup hog --memory 24M --swap 0 --dev /dev --json-status-fd 5 "$R" /bin/tail -c 200000000 /dev/zero 5>"$T/json" 2>"$T/err"
    eq "exit status ($(cat "$T/err"))" $? 137
    wait
    eq "what is said" "$(cat "$T/err")" "vesicle: cgroup hog: out of memory: 1 killed at memory.max 25165824"
    eq "the last line of the status" "$(tail -n 1 "$T/status")" '{ "exit-code": 137, "oom-kill": 1 }'
    # Where COMMAND outlives it, its status counts.
    inside 'tail -c 200000000 /dev/zero; exit 5' --memory 24M --swap 0 --dev /dev 2>"$T/err"
    eq "exit status ($(cat "$T/err"))" $? 5
    grep -q '^vesicle: cgroup vesicle-[0-9]*: out of memory: 1 killed at memory.max 25165824$' "$T/err" || fail "$(cat "$T/err")"
    # What is killed before it is COMMAND says so.
    v --cgroup none --memory 4096 "$R" /bin/true 2>"$T/err"
    eq "exit status ($(cat "$T/err"))" $? 125
    grep -q '^vesicle: [a-z].*: out of memory while setting up' "$T/err" || fail "$(cat "$T/err")"
    eq "cgroups" "$(cgroups)" "$before"
}

fork_bomb_stops_at_its_limit() {
    of_cgroups pids
    before=$(cgroups)
    out=$(inside '(for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 60 & done) 2>/dev/null
        read max </cg/pids.max; read now </cg/pids.current; read word events </cg/pids.events; echo $max $now $word $((events > 0))' \
        --pids 8 --cgroup /cg --dev /dev) || fail "$out"
    case $out in "8 "[5678]" max 1") ;; *) fail "$out" ;; esac
    refused 125 'start COMMAND.*EAGAIN.*pids.max' --pids 1 --init "$R" /bin/true
    eq "cgroups" "$(cgroups)" "$before"
}

spinner_gets_its_share() {
    of_cgroups cpu
    out=$(inside 'read up rest </proc/uptime; end=$((${up%.*} + 3))
        while [ "${up%.*}" -lt $end ]; do read up rest </proc/uptime; done
        while read name n; do case $name in usage_usec | nr_throttled) echo $n ;; esac; done </cg/cpu.stat' --cpus 0.2 --cgroup /cg) || fail "$out"
    set -- $out
    # Of 2 to 3 seconds a fifth.
    [ "$1" -gt 100000 ] && [ "$1" -lt 1500000 ] && [ "$2" -gt 5 ] || fail "microseconds, and how often it was stopped: $out"
}

limits_are_what_was_asked_for() {
    of_cgroups memory pids cpu
    look='cd /cg; for file in memory.max memory.swap.max pids.max cpu.max cpu.weight; do [ -e $file ] && cat $file; done'
    swap=; [ ! -e /proc/swaps ] || swap=1048576
    eq "limits" "$(inside "$look" --cgroup box/deep --cgroup /cg --memory 64M --swap 1M --pids 99 --cpus 1.25 --cpu-weight 7 | tr '\n' ' ')" \
        "67108864 $swap 99 125000 100000 7 "
    eq "no limits" "$(inside "$look" --cgroup /cg --memory max --swap max --pids max --cpus max --cpu-weight 10000 | tr '\n' ' ')" \
        "max max max max 100000 10000 "
    ! grep -q -w cpuset $C/cgroup.controllers ||
        eq "CPUs" "$(inside 'cat /cg/cpuset.cpus; sed -n "s/^Cpus_allowed_list:.//p" /proc/self/status' --cgroup /cg --pids 9 --cpuset 0 | tr '\n' ' ')" "0 0 "
    grep -q -w io $C/cgroup.controllers || return 0
    v --io-weight 9 --cgroup /cg "$R" /bin/sh -c 'cat /cg/io.weight 2>/dev/null || cat /cg/io.bfq.weight' >"$T/out" 2>"$T/err"
    case $?$(sed 1q "$T/out") in
    0*9) ;;
    *) grep -q 'set limit io.weight.*this kernel does not have that limit' "$T/err" && echo "not on this kernel: refused in words" || fail "$(cat "$T/out" "$T/err")" ;;
    esac
}

what_is_made_goes_and_what_was_there_stays() {
    of_cgroups pids
    mkdir $C/there || fail "none can be made"
    before=$(cgroups)
    eq "cgroup inside" "$(inside 'sed -n "s/^0:://p" /proc/self/cgroup' --cgroup there/a/b --pids 9)" /
    eq "cgroup of the host" "$(inside 'sed -n "s/^0:://p" /proc/self/cgroup' --share-cgroup --cgroup there/a/b)" /there/a/b
    eq "cgroups" "$(cgroups)" "$before"
    # What is left is ended, in cgroups of its own too, and those go.
    out=$(inside "mkdir -p /cg/x/y/z /cg/w && { sleep $S & } && echo \$! >/cg/x/y/cgroup.procs && ls -d /cg/w /cg/x/y/z | wc -l; exit 3" \
        --share-pid --unshare-user --dev /dev --cgroup there/a --cgroup /cg)
    eq "exit status ($out)" $? 3
    eq "cgroups inside" "$out" 2
    soon not alive "[s]leep.$S" || fail "one is left"
    eq "cgroups" "$(cgroups)" "$before"
    # One that was there is nobody's to end.
    inside "sleep 2$S & exit 3" --share-pid --dev /dev --cgroup there
    eq "exit status" $? 3
    grep -q 'populated 1' $C/there/cgroup.events || fail "it was ended"
    kill $(cat $C/there/cgroup.procs)
    soon grep -q 'populated 0' $C/there/cgroup.events
    rmdir $C/there || fail "it can't be removed"
}

delegated_cgroup_is_enough_for_a_user() {
    of_cgroups memory pids
    grep -q '^user:' /etc/passwd && [ "$(readlink -f /bin/su)" = /bin/busybox ] || skip "no user called user here"
    before=$(cgroups)
    echo '+memory +pids' >$C/cgroup.subtree_control
    mkdir $C/lent
    chown user $C/lent $C/lent/cgroup.procs $C/lent/cgroup.subtree_control $C/lent/cgroup.threads
    lent() { (read -r me rest </proc/self/stat; sh -c "echo \$\$ >$C/lent/cgroup.procs; exec su -s /bin/sh user -c '$1'"); }
    look='read a </cg/memory.max; read b </cg/pids.max; echo $a $b; cat /proc/self/cgroup'
    echo "$look" >"$T/look"
    cp "$T/look" "$R/tmp/look"
    for how in '' '--cgroup a/b'; do
        eq "limits" "$(lent "exec $VESICLE run $how --memory 32M --pids 7 --cgroup /cg $R /bin/sh /tmp/look" 2>&1)" "33554432 7
0::/"
        eq "what is passed on" "$(cat $C/lent/cgroup.subtree_control)" ""
    done
    lent "$VESICLE run --memory 32M $R /bin/true; echo \$?" >"$T/out" 2>"$T/err"
    eq "exit status" "$(cat "$T/out")" 125
    grep -q '^vesicle: enable controller +memory: there are other processes.*Delegate=yes' "$T/err" || fail "$(cat "$T/err")"
    # Without limits nothing has to be passed on.
    eq "cgroup" "$(lent "$VESICLE run --cgroup box --share-cgroup $R /bin/cat /proc/self/cgroup; true")" 0::/lent/box
    eq "cgroups" "$(cgroups)" "$before$C/lent "
    rmdir $C/lent || fail "it can't be removed"
    su -s /bin/sh user -c "exec $VESICLE run --cgroup box $R /bin/true" 2>"$T/err"
    eq "exit status" $? 125
    grep -q '^vesicle: make cgroup box: Permission denied.*not delegated' "$T/err" || fail "$(cat "$T/err")"
}

veth_pair_carries_packets_and_is_gone_at_the_end() {
    "$BUSYBOX" unshare --help >"$T/help" 2>&1 || skip "no unshare here"
    # The caller's network is one of its own too: as a user it has rights over no other.
    if [ "$ME" = 0 ]; then set -- -n; else set -- -U -r -n; fi
    "$BUSYBOX" unshare "$@" "$BUSYBOX" ip link add v1 type veth 2>"$T/err" || skip "no veth here: $(cat "$T/err")"
    rm -f "$R/data/up"
    cat >"$T/veth" <<'END'
"$VESICLE" run --veth v0,10.1.0.2/24,10.1.0.1 --veth v0,fd01::2/64,fd01::1 "$R" /bin/sh -c \
    'ip -o addr show eth0; ip route; ip -6 route; touch /data/up; exec sleep 60' &
n=0
until [ -e "$R/data/up" ] || [ $n -gt 100 ]; do n=$((n + 1)); sleep 0.2; done
"$BUSYBOX" ping -c 1 -W 20 10.1.0.2 >/dev/null && echo pong 4
"$BUSYBOX" ping6 -c 1 -W 20 fd01::2 >/dev/null && echo pong 6
kill -TERM $!
wait $!
echo "status $?, left: $(grep -c v0: /proc/net/dev)"
"$VESICLE" run --veth v0 --veth v0,10.1.0.2/24 "$R" /bin/true && echo again
END
    out=$(VESICLE=$VESICLE BUSYBOX=$BUSYBOX R=$R limited "$BUSYBOX" unshare "$@" sh "$T/veth" 2>&1)
    for word in 'inet 10.1.0.2/24' 'inet6 fd01::2/64' 'default via 10.1.0.1' 'default via fd01::1' 'pong 4' 'pong 6' 'status 143, left: 0' again; do
        echo "$out" | grep -q "$word" || fail "it does not say '$word': $out"
    done
    rm -f "$R/data/up"
    [ "$ME" = 0 ] || refused 125 CAP_NET_ADMIN --veth v0 "$R" /bin/true
}

enter_sees_what_the_container_sees() {
    kinds='user pid net uts ipc cgroup mnt'
    for how in '' --chroot; do
        rm -f "$T/pid" "$R/tmp/up"
        v $how --hostname inner --pid-file "$T/pid" "$R" /bin/sh -c "echo >/tmp/up; exec sleep $S" &
        n=0
        until [ -e "$R/tmp/up" ] && [ -s "$T/pid" ] || [ $n = 600 ]; do n=$((n + 1)); sleep 0.1; done
        pid=$(cat "$T/pid") || fail "no container"
        want=$(for kind in $kinds; do readlink "/proc/$pid/ns/$kind"; done; echo inner; ls "$R"; echo /)
        out=$(limited "$VESICLE" enter "$pid" sh -c \
            "for kind in $kinds; do readlink /proc/self/ns/\$kind; done; hostname; ls; pwd" 2>&1)
        eq "what is seen" "$out" "$want"
        for kind in net uts; do
            out=$(limited "$VESICLE" enter --net --user "$pid" "$BUSYBOX" readlink /proc/self/ns/$kind 2>&1)
            [ $kind = net ] && is=$pid || is=self
            eq "$kind with the network alone" "$out" "$(readlink /proc/$is/ns/$kind)"
        done
        limited "$VESICLE" enter "$pid" sh -c 'exit 7'
        eq "exit status" $? 7
        # Not where version 1 is: there this is a tmpfs, which takes such names too.
        if [ "$ME" = 0 ] && [ -e /sys/fs/cgroup/cgroup.procs ] && mkdir "/sys/fs/cgroup/c$S" 2>/dev/null && echo "$pid" >"/sys/fs/cgroup/c$S/cgroup.procs"; then
            eq "cgroup" "$(limited "$VESICLE" enter "$pid" cat /proc/self/cgroup 2>&1)" "0::/c$S"
            eq "cgroup outside" "$(limited "$VESICLE" enter --no-cgroup "$pid" grep -c "c$S" /proc/self/cgroup 2>&1)" 0
        fi
        kill -KILL "$pid"
        wait
        n=0
        until [ ! -d "/sys/fs/cgroup/c$S" ] || rmdir "/sys/fs/cgroup/c$S" 2>/dev/null || [ $n = 100 ]; do n=$((n + 1)); sleep 0.1; done
    done
}

template_is_begun_in_and_outlived() {
    kinds='pid uts ipc cgroup mnt net user'
    up() { n=0; until [ -e "$R/tmp/$1" ] || [ $n = 600 ]; do n=$((n + 1)); sleep 0.1; done; }
    for how in '' --chroot; do
        rm -f "$T/pid" "$R/tmp/up" "$R/tmp/up2" "$R/tmp/go"
        # What a chroot hides, its mount namespace shows.
        [ "$how" ] && root=$R || root=/
        v $how --pid-file "$T/pid" --tmpfs /data "$R" /bin/sh -c "echo in >/data/mark; echo >/tmp/up; exec sleep $S" &
        up up
        pid=$(cat "$T/pid") || fail "no container"
        out=$(v --template "$pid" --hostname new $root /bin/sh -c \
            "for kind in $kinds; do readlink /proc/self/ns/\$kind; done; hostname; cat /data/mark; pwd; ps | grep -c '[s]leep $S'" 2>&1)
        eq "lines ($how): $out" "$(echo "$out" | wc -l | tr -d ' ')" 11
        n=0
        for kind in $kinds; do
            n=$((n + 1))
            seen=$(echo "$out" | sed -n ${n}p) theirs=$(readlink "/proc/$pid/ns/$kind")
            case $kind in
            net | user) eq "$kind" "$seen" "$theirs" ;;
            *) [ "$seen" != "$theirs" ] && [ "$seen" != "$(readlink /proc/self/ns/$kind)" ] || fail "$kind is not new: $seen" ;;
            esac
        done
        eq "the rest" "$(echo "$out" | tail -n 4)" "new
in
/
0"
        eq "the network alone" "$(v --template "$pid:net" "$R" /bin/sh -c 'readlink /proc/self/ns/net; ls /data' 2>&1)" "$(readlink "/proc/$pid/ns/net")"
        eq "an init" "$(v --template "$pid:mnt,net,pid,uts" --init $root /bin/sh -c 'readlink /proc/self/ns/pid; exit 0' 2>&1)" "$(readlink "/proc/$pid/ns/pid")"
        v --template "$pid" $root /bin/sh -c 'echo >/tmp/up2; until [ -e /tmp/go ]; do sleep 0.1; done; read mark </data/mark; [ $mark = in ] && exit 7' &
        up up2
        kill -KILL "$pid"
        echo >"$R/tmp/go"
        wait $!
        eq "exit status" $? 7
        wait
        refused 125 "process $pid" --template "$pid" / /bin/true
    done
    refused 125 'no container' --template $$ / /bin/true
    refused 125 'no container' --template $$:net / /bin/true
}

# --- the end of the promises

[ -n "$BUSYBOX" ] && [ -x "$BUSYBOX" ] || { echo "skip all: no busybox; name one with BUSYBOX=" >&2; exit 77; }
make_root "$R" || { echo "not ok setup: no root file system could be made in $T"; exit 1; }
if ! "$R/bin/busybox" true 2>/dev/null; then echo "not ok setup: $BUSYBOX is not a static busybox"; exit 1; fi
[ $# -gt 0 ] || set -- $(sed -n '/^# --- promises/,/^# --- the end/ s/^\([a-z0-9_]*\)() {$/\1/p' "$0")

passed=0 failed=0 skipped=0
for promise; do
    ( trap 'kill -TERM $(jobs -p) 2>/dev/null' EXIT; $promise ) >"$T/said" 2>&1 </dev/null
    case $? in
    0)
        passed=$((passed + 1))
        if grep -q '^not on this kernel' "$T/said"; then echo "ok $promise (not on this kernel: refused in words)"; else echo "ok $promise"; fi
        ;;
    77)
        skipped=$((skipped + 1))
        echo "skip $promise: $(tail -n 1 "$T/said")"
        ;;
    *)
        failed=$((failed + 1))
        echo "not ok $promise: $(tr '\n' '|' <"$T/said")"
        ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
