//! Each system call of a launch fails, in turn: the calls are found by tracing a good run, so whatever is added is covered.

mod common;

use common::faults::*;
use common::*;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A command line whose calls are made to fail.
struct Scene {
    who: Who,
    root: PathBuf,
    /// Holds the log, sources of binds, the pid file.
    dir: PathBuf,
    options: Vec<String>,
    /// The command line that ours stands behind.
    within: Vec<String>,
    /// Standard input is a terminal.
    terminal: bool,
    /// By the name bwrap, without ROOTFS, whose programs are bound.
    bwrap: bool,
    /// `vesicle enter` of this process, where there would be ROOTFS.
    enter: Option<i32>,
    /// Descriptors 20 (reports), 21 (held), 22 (a gate that is open), 23 (a directory) are wanted.
    reports: bool,
}

impl Scene {
    fn new(who: Who, options: &str) -> Scene {
        let (root, dir) = (tiny_root(who), folder(who));
        fs::create_dir(dir.join("src")).expect("mkdir");
        let options = options.replace("DIR", &dir.to_string_lossy());
        Scene {
            who,
            root,
            dir,
            options: options.split_whitespace().map(String::from).collect(),
            within: Vec::new(),
            bwrap: false,
            terminal: false,
            enter: None,
            reports: false,
        }
    }

    #[cfg(feature = "bwrap")]
    fn bwrap(who: Who, options: &str) -> Scene {
        let mut scene = Scene { bwrap: true, ..Scene::new(who, options) };
        fs::hard_link(vesicle(), scene.dir.join("bwrap")).expect("link");
        let bin = scene.root.join("bin").to_string_lossy().into_owned();
        scene.options.splice(0..0, ["--ro-bind".into(), bin, "/bin".into()]);
        scene
    }

    fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn go(&self, strace: &[String]) -> Outcome {
        let _ = fs::remove_file(self.log());
        let launch = match self.enter {
            _ if self.bwrap => program(self.who, [""; 0]),
            Some(_) => call(self.who).arg("enter"),
            None => run(self.who),
        };
        let mut launch = launch
            .under(&self.within)
            .under(["strace", "-f", "-q", "-o"])
            .under([self.log()])
            .under(strace)
            .under(self.bwrap.then(|| self.dir.join("bwrap")))
            .args(&self.options)
            .limit(10);
        if self.terminal {
            launch =
                launch.stdin(File::options().read(true).write(true).open("/dev/ptmx").expect("/dev/ptmx"));
        }
        if self.reports {
            let null = || File::options().read(true).write(true).open("/dev/null").expect("/dev/null");
            let dir = File::open(self.dir.join("src")).expect("a directory");
            launch = launch.fd(20, null()).fd(21, null()).fd(22, null()).fd(23, dir).fd(24, null());
        }
        let place = self.enter.map_or_else(|| self.root.clone(), |pid| pid.to_string().into());
        launch.args((!self.bwrap).then_some(place)).arg("/bin/true").go()
    }

    /// Whether it is an exit status of a failure of ours.
    fn fails(&self, code: Option<i32>) -> bool {
        if self.bwrap { code == Some(1) } else { matches!(code, Some(125..=127)) }
    }

    /// Why it is not one line as promised.
    fn complaint(&self, text: &str) -> Option<String> {
        match text.strip_prefix("bwrap: ") {
            Some(rest) if self.bwrap => line_complaint(&format!("vesicle: {rest}")),
            _ => line_complaint(text),
        }
    }

    fn files(&self) -> Vec<String> {
        let mut all = tree(&self.root);
        all.extend(tree(&self.dir).into_iter().filter(|f| !f.contains("/log ")));
        // Those of the others' scenes come and go.
        let has_cgroup = self.options.iter().any(|o| o.starts_with("vesicle-faults/"));
        for root in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].iter().filter(|_| has_cgroup) {
            all.extend(
                tree(&Path::new(root).join("vesicle-faults")).into_iter().filter(|f| f.contains(" 4")),
            );
        }
        all
    }
}

