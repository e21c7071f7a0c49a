//! `--timings`: when each step of a launch began and ended.
//!
//! Whoever does a step notes it when it is over, by the name that a message would give it. The notes stand in two lanes, one
//! of the launcher and one of what becomes COMMAND, so that each has one writer at a time. The other one is in memory that is
//! shared with a child that is a copy of us. An init's COMMAND can reach into that for a moment: to the launcher it is an
//! allegation, and what comes of it is a line of JSON in any case.

mod line;

use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::Plan;
#[cfg(feature = "init")]
use crate::plan::Step;
use crate::spec::Spec;
use crate::sys::{self, Errno, Fd, SHARED, Shared, Signal, Stack, ZStr};
use crate::z;

// What a lane begins with, each a number of eight bytes.
/// Where the next note goes.
const AT: usize = 0;
/// When the step began that is being done.
const SINCE: usize = 8;
/// By how much the clock is ahead of the one that the launcher was started with, time_namespaces(7).
const SHIFT: usize = 16;
/// Who notes.
const BY: usize = 24;
/// A descriptor that has to stay open until the execve closes it; 0 is none.
const HELD: usize = 32;
/// How many notes had no room.
const OMITTED: usize = 40;
/// When execve was seen to have succeeded; 0 is not yet.
const EXEC: usize = 48;
/// The first note. A note is when it began, when it ended, who and which stage, and the subject with its NUL; behind the
/// last one there are zeros. The end of an execve that has not come back is 0.
const NOTES: usize = 56;
/// A note without its subject.
const HEAD: usize = 24;
/// Room that is kept free: for the last one; and behind it.
const LAST: usize = 8192;
const END: usize = 64;

/// Who does a step.
const LAUNCHER: u64 = 0;
const CHILD: u64 = 1;
#[cfg(feature = "init")]
const INIT: u64 = 2;

/// Takes the time of steps; without a lane nobody has asked.
#[derive(Clone, Copy)]
pub struct Clock(Option<Shared>);

impl Clock {
    /// The step is over, and the next one begins.
    #[inline]
    pub fn lap(self, stage: Stage, subject: Option<ZStr<'_>>) {
        if let Some(lane) = self.0 {
            over(lane, stage as u8, subject);
        }
    }

    /// The step is execve: noted before, as nobody can behind it. When it comes back another note takes its place.
    #[inline(never)]
    pub fn last(self, stage: Stage, subject: Option<ZStr<'_>>) {
        if let Some(lane) = self.0 {
            note(lane, stage as u8, subject, 0, END);
        }
    }

    /// From here on it is an init's child that notes.
    #[cfg(feature = "init")]
    pub fn born(self) {
        if let Some(lane) = self.0 {
            lane.put_head::<BY>(CHILD);
        }
    }

    /// We are an init that has started COMMAND, and if we have lent it memory, it was executed. We note nothing more, and
    /// hold nothing.
    #[cfg(feature = "init")]
    pub fn let_go(&mut self, lent: bool) {
        if let Some(lane) = self.0.take() {
            if lent {
                became(lane, lane);
            }
            lane.unshare();
        }
    }

    /// The least descriptor from `first` on that has to stay open; a number above all where there is none.
    #[inline(never)]
    pub fn kept(self, first: u32) -> u32 {
        let held = self.0.map_or(0, |lane| lane.head::<HELD>() as u32);
        if held >= first { held } else { u32::MAX }
    }

    /// `enter` takes us into a namespace of this kind: if it is a time namespace, the clock is another one behind it.
    #[cfg(any(feature = "host", feature = "join"))]
    #[inline(always)]
    pub fn shift(self, kind: u32, enter: impl FnOnce() -> sys::Result<()>) -> sys::Result<()> {
        self.offset(kind, false)?;
        enter()?;
        self.offset(kind, true)
    }

