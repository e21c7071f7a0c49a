//! A tree whose links lead out of it, and what is outside.

use super::{Launch, Who, everyone, file_with, folder, give, mounts, new_mounts, tiny_root, tree};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

/// What lies there: names, kinds, modes, sizes, times.
pub fn state_of(dir: &Path) -> Vec<String> {
    let names = tree(dir);
    let paths = names.iter().filter_map(|line| line.split(' ').next()).map(Path::new);
    let times = paths.chain([dir]).map(|path| {
        let meta = fs::symlink_metadata(path).expect("stat");
        format!("{:o} {} {} {}", meta.mode(), meta.mtime(), meta.mtime_nsec(), meta.len())
    });
    names.iter().cloned().chain(times).collect()
}

/// Each of the `operations`, with its SRC, and a DEST that leads out by every kind of link and by `..`: nothing outside is
/// changed, and nothing stays mounted. `launch` makes a call of a root, the words of an operation, and a number that
/// differs; it may be `refused` with that status.
pub fn lead_nowhere(operations: &[&str], refused: i32, launch: impl Fn(Who, &Path, &str, usize) -> Launch) {
    for &who in everyone() {
        let mounted = mounts();
        let [outside, source] = [folder(who), folder(who)];
        for dir in [&outside, &source] {
            fs::create_dir(dir.join("dir")).expect("mkdir");
            fs::write(dir.join("file"), "host").expect("write");
            give(&dir.join("dir"), who);
            give(&dir.join("file"), who);
        }
        let (before, sources) = (state_of(&outside), state_of(&source));
        let out = outside.display().to_string();
        let up = "../".repeat(12);
        let ways = [
            "/t/abs",
            "t/abs",
            "/t/rel",
            "t/rel",
            &format!("/t/magic{out}"),
            &format!("/t/first{out}"),
            &format!("/t/back{out}"),
            "t/loop",
            &format!("{up}{out}"),
            &format!("/t/cwd{out}"),
        ];
        for (n, operation) in operations.iter().enumerate() {
            let root = tiny_root(who);
            for (name, target) in [
                ("abs", out.clone()),
                ("rel", format!("{up}{}", &out[1..])),
                ("magic", "/proc/self/root".into()),
                ("first", "/proc/1/root".into()),
                ("cwd", "/proc/self/cwd".into()),
                ("loop", "loop".into()),
                ("back", "/..".into()),
            ] {
                symlink(target, root.join("t").join(name)).expect("symlink");
            }
            for (m, way) in ways.iter().enumerate() {
                for below in ["", "/dir", "/file", "/new/deeper"] {
                    let words = operation
                        .replace("SRC", &source.display().to_string())
                        .replace("DEST", &format!("{way}{below}"));
                    let end = launch(who, &root, &words, n + m)
                        .fd(20, file_with(b"x"))
                        .fd(21, File::open(&source).expect("open"))
                        .go();
                    assert!(!end.hung && (end.code == Some(0) || end.code == Some(refused)), "{end:?}");
                }
            }
            assert_eq!(state_of(&outside), before, "{operation}");
            assert_eq!(state_of(&source), sources, "{operation}");
        }
        assert_eq!(new_mounts(&mounted), Vec::<String>::new());
    }
}
