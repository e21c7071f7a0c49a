//! The command lines of programs that are known to call bwrap: what their COMMAND sees is the same under bubblewrap 0.11 and
//! under vesicle.

#![allow(unsafe_code)]
#![cfg(feature = "bwrap")]

mod common;

use common::bwrap::*;
use common::*;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who calls it, and with which options. `%` is a folder of the caller's, `UID` its user id, and the descriptors are those of
/// `descriptors`; what begins with ARGS is handed over by `--args`, as its callers do.
const USERS: &[(&str, &str)] = &[
    (
        "README.md of bubblewrap",
        "--ro-bind /usr /usr --symlink usr/lib64 /lib64 --symlink usr/lib /lib --symlink usr/bin /bin --proc /proc --dev /dev \
         --unshare-pid --new-session",
    ),
    (
        "flatpak run: an application",
        "ARGS --setenv PATH /app/bin:/usr/bin --unsetenv LD_LIBRARY_PATH --setenv XDG_CONFIG_DIRS /app/etc/xdg:/etc/xdg \
         --setenv XDG_DATA_DIRS /app/share:/usr/share --setenv SHELL /bin/sh --unsetenv TMPDIR --setenv container flatpak \
         --ro-bind /usr /usr --ro-bind %/app /app --lock-file /app/.ref \
         --unshare-pid --proc /proc --dir /tmp --dir /var/tmp --dir /run/host --dir /run/user/UID \
         --setenv XDG_RUNTIME_DIR /run/user/UID --symlink ../run /var/run \
         --ro-bind /sys/block /sys/block --ro-bind /sys/bus /sys/bus --ro-bind /sys/class /sys/class \
         --ro-bind /sys/dev /sys/dev --ro-bind /sys/devices /sys/devices --ro-bind-try /proc/self/ns/user /run/.userns \
         --ro-bind-data 21 /etc/passwd --ro-bind-data 22 /etc/group --ro-bind-data 23 /etc/pkcs11/pkcs11.conf \
         --ro-bind /etc/hosts /etc/hosts --ro-bind /etc/ld.so.cache /etc/ld.so.cache --symlink usr/bin /bin --symlink usr/lib /lib \
         --symlink usr/lib64 /lib64 --symlink usr/sbin /sbin --tmpfs /run/flatpak --dir /run/flatpak/doc \
         --unshare-ipc --unshare-net --dev /dev --dev-bind-try /dev/dri /dev/dri --tmpfs /dev/shm \
         --bind %/data /var/data --bind %/data %/data --bind %/cache /var/cache --dir /var/config --symlink /var/cache %/links \
         --ro-bind-data 24 /.flatpak-info --ro-bind-try /run/systemd/resolve/io.systemd.Resolve /run/r \
         --remount-ro /run/flatpak --chdir %/data --info-fd 31 --sync-fd 33 --seccomp 34 --die-with-parent",
    ),
    (
        "flatpak run: the proxy of D-Bus",
        "ARGS --bind /dev /dev --bind /etc /etc --bind /home /home --bind /proc /proc --bind /sys /sys --bind /usr /usr --bind /var /var \
         --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --bind % %/inside --ro-bind-data 21 /.flatpak-info \
         --die-with-parent --sync-fd 33",
    ),
    (
        "xdg-desktop-portal, flatpak: validation of an icon",
        "--unshare-ipc --unshare-net --unshare-pid --tmpfs / --tmpfs /tmp --proc /proc --dev /dev --chdir / \
         --setenv GIO_USE_VFS local --unsetenv TMPDIR --die-with-parent --ro-bind /usr /usr --symlink usr/bin /bin \
         --symlink usr/lib /lib --symlink usr/lib64 /lib64 --ro-bind /etc/ld.so.cache /etc/ld.so.cache --ro-bind %/in %/in",
    ),
    (
        "gnome-desktop: a thumbnail",
        "--ro-bind /usr /usr --ro-bind-try /etc/ld.so.cache /etc/ld.so.cache --ro-bind-try /etc/alternatives /etc/alternatives \
         --symlink /usr/bin /bin --symlink /usr/lib64 /lib64 --symlink /usr/lib /lib --symlink /usr/sbin /sbin \
         --ro-bind-try /var/cache/fontconfig /var/cache/fontconfig --proc /proc --dev /dev --chdir / --setenv GIO_USE_VFS local \
         --unshare-all --die-with-parent --setenv G_MESSAGES_DEBUG all --bind %/data /tmp \
         --ro-bind %/in /tmp/gnome-desktop-file-to-thumbnail.png --seccomp 34",
    ),
    (
        "glycin: a loader of images",
        "--unshare-all --die-with-parent --chdir / --ro-bind /usr /usr --dev /dev --ro-bind-try /etc/ld.so.cache /etc/ld.so.cache \
         --ro-bind-try /nix/store /nix/store --tmpfs /tmp-home --tmpfs /tmp-run --clearenv --setenv HOME /tmp-home \
         --setenv XDG_RUNTIME_DIR /tmp-run --symlink /usr/lib /lib --symlink /usr/lib64 /lib64 --symlink /usr/bin /bin \
         --ro-bind-try /etc/fonts/conf.d /etc/fonts/conf.d --bind-try %/cache %/cache --setenv XDG_CACHE_HOME %/cache \
         --proc /proc --seccomp 34",
    ),
    (
        "WebKitGTK: a web process",
        "ARGS --die-with-parent --unshare-pid --unshare-uts --ro-bind-try /usr/share /usr/share --ro-bind-try /usr/local/share /usr/local/share \
         --ro-bind-try /usr/bin /usr/bin --ro-bind-try /lib /lib --ro-bind-try /lib64 /lib64 --ro-bind-try /usr/lib /usr/lib \
         --ro-bind-try /usr/lib64 /usr/lib64 --ro-bind-try /usr/libexec /usr/libexec --symlink usr/bin /bin \
         --dev /dev --proc /proc --unsetenv TMPDIR --dir /run/user/UID --setenv XDG_RUNTIME_DIR /run/user/UID --symlink ../run /var/run \
         --ro-bind-try /etc/ld.so.cache /etc/ld.so.cache --ro-bind-try /etc/hosts /etc/hosts --ro-bind-try /etc/localtime /etc/localtime \
         --ro-bind /sys/block /sys/block --ro-bind /sys/bus /sys/bus --ro-bind /sys/class /sys/class --ro-bind /sys/dev /sys/dev \
         --ro-bind /sys/devices /sys/devices --ro-bind-data 21 /.flatpak-info --dev-bind-try /dev/dri /dev/dri --bind-try %/cache %/cache \
         --ro-bind-try %/data %/data --tmpfs /tmp --unshare-net --seccomp 34",
    ),
    (
        "nixpkgs: buildFHSEnv, steam-run",
        "--dev-bind /dev /dev --proc /proc --chdir % --unshare-user --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup \
         --die-with-parent --ro-bind-try /nix /nix --tmpfs /etc --symlink /usr/lib64 /lib64 --symlink /usr/lib /lib --symlink /usr/bin /bin \
         --ro-bind-try /etc/passwd /etc/passwd --ro-bind-try /etc/group /etc/group --ro-bind-try /etc/hosts /etc/hosts \
         --ro-bind-try /etc/resolv.conf /etc/resolv.conf --ro-bind-try /etc/zoneinfo /etc/zoneinfo --ro-bind /usr /usr --bind % % \
         --bind-try /home /home --bind /sys /sys --setenv PS1 steam$",
    ),
    (
        "pressure-vessel of Steam",
        "ARGS --new-session --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/sbin /sbin \
         --tmpfs /run --tmpfs /run/host --ro-bind /usr /run/host/usr --ro-bind /etc /run/host/etc --symlink usr/lib /run/host/lib \
         --perms 0700 --dir /run/user/UID --tmpfs /tmp --bind % % --dev-bind /dev /dev --proc /proc --ro-bind /sys /sys \
         --ro-bind-data 21 /run/host/container-manager --bind-data 22 /etc/ld.so.conf --setenv XDG_RUNTIME_DIR /run/user/UID \
         --unsetenv LD_PRELOAD --tmpfs /var --symlink ../run /var/run --symlink ../tmp /var/tmp --remount-ro /run/host --chdir %",
    ),
    (
        "opam: its sandbox for builds",
        "--unshare-net --new-session --proc /proc --dev /dev --bind %/data /tmp --setenv TMPDIR /tmp --setenv TMP /tmp --setenv TEMPDIR /tmp \
         --setenv TEMP /tmp --tmpfs /run --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
         --ro-bind /etc /etc --ro-bind-try /opt /opt --ro-bind-try /home /home --ro-bind /var /var --bind %/cache %/cache",
    ),
    (
        "BuildStream, buildbox-run-bubblewrap",
        "--unshare-pid --die-with-parent --bind %/root / --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
         --chdir /buildstream/out --unshare-net --unshare-uts --hostname buildstream --unshare-ipc --proc /proc --tmpfs /tmp \
         --dev-bind /dev/full /dev/full --dev-bind /dev/null /dev/null --dev-bind /dev/urandom /dev/urandom --dev-bind /dev/zero /dev/zero \
         --tmpfs /dev/shm --bind %/data /buildstream/out --remount-ro / --unshare-user --uid 1000 --gid 1000",
    ),
    (
        "rpm-ostree: a script of a package",
        "--dev /dev --proc /proc --dir /run --chdir / --die-with-parent --ro-bind /sys/block /sys/block --ro-bind /sys/bus /sys/bus \
         --ro-bind /sys/class /sys/class --ro-bind /sys/dev /sys/dev --ro-bind /sys/devices /sys/devices --symlink usr/bin /bin \
         --symlink usr/lib /lib --symlink usr/lib64 /lib64 --ro-bind /usr /usr --bind %/data /var --tmpfs /tmp --symlink ../tmp /var/tmp \
         --unshare-pid --unshare-uts --unshare-ipc --unshare-cgroup-try --unshare-net --cap-drop ALL CAPS --hostname r --info-fd 31 --block-fd 35",
    ),
    (
        "mkosi: tools of a tree",
        "--unshare-user --uid 0 --gid 0 --cap-add ALL --unshare-net --die-with-parent --ro-bind /usr /usr --symlink usr/bin /bin \
         --symlink usr/lib /lib --symlink usr/lib64 /lib64 --ro-bind-try /etc/ssl /etc/ssl --proc /proc --dev /dev --tmpfs /tmp --bind %/data /work \
         --dir /var/tmp --chmod 1777 /var/tmp --setenv SYSTEMD_OFFLINE 1 --setenv HOME / --chdir /work --remount-ro /",
    ),
    (
        "an agent: the tree read-only, its directory writable",
        "--new-session --die-with-parent --ro-bind / / --dev /dev --bind % % --ro-bind %/app %/app --unshare-user --unshare-pid --unshare-net \
         --proc /proc --chdir %",
    ),
    (
        "an agent: everything new",
        "--ro-bind / / --dev /dev --proc /proc --unshare-all --die-with-parent --tmpfs /tmp --bind %/data /work --chdir /work",
    ),
    (
        "an agent: with the network, secrets hidden",
        "--new-session --die-with-parent --unshare-all --share-net --ro-bind / / --tmpfs /root --tmpfs /home --ro-bind /dev/null /etc/shadow \
         --bind % % --setenv SANDBOX 1 --dev /dev --proc /proc --tmpfs /run --cap-drop ALL",
    ),
    (
        "a shell at home",
        "--dev-bind / / --tmpfs /tmp --bind % /tmp/mine --unshare-uts --hostname other --unshare-ipc --unshare-cgroup",
    ),
    (
        "nix-bwrap, a whole tree by its directories",
        "--bind /usr /usr --ro-bind /etc /etc --bind-try /nix /nix --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
         --proc /proc --dev /dev --bind /tmp /tmp --bind % /home/me --setenv HOME /home/me --unshare-user-try --unshare-cgroup-try --as-pid-1 \
         --unshare-pid --argv0 login",
    ),
];

