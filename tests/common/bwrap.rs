//! vesicle by the name bwrap, and bubblewrap 0.11 beside it.

use super::*;

/// A copy of the binary by that name.
pub fn ours() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        let to = folder(everyone()[0]).join("bwrap");
        assert!(Command::new("cp").arg(vesicle()).arg(&to).status().expect("cp").success());
        to
    })
}

/// bubblewrap 0.11 and its tests, where everybody can read them.
pub fn theirs() -> Option<&'static (PathBuf, PathBuf)> {
    static MADE: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let setup = sources().join("tests/setup/bubblewrap");
        if !setup.exists() || find("cc").is_none() {
            return None;
        }
        let said = Command::new(setup).output().ok().filter(|out| out.status.success())?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let (program, tests) = said.trim().split_once('\n')?;
        let to = folder(everyone()[0]);
        let demos = Path::new(tests).with_file_name("demos");
        let copied =
            Command::new("cp").args(["-r", program, tests]).args([&demos, &to]).status().expect("cp");
        assert!(copied.success());
        assert!(Command::new("chmod").args(["-R", "a+rX"]).arg(&to).status().expect("chmod").success());
        Some((to.join("bwrap"), to.join("tests")))
    });
    if made.is_none() {
        let thread = std::thread::current();
        skip(thread.name().unwrap_or("?"), "bubblewrap could not be made (tests/setup/bubblewrap)");
    }
    made.as_ref()
}

/// `bwrap` called by `who`.
pub fn bwrap(who: Who) -> Launch {
    program(who, [ours()])
}

/// The host's programs in a root that is made of operations.
pub const HOST: &str =
    "--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64";

pub fn sh(launch: Launch, script: &str) -> Launch {
    launch.args(["sh", "-c", script])
}

/// Runs it by both, and holds one against the other: output, exit status, messages.
pub fn same(who: Who, case: &str, call: impl Fn(Launch) -> Launch) {
    let Some((theirs, _)) = theirs() else { return };
    let (a, b) = (call(program(who, [theirs])).go(), call(bwrap(who)).go());
    assert!(!a.hung && !b.hung, "{case}: {a:?} {b:?}");
    assert_eq!(
        (a.code, a.signal, &a.stdout, &a.stderr),
        (b.code, b.signal, &b.stdout, &b.stderr),
        "as {who:?}, bubblewrap on the left: {case}"
    );
    assert!(b.left.is_empty(), "{case}: {:?}", b.left);
}