/// What may fail of `vesicle` without harm, and why that is right.
const LAUNCHER: &Optional = &[
    ("statx", "/proc/self/ns/user", "a proc is mounted as in any user namespace but the first one"),
    ("unlinkat", "", "a pid file that somebody else removed"),
    ("setns", ", CLONE_NEWUTS)", "one that is named is tried once more with the rights of its owner"),
    ("capset", "", "the caller does not have them all: those that it has are taken"),
    ("openat", "\"/dev/tty\"", "a terminal that may be there is guarded like one that is"),
    (
        "mmap",
        "MAP_FIXED",
        "an init that has started COMMAND still shares memory for the timings, of which it uses none",
    ),
    ("sched_getaffinity", "(0, 128, ", "nothing is pinned, or the mask that was read before is restored"),
    ("getcpu", "", "nothing is pinned"),
    ("sched_setaffinity", "(0, 128, ", "the same; and a launcher that only waits can do so anywhere"),
    ("nanosleep", "", "what the kernel has not done yet is looked for again at once"),
    ("chdir", "\"/\"", "init lets go of a directory: all else is well"),
    ("close_range", "(3, 2147483647", "init lets go of its descriptors: all else is well"),
    (
        "landlock_create_ruleset",
        "VERSION",
        "without Landlock the filter of --deny-net refuses local sockets too",
    ),
];

/// The same, of bwrap alone.
const BWRAP: &Optional = &[
    ("close_range", "", "launcher and init let go of what was passed on to COMMAND"),
    ("getcwd", "", "a working directory that is not known is none"),
    (
        "prctl",
        "SUID_DUMP_USER",
        "an init that has let go of all is joined by its folder in /proc, or else it is not",
    ),
];

/// One run for each call and errno. `judge` says what is wrong with one that was hit, ended by itself and left no process.
fn fail_each(
    targets: &[Target],
    log: &Path,
    go: impl Fn(&[String]) -> Outcome,
    mut judge: impl FnMut(&Target, &str, &Outcome) -> Option<String>,
) -> Report {
    Report::of(
        targets,
        errors,
        |_, words| go(words),
        |target, how, end| {
            let log = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
            let verdict = if end.hung {
                Some("it hung".to_string())
            } else if !log.contains("(INJECTED)") {
                // Another path was taken in this run (a race between two processes): nothing failed.
                (end.code != Some(0))
                    .then(|| format!("nothing was injected, yet the status is {:?}", end.code))
            } else if !end.left.is_empty() {
                Some(format!("left: {:?}", end.left))
            } else if log.lines().count() > AHEAD + 400 {
                Some(format!("it spun: {} calls", log.lines().count()))
            } else {
                judge(target, how, &end)
            };
            verdict.map(|verdict| format!("{verdict}\n    stderr: {:?}", end.stderr))
        },
    )
}

