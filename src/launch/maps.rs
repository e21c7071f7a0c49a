//! Id maps with ranges: written by us where we may, by newuidmap(1) and newgidmap(1) where the caller may not.

use crate::fail::{At, Fail, Stage, Why, fail};
use crate::plan::{List, MAX_RANGES, Plan, Range, Step};
use crate::step::exec;
use crate::sys::{self, Block, Errno, Pid, SigSet, Stack, Strings, ZStr};
use crate::text::{Text, field, fields, id, process_path, word};
use crate::timings::Clock;
use crate::z;

/// What goes by another name for users than for groups.
struct Kind {
    lent: ZStr<'static>,
    map: ZStr<'static>,
    tool: ZStr<'static>,
}

const USERS: Kind = Kind { lent: z!("/etc/subuid"), map: z!("uid_map"), tool: z!("newuidmap") };
const GROUPS: Kind = Kind { lent: z!("/etc/subgid"), map: z!("gid_map"), tool: z!("newgidmap") };

/// The child, and what a helper needs.
struct Maps {
    main: Pid,
    mask: SigSet,
    stack: Stack,
    /// The caller.
    uid: u32,
}

/// Writes both maps of the child.
#[inline(never)]
pub(super) fn write(plan: &mut Plan<'_>, main: Pid, mask: SigSet, clock: Clock) -> Result<(), Fail<'static>> {
    // A user namespace that was joined has its maps.
    let joined = cfg!(feature = "oci") && !plan.makes(sys::CLONE_NEWUSER);
    if joined || !plan.steps.has(Step::IdsInside) {
        return Ok(());
    }
    let (auto, ids) = (plan.auto, plan.caller);
    let maps = Maps { main, mask, stack: plan.stack, uid: ids.uid };
    let [users, groups] = &mut plan.lists.maps;
    maps.write(users, &USERS, auto[0].then_some(ids.uid))?;
    clock.lap(Stage::IdMap, Some(USERS.map));
    maps.write(groups, &GROUPS, auto[1].then_some(ids.gid))?;
    clock.lap(Stage::IdMap, Some(GROUPS.map));
    Ok(())
}

impl Maps {
    /// Writes one of them; where it is to be looked up, `auto` is the caller's own id.
    #[inline(never)]
    fn write(&self, map: &mut List, kind: &Kind, auto: Option<u32>) -> Result<(), Fail<'static>> {
        if let Some(own) = auto.filter(|_| !NEVER_AUTO) {
            look_up(map, kind.lent, self.uid, own)?;
        }
        match write_map(map, self.main, kind.map) {
            Err(Errno::EPERM) if self.uid != 0 => self.run(map, kind.tool),
            done => done.at(Stage::IdMap, kind.map),
        }
    }

    /// Runs `newuidmap PID IN OUT COUNT …` and waits for it.
    #[inline(never)]
    fn run(&self, map: &[Range], tool: ZStr<'static>) -> Result<(), Fail<'static>> {
        // Its words, each with its NUL, and then where they begin.
        let mut room = [0; ROOM];
        let mut text = Text::on(&mut room);
        text.push(tool.bytes_with_nul()).number(self.main.0 as u64).put(b'\0');
        push_ranges(&mut text, map, b"\0", b"\0");
        let mut words = [None; WORDS + 1];
        let mut rest = text.get();
        // The slot behind the last word stays null.
        for slot in words.iter_mut().take(WORDS) {
            *slot = word(&mut rest);
        }
        let Some(argv) = Strings::of(&words) else { return fail(Stage::IdMap, tool, Why::MapTool) };
        let mut helper = Tool { argv, tool, maps: self };
        let pid = sys::clone(sys::CLONE_VM | sys::CLONE_VFORK, live, &mut helper).at(Stage::Clone, tool)?;
        match sys::wait_for(pid).at(Stage::IdMap, tool)? {
            0 => Ok(()),
            _ => fail(Stage::IdMap, tool, Why::MapTool),
        }
    }
}

/// Whether nobody can ask for a map that is looked up: a bundle says it itself.
#[cfg(feature = "oci")]
const NEVER_AUTO: bool = crate::spec::asked::ALONE;
#[cfg(not(feature = "oci"))]
const NEVER_AUTO: bool = false;

/// The longest /etc/passwd, /etc/subuid or /etc/subgid that is read.
const LIMIT: usize = 4 << 20;
/// Room for the text of a whole map: three numbers a line, of ten digits at most; and for the name and the argument of
/// the helper.
const ROOM: usize = MAX_RANGES * 33 + 32;
/// How many words the helper gets: its name, a process id and the map.
const WORDS: usize = MAX_RANGES * 3 + 2;

/// One write for the whole map, user_namespaces(7).
#[inline(never)]
pub(super) fn write_map(map: &[Range], main: Pid, file: ZStr<'_>) -> sys::Result<()> {
    let path = process_path(main, file.bytes());
    let mut room = [0; ROOM];
    let mut text = Text::on(&mut room);
    push_ranges(&mut text, map, b" ", b"\n");
    sys::write_file(ZStr::until_nul(&path).ok_or(Errno::ENAMETOOLONG)?, text.get())
}

/// The numbers of a map, each with `by` behind it, the last of a range with `end`.
#[inline(never)]
fn push_ranges(text: &mut Text<'_>, map: &[Range], by: &[u8], end: &[u8]) {
    for Range { inside, outside, count } in map {
        text.number((*inside).into()).push(by).number((*outside).into()).push(by);
        text.number((*count).into()).push(end);
    }
}

/// The caller's own id as root, and from 1 on what `file` (subuid(5), subgid(5)) lends to its user.
#[inline(never)]
fn look_up(map: &mut List, file: ZStr<'static>, uid: u32, own: u32) -> Result<(), Fail<'static>> {
    let passwd = z!("/etc/passwd");
    let name = sys::read_file(passwd, b'\n', LIMIT).at(Stage::Read, passwd)?;
    let name = name_of(name, uid).unwrap_or_default();
    let lent = sys::read_file(file, b'\n', LIMIT).at(Stage::Read, file)?;
    // The first one takes the memory for all.
    map.push(Range { inside: 0, outside: own, count: 1 }).at(Stage::Memory, None)?;
    let mut inside = 1u32;
    for line in fields(lent.bytes(), 0) {
        let who = field(line, b':', 0);
        if who.is_empty() || who != name && number(line, 0) != Some(uid) {
            continue;
        }
        if let (Some(outside), Some(count @ 1..)) = (number(line, 1), number(line, 2))
            && let Some(next) = inside.checked_add(count)
            && map.push(Range { inside, outside, count }) == Ok(true)
        {
            inside = next;
        }
    }
    if map.len() == 1 { fail(Stage::Read, file, Why::NoRange) } else { Ok(()) }
}

/// The user's name, passwd(5).
fn name_of(passwd: Block, uid: u32) -> Option<&'static [u8]> {
    fields(passwd.bytes(), 0).find(|line| number(line, 2) == Some(uid)).map(|line| field(line, b':', 0))
}

/// The id in field `n` of a line of /etc/passwd or /etc/subuid.
#[inline(never)]
fn number(line: &[u8], n: usize) -> Option<u32> {
    id(field(line, b':', n))
}

/// A helper, ready to be run.
struct Tool<'t> {
    argv: Strings<'t>,
    tool: ZStr<'static>,
    maps: &'t Maps,
}

/// It runs as the caller, with the caller's mask and environment.
extern "C" fn live(tool: &mut Tool<'_>) -> ! {
    // What it would say is less than what we say, and one line is enough.
    if let Ok(null) = sys::open(z!("/dev/null"), sys::O_WRONLY) {
        let _ = sys::dup_onto(null, 2);
    }
    let Maps { mut mask, stack, .. } = *tool.maps;
    let _ = sys::swap_mask(&mut mask);
    let _ = exec::run(tool.tool, tool.argv, stack.envp());
    sys::exit(crate::status::NOT_FOUND)
}
