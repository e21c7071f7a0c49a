//! What went wrong: stage, subject, reason, and what to do; one line, one writev.

mod stage;
mod why;

pub use stage::Stage;
pub use why::Why;

use crate::status;
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::Text;
use core::num::NonZeroI32;

/// In whose words a failure is told, and with which exit code.
#[cfg(feature = "bwrap")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// Ours.
    Vesicle,
    /// bubblewrap's.
    Bwrap,
    /// The same behind the number of a severity, syslog(3).
    BwrapLevels,
}

/// There are only ours.
#[cfg(not(feature = "bwrap"))]
#[derive(Clone, Copy)]
pub struct Voice;

#[cfg(not(feature = "bwrap"))]
#[allow(non_upper_case_globals, missing_docs)]
impl Voice {
    pub const Vesicle: Voice = Voice;
}

/// Why: an errno, negative as the kernel returns it, or the number of a text of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Reason(NonZeroI32);

/// What tells a text of ours from an errno, and from zero.
const OURS: NonZeroI32 = bit(8);

impl From<Errno> for Reason {
    fn from(e: Errno) -> Self {
        Reason(e.raw())
    }
}

impl From<Why> for Reason {
    fn from(why: Why) -> Self {
        Reason(OURS | why as i32)
    }
}

/// What keeps [`Fail::what`] from being zero.
const STAGE: NonZeroI32 = bit(7);

const fn bit(n: u32) -> NonZeroI32 {
    match NonZeroI32::new(1 << n) {
        Some(bit) => bit,
        None => NonZeroI32::MIN,
    }
}

/// A failure, ready to be told. Two scalars and no more, and the second is never 0: only so a `Result<(), Fail>` comes
/// back in two registers.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Fail<'a> {
    /// To what it happened.
    pub subject: Option<ZStr<'a>>,
    /// What was being done in the low seven bits, and why above bit 7, which is always set. One number, so that a result
    /// with a failure in it fits into two registers: most of what the launcher does can fail.
    what: NonZeroI32,
}

/// The one way by which an error gets its context.
pub trait At<T> {
    /// Names the stage, and the subject where there is one.
    fn at<'a>(self, stage: Stage, subject: impl Into<Option<ZStr<'a>>>) -> Result<T, Fail<'a>>;
}

impl<T, E: Into<Reason>> At<T> for Result<T, E> {
    #[inline]
    fn at<'a>(self, stage: Stage, subject: impl Into<Option<ZStr<'a>>>) -> Result<T, Fail<'a>> {
        self.map_err(|e| Fail::new(stage, subject, e))
    }
}

/// A failure of ours, named.
pub fn fail<'a, T>(stage: Stage, subject: impl Into<Option<ZStr<'a>>>, why: Why) -> Result<T, Fail<'a>> {
    Err(why).at(stage, subject)
}