/// Of the launcher: a good run, then all that fail.
fn every_call_fails(mut scene: Scene, reports: bool) {
    let Some(_) = need!("strace") else { return };
    scene.reports = reports;
    let (mounted, files) = (mounts(), scene.files());
    let good = scene.go(&[]);
    good.code(0);
    assert_eq!(good.stderr, "", "{}", good.shown);
    let seen = calls(&scene.log(), "/bin/true");
    assert!(seen.iter().any(|c| c.payload), "the log shows no payload: {seen:?}");
    let targets = targets(&seen, |c| !c.payload);
    let mut optional = BTreeSet::new();
    let left_behind = std::cell::RefCell::new(Vec::new());
    let go = |inject: &[String]| {
        let end = scene.go(inject);
        let now = scene.files();
        let new: Vec<_> = now.iter().filter(|f| !files.contains(f)).cloned().collect();
        for path in &new {
            let path = path.split(' ').next().unwrap_or_default();
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
        }
        // What can't be removed stays, and was removed here.
        if now != files && !inject.iter().any(|i| i.contains("unlinkat:")) {
            left_behind.borrow_mut().push(format!("{inject:?}: the files changed: {new:?}"));
        }
        end
    };
    let mut report = fail_each(&targets, &scene.log(), go, |target, how, end| {
        let seen = calls(&scene.log(), "/bin/true");
        // How many there are before COMMAND can differ from run to run.
        let late = seen.iter().any(|c| c.text.contains("(INJECTED)") && !c.before);
        let ran = seen
            .iter()
            .any(|c| c.name == "execve" && c.text.starts_with("execve(\"/bin/true\"") && !c.failed);
        match end.code {
            Some(0) if how == "error=EINTR" || !target.before || late => None,
            Some(0) if target.may_fail(LAUNCHER) || scene.bwrap && target.may_fail(BWRAP) => {
                optional.insert(target.name.clone());
                None
            }
            Some(0) => Some("it went on as if nothing had happened".into()),
            code if scene.fails(code) && target.before && ran => {
                Some(format!("the payload ran, and then the status is {:?}", end.code))
            }
            code if scene.fails(code) => {
                let log = fs::read_to_string(scene.log()).unwrap_or_default();
                // strace counts calls by the process: a call of the launcher and one of its child, each says so.
                let (first, second) = end.stderr.split_once('\n').unwrap_or_default();
                match log.matches("(INJECTED)").count() {
                    2 if !second.is_empty() => {
                        scene.complaint(&format!("{first}\n")).or(scene.complaint(second))
                    }
                    _ => scene.complaint(&end.stderr),
                }
            }
            // The wait itself failed: whatever it says, it ended and left nothing.
            _ if !target.before && end.code.is_some() => None,
            other => Some(format!("status {other:?}, signal {:?}", end.signal)),
        }
    });
    report.wrong.extend(left_behind.into_inner());
    let new = new_mounts(&mounted);
    assert!(new.is_empty(), "mounts in the host's view: {new:?}");
    report.conclude(&format!("as {:?}, of: {}", scene.who, scene.options.join(" ")), &optional);
}

fn for_everyone(options: &str) {
    for &who in everyone() {
        every_call_fails(Scene::new(who, options), false);
    }
}

#[test]
#[cfg(feature = "enter")]
fn enter_survives_the_failure_of_each_call() {
    if !is_root() {
        return say(
            "SKIP enter_survives_the_failure_of_each_call: not root, and strace sees nothing of what is not dumpable",
        );
    }
    for who in [Who::Root] {
        // It has a time namespace and a user namespace, so that it differs in all.
        let root = tiny_root(who);
        let mut inside =
            run(who).words("--unshare-user --unshare-time").arg(&root).arg("/bin/pause").limit(300).spawn();
        let pause = |r: &Running| {
            let is = |pid: &i32| {
                fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == "pause")
            };
            children(r.pid()).into_iter().find(is)
        };
        inside.until("its command", |r| pause(r).is_some());
        let named = format!("--mount --uts=/proc/{}/ns/uts --user", pause(&inside).expect("its command"));
        for options in ["", "--env --chdir /tmp", "--mount --net --user --keep-fd 1", named.as_str()] {
            every_call_fails(Scene { enter: pause(&inside), ..Scene::new(who, options) }, false);
        }
        inside.signal(Signal::SIGKILL);
        kill_marked(&inside.mark.clone());
    }
}

#[test]
#[cfg(feature = "template")]
fn what_begins_in_a_template_survives_the_failure_of_each_call() {
    if !is_root() {
        return say(
            "SKIP what_begins_in_a_template_survives_the_failure_of_each_call: not root, and strace sees nothing of what is not dumpable",
        );
    }
    // Its root is the host's, so that all that is named is found; of the second all is another's, the users too.
    for how in ["", "--unshare-user --unshare-time"] {
        let mut inside = run(Who::Root).words(how).args(["/", "/bin/sleep", "1000"]).limit(300).spawn();
        let sleep = |r: &Running| {
            let is = |pid: &i32| {
                fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == "sleep")
            };
            children(r.pid()).into_iter().find(is)
        };
        inside.until("its command", |r| sleep(r).is_some());
        let pid = sleep(&inside).expect("its command");
        for options in [
            format!("--template {pid}"),
            format!("--template {pid}:net,pid --init"),
            format!(
                "--template {pid}:mnt,net,uts,ipc,cgroup,time --die-with-parent --uid 7 --gid 8 --umask 022"
            ),
            format!(
                "--template {pid} --pid-file DIR/pid --json-status-fd 24 --tmpfs /t --dir /t/x --chmod 0700 /t/x --file 22 /t/file"
            ),
        ] {
            // Ids that the second one doesn't have.
            if !how.is_empty() && options.contains("--uid") {
                continue;
            }
            let reports = options.contains("--pid-file");
            every_call_fails(Scene::new(Who::Root, &options), reports);
        }
        inside.signal(Signal::SIGKILL);
        kill_marked(&inside.mark.clone());
    }
}

