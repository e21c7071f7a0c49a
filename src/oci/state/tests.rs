use super::*;
use crate::oci::cli::Request;
use crate::oci::store::Root;
use crate::sys::Stack;
use proptest::prelude::*;
use std::os::fd::AsRawFd;
use std::path::Path;

fn leak(text: &str) -> ZStr<'static> {
    let bytes = Box::leak(format!("{text}\0").into_bytes().into_boxed_slice());
    ZStr::until_nul(bytes).unwrap()
}

/// The root in a directory.
fn root(dir: &Path) -> Root {
    let dir = dir.join("a/b").to_string_lossy().into_owned();
    let mut request = Request::new(Stack::for_test(&["vesicle-oci", "--root", &dir, "state", "x"], &[], 0));
    request.read().unwrap();
    Root::make(&request).unwrap()
}

fn state(id: &'static str, text: &str, number: u64) -> State {
    let mut state = State::new(leak(id)).unwrap();
    state.pid = Pid(number as i32 & i32::MAX);
    state.start = number;
    (state.bundle, state.rootfs, state.cgroup) = (leak(text), leak(&format!("/{text}")), leak("/a"));
    state
}

fn same(a: &State, b: &State) -> bool {
    (a.pid == b.pid && a.start == b.start && a.bundle == b.bundle && a.rootfs == b.rootfs)
        && (a.cgroup == b.cgroup && a.created == b.created && a.annotations == b.annotations)
        && a.hooks == b.hooks
}

#[test]
fn what_was_saved_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let entry = Entry::create(root(dir.path()), leak("x")).unwrap();
    proptest!(|(text in "[^\0]{0,200}", number: u64, notes in "\"[a-z]{0,9}\"")| {
        let mut state = state("x", &text, number);
        state.hooks = number as u8;
        state.annotations = leak(&format!(r#"{{"k":{notes},"\u00e9\n":"\""}}"#));
        state.save(&entry).unwrap();
        let read = State::load(&entry).unwrap();
        prop_assert!(same(&state, &read));
    });
}

#[test]
fn a_path_that_is_no_text_is_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let entry = Entry::create(root(dir.path()), leak("x")).unwrap();
    let mut state = state("x", "/b", 1);
    state.bundle = ZStr::until_nul(b"/\xff\0").unwrap();
    assert!(state.save(&entry).is_err());
    assert!(State::find(&entry).unwrap().is_none());
}

#[test]
fn there_is_one_container_of_a_name_and_removed_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let root = root(dir.path());
    let entry = Entry::create(root, leak("x")).unwrap();
    assert!(Entry::create(root, leak("x")).err().unwrap().is(Why::HasContainer));
    assert!(State::load(&entry).err().unwrap().is(Why::NoContainer));
    state("x", "/b", 1).save(&entry).unwrap();
    sys::mknod_fifo(entry.dir, crate::oci::store::FIFO, 0o600).unwrap();
    assert_eq!(entry.has_fifo(), Ok(true));
    // Somebody else has it open; his is the old one for ever.
    let other = Entry::open(root, leak("x")).unwrap();
    entry.remove().unwrap();
    assert!(std::fs::read_dir(dir.path().join("a/b")).unwrap().next().is_none());
    let new = Entry::create(root, leak("x")).unwrap();
    state("x", "/new", 1).save(&new).unwrap();
    assert!(State::find(&other).unwrap().is_none());
    assert!(other.locked().err().unwrap().is(Why::NoContainer));
    entry.remove().unwrap();
    assert!(State::find(&new).unwrap().is_some(), "what another one has made is not ours to remove");
}

#[test]
fn damaged_states_are_no_states() {
    let dir = tempfile::tempdir().unwrap();
    let entry = Entry::create(root(dir.path()), leak("x")).unwrap();
    let whole = r#"{"pid":1,"start":2,"bundle":"b","rootfs":"r","created":"c","cgroup":"","other":[1]}"#;
    let file = dir.path().join("a/b/x/state.json");
    let read = |text: &str| {
        std::fs::write(&file, text).unwrap();
        State::load(&entry)
    };
    assert_eq!(read(whole).ok().unwrap().hooks, u8::MAX, "nothing says that there is none");
    for (from, to) in [
        ("\"pid\":1,", ""),
        ("\"start\":2,", ""),
        ("\"cgroup\":\"\",", ""),
        ("1,", "-1,"),
        ("1,", "2147483648,"),
        ("\"b\"", "7"),
        ("}", ""),
        ("}", "}}"),
        ("\"r\"", "\"r"),
        ("\"c\"", "\"\\u0000\""),
    ] {
        let text = whole.replacen(from, to, 1);
        assert!(read(&text).err().is_some_and(|e| e.is(Why::BadState)), "{text}");
    }
    assert!(read("").is_err());
}

#[test]
fn a_state_is_told_as_the_specification_has_it() {
    let mut state = state("x", "/b", 7);
    state.annotations = leak(r#"{ "a": "b" }"#);
    let told = |status, owner| -> serde_json::Value {
        let mut file = tempfile::tempfile().unwrap();
        let mut out = Out::to(crate::sys::Fd::inherited(file.as_raw_fd() as u32), b"  ");
        state.tell(status, owner, &mut out);
        out.done().unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        serde_json::from_reader(file).unwrap()
    };
    let hook = told(Status::Creating, None);
    let want = r#"{"ociVersion":"1.2.0","id":"x","pid":7,"bundle":"/b","status":"creating","annotations":{"a":"b"}}"#;
    assert_eq!(hook, serde_json::from_str::<serde_json::Value>(want).unwrap());
    let all = told(Status::Stopped, Some(1000));
    assert_eq!((&all["pid"], &all["owner"], &all["rootfs"]), (&0.into(), &"#1000".into(), &"//b".into()));
    assert!(all["created"].as_str().unwrap().starts_with("20"));
}

#[test]
fn the_first_process_waits_for_a_byte_and_takes_the_end_for_an_end() {
    use crate::oci::store::{FIFO, is_started};
    let dir = tempfile::tempdir().unwrap();
    let entry = Entry::create(root(dir.path()), leak("x")).unwrap();
    for byte in [b"0".as_slice(), b""] {
        let fifo = entry.make_fifo().unwrap();
        assert!(entry.make_fifo().is_err());
        let waits = std::thread::spawn(move || is_started(fifo));
        std::thread::yield_now();
        assert!(!waits.is_finished(), "nobody has come yet");
        let flags = sys::O_WRONLY | sys::O_NONBLOCK;
        let to = sys::openat(entry.dir, FIFO, flags, 0).unwrap();
        sys::write(to, byte).unwrap();
        sys::close(to);
        assert_eq!(waits.join().unwrap(), Ok(!byte.is_empty()));
        sys::close(fifo);
        assert_eq!(sys::openat(entry.dir, FIFO, flags, 0), Err(Errno::ENXIO));
        sys::unlinkat(entry.dir, FIFO, false).unwrap();
    }
}

#[test]
fn a_lock_that_was_given_back_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let root = root(dir.path());
    for back in [false, true] {
        let mut entry = Entry::create(root, leak("x")).unwrap();
        if back {
            entry.unlock();
        }
        let file = std::fs::File::options().write(true).open(dir.path().join("a/b/x/lock")).unwrap();
        let lock = nix::libc::flock {
            l_type: nix::libc::F_WRLCK as i16,
            l_whence: 0,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        // One of an open file sees those of processes, ours among them.
        assert_eq!(nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_OFD_SETLK(&lock)).is_ok(), back);
        entry.remove().unwrap();
    }
}