impl<'a> Fail<'a> {
    /// What was being done, to what, and why it failed.
    #[inline]
    pub fn new(stage: Stage, subject: impl Into<Option<ZStr<'a>>>, reason: impl Into<Reason>) -> Fail<'a> {
        Fail { subject: subject.into(), what: STAGE | stage as i32 | reason.into().0.get() << 8 }
    }

    /// One whose reason another process has told: the second of its [`parts`](Fail::parts).
    #[cfg(feature = "oci")]
    pub(crate) fn again(stage: Stage, subject: ZStr<'a>, reason: i32) -> Fail<'a> {
        Fail { subject: Some(subject), what: STAGE | stage as i32 | reason << 8 }
    }

    /// The number of its stage, and its reason.
    pub(crate) fn parts(&self) -> (u8, i32) {
        (self.what.get() as u8 & 0x7f, self.what.get() >> 8)
    }

    /// The number of its stage.
    #[cfg(feature = "timings")]
    pub(crate) fn stage(&self) -> u8 {
        self.parts().0
    }

    /// Whether it failed for this reason of ours.
    #[cfg(feature = "oci")]
    pub(crate) fn is(&self, why: Why) -> bool {
        self.parts().1 == Reason::from(why).0.get()
    }

    /// Why it failed.
    #[cfg(test)]
    pub fn reason(&self) -> Reason {
        NonZeroI32::new(self.parts().1).map(Reason).unwrap()
    }

    /// Says it on stderr and gives the exit code.
    pub fn report(&self) -> u8 {
        self.report_in(Voice::Vesicle)
    }

    /// The same in other words.
    pub fn report_in(&self, voice: Voice) -> u8 {
        self.report_with(None, voice)
    }

    /// The same with one more word: an option's value. One line, by one write(2).
    #[cold]
    #[inline(never)]
    pub fn report_with(&self, value: Option<ZStr<'_>>, voice: Voice) -> u8 {
        let mut room = [0; 2048];
        let mut line = Text::on(&mut room);
        #[cfg(feature = "bwrap")]
        if voice != Voice::Vesicle {
            line.push(if voice == Voice::Bwrap { b"" } else { b"<3>" }).push(b"bwrap: ");
            if bwrap::tell(self, value, &mut line).is_none() {
                self.tell_rest(value, &mut line);
            }
            let _ = sys::write(Fd::STDERR, line.put(b'\n').get());
            return 1;
        }
        let _ = voice;
        self.tell(value, &mut line);
        let _ = sys::write(Fd::STDERR, line.put(b'\n').get());
        self.code()
    }

    /// Says it to somebody else, without the name of who says it.
    #[cfg(feature = "oci")]
    #[cold]
    pub fn report_to(&self, fd: Fd) {
        let mut room = [0; 2048];
        let mut line = Text::on(&mut room);
        go::tell(self, &mut line);
        let _ = sys::write(fd, line.get());
    }

    /// Appends its line.
    #[cold]
    pub(crate) fn tell(&self, value: Option<ZStr<'_>>, line: &mut Text<'_>) {
        line.push(b"vesicle: ");
        self.tell_rest(value, line);
    }

    #[cfg_attr(feature = "bwrap", inline(never))]
    fn tell_rest(&self, value: Option<ZStr<'_>>, line: &mut Text<'_>) {
        let (stage, reason) = self.tell_what(value, line);
        match u16::try_from(-reason) {
            Ok(errno) => describe(stage, errno, line),
            Err(_) => Why::say((reason & 0xff) as usize, line),
        }
    }

    /// Appends what was being done, and to what; its [`parts`](Fail::parts).
    fn tell_what(&self, value: Option<ZStr<'_>>, line: &mut Text<'_>) -> (u8, i32) {
        let (stage, reason) = self.parts();
        Stage::say(stage.into(), line);
        if let Some(word) = self.subject {
            quote(line, word);
        }
        if let Some(word) = value {
            quote(line, word);
        }
        line.push(b": ");
        (stage, reason)
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        // The stages of execve are the last ones.
        match self.parts() {
            (stage, _) if stage < Stage::Exec as u8 => status::OWN,
            (_, e) if e == Errno::ENOENT.raw().get() => status::NOT_FOUND,
            _ => status::NOT_EXECUTABLE,
        }
    }
}

/// A word of somebody else's: what would break the line or the terminal becomes `?`, and a very long one shows its
/// start.
#[inline(never)]
pub(crate) fn quote(line: &mut Text<'_>, word: ZStr<'_>) {
    line.put(b' ');
    escape(line, word);
}

#[cfg_attr(feature = "bwrap", inline(never))]
fn escape(line: &mut Text<'_>, word: ZStr<'_>) {
    const SHOWN: usize = 512;
    for (i, b) in word.bytes().iter().enumerate() {
        if i == SHOWN {
            line.push(b"...");
            break;
        }
        line.put(if *b < b' ' || *b == 0x7f { b'?' } else { *b });
    }
}

/// `Permission denied (EACCES)`, and a hint where the errno is known to mislead; `errno 13` where it has no text.
pub(crate) fn describe(stage: u8, e: u16, line: &mut Text<'_>) {
    #[cfg(feature = "words")]
    if words::describe(stage, e, line).is_some() {
        return;
    }
    let _ = stage;
    line.push(b"errno ").number(e.into());
}

/// The text of an errno alone, strerror(3).
#[cfg(feature = "init")]
pub(crate) fn strerror<'l, 'b>(e: u16, line: &'l mut Text<'b>) -> &'l mut Text<'b> {
    let mut room = [0; 64];
    let mut text = Text::on(&mut room);
    // No hint belongs to this stage.
    describe(Stage::Close as u8, e, &mut text);
    let words = crate::text::before(text.get(), b'(');
    line.push(words.strip_suffix(b" ").unwrap_or(words))
}

#[cfg(feature = "bwrap")]
mod bwrap;
#[cfg(feature = "oci")]
pub(crate) mod go;
#[cfg(feature = "words")]
mod words;
