//! The plan is data: read here without a kernel.

use super::*;
use crate::cli;
use crate::sys::Block;

/// What the command line `vesicle run WORDS` comes to for `uid`: the plan is shown to `look`.
fn with<T>(words: &str, uid: usize, look: impl FnOnce(&Plan<'_>) -> T) -> Result<T, String> {
    let args: Vec<&str, 64> = ["vesicle", "run"].into_iter().chain(words.split(' ')).collect();
    let stack = Stack::for_test(&args, &["PATH=/bin", "A=1"], uid);
    let (mut words, mut lists) = Default::default();
    let mut spec = Spec::new(&mut words);
    let nothing: cli::Load = |_| Ok(Block::of_argv(Stack::for_test(&[], &[], 0), 0));
    let told = |m: Fail<'_>| format!("{:?}", m.reason());
    cli::parse(stack, &mut spec, nothing).map_err(told)?;
    build(&spec, stack, &mut lists).map_err(told).map(|plan| look(&plan))
}

/// Its steps.
fn steps(words: &str, uid: usize) -> std::vec::Vec<Step> {
    with(words, uid, |p| STEPS.iter().map(|s| s.0).filter(|s| p.steps.has(*s)).collect()).unwrap()
}

#[cfg(any(
    feature = "fs",
    feature = "join",
    feature = "safe",
    feature = "users",
    feature = "disable-userns"
))]
fn why(why: Why) -> String {
    format!("{:?}", crate::fail::Reason::from(why))
}

#[test]
fn default_life_of_root_is_as_short_as_it_can_be() {
    use Step::*;
    let life = [
        #[cfg(feature = "loopback")]
        Loopback,
        Private,
        Rootfs,
        Proc,
        #[cfg(feature = "safe")]
        Masks,
        Enter,
        NoNewPrivs,
        #[cfg(feature = "safe")]
        Bound,
        #[cfg(feature = "safe")]
        Caps,
        Close,
        Signals,
        #[cfg(feature = "seccomp")]
        Filter,
        Exec,
    ];
    assert_eq!(steps("/r true", 0), life);
    // What has no user namespace of its own is held in another way.
    #[cfg(feature = "safe")]
    let held = [Masks, Bound, Caps];
    #[cfg(not(feature = "safe"))]
    let held: [Step; 0] = [];
    let bare: std::vec::Vec<Step> = life.into_iter().filter(|s| !held.contains(s)).collect();
    #[cfg(feature = "safe")]
    assert_eq!(
        steps("--privileged /r true", 0),
        bare.iter()
            .copied()
            .filter(|s| !matches!(format!("{s:?}").as_str(), "NoNewPrivs" | "Filter"))
            .collect::<std::vec::Vec<_>>()
    );
    let user: std::vec::Vec<Step> = [IdMap].into_iter().chain(bare).collect();
    assert_eq!(steps("/r true", 1234), user);
    #[cfg(feature = "options")]
    assert_eq!(steps("--unshare-user /r true", 0), user);
}

#[test]
#[cfg(feature = "pivot")]
fn nothing_is_mounted_in_the_callers_mount_namespace() {
    use Step::*;
    let life = steps("--share-mount --share-net /r true", 0);
    assert_eq!(steps("--share-all /r true", 0), life);
    let gone = [
        #[cfg(feature = "loopback")]
        Loopback,
        Private,
        Proc,
    ];
    let expected: std::vec::Vec<Step> =
        steps("/r true", 0).into_iter().filter(|step| !gone.contains(step)).collect();
    assert_eq!(life, expected);
    assert!(with("--share-mount /r true", 0, |p| p.how == Root::Chroot).unwrap());
    #[cfg(feature = "fs")]
    for what in
        ["--bind / /x", "--ro-bind-try / /x", "--dev-bind / /x", "--tmpfs /x", "--dev /x", "--sysfs /x"]
    {
        assert_eq!(
            with(&format!("--share-mount {what} /r true"), 0, |_| ()),
            Err(why(Why::NeedsMount)),
            "{what}"
        );
    }
    #[cfg(feature = "root")]
    for what in ["--read-only", "--proc /p", "--proc-opts hidepid=2"] {
        assert_eq!(
            with(&format!("--share-mount {what} /r true"), 0, |_| ()),
            Err(why(Why::NeedsMount)),
            "{what}"
        );
    }
}

