//! `list`: all containers of a root, by name.

use super::{Done, written};
use crate::fail::{At, Fail, Stage, Why};
use crate::oci::cli::{Opt, Request};
use crate::oci::log;
use crate::oci::out::Out;
use crate::oci::state::{State, Status, owner_name};
use crate::oci::store::{Entry, Root, names};
use crate::sys::{self, Errno, Fd, LongList, ZStr};
use crate::text::Text;
use crate::z;

/// How many there can be. A place costs memory when it is filled.
const MAX: usize = 65_536;

/// One of them.
#[derive(Clone, Copy)]
struct Row {
    state: State,
    status: Status,
    owner: u32,
}

#[inline(never)]
pub(super) fn list(request: &Request) -> Done {
    let mut rows = LongList::<Row, MAX>::default();
    if let Some(root) = Root::find(request)? {
        names(root.dir(), &mut |name, is_dir| {
            if !is_dir {
                return Ok(());
            }
            match look(root, lasting(name)?) {
                Ok(row) if !rows.push(row)? => Err(Errno::E2BIG),
                // What is half made or going away is none; what can't be read is told, and the others are shown.
                Err(e) if !e.is(Why::NoContainer) => {
                    log::report(&e, request);
                    Ok(())
                }
                _ => Ok(()),
            }
        })
        .at(Stage::StateDir, None)?;
    }
    let mut out = Out::to(Fd::STDOUT, b"");
    let json = request.json(Opt::Format);
    if request.has(Opt::Quiet) {
        sorted(&rows, &mut |row| _ = out.plain(row.state.id.bytes()).plain(b"\n"));
    } else if json {
        out.json(b"[");
        sorted(&rows, &mut |row| row.state.tell(row.status, Some(row.owner), out.item()));
        out.json(b"]").plain(b"\n");
    } else {
        table(&rows, &mut out);
    }
    written(&mut out)
}

/// The name in memory of its own.
fn lasting(name: ZStr<'_>) -> sys::Result<ZStr<'static>> {
    let room = sys::room(name.bytes_with_nul().len())?;
    Text::on(room).push(name.bytes());
    Ok(ZStr::until_nul(room).unwrap_or(z!("")))
}

/// What there is to say of one.
fn look(root: Root, id: ZStr<'static>) -> Result<Row, Fail<'static>> {
    let entry = Entry::open(root, id)?;
    let state = State::load(&entry);
    let row = state.and_then(|state| {
        let (status, process) = Status::of(&entry, &state)?;
        if let Some(process) = process {
            process.close();
        }
        let (_, owner) = sys::size_and_owner(entry.dir).at(Stage::State, id)?;
        Ok(Row { state, status, owner })
    });
    sys::close(entry.dir);
    row
}

/// Calls `each` in the order of names: there are few of them, and a sort takes memory or code.
fn sorted(rows: &[Row], each: &mut dyn FnMut(&Row)) {
    let mut last: &[u8] = b"";
    loop {
        let next = rows.iter().filter(|row| row.state.id.bytes() > last);
        let Some(row) = next.min_by_key(|row| row.state.id.bytes()) else { break };
        each(row);
        last = row.state.id.bytes();
    }
}

/// Columns of at least so many bytes, with blanks between them.
const LEAST: usize = 12;
const GAP: usize = 3;
const HEADS: [&[u8]; 6] = [b"ID", b"PID", b"STATUS", b"BUNDLE", b"CREATED", b"OWNER"];

#[inline(never)]
fn table(rows: &[Row], out: &mut Out) {
    let mut widths = HEADS.map(|head| (head.len() + GAP).max(LEAST));
    for row in rows {
        let [pid, owner] = &mut [[0; 16]; 2];
        for (width, cell) in widths.iter_mut().zip(cells(row, pid, owner)) {
            *width = (*width).max(cell.len() + GAP);
        }
    }
    line(&widths, HEADS, out);
    sorted(rows, &mut |row| {
        let [pid, owner] = &mut [[0; 16]; 2];
        line(&widths, cells(row, pid, owner), out);
    });
}

fn cells<'r>(row: &'r Row, pid: &'r mut [u8; 16], owner: &'r mut [u8; 16]) -> [&'r [u8]; 6] {
    let number = if row.status == Status::Stopped { 0 } else { row.state.pid.0 };
    let len = Text::on(pid).number(number as u64).len();
    [
        row.state.id.bytes(),
        pid.get(..len).unwrap_or_default(),
        row.status.name(),
        row.state.bundle.bytes(),
        row.state.created.bytes(),
        owner_name(row.owner, owner),
    ]
}

fn line(widths: &[usize; 6], cells: [&[u8]; 6], out: &mut Out) {
    for (n, (width, cell)) in widths.iter().zip(cells).enumerate() {
        out.plain(cell);
        if n < 5 {
            out.blanks(cell.len(), *width);
        }
    }
    out.plain(b"\n");
}