    /// Adds the offset of our CLOCK_MONOTONIC, or takes it away: the first line of timens_offsets, time_namespaces(7), is
    /// its name, the seconds, rounded down, and the nanoseconds that are left.
    #[cfg(any(feature = "host", feature = "join"))]
    #[inline(never)]
    fn offset(self, kind: u32, add: bool) -> sys::Result<()> {
        let Some(lane) = self.0.filter(|_| kind == sys::CLONE_NEWTIME) else { return Ok(()) };
        let mut room = [0; 128];
        let (mut seconds, mut number, mut in_number, mut negative) = (0u64, 0u64, false, false);
        for byte in sys::read_start(z!("/proc/self/timens_offsets"), &mut room)? {
            let digit = byte.wrapping_sub(b'0');
            negative |= *byte == b'-';
            if digit < 10 {
                (number, in_number) = (number.wrapping_mul(10).wrapping_add(digit.into()), true);
            } else if *byte == b'\n' {
                break;
            } else if in_number {
                (seconds, number, in_number) = (number, 0, false);
            }
        }
        let mut whole = seconds.wrapping_mul(1_000_000_000);
        if negative {
            whole = whole.wrapping_neg();
        }
        let offset = whole.wrapping_add(number);
        let shift = lane.head::<SHIFT>();
        lane.put_head::<SHIFT>(if add { shift.wrapping_add(offset) } else { shift.wrapping_sub(offset) });
        Ok(())
    }
}

/// A new one, whose first step has begun then.
#[inline(never)]
fn lane(is_shared: bool, since: u64) -> Result<Shared, Fail<'static>> {
    let lane = Shared::new(is_shared).at(Stage::Memory, None)?;
    lane.put_head::<AT>(NOTES as u64);
    lane.put_head::<SINCE>(since);
    Ok(lane)
}

/// In the launcher's clock, whose clock ever we have.
fn now(lane: Shared) -> u64 {
    sys::now().wrapping_sub(lane.head::<SHIFT>())
}

/// execve(2) has succeeded, if it was begun and has not come back: that is seen from outside, with a clock of our own.
#[inline(never)]
fn became(lane: Shared, ours: Shared) {
    lane.put_head::<EXEC>(now(ours));
}

/// Notes a step that is over; when that was.
#[inline(never)]
fn over(lane: Shared, stage: u8, subject: Option<ZStr<'_>>) -> u64 {
    let now = now(lane);
    lane.put_head::<AT>(note(lane, stage, subject, now, LAST) as u64);
    lane.put_head::<SINCE>(now);
    now
}

/// Notes a step; where the next note goes.
#[inline(never)]
fn note(lane: Shared, stage: u8, subject: Option<ZStr<'_>>, end: u64, spare: usize) -> usize {
    let at = lane.head::<AT>() as usize;
    lane.put_number(at, lane.head::<SINCE>());
    lane.put_number(at.wrapping_add(8), end);
    lane.put_number(at.wrapping_add(16), lane.head::<BY>() << 8 | u64::from(stage));
    let mut text = at.wrapping_add(HEAD);
    for byte in subject.map_or(&b"\0"[..], ZStr::bytes_with_nul) {
        lane.put_byte(text, *byte);
        text = text.wrapping_add(1);
    }
    if text > SHARED - spare {
        lane.put_number(at, 0);
        lane.put_head::<OMITTED>(lane.head::<OMITTED>().wrapping_add(1));
        return at;
    }
    aligned(text)
}

/// The next place for a number.
fn aligned(at: usize) -> usize {
    at.wrapping_add(7) & !7
}

/// The timings of a launch, as the launcher has them.
pub struct Timings {
    /// When it was entered; 0 where nobody has asked, as far as the command line shows.
    entry: u64,
    /// Where they go.
    fd: Option<Fd>,
    /// A pipe that the execve closes, where that is not seen otherwise: (its end, what is closed).
    pipe: Option<(Fd, Fd)>,
    /// The launcher's own.
    pub clock: Clock,
    /// That of the child.
    child: Clock,
}

impl Timings {
    /// Takes the time if it may be asked for: a word of COMMAND that looks so costs this, and no more.
    #[inline(never)]
    pub fn begin(stack: Stack) -> Timings {
        let entry = stack.argv_from(2).variable(b"--timings").map_or(0, |_| sys::now());
        Timings { entry, fd: None, pipe: None, clock: Clock(None), child: Clock(None) }
    }