#[test]
#[cfg(all(feature = "process", feature = "fs", feature = "init", feature = "report", feature = "host"))]
fn steps_stand_in_the_order_that_the_kernel_and_safety_ask_for() {
    use Step::*;
    let all = steps(
        "--die-with-parent --new-session --init --uid 5 --unshare-time --hostname h --tmpfs /t --chdir /t --block-fd 0 --read-only /r true",
        0,
    );
    let before = |a: Step, b: Step| {
        let at =
            |s| all.iter().position(|x| *x == s).unwrap_or_else(|| panic!("{s:?} is missing in {all:?}"));
        assert!(at(a) < at(b), "{a:?} before {b:?}: {all:?}");
    };
    // Sources are resolved before anything changes, and mounts are made before the old root is stacked upon the new.
    before(Private, Sources);
    before(Sources, Rootfs);
    before(Operations, Enter);
    before(Enter, ReadOnly);
    // The init keeps its rights; COMMAND gives them up, user last, and asks for its end with the parent again.
    before(Chdir, Init);
    before(Init, Ids);
    before(Ids, DieWithParentStill);
    before(DieWithParentStill, Exec);
    // It takes no right that it has; filters may need it.
    before(NoNewPrivs, Init);
    #[cfg(feature = "safe")]
    {
        // Operations have the last word on what is seen; nobody inside has a capability more than COMMAND may have, the
        // init included; another user id does not take those that it shall have.
        before(Proc, Masks);
        before(Masks, Operations);
        before(Bound, Init);
        before(Ids, Caps);
    }
    // Nothing of ours is open while COMMAND's start is held up, and its signals are its own.
    before(Close, Block);
    before(Signals, Block);
    assert_eq!((all.first(), all.last()), (Some(&DieWithParent), Some(&Exec)));
}

#[test]
#[cfg(feature = "safe")]
fn capabilities_are_few_where_root_inside_is_root_outside() {
    let caps = |words: &str, uid| with(words, uid, |p| (p.caps.set, p.caps.named)).unwrap();
    let (default, all) = (0x8004_05fb, u64::MAX);
    assert_eq!(caps("/r true", 0), (default, 0));
    assert_eq!(caps("--chroot /r true", 0), (default & !(1 << 18), 0));
    for other in [
        "--privileged",
        "--unshare-user",
        #[cfg(feature = "join")]
        "--userns 5",
    ] {
        assert_eq!(caps(&format!("{other} /r true"), 0), (all, 0), "{other}");
    }
    assert_eq!(caps("/r true", 1234), (all, 0));
    assert_eq!(
        caps("--cap-drop ALL --cap-add kill --cap-add 13 --cap-drop Cap_Net_Raw /r true", 0),
        (1 << 5, 1 << 5)
    );
    assert_eq!(caps("--cap-add KILL --cap-drop all /r true", 0), (0, 0));
    assert_eq!(caps("--cap-add all --cap-drop CHOWN /r true", 1), (all & !1, all & !1));
    for no in ["", "KIL", "64", "-1", "kill,chown"] {
        assert_eq!(with(&format!("--cap-add={no} /r true"), 0, |_| ()), Err(why(Why::Capability)), "{no}");
    }
}