#[test]
fn default_run_survives_the_failure_of_each_call() {
    for_everyone("");
}

#[test]
fn chroot_run_survives_the_failure_of_each_call() {
    for_everyone("--chroot");
}

#[test]
fn init_run_survives_the_failure_of_each_call() {
    for_everyone("--init");
}

#[test]
fn wait_all_run_survives_the_failure_of_each_call() {
    for_everyone("--init --wait-all --die-with-parent");
}

#[test]
fn filesystem_options_survive_the_failure_of_each_call() {
    for_everyone(
        "--bind DIR/src /data --ro-bind DIR/src /etc --tmpfs /t --dir /t/d --symlink x /t/l --dev-bind /dev /t/dev --bind-try /nowhere /t/n \
         --perms 0700 --size 64K --tmpfs /tmp --sysfs /sys --dev /dev --read-only",
    );
}

#[test]
fn masks_modes_and_kernel_file_systems_survive_the_failure_of_each_call() {
    for_everyone(
        "--tmpfs /t --chmod 0700 /t --remount-ro /t --mask /tmp --mask /nowhere --mask /bin/pause --mask /etc --mqueue /dev \
         --cgroup /sys --dir /",
    );
    for_everyone("--share-cgroup --cgroup /sys --chmod 0755 /");
}

#[test]
#[cfg(feature = "cgroup")]
fn cgroup_survives_the_failure_of_each_call() {
    let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
    let root = roots.into_iter().find(|root| root.join("cgroup.controllers").exists());
    let Some(root) = root.filter(|_| is_root()) else {
        return say("SKIP cgroup_survives_the_failure_of_each_call: not root, or no cgroup2");
    };
    let _ = fs::create_dir(root.join("vesicle-faults"));
    for how in ["", "--init", "--share-pid --unshare-user"] {
        every_call_fails(Scene::new(Who::Root, &format!("--cgroup vesicle-faults/a/b {how}")), false);
    }
    fs::remove_dir(root.join("vesicle-faults")).expect("nothing was left in it");
}

#[test]
fn operations_on_descriptors_survive_the_failure_of_each_call() {
    for &who in everyone() {
        every_call_fails(
            Scene::new(
                who,
                "--tmpfs /t --bind-data 20 /t/data --ro-bind-data 21 /t/d --file 22 /t/file --ro-bind-fd 23 /data",
            ),
            true,
        );
    }
}

#[test]
#[cfg(feature = "overlay")]
fn overlays_survive_the_failure_of_each_call() {
    for &who in everyone() {
        let scene = Scene::new(
            who,
            "--overlay-src DIR/src --tmp-overlay /t --overlay-src DIR/src --tmp-overlay /tmp --overlay-src DIR/low --overlay DIR/src DIR/work /data \
             --overlay-src DIR/low --overlay-src DIR/src --ro-overlay /etc",
        );
        for dir in ["low", "work", "work/work"] {
            fs::create_dir(scene.dir.join(dir)).expect("mkdir");
            give(&scene.dir.join(dir), who);
        }
        give(&scene.dir.join("src"), who);
        // As overlayfs makes it anew each time.
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(scene.dir.join("work/work"), fs::Permissions::from_mode(0o0)).expect("chmod");
        every_call_fails(scene, false);
    }
}

#[test]
fn capability_options_survive_the_failure_of_each_call() {
    for options in [
        "--cap-drop KILL --cap-add NET_RAW --cap-drop ALL --cap-add CHOWN",
        "--uid 7 --cap-add CHOWN --cap-add KILL --allow-new-privs",
        "--init --cap-drop 5",
        "--init --uid 7 --cap-add NET_RAW --block-fd 22",
    ] {
        for &who in everyone() {
            every_call_fails(Scene::new(who, options), options.contains("block-fd"));
        }
    }
}

