//! The programs of `bare/`, compiled here and now by the compiler that has compiled us: what they do is fixed in them.

use crate::cases::Kind;
use crate::common::scratch;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The parent of what is measured.
pub fn spawner() -> PathBuf {
    compile("spawner", "spawner", &[], &[])
}

/// A payload that stays.
pub fn sleeper() -> PathBuf {
    compile("sleeper", "sleeper", &[], &[])
}

/// The cfg of a floor that begins in a template.
pub const TEMPLATE: &str = "template";

/// The floor of `kind`.
pub fn floor(kind: Kind, root: &Path, command: &str, uid: u32) -> PathBuf {
    floor_with(kind, root, command, uid, None)
}

/// The same with one more cfg.
pub fn floor_with(kind: Kind, root: &Path, command: &str, uid: u32, more: Option<&'static str>) -> PathBuf {
    let mut cfgs: Vec<&str> = match kind {
        Kind::Init => vec!["init"],
        Kind::Chroot => vec!["root=\"chroot\""],
        Kind::Flags(_) => vec!["plain"],
        _ if more == Some(TEMPLATE) => vec!["root=\"template\""],
        _ => vec!["root=\"pivot\""],
    };
    cfgs.extend(more.filter(|more| *more != TEMPLATE));
    match kind {
        Kind::User => cfgs.push("user"),
        Kind::Sandbox => cfgs.extend(["user", "sandbox"]),
        Kind::Inside => cfgs.push("inside"),
        Kind::Cgroup => {
            cfgs.push("cgroup");
            cfgs.extend(kind.has_limits().then_some("limits"));
        }
        _ => {}
    }
    // What is fixed by a name must differ in it.
    let name = format!(
        "floor-{}{}-{uid}-{:x}-{}-{}",
        kind.name(),
        more.unwrap_or_default(),
        kind.namespaces(),
        command.replace('/', ""),
        root.to_string_lossy().replace('/', "-")
    );
    compile(
        "floor",
        &name,
        &cfgs,
        &[
            ("FLOOR_NAMESPACES", kind.namespaces().bits().to_string()),
            ("FLOOR_ROOT", root.display().to_string()),
            ("FLOOR_COMMAND", command.to_string()),
            // Or, of a template, its process id.
            ("FLOOR_UID", uid.to_string()),
            // What build.rs has made.
            ("FLOOR_FILTERS", concat!(env!("OUT_DIR"), "/filters.rs").to_string()),
        ],
    )
}

/// `bare/SOURCE.rs` as `name`.
fn compile(source: &str, name: &str, cfgs: &[&str], fixed: &[(&str, String)]) -> PathBuf {
    let to = scratch().join("bare").join(name);
    if to.exists() {
        return to;
    }
    std::fs::create_dir_all(to.parent().expect("a folder")).expect("mkdir");
    let mut rustc = Command::new(env::var("RUSTC").unwrap_or("rustc".into()));
    rustc.args([
        "--edition",
        "2024",
        "-C",
        "panic=abort",
        "-C",
        "opt-level=s",
        "-C",
        "strip=symbols",
        "-C",
        "lto",
    ]);
    rustc.args(["-C", "relocation-model=static"]);
    for flag in
        ["-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,--gc-sections", "-Wl,--build-id=none"]
    {
        rustc.args(["-C", &format!("link-arg={flag}")]);
    }
    rustc.args(["-C", &format!("link-arg=-Wl,-z,norelro,-L{HERE}/linker,--script={HERE}/linker/vesicle.ld")]);
    for cfg in cfgs {
        rustc.args(["--cfg", cfg]);
    }
    rustc.envs(fixed.iter().map(|(name, value)| (name, value)));
    rustc.arg("-o").arg(&to).arg(format!("{HERE}/benches/startup/bare/{source}.rs"));
    let done = rustc.output().expect("rustc");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    to
}