#[test]
#[cfg(all(feature = "deny-net", feature = "disable-userns", feature = "init", feature = "ids"))]
fn what_keeps_command_from_files_and_sockets_comes_when_nothing_of_ours_needs_them() {
    use Step::*;
    let all = steps("--unshare-user --init --deny-net --landlock-ro / --disable-userns /r true", 0);
    let order = [IdMap, NoUserns, Rootfs, Proc, Enter, NoNewPrivs, DenyNet, Init, Landlock, Close, Exec];
    let found: std::vec::Vec<_> = all.iter().filter(|s| order.contains(s)).copied().collect();
    assert_eq!(found, order);
    assert!(!all.contains(&Loopback));
    assert!(with("--deny-net /r true", 0, |p| !p.makes(crate::sys::CLONE_NEWNET)).unwrap());
    assert!(!steps("--landlock-ro / --landlock-rw /tmp /r true", 0).contains(&DenyNet));
    assert_eq!(with("--disable-userns /r true", 0, |_| ()), Err(why(Why::NeedsUser)));
    assert_eq!(with("--disable-userns --userns 5 /r true", 1, |_| ()), Err(why(Why::NeedsUser)));
}

#[test]
fn namespaces_are_new_unless_shared() {
    use crate::sys::*;
    let all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;
    let new = |words: &str, uid| with(words, uid, |p| p.namespaces).unwrap();
    assert_eq!(new("/r true", 0), all);
    assert_eq!(new("/r true", 1), all | CLONE_NEWUSER);
    #[cfg(feature = "options")]
    assert_eq!(new("--unshare-user /r true", 1), all | CLONE_NEWUSER);
    #[cfg(feature = "options")]
    assert_eq!(new("--share-net --share-pid --share-ipc --share-uts --share-cgroup /r true", 0), CLONE_NEWNS);
    #[cfg(feature = "pivot")]
    assert_eq!(
        new("--share-net --share-pid --share-ipc --share-uts --share-cgroup --share-mount /r true", 0),
        0
    );
    #[cfg(feature = "pivot")]
    assert_eq!((new("--share-all /r true", 0), new("--share-all /r true", 1)), (0, CLONE_NEWUSER));
    #[cfg(feature = "join")]
    {
        assert_eq!(new("--netns 5 --userns 6 /r true", 1), all & !CLONE_NEWNET);
        assert_eq!(with("--unshare-user --userns 6 /r true", 0, |_| ()), Err(why(Why::Joined)));
    }
}

#[test]
fn memory_is_lent_only_to_a_child_that_ends_in_execve_and_waits_for_nobody() {
    let lent = |words: &str| with(words, 0, |p| p.borrow).unwrap();
    assert!(lent("/r true"));
    #[cfg(all(feature = "ids", feature = "pivot"))]
    assert!(lent("--chroot --uid 5 /r true"));
    #[cfg(feature = "init")]
    assert!(!lent("--init /r true"));
    #[cfg(feature = "report")]
    assert!(!lent("--info-fd 5 /r true") && !lent("--block-fd 5 /r true") && !lent("--pid-file p /r true"));
    #[cfg(feature = "join")]
    assert!(!lent("--pidns 5 /r true") && !lent("--userns 5 /r true"));
    #[cfg(feature = "users")]
    assert!(!lent("--unshare-user --map-users 0:1:2 /r true"));
}

