//! What a bundle asks the launcher for.

use crate::cli::Opt as Asked;

/// Whether there is no command line but that of vesicle-oci: what of the launcher no bundle asks for is left out then.
pub const ALONE: bool = cfg!(not(feature = "help"));

/// What a bundle, or the command line of vesicle-oci, can ask the launcher for.
#[rustfmt::skip]
const ASKED: &[Asked] = &[
    Asked::AllowNewPrivs, Asked::BlockFd, Asked::Boottime, Asked::Cgroup, Asked::Cgroupns, Asked::Chdir,
    Asked::Chroot, Asked::Cpuset, Asked::DieWithParent, Asked::Domainname, Asked::Gid, Asked::Hostname,
    Asked::Ipcns, Asked::KeepFd, Asked::MapGroups, Asked::MapUsers, Asked::Mntns, Asked::Monotonic,
    Asked::Netns, Asked::NewSession, Asked::NoCgroup, Asked::NoProc, Asked::OomScoreAdj, Asked::Pidns,
    Asked::Privileged, Asked::ReadOnly, Asked::Rlimit, Asked::ShareCgroup, Asked::ShareIpc,
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

#[cfg(test)]
mod tests {
    /// What is asked for, but does not stand in the list, would be passed over in silence where vesicle-oci is built alone.
    #[test]
    fn all_that_is_asked_of_the_launcher_is_in_the_list() {
        let list = include_str!("asked.rs");
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
