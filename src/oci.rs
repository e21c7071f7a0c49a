//! vesicle-oci: a bundle's config.json, the OCI runtime specification, in the place of a command line.
//!
//! A front end and not a second launcher: what the file says becomes options of a [`Spec`](crate::spec::Spec), and from
//! there on everything is what `vesicle run` does.

pub mod cgroup;
pub mod cli;
mod config;
mod create;
mod exec;
mod hooks;
pub mod json;
mod known;
pub mod log;
pub mod out;
pub mod process;
pub mod seccomp;
pub mod state;
pub mod store;
pub mod time;
mod update;
mod verbs;

use crate::cli::Opt as Asked;
use crate::plan::Do;
use cli::{Request, Verb};
use core::mem::ManuallyDrop;

/// Whether there is no command line but that of vesicle-oci: what of the launcher no bundle asks for is left out then.
pub const ALONE: bool = cfg!(not(feature = "help"));

/// What a bundle, or the command line of vesicle-oci, can ask the launcher for.
#[rustfmt::skip]
const ASKED: &[Asked] = &[
    Asked::AllowNewPrivs, Asked::BlockFd, Asked::Boottime, Asked::Cgroup, Asked::Cgroupns, Asked::Chdir,
    Asked::Chroot, Asked::Domainname, Asked::Gid, Asked::Hostname, Asked::Ipcns, Asked::KeepFd, Asked::MapGroups,
    Asked::MapUsers, Asked::Monotonic, Asked::Netns, Asked::NewSession, Asked::NoProc, Asked::OomScoreAdj,
    Asked::Pidns, Asked::Privileged, Asked::ReadOnly, Asked::Rlimit, Asked::ShareCgroup, Asked::ShareIpc,
    Asked::ShareMount, Asked::ShareNet, Asked::SharePid, Asked::ShareUts, Asked::Timens, Asked::Uid,
    Asked::Umask, Asked::UnshareTime, Asked::UnshareUser, Asked::Userns, Asked::Utsns,
];

/// The same, in words of a set.
const ASKED_SET: [u64; 2] = {
    let (mut set, mut i) = ([0; 2], 0);
    while i < ASKED.len() {
        let (word, bit) = ASKED[i].place();
        (set[word], i) = (set[word] | bit, i + 1);
    }
    set
};

/// Whether it can be asked for.
#[inline(always)]
pub const fn asks_for(opt: Asked) -> bool {
    let (word, bit) = opt.place();
    !ALONE || ASKED_SET[word & 1] & bit != 0
}

/// Whether a bundle can have it done in its root filesystem.
#[inline(always)]
pub const fn does(what: Do) -> bool {
    !ALONE
        || matches!(
            what,
            Do::Attach | Do::Mount | Do::Devices | Do::Console | Do::Dir | Do::Mask | Do::ReadOnly
        )
}

/// What is read of a bundle: made in one place, as it is long to write down that nothing is there yet. Nobody gives it back
/// before we end.
#[inline(never)]
fn work() -> ManuallyDrop<crate::Work> {
    ManuallyDrop::new(crate::Work::default())
}

/// Everything between the entry and the exit: the exit code.
pub fn run(stack: crate::sys::Stack) -> u8 {
    let mut request = Request::new(stack);
    let read = request.read();
    if request.verb == Verb::Exec {
        // What fails inside is not to be written to a file of the container's.
        request.log = log::open(&request);
    }
    let done = read.and_then(|()| verbs::run(&request));
    done.unwrap_or_else(|fail| log::report(&fail, &request))
}

#[cfg(test)]
mod tests {
    /// What is asked for, but does not stand in the list, would be passed over in silence where vesicle-oci is built alone.
    #[test]
    fn all_that_is_asked_of_the_launcher_is_in_the_list() {
        let list = include_str!("oci.rs");
        let (_, list) = list.split_once("const ASKED: &[Asked] = &[").expect("the list");
        let (list, _) = list.split_once("];").expect("its end");
        let list: Vec<&str> = list.split(',').map(|word| word.trim()).collect();
        let mut read = 0;
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/oci"))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                // Where `Opt` is the option of a command line's own.
                let of_launcher =
                    text.contains("use crate::cli::Opt;") || text.contains("use crate::cli::{Opt, ");
                for word in text.split(|c: char| !c.is_alphanumeric() && c != ':') {
                    let name =
                        word.strip_prefix("Asked::").or(word.strip_prefix("Opt::").filter(|_| of_launcher));
                    let Some(name) = name else { continue };
                    read += 1;
                    assert!(
                        list.contains(&format!("Asked::{name}").as_str()),
                        "{name}, which {path:?} asks for"
                    );
                }
            }
        }
        assert!(read > 30, "{read}");
    }
}