#[test]
#[cfg(all(
    feature = "limits",
    feature = "caps",
    feature = "fs",
    feature = "init",
    feature = "landlock",
    feature = "seccomp"
))]
fn limits_stand_where_they_hurt_nothing_of_ours_and_where_they_may_still_be_raised() {
    use Step::*;
    let words = "--rlimit nofile=1 --nice 5 --oom-score-adj 5 --cpuset 0 --init --uid 5 --seccomp 5 --landlock-ro / --tmpfs /t --cap-drop ALL /r true";
    let all = steps(words, 0);
    let before = |a: Step, b: Step| {
        let at =
            |s| all.iter().position(|x| *x == s).unwrap_or_else(|| panic!("{s:?} is missing in {all:?}"));
        assert!(at(a) < at(b), "{a:?} before {b:?}: {all:?}");
    };
    // The caller's /proc, as long as it is seen; the rest of all that lives inside, while there is the right and no filter.
    before(OomScore, Private);
    before(Nice, FilterEarly);
    before(Cpuset, FilterEarly);
    before(Nice, Bound);
    // Of COMMAND alone, when no descriptor, file or process is needed any more, and the capabilities are still there.
    before(Operations, Rlimits);
    before(Init, Rlimits);
    before(Landlock, Rlimits);
    before(Rlimits, Ids);
    before(Rlimits, Caps);
    // A root that has rights outside of its child's user namespace uses them there.
    let outside = "--unshare-user --rlimit nofile=1 --nice 5 --oom-score-adj 5 /r true";
    let steps_of = |uid| steps(outside, uid);
    let (root, user) = (steps_of(0), steps_of(1000));
    assert!(
        root.contains(&Rlimits)
            && root.contains(&Released)
            && !root.contains(&Nice)
            && !root.contains(&OomScore)
    );
    assert!(user.contains(&Nice) && user.contains(&OomScore) && !user.contains(&Released));
}

#[test]
#[cfg(all(feature = "placement", feature = "limits", feature = "init", feature = "seccomp"))]
fn mask_is_restored_before_filters_and_before_there_is_a_second_process() {
    let all = steps("--pin --cpuset 0 --init --seccomp 5 /r true", 0);
    let at = |s: Step| all.iter().position(|x| *x == s).unwrap_or_else(|| panic!("{s:?}: {all:?}"));
    assert!(at(Step::Unpin) < at(Step::Cpuset) && at(Step::Unpin) < at(Step::FilterEarly));
    assert!(at(Step::Unpin) < at(Step::Init) && at(Step::Enter) < at(Step::Unpin));
    assert!(!steps("/r true", 0).contains(&Step::Unpin));
}

#[test]
#[cfg(feature = "users")]
fn map_of_nothing_but_the_caller_needs_no_help() {
    let plan = |words: &str| {
        with(words, 1234, |p| (p.steps.has(Step::IdMap), p.steps.has(Step::IdsInside), p.uid, p.gid))
    };
    assert_eq!(plan("--map-users 7:1234:1 /r true"), Ok((true, false, 7, 0)));
    assert_eq!(plan("--map-users 7:1234:1 --map-groups 8:1234:1 /r true"), Ok((true, false, 7, 8)));
    assert_eq!(plan("--map-users 7:1234:2 /r true"), Ok((false, true, 0, 0)));
    assert_eq!(plan("--map-users auto /r true"), Ok((false, true, 0, 0)));
    assert_eq!(with("--map-users 0:0:1 /r true", 0, |_| ()), Err(why(Why::NeedsUser)));
    for overlap in ["0:0:10 --map-users 5:100:10", "0:0:10 --map-users 20:5:10", "auto --map-users 5:5:5"] {
        assert_eq!(
            with(&format!("--map-users {overlap} /r true"), 1, |_| ()),
            Err(why(Why::Overlap)),
            "{overlap}"
        );
    }
    for range in
        ["", "0", "0:0", "0:0:0", "0:0:1:1", "-1:0:1", "4294967290:0:10", "0:4294967290:10", "0:0:4294967296"]
    {
        assert_eq!(with(&format!("--map-users={range} /r true"), 1, |_| ()), Err(why(Why::Range)), "{range}");
    }
}