    /// The options were read.
    #[inline(never)]
    pub fn parsed(&mut self, spec: &Spec<'_>) -> Result<(), Fail<'static>> {
        if !spec.has(Opt::Timings) {
            return Ok(());
        }
        let end = sys::now();
        // In an argument file it is seen only now.
        if self.entry == 0 {
            self.entry = end;
        }
        let (ours, child) = (lane(false, self.entry)?, lane(true, 0)?);
        (self.clock, self.child) = (Clock(Some(ours)), Clock(Some(child)));
        // The lanes themselves are no step.
        ours.put_head::<AT>(note(ours, Stage::Parse as u8, None, end, LAST) as u64);
        ours.put_head::<SINCE>(sys::now());
        Ok(())
    }

    /// The plan is made.
    pub fn planned(&self) {
        self.clock.lap(Stage::Plan, None);
    }

    /// Takes the descriptor, under a number of our own: no other option can close it.
    #[inline(never)]
    pub fn open(&mut self, spec: &Spec<'_>) -> Result<(), Fail<'static>> {
        if let Some(given) = spec.get(Opt::Timings) {
            self.fd = Some(sys::dup(given.fd()).at(Stage::Descriptor, given.a)?);
        }
        Ok(())
    }

    /// The clock of the child, which is about to be made. Where nobody lends memory to what becomes COMMAND, and so sleeps
    /// until it does, the end of a pipe will tell of that, by a signal: meanwhile the launcher has others to wait for.
    #[inline(never)]
    pub fn child(&mut self, plan: &Plan<'_>) -> Result<Clock, Fail<'static>> {
        let (Some(ours), Some(lane)) = (self.clock.0, self.child.0) else { return Ok(self.child) };
        let (by, lent) = (CHILD, plan.borrow);
        #[cfg(feature = "init")]
        let (by, lent) = if plan.steps.has(Step::Init) { (INIT, plan.init_lends) } else { (by, lent) };
        if !lent {
            let pipe = sys::pipe_with_signal().at(Stage::Descriptor, z!("--timings"))?;
            self.pipe = Some(pipe);
            lane.put_head::<HELD>(pipe.1.number().into());
        }
        lane.put_head::<BY>(by);
        lane.put_head::<SHIFT>(ours.head::<SHIFT>());
        lane.put_head::<SINCE>(over(ours, Stage::Signals as u8, None));
        Ok(self.child)
    }

    /// The child was made. If it has borrowed our memory it is COMMAND by now, or has ended.
    #[inline(never)]
    pub fn cloned(&self, borrowed: bool) {
        let (Some(ours), Some(lane)) = (self.clock.0, self.child.0) else { return };
        if borrowed {
            became(lane, ours);
        }
        if let Some((_, held)) = self.pipe {
            sys::close(held);
        }
        self.clock.lap(Stage::Clone, None);
    }

    /// Whether the signal tells of the execve, and of nothing else.
    #[inline(never)]
    pub fn saw(&mut self, signal: &Signal) -> bool {
        let (Some(ours), Some(lane), Some((pipe, _))) = (self.clock.0, self.child.0, self.pipe) else {
            return false;
        };
        if signal.number != sys::PIPE_SIGNAL
            || !signal.from_kernel
            || sys::read(pipe, &mut [0]) == Err(Errno::EAGAIN)
        {
            return false;
        }
        self.pipe = None;
        became(lane, ours);
        true
    }

    /// COMMAND has ended and was waited for.
    pub fn waited(&self) {
        self.clock.lap(Stage::Wait, None);
    }

    /// A step of the launcher has failed.
    pub fn failed(&self, fail: &Fail<'_>) {
        if let Some(lane) = self.clock.0 {
            over(lane, fail.stage(), fail.subject);
        }
    }

    /// Writes the line, when the last step is over.
    #[cold]
    #[inline(never)]
    pub fn tell(&self, code: u8) {
        if let (Some(ours), Some(child), Some(fd)) = (self.clock.0, self.child.0, self.fd) {
            line::write(fd, ours, child, self.entry, code);
        }
    }
}