#[test]
fn safe_defaults_survive_the_failure_of_each_call() {
    for_everyone("--privileged");
    for_everyone("--share-pid --proc /t");
    for_everyone("--share-mount --share-pid");
}

#[test]
fn proc_options_survive_the_failure_of_each_call() {
    for_everyone("--proc /proc --proc-opts hidepid=2,subset=pid --chdir /bin");
}

#[test]
fn process_options_survive_the_failure_of_each_call() {
    for_everyone(
        "--unshare-user --uid 7 --gid 8 --hostname h --domainname d --unshare-time --boottime-offset 5 --monotonic-offset 6 --new-session \
         --die-with-parent --umask 077 --setenv A b --unsetenv C --argv0 x",
    );
}

#[test]
fn filters_survive_the_failure_of_each_call() {
    // A program that allows everything.
    let program: Vec<u8> = (0x06 | 0x7fff_0000u64 << 32).to_le_bytes().into();
    for &who in everyone() {
        for how in ["", "--init", "--allow-new-privs --umask 077", "--new-session --uid 5 --unshare-user"] {
            let options = format!("{how} --seccomp DIR/program --seccomp default --seccomp DIR/program");
            let scene = Scene::new(who, &options);
            fs::write(scene.dir.join("program"), &program).expect("write");
            every_call_fails(scene, false);
        }
    }
}

#[test]
fn guard_of_a_terminal_survives_the_failure_of_each_call() {
    for &who in everyone() {
        for how in ["", "--init"] {
            let mut scene = Scene::new(who, how);
            scene.terminal = true;
            every_call_fails(scene, false);
        }
    }
}

#[test]
fn landlock_and_denied_network_survive_the_failure_of_each_call() {
    for how in ["", "--init"] {
        for_everyone(&format!("{how} --landlock-ro /bin --landlock-ro /bin/true --landlock-rw /tmp"));
        for_everyone(&format!("{how} --deny-net --landlock-ro /"));
    }
    for_everyone("--deny-net");
}

#[test]
fn disabled_user_namespaces_survive_the_failure_of_each_call() {
    for_everyone("--unshare-user --disable-userns");
}

#[test]
fn limits_survive_the_failure_of_each_call() {
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let cpus = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:")).expect("CPUs").trim();
    let options = format!(
        "--rlimit nofile=64 --rlimit core=0 --nice 5 --oom-score-adj 500 --cpuset {cpus} --timeout 1000"
    );
    for &who in everyone() {
        for how in ["", "--init", "--unshare-user"] {
            every_call_fails(Scene::new(who, &format!("{how} {options}")), false);
        }
    }
}

#[test]
#[cfg(feature = "placement")]
fn placement_survives_the_failure_of_each_call() {
    for how in ["", "--init", "--unshare-user", "--pid-file DIR/pid"] {
        for_everyone(&format!("{how} --pin"));
    }
}

#[test]
fn reports_survive_the_failure_of_each_call() {
    for &who in everyone() {
        for how in ["", "--init"] {
            let options = format!(
                "{how} --pid-file DIR/pid --info-fd 20 --json-status-fd 24 --sync-fd 21 --keep-fd 21 --block-fd 22"
            );
            every_call_fails(Scene::new(who, &options), true);
        }
    }
}

#[test]
#[cfg(feature = "veth")]
fn pairs_of_interfaces_survive_the_failure_of_each_call() {
    let Some(_) = need!("unshare") else { return };
    for &who in everyone() {
        for how in ["", "--init --new-session --unshare-user", "--pid-file DIR/pid"] {
            let options =
                format!("{how} --veth v0,10.1.0.2/24,10.1.0.1 --veth v1 --veth v0,fd01::2/64,fd01::1");
            let mut scene = Scene::new(who, &options);
            // What could not be removed goes with the container's namespace, soon.
            let within = "\"$@\"; s=$?; n=0; while grep -q 'v[01]:' /proc/self/net/dev; do n=$((n + 1)); [ $n -lt 100 ] || exit 99; \
                          sleep 0.1; done; exit $s";
            let unshare = if who == Who::Root { "-n" } else { "-Urn" };
            scene.within = ["unshare", unshare, "sh", "-c", within, "sh"].map(String::from).to_vec();
            every_call_fails(scene, false);
        }
    }
}