#[test]
#[cfg(feature = "fs")]
fn perms_and_size_are_for_the_next_operation_only() {
    let list = |words: &str| {
        with(words, 0, |p| {
            p.lists.operations.iter().map(|o| (o.what, o.mode, o.number)).collect::<std::vec::Vec<_>>()
        })
    };
    assert_eq!(
        list("--perms 700 --size 4K --tmpfs /a --tmpfs /b --perms 1777 --dir /c --dir /d /r true"),
        Ok(vec![(Do::Tmpfs, 0o700, 4096), (Do::Tmpfs, 0o755, 0), (Do::Dir, 0o1777, 0), (Do::Dir, 0o755, 0)])
    );
    assert_eq!(
        list("--perms 644 --file 5 /a --file 6 /b --perms 640 --bind-data 7 /c --ro-bind-data 8 /d /r true"),
        Ok(vec![(Do::File, 0o644, 5), (Do::File, 0o666, 6), (Do::Data, 0o640, 7), (Do::RoData, 0o600, 8)])
    );
    assert_eq!(list("--perms 700 /r true"), Err(why(Why::NeedsMade)));
    assert_eq!(list("--perms 700 --bind / /x /r true"), Err(why(Why::NeedsMade)));
    assert_eq!(list("--perms 700 --chmod 755 /x /r true"), Err(why(Why::NeedsMade)));
    assert_eq!(list("--size 1 --dir /x /r true"), Err(why(Why::NeedsTmpfs)));
    for root in ["/", "//", "/.", "/./"] {
        for op in ["--tmpfs", "--mask", "--cgroup", "--mqueue", "--file 5", "--bind-data 5", "--bind-fd 5"] {
            assert_eq!(list(&format!("{op} {root} /r true")), Err(why(Why::DestRoot)), "{op} {root}");
        }
        for op in ["--dir", "--chmod 700", "--remount-ro"] {
            assert!(list(&format!("{op} {root} /r true")).is_ok(), "{op} {root}");
        }
    }
    for (one, other) in
        [("--file", "--file"), ("--bind-data", "--ro-bind-data"), ("--ro-bind-data", "--file")]
    {
        assert_eq!(list(&format!("{one} 5 /a {other} 5 /b /r true")), Err(why(Why::ReadTwice)));
    }
    // What is bound is there for the next one too, and 5 is no descriptor everywhere.
    assert!(list("--bind-fd 5 /a --ro-bind-fd 5 /b --chmod 5 /a --file 5 /c /r true").is_ok());
}

#[test]
#[cfg(feature = "fs")]
fn cgroups_are_read_only_where_root_is_root_outside_or_all_are_seen() {
    use crate::sys::{MOUNT_ATTR_RDONLY, MS_RDONLY};
    for (options, caller, want) in [
        ("", 1000, (Do::Cgroup, 0)),
        ("--unshare-user ", 0, (Do::Cgroup, 0)),
        ("", 0, (Do::Cgroup, MS_RDONLY)),
        ("--share-cgroup ", 0, (Do::Bind, MOUNT_ATTR_RDONLY)),
        ("--share-cgroup ", 1000, (Do::Bind, MOUNT_ATTR_RDONLY)),
    ] {
        let got = with(&format!("{options}--cgroup /c /r true"), caller, |p| {
            let operation = p.lists.operations[0];
            (operation.what, operation.mode & 1)
        });
        assert_eq!(got, Ok(want), "{options} as {caller}");
    }
}

#[test]
#[cfg(feature = "overlay")]
fn overlay_takes_the_layers_right_before_it() {
    let list = |words: &str| {
        with(words, 0, |p| {
            let texts = |o: &Operation| {
                let text = |z: ZStr<'_>| String::from_utf8_lossy(z.bytes()).into_owned();
                (o.what, text(o.source), text(o.dest), o.number)
            };
            p.lists.operations.iter().map(texts).collect::<std::vec::Vec<_>>()
        })
    };
    let row = |what, a: &str, b: &str, n| (what, a.to_string(), b.to_string(), n);
    assert_eq!(
        list(
            "--overlay-src / --overlay-src /m --overlay /rw /w /d --overlay-src /s --tmp-overlay /t /r true"
        ),
        Ok(vec![
            row(Do::Layer, "/", "/", 0),
            row(Do::Layer, "/m", "/m", 0),
            row(Do::Layer, "/rw", "/rw", 0),
            row(Do::Layer, "/w", "/w", 0),
            row(Do::Overlay, "/d", "/d", 4),
            row(Do::Layer, "/s", "/s", 0),
            row(Do::TmpOverlay, "/t", "/t", 1),
        ])
    );
    for (bad, reason) in [
        ("--overlay-src /a", Why::NeedsOverlay),
        ("--overlay-src /a --dir /d --tmp-overlay /t", Why::NeedsOverlay),
        ("--overlay-src /a --bind /x /y", Why::NeedsOverlay),
        ("--overlay-src /a --ro-overlay /t", Why::NeedsLayers),
        ("--overlay /rw /w /t", Why::NeedsLayers),
        ("--tmp-overlay /t", Why::NeedsLayers),
        ("--overlay-src /a --tmp-overlay /t --tmp-overlay /u", Why::NeedsLayers),
        ("--overlay-src /a --tmp-overlay /", Why::DestRoot),
    ] {
        assert_eq!(list(&format!("{bad} /r true")), Err(why(reason)), "{bad}");
    }
}