/// What rpm-ostree lets a script have: root has it, nobody else may ask for it.
const CAPS: &str = "--cap-add cap_chown --cap-add cap_dac_override --cap-add cap_fowner --cap-add cap_fsetid --cap-add cap_kill \
                    --cap-add cap_setgid --cap-add cap_setuid --cap-add cap_setpcap --cap-add cap_sys_chroot";

/// What COMMAND tells of the place it is in. Its argument names the caller's namespaces.
const PROBE: &str = r#"
echo "$0 as $(id -u):$(id -g) of $(id -G), umask $(umask), in $(pwd -P), PWD $PWD, host $(uname -n)"
env | grep -v -e ^_= -e VESICLE | sort
grep -E '^(Uid|Gid|Groups|NoNewPrivs|Seccomp|Cap|SigBlk|SigIgn|SigPnd|ShdPnd|Threads|Cpus_allowed_list)' /proc/self/status
cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups
for n in cgroup ipc mnt net pid user uts time; do
    case "$1" in *"$(readlink /proc/self/ns/$n)"*) echo "$n: the caller's" ;; *) echo "$n: its own" ;; esac
done
read -r pid _ _ _ group session terminal _ </proc/$$/stat
[ $pid = $session ] && echo "leads its session"; [ $pid = $group ] && echo "leads its group"; echo "terminal $terminal"
case "$1" in *"$(readlink /proc/self/ns/pid)"*) ;; *) for p in /proc/[0-9]*; do echo "$p $(cat $p/comm 2>/dev/null)"; done ;; esac
cd /proc/$$/fd && echo "descriptors" * ; cd - >/dev/null
while read -r _ _ _ root dest options rest; do
    type=${rest#*- }
    echo "mount $dest $options ${rest%%- *} ${type%% *} $root"
done </proc/self/mountinfo
# What was made for it.
if [ "$(stat -f -c %T /)" = tmpfs ]; then find / -xdev -printf 'made %y %p %m %U:%G %l\n' | sort; fi
for d in /dev /tmp /run /run/user /var /etc; do
    [ "$(stat -f -c %T $d 2>/dev/null)" = tmpfs ] && find $d -xdev -printf 'made %y %p %m %U:%G %l\n' | sort
done
for d in / /usr /etc /tmp /dev /dev/shm /run /var/tmp /home /proc/sys "$@" .; do
    (: >"$d/.written") 2>/dev/null && echo "$d can be written" && rm -f "$d/.written"
done
ulimit -a
cat /proc/self/oom_score_adj /proc/self/coredump_filter
[ /run/.userns -ef /proc/self/ns/user ] && echo "/run/.userns is its own"
for f in /.flatpak-info /etc/passwd /etc/group /etc/pkcs11/pkcs11.conf /etc/ld.so.conf /run/host/container-manager; do
    [ -f $f ] && echo "$f: $(stat -c '%a %u:%g' $f) $(md5sum <$f)"
done
cut -d: -f1 /proc/net/dev | tail -n +3 | sort; cat /proc/net/if_inet6 2>/dev/null | cut -c1-40
mkdir /tmp/new-directory && rmdir /tmp/new-directory
echo x >/dev/null && head -c 3 /dev/zero | od -An -c && test -e /dev/ptmx && echo "there is a ptmx"
unshare -U true 2>&1; mount -t tmpfs none /tmp 2>&1
(sleep 0.05; echo "a child that stays says so") &
wait
exit 7
"#;

/// A filter that refuses mkdir(2) and mkdirat(2) with EDQUOT.
fn filter() -> Vec<u8> {
    let [mkdir, mkdirat]: [u64; 2] = if cfg!(target_arch = "x86_64") { [83, 258] } else { [34, 34] };
    let program: [u64; 5] = [
        0x20,
        0x15 | 1 << 16 | mkdir << 32,
        0x15 | 1 << 24 | mkdirat << 32,
        0x06 | (0x5_0000 | 122) << 32,
        0x06 | 0x7fff_0000 << 32,
    ];
    program.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// What `%` is.
fn place(who: Who) -> PathBuf {
    let dir = folder(who);
    for name in ["app", "data", "cache", "root", "root/buildstream"] {
        fs::create_dir(dir.join(name)).expect("mkdir");
        give(&dir.join(name), who);
    }
    for name in ["in", "app/.ref", "data/a file", "app/program"] {
        fs::write(dir.join(name), name).expect("write");
        give(&dir.join(name), who);
    }
    dir
}

/// Runs it by one of the two; what it was told, and what was reported of it but for the digits.
fn seen(who: Who, program_: &Path, dir: &Path, options: &str, words: &[&str]) -> (Outcome, String) {
    let caps = if who == Who::Root { CAPS } else { "" };
    let dir_ = dir.to_string_lossy();
    let options = options.replace('%', &dir_).replace("UID", &uid_of(who).to_string()).replace("CAPS", caps);
    let asks_for = |fd: i32| options.split_whitespace().any(|word| word == fd.to_string());
    let mut report = tempfile::tempfile().expect("a file");
    let (held, holds) = pipe();
    let mut launch = program(who, [program_]).cwd(dir).env_clear().limit(60);
    for (name, value) in [("HOME", "/tmp"), ("LANG", "C"), ("PATH", "/usr/bin:/bin"), ("TMPDIR", "/tmp")] {
        launch = launch.env(name, value);
    }
    for (fd, text) in [(21, "one\n"), (22, "two\n"), (23, "three\n"), (24, "[Application]\n")] {
        if asks_for(fd) {
            launch = launch.fd(fd, file_with(text.as_bytes()));
        }
    }
    if asks_for(31) {
        launch = launch.fd(31, report.try_clone().expect("dup"));
    }
    if asks_for(33) {
        launch = launch.fd(33, holds);
    } else {
        drop(holds);
    }
    if asks_for(34) {
        launch = launch.fd(34, file_with(&filter()));
    }
    if asks_for(35) {
        launch = launch.fd(35, File::open("/dev/null").expect("/dev/null"));
    }
    launch = match options.strip_prefix("ARGS ") {
        None => launch.words(&options),
        Some(options) => {
            let list = options.split_whitespace().collect::<Vec<&str>>().join("\0") + "\0";
            launch.fd(20, file_with(list.as_bytes())).words("--args 20")
        }
    };
    let end = launch.arg("--").args(words).go();
    // Nobody holds it any more.
    let mut rest = Vec::new();
    File::from(held).read_to_end(&mut rest).expect("read");
    let mut text = String::new();
    report.rewind().expect("rewind");
    report.read_to_string(&mut text).expect("UTF-8");
    text.retain(|c| !c.is_ascii_digit());
    (end, text)
}

/// The caller's namespaces, as links of /proc say them.
fn namespaces() -> String {
    let kinds = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time"];
    let links = kinds.map(|kind| fs::read_link(format!("/proc/self/ns/{kind}")).expect("readlink"));
    links.map(|link| link.to_string_lossy().into_owned()).join(" ")
}

#[test]
fn command_of_a_known_user_sees_what_it_sees_under_bubblewrap() {
    let Some((theirs, _)) = theirs() else { return };
    let here = namespaces();
    for &who in everyone() {
        for (user, options) in USERS {
            let dir = place(who);
            let words = ["sh", "-c", PROBE, "sh", &here, &dir.to_string_lossy()];
            let [theirs, ours] =
                [theirs.as_path(), ours()].map(|bwrap| seen(who, bwrap, &dir, options, &words));
            assert!(!theirs.0.hung && !ours.0.hung, "{user}: {theirs:?} {ours:?}");
            assert_eq!(ours.0.code, Some(7), "{user} as {who:?}: {:?}", ours.0);
            alike(&format!("{user} as {who:?}"), &theirs.0, &ours.0);
            assert_eq!(theirs.1, ours.1, "{user} as {who:?}: what is reported");
        }
    }
}

/// What it said, without what docs/bwrap.md says is different: modes of what leads to a destination and of /dev/shm, options of
/// /dev and of mounts that another one covers, the order of mounts of different places, names of data.
fn plain(end: &Outcome) -> Vec<String> {
    let mut mounts = BTreeMap::new();
    let mut list = vec![format!("exit status {:?}, signal {:?}", end.code, end.signal)];
    for line in end.stdout.lines().chain(end.stderr.lines()) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            // A device that is bound and not made.
            ["mount", dest, .., source] if dest == format!("/dev{source}") => {}
            ["mount", dest, options, ref tags @ .., kind, source] => {
                let options = if dest.starts_with("/dev") {
                    options.replace(",nosuid", "").replace(",nodev", "")
                } else {
                    options.into()
                };
                let tags: String = tags.concat().chars().filter(|c| !c.is_ascii_digit()).collect();
                let source = match source.get(..9) {
                    _ if dest == "/" => "",
                    Some("/bindfile") => "data",
                    _ if kind == "nsfs" => "a namespace",
                    _ if kind == "tmpfs" && source.len() > 1 => "data",
                    _ => source,
                };
                mounts.insert(dest.to_string(), format!("{options} {tags} {kind} {source}"));
            }
            ["made", "d", path, mode, ..] => {
                let mode = if mode == "700" || path == "/dev/shm" { "755" } else { mode };
                list.push(format!("made d {path} {mode} {}", words[4]));
            }
            // dash counts lines in its own way.
            ["sh:", _, ..] => list.push(words[2..].join(" ")),
            _ => list.push(line.into()),
        }
    }
    list.extend(mounts.iter().map(|(dest, what)| format!("mount {dest} {what}")));
    list
}