#[test]
fn timings_survive_the_failure_of_each_call() {
    for &who in everyone() {
        for how in ["", "--init", "--unshare-time --monotonic-offset 6 --dev /dev", "--init --block-fd 22"] {
            every_call_fails(Scene::new(who, &format!("{how} --timings=20")), true);
        }
    }
}

#[test]
fn argument_files_survive_the_failure_of_each_call() {
    for &who in everyone() {
        let scene = Scene::new(who, "@DIR/arguments --keep-fd 1");
        fs::write(scene.dir.join("arguments"), "--setenv\nA\nb\n--tmpfs\n/tmp\n").expect("write");
        every_call_fails(scene, false);
    }
}

#[test]
fn range_maps_survive_the_failure_of_each_call() {
    if !is_root() {
        say("SKIP range_maps_survive_the_failure_of_each_call: not root");
        return;
    }
    for how in ["", "--init"] {
        let scene = Scene::new(
            Who::Root,
            &format!(
                "{how} --unshare-user --map-users 0:100000:10 --map-users 10:300000:5 --map-groups 0:100000:10"
            ),
        );
        every_call_fails(scene, false);
    }
}

#[test]
fn looked_up_maps_survive_the_failure_of_each_call() {
    // What strace runs gains no privileges: newuidmap(1) is of no use to it.
    if !is_root() {
        say("SKIP looked_up_maps_survive_the_failure_of_each_call: not root");
        return;
    }
    let Some(_) = need!("unshare") else { return };
    let mut scene = Scene::new(Who::Root, "--unshare-user --map-users auto --map-groups auto");
    let lent = scene.dir.join("lent");
    fs::write(&lent, "root:500000:65536\n0:600000:10\n").expect("write");
    // The machine's own files stay as they are.
    let private = format!(
        "touch -a /etc/subuid /etc/subgid; for f in subuid subgid; do mount --bind {} /etc/$f || exit 99; done; exec \"$@\"",
        lent.display()
    );
    scene.within = ["unshare", "-m", "sh", "-c", &private, "sh"].map(String::from).to_vec();
    every_call_fails(scene, false);
}

#[test]
fn joins_survive_the_failure_of_each_call() {
    // Whoever joins is not dumpable: nobody but root can look at what it does.
    if !is_root() {
        say("SKIP joins_survive_the_failure_of_each_call: not root");
        return;
    }
    for who in [Who::Root] {
        let dir = folder(who);
        let root = tiny_root(who);
        let mut first = run(who)
            .arg("--unshare-user")
            .arg("--pid-file")
            .arg(dir.join("pid"))
            .arg(&root)
            .arg("/bin/pause")
            .limit(200)
            .spawn();
        let read = |path: &Path| fs::read_to_string(path).ok().and_then(|t| t.trim().parse::<i32>().ok());
        first.until("a pid file", |_| read(&dir.join("pid")).is_some());
        let pid = read(&dir.join("pid")).expect("a pid");
        first.until("its payload", |_| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == "pause")
        });
        let ns = format!("/proc/{pid}/ns");
        for how in ["", "--init"] {
            let options = format!(
                "{how} --userns {ns}/user --netns {ns}/net --utsns {ns}/uts --ipcns {ns}/ipc --cgroupns {ns}/cgroup --pidns {ns}/pid"
            );
            every_call_fails(Scene::new(who, &options), false);
        }
        first.signal(Signal::SIGTERM);
        first.wait().code(143);
    }
}