#[test]
#[cfg(feature = "env")]
fn environment_changes_in_the_order_given() {
    let env = |words: &str| {
        with(words, 0, |p| {
            let text = |v: &ZStr<'_>| String::from_utf8_lossy(v.bytes()).into_owned();
            (
                p.lists.env.iter().flatten().map(text).collect::<std::vec::Vec<_>>(),
                p.lists.env(p.stack).variable(b"PATH=").is_some(),
            )
        })
        .unwrap()
    };
    assert_eq!(env("/r true"), (vec![], true), "untouched: the caller's own array is used");
    assert_eq!(env("--setenv B 2 --unsetenv A --setenv B 3 /r true").0, ["PATH=/bin", "B=3"]);
    assert_eq!(env("--clearenv --setenv X 1 /r true"), (vec!["X=1".into()], false));
    assert_eq!(env("--clearenv /r true"), (vec![], false), "empty is not the caller's");
}

#[test]
#[cfg(feature = "process")]
fn kept_descriptors_are_ascending() {
    let kept =
        with("--keep-fd 9 --keep-fd 3 --keep-fd 9 /r true", 0, |p| [1, 4, 10].map(|first| p.kept(first)));
    assert_eq!(kept, Ok([3, 9, u32::MAX]));
}

#[test]
#[cfg(feature = "pivot")]
fn rootfs_of_slashes_is_the_hosts_own_tree() {
    let how = |words: &str| with(words, 0, |p| p.how).unwrap();
    assert_eq!((how("/ true"), how("/// true"), how("/x true")), (Root::Same, Root::Same, Root::Pivot));
    assert_eq!((how("x true"), how("--chroot /x true")), (Root::Pivot, Root::Chroot));
    #[cfg(feature = "root")]
    assert_eq!(how("--chroot --read-only /x true"), Root::ChrootMount);
}

#[test]
fn every_step_fits_into_the_set() {
    assert!(STEPS.len() <= 64);
    assert!(STEPS.iter().enumerate().all(|(n, (step, _))| *step as usize == n));
}

#[test]
#[cfg(all(feature = "seccomp", feature = "init", feature = "ids", feature = "process"))]
fn filters_come_last_but_for_an_init_and_where_they_take_a_right_that_goes() {
    use Step::*;
    let order = |words: &str| {
        let all = steps(words, 0);
        let last = |n: usize| all.len().checked_sub(n).map(|at| all[at..].to_vec()).unwrap();
        (
            all.iter()
                .filter(|s| matches!(s, Filter | FilterEarly | NoNewPrivs))
                .copied()
                .collect::<std::vec::Vec<_>>(),
            last(2),
        )
    };
    for words in ["", "--seccomp default ", "--seccomp 5 --uid 5 --umask 077 "] {
        let late = order(&format!("{words}/r true"));
        assert_eq!(late, (vec![NoNewPrivs, Filter], vec![Filter, Exec]), "{words}");
        for (early, expected) in [
            ("--init", &[NoNewPrivs, FilterEarly][..]),
            ("--allow-new-privs", &[FilterEarly]),
            ("--init --allow-new-privs", &[FilterEarly]),
        ] {
            assert_eq!(order(&format!("{early} {words}/r true")).0, expected, "{early} {words}");
        }
    }
    let all = steps("--init --uid 5 --seccomp 5 --chdir / /r true", 0);
    let at = |step| all.iter().position(|s| *s == step).unwrap();
    assert!(
        at(Chdir) < at(FilterEarly) && at(FilterEarly) < at(Init) && at(FilterEarly) < at(Ids),
        "{all:?}"
    );
}

