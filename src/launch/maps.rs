//! Id maps with ranges: written by us where we may, by newuidmap(1) and newgidmap(1) where the caller may not.

use crate::fail::{At, Fail, Stage, Why, fail};
use crate::plan::{List, MAX_RANGES, Plan, Range, Step};
use crate::step::exec;
use crate::sys::{self, Block, Errno, Fd, Pid, SigSet, Stack, Strings, ZStr};
use crate::text::{Text, decimal};
use crate::z;

/// Writes both maps of the child.
#[inline(never)]
pub(super) fn write(plan: &mut Plan<'_>, main: Pid, mask: SigSet) -> Result<(), Fail<'static>> {
    let ids = plan.caller;
    if !plan.steps.has(Step::IdsInside) {
        return Ok(());
    }
    let ([users, groups], auto) = (&mut plan.lists.maps, plan.auto);
    if auto[0] {
        look_up(users, z!("/etc/subuid"), ids.uid, ids.uid)?;
    }
    if auto[1] {
        look_up(groups, z!("/etc/subgid"), ids.uid, ids.gid)?;
    }
    let stack = plan.stack;
    for (map, name, tool) in
        [(users, z!("uid_map"), z!("newuidmap")), (groups, z!("gid_map"), z!("newgidmap"))]
    {
        match write_map(map, main, name) {
            Err(Errno::EPERM) if ids.uid != 0 => run(map, main, tool, stack, mask)?,
            done => done.at(Stage::IdMap, name)?,
        }
    }
    Ok(())
}

/// One write for the whole map, user_namespaces(7).
#[inline(never)]
fn write_map(map: &[Range], main: Pid, file: ZStr<'_>) -> sys::Result<()> {
    let mut room = [0; 40];
    let mut path = Text::on(&mut room);
    path.process(main).push(file.bytes());
    let mut room = [0; 4096];
    let mut text = Text::on(&mut room);
    for Range { inside, outside, count } in map {
        for (n, end) in [(inside, b" "), (outside, b" "), (count, b"\n")] {
            text.number((*n).into()).push(end);
        }
    }
    sys::write_file(path.zstr().ok_or(Errno::ENAMETOOLONG)?, text.get())
}

/// The caller's own id as root, and from 1 on what `file` (subuid(5), subgid(5)) lends to its user.
fn look_up(map: &mut List, file: ZStr<'static>, uid: u32, own: u32) -> Result<(), Fail<'static>> {
    let open =
        |path| sys::openat(Fd::CWD, path, sys::O_RDONLY, 0).and_then(|f| sys::read_words(f, b'\n', 4 << 20));
    let lent = open(file).at(Stage::Read, file)?;
    let name = open(z!("/etc/passwd")).ok().and_then(|passwd| name_of(passwd, uid)).unwrap_or_default();
    let mut inside = 1u32;
    let _ = map.push(Range { inside: 0, outside: own, count: 1 });
    for line in crate::text::fields(lent.bytes(), 0) {
        let mut fields = crate::text::fields(line, b':');
        let (who, mut number) = (fields.next().unwrap_or_default(), || decimal(fields.next()?));
        let (Some(outside), Some(count)) = (number(), number()) else { continue };
        if who.is_empty() || who != name && decimal(who) != Some(uid.into()) {
            continue;
        }
        let (Ok(outside), Ok(count)) = (u32::try_from(outside), u32::try_from(count)) else { continue };
        let Some(next) = inside.checked_add(count) else { continue };
        if count > 0 && map.push(Range { inside, outside, count }).is_ok() {
            inside = next;
        }
    }
    if inside == 1 { fail(Stage::Read, file, Why::NoRange) } else { Ok(()) }
}

/// The user's name, passwd(5).
fn name_of(passwd: Block, uid: u32) -> Option<&'static [u8]> {
    crate::text::fields(passwd.bytes(), 0).find_map(|line| {
        let mut fields = crate::text::fields(line, b':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (decimal(id)? == u64::from(uid)).then_some(name)
    })
}

/// Runs `newuidmap PID IN OUT COUNT …` and waits for it.
#[inline(never)]
fn run(
    map: &[Range],
    main: Pid,
    tool: ZStr<'static>,
    stack: Stack,
    mask: SigSet,
) -> Result<(), Fail<'static>> {
    // Its words, each with its NUL, and then where they begin.
    let mut room = [0; 2560];
    let mut text = Text::on(&mut room);
    text.push(tool.bytes_with_nul()).number(main.0 as u64).push(b"\0");
    for Range { inside, outside, count } in map {
        for n in [inside, outside, count] {
            text.number((*n).into()).push(b"\0");
        }
    }
    let mut words = [None; 3 * MAX_RANGES + 3];
    let mut rest = text.get();
    // The slot behind the last word stays null.
    for slot in words.iter_mut().take(3 * MAX_RANGES + 2) {
        let Some(word) = ZStr::until_nul(rest) else { break };
        rest = rest.get(word.bytes_with_nul().len()..).unwrap_or_default();
        *slot = Some(word);
    }
    let Some(argv) = Strings::of(&words) else { return fail(Stage::IdMap, tool, Why::MapTool) };
    let pid = sys::clone(sys::CLONE_VM | sys::CLONE_VFORK, live, &mut Tool { argv, tool, stack, mask });
    match sys::wait_for(pid.at(Stage::Clone, tool)?).at(Stage::IdMap, tool)? {
        0 => Ok(()),
        _ => fail(Stage::IdMap, tool, Why::MapTool),
    }
}

/// A helper, ready to be run.
struct Tool<'t> {
    argv: Strings<'t>,
    tool: ZStr<'static>,
    stack: Stack,
    mask: SigSet,
}

/// It runs as the caller, with the caller's mask and environment.
fn live(tool: &mut Tool<'_>) -> ! {
    // What it would say is less than what we say, and one line is enough.
    if let Ok(null) = sys::openat(Fd::CWD, z!("/dev/null"), sys::O_WRONLY, 0) {
        let _ = sys::dup_onto(null, 2);
    }
    let _ = sys::set_mask(tool.mask);
    let _ = exec::run(tool.tool, tool.stack.variable(b"PATH="), tool.argv, tool.stack.envp());
    sys::exit(crate::status::NOT_FOUND)
}