#[test]
#[cfg(feature = "bwrap")]
fn bwrap_survives_the_failure_of_each_call() {
    let all = "--ro-bind DIR/src /x --proc /proc --dev /dev --tmpfs /tmp --unshare-user --unshare-pid --unshare-net --unshare-uts \
               --hostname h --die-with-parent --lock-file /bin/true";
    for &who in everyone() {
        for options in [
            "",
            all,
            "--proc /proc --new-session --sync-fd 21 --setenv A b --chdir /bin",
            "--unshare-pid --as-pid-1 --json-status-fd 20 --info-fd 21 --block-fd 22",
            "--bind DIR/src /x --tmpfs / --ro-bind DIR/../ /y --ro-bind ROOT / --proc /proc",
        ] {
            // An init of it shows nothing of itself until COMMAND runs: only root's strace sees that.
            if who == Who::User && (options == all || options.contains("--sync-fd")) {
                continue;
            }
            let root = Scene::new(who, "").root;
            let options = options.replace("ROOT", &root.to_string_lossy());
            every_call_fails(Scene::bwrap(who, &options), true);
        }
    }
}

#[test]
fn missing_clone3_is_no_obstacle() {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        for errno in ["ENOSYS", "EPERM"] {
            for how in ["", "--init"] {
                let scene = Scene::new(who, how);
                scene.go(&[format!("--inject=clone3:error={errno}")]).code(0);
            }
        }
    }
}

#[test]
fn wait_that_always_fails_neither_hangs_nor_spins() {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        for how in ["", "--init"] {
            for call in ["rt_sigtimedwait", "wait4", "waitid", "ppoll", "rt_sigprocmask", "kill"] {
                for errno in ["EPERM", "ECHILD", "EINVAL"] {
                    let scene = Scene::new(who, how);
                    let end = scene
                        .go(&[format!("--trace={call}"), format!("--inject={call}:error={errno}:when=1+")]);
                    let lines = fs::read_to_string(scene.log()).unwrap_or_default().lines().count();
                    assert!(
                        !end.hung,
                        "{call} always says {errno} ({how}, {who:?}): it hung after {lines} calls"
                    );
                    assert!(
                        lines < 400,
                        "{call} always says {errno} ({how}, {who:?}): it spun, {lines} calls"
                    );
                    assert!(
                        end.left.is_empty(),
                        "{call} always says {errno} ({how}, {who:?}): {:?}",
                        end.left
                    );
                }
            }
        }
    }
}

/// The name by which an init is called, and its words before COMMAND.
struct Init {
    name: &'static str,
    options: &'static str,
    /// With a child that outlives COMMAND.
    leaves: bool,
}

impl Init {
    fn go(&self, who: Who, dir: &Path, strace: &[String]) -> Outcome {
        let _ = fs::remove_file(dir.join("log"));
        let name = dir.join(self.name);
        let mut launch =
            program(who, ["strace", "-f", "-q", "-o"]).arg(dir.join("log")).args(strace).arg(&name);
        launch = launch.words(self.options).limit(10);
        if self.leaves {
            // strace stays until it has gone, and it goes by itself.
            let script = format!("sleep 1 & exec {}/true", dir.display());
            return launch.args(["/bin/sh", "-c", &script]).go();
        }
        launch.arg(dir.join("true")).go()
    }
}

/// Calls of an init that may fail without harm, and here is why that is right.
const INIT: &Optional = &[
    ("ioctl", "", "what is no terminal can't be given to anybody"),
    ("chdir", "\"/\"", "init lets go of a directory: all else is well"),
    ("close_range", "(3, 2147483647", "init lets go of its descriptors: all else is well"),
    ("write", "", "a message that nobody hears"),
    ("prctl", "PR_GET_CHILD_SUBREAPER", "it warns, then, as it would if it were none"),
    ("prctl", "PR_SET_CHILD_SUBREAPER", "not asked for: it warns that orphans go elsewhere"),
];