/// The steps of `vesicle enter WORDS`.
#[cfg(feature = "enter")]
fn entered(words: &str, uid: usize) -> Result<(std::vec::Vec<Step>, u32), String> {
    let args: Vec<&str, 64> = ["vesicle", "enter"].into_iter().chain(words.split(' ')).collect();
    let stack = Stack::for_test(&args, &["PATH=/bin"], uid);
    let (mut words, mut lists) = Default::default();
    let mut spec = Spec::new(&mut words);
    spec.enter = true;
    let nothing: cli::Load = |_| Ok(Block::of_argv(Stack::for_test(&[], &[], 0), 0));
    let told = |m: Fail<'_>| format!("{:?}", m.reason());
    cli::parse(stack, &mut spec, nothing).map_err(told)?;
    let plan = build(&spec, stack, &mut lists).map_err(told)?;
    assert_eq!((plan.namespaces, plan.borrow), (0, false), "it makes none, and lends nothing");
    Ok((STEPS.iter().map(|s| s.0).filter(|s| plan.steps.has(*s)).collect(), plan.entered))
}

#[test]
#[cfg(feature = "enter")]
fn who_enters_lives_as_others_do_but_for_what_is_there_already() {
    use Step::*;
    let all = NEW | CLONE_NEWUSER | crate::sys::CLONE_NEWTIME;
    let life = [TheirCgroup, Enter, NoNewPrivs, Bound, Ids, Caps, Close, Signals, Filter, Exec];
    assert_eq!(entered("7 true", 0), Ok((life.to_vec(), all)));
    assert_eq!(entered("--all 7 -- true", 1000), Ok((life.to_vec(), all)));
    let bare = [TheirCgroup, Enter, Ids, Close, Signals, Exec];
    assert_eq!(entered("--privileged 7 true", 0), Ok((bare.to_vec(), all)));
    // A program of the host, with the caller's rights.
    let host = [NoNewPrivs, Close, Signals, Filter, Exec];
    assert_eq!(entered("--net 7 true", 0), Ok((host.to_vec(), CLONE_NEWNET)));
    assert_eq!(entered("--all --net=/x --no-cgroup 7 true", 0).unwrap().1, all & !CLONE_NEWNET);
    assert_eq!(entered("--net=/x 7 true", 0), Ok((host.to_vec(), 0)));
    for bad in ["0 true", "-- -1 true", "x true", "2147483648 true"] {
        assert_eq!(entered(bad, 0), Err(why(Why::Target)), "{bad}");
    }
    for bad in ["7", "7 --", "--net"] {
        assert_eq!(entered(bad, 0), Err(why(Why::NoTarget)), "{bad}");
    }
    assert_eq!(entered("--env --net 7 true", 0), Err(why(Why::EnvNeedsRoot)));
}