/// Holds one against the other.
#[track_caller]
fn alike(case: &str, theirs: &Outcome, ours: &Outcome) {
    let (theirs, ours) = (plain(theirs), plain(ours));
    let but = |list: &[String], other: &[String]| {
        list.iter().filter(|line| !other.contains(line)).cloned().collect::<Vec<_>>()
    };
    let (missing, more) = (but(&theirs, &ours), but(&ours, &theirs));
    assert!(theirs == ours, "{case}: of bubblewrap alone {missing:#?}, of vesicle alone {more:#?}");
}

/// The folder of bubblewrap's demonstrations.
fn demos() -> Option<PathBuf> {
    Some(theirs()?.1.with_file_name("demos"))
}

/// `PATH` where `bwrap` is this one.
fn path_to(bwrap: &Path) -> String {
    let dir = bwrap.parent().expect("a folder").display().to_string();
    format!("{dir}:{}", std::env::var("PATH").unwrap_or_default())
}

/// What an application of Flatpak's finds, with a runtime of busybox alone.
const APPLICATION: &str = r#"
id -u; id -g; pwd; echo $PATH $XDG_RUNTIME_DIR $DISPLAY $SHELL $XDG_CACHE_HOME
for f in / /app /app/* /usr/etc/* /var /var/* /run/user/* /run/user/*/*; do stat -c 'made %F %n %a %u:%g %s' $f | sed 's/ directory / d /; s/ [0-9]*$//'; readlink $f; done
cat /etc/passwd /etc/group /run/user/*/flatpak-info /app/program
ls -A /dev /dev/dri /tmp/.X11-unix /run/user/*; echo $$; ls -d /proc/[0-9]*
grep -E '^(NoNewPrivs|Seccomp|Cap)' /proc/self/status
for place in / /usr /app $XDG_DATA_HOME /tmp; do (: >$place/new) 2>/dev/null && echo "$place can be written"; done
while read -r _ _ _ root dest options rest; do type=${rest#*- }; echo "mount $dest $options ${rest%%- *} ${type%% *} $root"; done </proc/self/mountinfo
unshare -U true; mount -t tmpfs none /tmp; dmesg 2>&1 | head -n 1
exit 9
"#;

/// flatpak-run.sh, as it is: what it asks of the host is there, and the runtime and the application are stand-ins.
#[test]
fn demonstration_of_flatpak_runs_by_the_name_alone() {
    let (Some(demos), Some((theirs, _)), Some(_), Some(busybox)) =
        (demos(), theirs(), need!("bash"), need!("busybox"))
    else {
        return;
    };
    // Its filter is for this CPU.
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    for &who in everyone() {
        let home = folder(who);
        let share = home.join(".local/share/flatpak");
        let runtime = share.join("runtime/org.gnome.Platform/x86_64/master/active/files");
        let app = share.join("app/org.gnome.Weather/x86_64/master/active/files");
        for dir in [
            &runtime.join("bin"),
            &runtime.join("etc"),
            &runtime.join("lib"),
            &app,
            &home.join(".config/dconf"),
        ] {
            fs::create_dir_all(dir).expect("mkdir");
        }
        for file in [".ref", "etc/passwd", "etc/group", "etc/machine-id"] {
            fs::write(runtime.join(file), "the runtime's\n").expect("write");
        }
        fs::write(app.join(".ref"), "").expect("write");
        fs::write(app.join("program"), "an application\n").expect("write");
        assert!(Command::new("cp").arg(&busybox).arg(runtime.join("bin")).status().expect("cp").success());
        for applet in APPLETS.iter().chain(&["unshare", "dmesg"]) {
            std::os::unix::fs::symlink("busybox", runtime.join("bin").join(applet)).expect("symlink");
        }
        let ids = format!("{}:{}", uid_of(who), gid_of(who));
        assert!(Command::new("chown").args(["-hR", &ids]).arg(&home).status().expect("chown").success());
        let [theirs, ours] = [theirs.as_path(), ours()].map(|bwrap| {
            // A machine with a screen, and a session on it; nothing of the host's own changes.
            let (uid, tests) = (uid_of(who), scratch().display().to_string());
            let rights = if who == Who::Root { "--privileged".into() } else { format!("--uid {uid} --gid {}", gid_of(who)) };
            run(who)
                .words(&rights)
                .words("--dev /dev --dir /dev/dri --perms 1777 --tmpfs /tmp --dir /tmp/.X11-unix --file 20 /tmp/.X11-unix/X0")
                .words(&format!("--tmpfs /run --dir /run/user/{uid}/dconf --bind {tests} {tests}"))
                .fd(20, file_with(b""))
                .env("PATH", path_to(bwrap))
                .env("HOME", &home)
                .env("UID", uid.to_string())
                .stdin(file_with(APPLICATION.as_bytes()))
                .words("/ bash")
                .arg(demos.join("flatpak-run.sh"))
                .limit(60)
                .go()
        });
        assert_eq!(ours.code, Some(9), "{ours:?}");
        assert!(ours.stdout.contains("an application"), "{ours:?}");
        assert!(
            ours.stdout.contains("name=org.gnome.Weather") && ours.stdout.contains("Seccomp:\t2"),
            "{ours:?}"
        );
        alike(&format!("as {who:?}"), &theirs, &ours);
    }
}

/// userns-block-fd.py: newuidmap(1) and newgidmap(1) write the maps.
#[test]
fn demonstration_of_maps_written_from_outside_runs_by_the_name_alone() {
    let (Some(demos), Some((theirs, _)), Some(_), Some(_)) =
        (demos(), theirs(), need!("python3"), need!("newuidmap"))
    else {
        return;
    };
    for &who in everyone() {
        // Whom newuidmap(1) serves.
        if !nix::unistd::User::from_uid(uid_of(who).into()).is_ok_and(|user| user.is_some()) {
            say(&format!(
                "demonstration_of_maps_written_from_outside_runs_by_the_name_alone: {who:?} has no name"
            ));
            continue;
        }
        let [theirs, ours] = [theirs.as_path(), ours()].map(|bwrap| {
            // It does not wait for COMMAND: whoever reads does.
            let script = "exec 2>&1; python3 \"$0\" | cat";
            program(who, ["sh", "-c", script])
                .arg(demos.join("userns-block-fd.py"))
                .env("PATH", path_to(bwrap))
                .go()
        });
        assert!(!ours.hung && ours.left.is_empty(), "{ours:?}");
        let words: Vec<&str> = ours.stdout.split_whitespace().collect();
        assert_eq!(words, ["0", &uid_of(who).to_string(), "1"], "{ours:?}");
        alike(&format!("as {who:?}"), &theirs, &ours);
    }
}