fn no_digits(line: &str) -> String {
    line.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Of an init that is its caller's child: with one failed call it ends with a status and a line, or as if nothing had
/// happened where that is right.
fn every_call_of_init_fails(init: &Init) {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        let (root, dir) = (tiny_root(who), folder(who));
        fs::hard_link(root.join("bin/true"), dir.join("true")).expect("link");
        fs::hard_link(vesicle(), dir.join(init.name)).expect("link");
        let command =
            if init.leaves { "/bin/sh".to_string() } else { dir.join("true").to_string_lossy().into_owned() };
        let good = init.go(who, &dir, &[]);
        good.code(0);
        let usual: Vec<String> = good.stderr.lines().map(no_digits).collect();
        let seen = calls(&dir.join("log"), &command);
        let init_pid = seen.first().expect("a call").pid;
        let theirs: BTreeSet<i32> = seen.iter().filter(|c| c.payload).map(|c| c.pid).collect();
        assert_eq!(theirs.len(), 1, "the log shows no COMMAND: {seen:?}");
        // Init's, and its child's until it is COMMAND.
        let targets = targets(&seen, |c| !c.payload && (c.pid == init_pid || theirs.contains(&c.pid)));
        let mut optional = BTreeSet::new();
        let go = |inject: &[String]| init.go(who, &dir, inject);
        let report = fail_each(&targets, &dir.join("log"), go, |target, how, end| {
            let (name, text) = (&target.name, &target.text);
            let asked = init.options.contains("-s") && text.contains("PR_SET_CHILD_SUBREAPER");
            let may = target.may_fail(INIT) && !asked;
            match end.code {
                Some(0) if how == "error=EINTR" || !target.before => None,
                Some(0) if may => {
                    optional.insert(format!("{name} {}", text.split(['(', ',']).nth(1).unwrap_or("")));
                    None
                }
                Some(0) => Some("it went on as if nothing had happened".into()),
                Some(125..=127) => {
                    let new = end.stderr.lines().filter(|l| !usual.contains(&no_digits(l))).count();
                    (new != 1).then(|| format!("{new} lines"))
                }
                _ if !target.before && end.code.is_some() => None,
                other => Some(format!("status {other:?}, signal {:?}", end.signal)),
            }
        });
        report.conclude(&format!("as {who:?}, of: {} {}", init.name, init.options), &optional);
    }
}

#[test]
fn init_command_survives_the_failure_of_each_call() {
    every_call_of_init_fails(&Init { name: "vesicle", options: "init --", leaves: false });
}

#[test]
fn init_command_with_a_grace_survives_the_failure_of_each_call() {
    every_call_of_init_fails(&Init { name: "vesicle", options: "init -p TERM -k 0.3 --", leaves: true });
}

#[test]
fn init_command_as_tini_survives_the_failure_of_each_call() {
    every_call_of_init_fails(&Init { name: "tini", options: "-s -g -p TERM --", leaves: false });
    every_call_of_init_fails(&Init { name: "tini", options: "--", leaves: false });
}

#[test]
fn init_command_as_dumb_init_survives_the_failure_of_each_call() {
    every_call_of_init_fails(&Init { name: "dumb-init", options: "--", leaves: true });
}

#[test]
fn init_command_as_catatonit_survives_the_failure_of_each_call() {
    every_call_of_init_fails(&Init { name: "catatonit", options: "-g --", leaves: false });
}

#[test]
fn init_command_whose_call_always_fails_neither_hangs_nor_spins() {
    let Some(_) = need!("strace") else { return };
    let init = Init { name: "vesicle", options: "init -k 0.3 --", leaves: true };
    for &who in everyone() {
        let (root, dir) = (tiny_root(who), folder(who));
        fs::hard_link(root.join("bin/true"), dir.join("true")).expect("link");
        fs::hard_link(vesicle(), dir.join(init.name)).expect("link");
        for call in ["rt_sigtimedwait", "wait4", "rt_sigprocmask", "kill", "clock_gettime", "read", "openat"]
        {
            for errno in ["EPERM", "ECHILD", "EINVAL"] {
                let how = [format!("--trace={call}"), format!("--inject={call}:error={errno}:when=1+")];
                let end = init.go(who, &dir, &how);
                let lines = fs::read_to_string(dir.join("log")).unwrap_or_default().lines().count();
                assert!(!end.hung, "{call} always says {errno}: it hung after {lines} calls");
                assert!(lines < 400, "{call} always says {errno}: it spun, {lines} calls");
            }
        }
    }
}