#[test]
#[cfg(all(
    feature = "template",
    feature = "enter",
    feature = "host",
    feature = "limits",
    feature = "report",
    feature = "safe"
))]
fn template_is_begun_in_while_the_callers_proc_was_seen_and_before_it_is_told() {
    use Step::*;
    let all = steps("--template 7 --unshare-time --oom-score-adj 5 --pid-file p / true", 0);
    let at = |step| all.iter().position(|s| *s == step).unwrap_or_else(|| panic!("{step:?}: {all:?}"));
    assert!(at(Time) < at(Template) && at(OomScore) < at(Template));
    assert!(at(Template) < at(Released) && at(Template) < at(Private) && at(Template) < at(Rootfs));
    let plan = |words: &str, uid| {
        with(words, uid, |p| (p.namespaces, p.entered, p.born_with(), p.steps.has(Loopback), p.borrow))
    };
    let rest = NEW & !CLONE_NEWNET;
    let default = (rest, CLONE_NEWNS | CLONE_NEWNET, rest & !CLONE_NEWNS, false, true);
    // No user namespace is made, by nobody; that of the template is joined by whoever sees that there is one.
    for uid in [0, 1234] {
        assert_eq!(plan("--template 7 / true", uid), Ok(default));
        assert_eq!(plan("--template 7:user,net,mnt / true", uid), Ok(default));
        assert_eq!(plan("--template 7:net / true", uid), Ok((rest, CLONE_NEWNET, rest, false, true)));
        let pid = (NEW & !CLONE_NEWPID, CLONE_NEWPID, NEW & !CLONE_NEWPID, true, false);
        assert_eq!(plan("--template 7:pid / true", uid), Ok(pid));
        let lived_in = (rest & !CLONE_NEWNS, default.1, rest & !CLONE_NEWNS, false, true);
        assert_eq!(plan("--template 7 --share-mount / true", uid), Ok(lived_in));
    }
    // Its users: no masks, ids of theirs, memory of our own.
    let others = |words: &str| {
        let args: Vec<&str, 64> = ["vesicle", "run"].into_iter().chain(words.split(' ')).collect();
        let stack = Stack::for_test(&args, &[], 0);
        let (mut words, mut lists) = Default::default();
        let mut spec = Spec::new(&mut words);
        cli::parse(stack, &mut spec, |_| Ok(crate::sys::Block::of_argv(Stack::for_test(&[], &[], 0), 0)))
            .unwrap();
        let mut plan = build(&spec, stack, &mut lists).unwrap();
        assert!(plan.steps.has(Masks) && plan.steps.has(Bound) && plan.borrow && !plan.steps.has(Ids));
        plan.joins_their_users();
        assert!(plan.enters(CLONE_NEWUSER) && plan.steps.has(Ids) && !plan.steps.has(Masks) && !plan.borrow);
        (plan.steps.has(Bound), plan.caps.set)
    };
    assert_eq!(others("--template 7 / true"), (false, u64::MAX));
    assert_eq!(others("--template 7 --cap-drop KILL / true"), (true, !(1 << 5)));
    for bad in ["--template 7 --share-net / true", "--template 7 --unshare-user / true"] {
        assert_eq!(with(bad, 0, |_| ()), Err(why(Why::TemplateOther)), "{bad}");
    }
}

#[test]
#[cfg(all(
    feature = "linux7",
    feature = "fs",
    feature = "overlay",
    feature = "report",
    feature = "root",
    feature = "template"
))]
fn mount_namespace_begins_with_rootfs_alone_unless_more_of_the_callers_is_needed() {
    let begins = |words: &str, uid| with(words, uid, |p| p.begins_with_rootfs(uid == 0)).unwrap();
    for words in [
        "/r true",
        "--read-only --tmpfs /t --init /r true",
        "--no-proc /r true",
        "--memory 9M /r true",
        "--proc-opts hidepid=2 /r true",
    ] {
        assert!(begins(words, 0) && begins(words, 1000), "{words}");
    }
    for words in [
        "--bind /a /b /r true",
        "--dev /dev /r true",
        "--mask /a /r true",
        "--share-pid /r true",
        "--sysfs /sys /r true",
        "--info-fd 5 /r true",
    ] {
        assert!(begins(words, 0) && !begins(words, 1000), "{words}");
    }
    for words in [
        "/ true",
        "--chroot /r true",
        "--overlay-src /a --overlay-src /b --ro-overlay /c /r true",
        "--template 7 /r true",
    ] {
        assert!(!begins(words, 0) && !begins(words, 1000), "{words}");
    }
}
