//! What an init says of itself while it runs, in the words of the tool whose place it takes.

use crate::fail::strerror;
#[cfg(feature = "drop-in")]
use crate::spec::duties::level;
use crate::spec::duties::{Duties, Tool};
use crate::sys::{self, Fd};
use crate::text::{Text, field, pack, packed_len};

/// A row an event: its text for each tool, empty where the tool says nothing. A text begins with its level; `#` and `@`
/// stand for numbers, `$` for a name, `^` for the errno that `#` is the number of, `~` for the signal that `@` is.
macro_rules! events {
    ($($(#[$doc:meta])* $event:ident { $vesicle:literal $tini:literal $dumb_init:literal $catatonit:literal })*) => {
        /// Something that may be said.
        #[derive(Clone, Copy)]
        // Where those tools are not built, nobody needs their rows.
        #[cfg_attr(not(feature = "drop-in"), allow(dead_code))]
        pub(super) enum Event { $($(#[$doc])* $event,)* }

        const VESICLE: &[&str] = &[$($vesicle),*];
        static PACKED_VESICLE: [u8; packed_len(VESICLE)] = pack(VESICLE);

        /// The texts of the others.
        #[cfg(feature = "drop-in")]
        mod drop_in {
            use super::{pack, packed_len};
            const TINI: &[&str] = &[$($tini),*];
            pub(super) static PACKED_TINI: [u8; packed_len(TINI)] = pack(TINI);
            const DUMB_INIT: &[&str] = &[$($dumb_init),*];
            pub(super) static PACKED_DUMB_INIT: [u8; packed_len(DUMB_INIT)] = pack(DUMB_INIT);
            const CATATONIT: &[&str] = &[$($catatonit),*];
            pub(super) static PACKED_CATATONIT: [u8; packed_len(CATATONIT)] = pack(CATATONIT);
        }
    };
}

events! {
    /// Its environment asks for messages.
    Debugs { "" "" "3Running in debug mode." "" }
    /// Its environment asks for no session.
    NoSession { "" "" "3Not running in setsid mode." "" }
    /// It has become a subreaper.
    Adopts { "" "5Registered as child subreaper" "" "" }
    /// Orphans go elsewhere.
    CannotReap {
        "2not process 1 and no subreaper: orphans go elsewhere, and nobody here reaps them"
        "2Tini is not running as PID 1 and isn't registered as a child subreaper.\nZombie processes will not be re-parented to Tini, so zombie reaping won't work.\nTo fix the problem, use the -s option or set the environment variable TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as PID 1."
        ""
        "1failed to set child-reaper as non-pid1: ^"
    }
    /// stdin is not its controlling terminal.
    NoTerminal { "" "4tcsetpgrp failed: no tty (ok to proceed)" "3Unable to detach from controlling tty (errno=# ^)." "4setting foreground process failed: no tty present: ^" }
    /// It gave up the terminal of its session.
    LetGo { "" "" "3Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive." "" }
    /// It gave up the terminal of somebody's session.
    LetGoAlone { "" "" "3Detached from controlling tty, but was not session leader." "" }
    /// Its child has no terminal.
    NotTaken { "" "" "3Unable to attach to controlling tty (errno=# ^)." "" }
    /// Its child has a session.
    Session { "" "" "3setsid complete." "" }
    /// COMMAND runs.
    Runs { "3started $ as process #" "3Spawned child process '$' with pid '#'" "3Child spawned with PID #." "4pid1 (#) spawned: $" }
    /// CHLD came.
    Child { "" "4Received SIGCHLD" "3Received signal #." "" }
    /// Any other signal came.
    Got { "" "4Passing signal: '~'" "3Received signal #." "" }
    /// The kernel sent it for something that we did.
    PassedOver { "" "" "3Ignoring tty hand-off signal #." "" }
    /// It is forwarded as another one.
    Rewritten { "3signal # becomes @" "" "3Translating signal # to @." "" }
    /// It is not forwarded.
    Dropped { "" "" "3Not forwarding signal # to children (ignored)." "" }
    /// It was.
    Forwarded { "3forwarded signal #" "" "3Forwarded signal # to children." "" }
    /// It stops itself.
    Suspends { "" "" "3Suspending self due to TTY signal." "" }
    /// A child has ended.
    Saw { "" "4Reaped child with pid: '#'" "" "" }
    /// One that is not COMMAND.
    Reaped { "" "2Reaped zombie process with pid=#" "" "" }
    /// By itself.
    Exited { "2reaped process #: exit code @" "" "3A child with PID # exited with exit status @." "4child process # exited with code @" }
    /// By a signal.
    Killed { "2reaped process #: signal @" "" "3A child with PID # was terminated by signal @." "4child process # exited due to signal @" }
    /// COMMAND has ended by itself.
    MainExited { "3COMMAND ended: exit code @" "3Main child exited normally (with status '@')" "3A child with PID # exited with exit status @." "" }
    /// By a signal.
    MainKilled { "3COMMAND ended: signal @" "3Main child exited with signal (with signal '~')" "3A child with PID # was terminated by signal @." "" }
    /// KILL for those who are left.
    GraceOver { "3the grace is over: KILL" "" "" "" }
    /// It ends.
    Ends { "" "5Exiting: child has exited" "3Child exited with status @. Goodbye." "" }
    /// COMMAND can't be executed.
    NotExecuted { "" "1exec $ failed: ^" "1$: ^" "1failed to exec pid1: ^" }
    /// A value of -p is no signal.
    NoSignal { "" "1Not a valid option for -p: $" "" "" }
    /// A value of -e is no exit code.
    NoCode { "" "1Not a valid option for -e: $" "" "" }
    /// There is no COMMAND.
    NoCommand { "" "" "" "1missing program name" }
}

/// What strsignal(3) says, in the order of their numbers.
#[cfg(feature = "drop-in")]
mod signals {
    use super::{pack, packed_len};
    const TEXTS: &[&str] = &[
        "",
        "Hangup",
        "Interrupt",
        "Quit",
        "Illegal instruction",
        "Trace/breakpoint trap",
        "Aborted",
        "Bus error",
        "Floating point exception",
        "Killed",
        "User defined signal 1",
        "Segmentation fault",
        "User defined signal 2",
        "Broken pipe",
        "Alarm clock",
        "Terminated",
        "Stack fault",
        "Child exited",
        "Continued",
        "Stopped (signal)",
        "Stopped",
        "Stopped (tty input)",
        "Stopped (tty output)",
        "Urgent I/O condition",
        "CPU time limit exceeded",
        "File size limit exceeded",
        "Virtual timer expired",
        "Profiling timer expired",
        "Window changed",
        "I/O possible",
        "Power failure",
        "Bad system call",
    ];
    pub(super) static PACKED: [u8; packed_len(TEXTS)] = pack(TEXTS);
}

/// The texts of a tool.
fn table(tool: Tool) -> &'static [u8] {
    match tool {
        Tool::Vesicle => &PACKED_VESICLE,
        #[cfg(feature = "drop-in")]
        Tool::Tini => &drop_in::PACKED_TINI,
        #[cfg(feature = "drop-in")]
        Tool::DumbInit => &drop_in::PACKED_DUMB_INIT,
        #[cfg(feature = "drop-in")]
        Tool::Catatonit => &drop_in::PACKED_CATATONIT,
    }
}

/// Says it, if this init says such things: one line, one write(2).
pub(super) fn say(duties: &Duties, event: Event, a: u32, b: u32, name: &[u8]) {
    let text = field(table(duties.tool), 0, event as usize);
    if let [digit, text @ ..] = text
        && digit.wrapping_sub(b'0') <= duties.verbosity
    {
        line(duties.tool, digit.wrapping_sub(b'0'), text, [a, b], name);
    }
}

/// The line, with what stands before it.
#[cold]
#[inline(never)]
fn line(tool: Tool, level: u8, packed: &[u8], [a, b]: [u32; 2], name: &[u8]) {
    let (mut room, mut line) = ([0; 512], [0; 1024]);
    let (mut text, mut line) = (Text::on(&mut room), Text::on(&mut line));
    begin(&mut line, tool, level);
    for byte in text.say(packed).get() {
        match byte {
            b'#' => line.number(a.into()),
            b'@' => line.number(b.into()),
            b'^' => strerror(a as u16, &mut line),
            b'$' => line.push(name.get(..512).unwrap_or(name)),
            #[cfg(feature = "drop-in")]
            b'~' => strsignal(&mut line, b),
            byte => line.put(*byte),
        };
    }
    line.put(b'\n');
    // tini tells on stdout what is no warning.
    #[cfg(feature = "drop-in")]
    let to = if tool == Tool::Tini && level > level::WARN { Fd::STDOUT } else { Fd::STDERR };
    #[cfg(not(feature = "drop-in"))]
    let to = Fd::STDERR;
    if sys::write(to, line.get()).is_err() {
        // Nobody reads it, or the file is full: what the kernel sends us for that is not for COMMAND.
        sys::take_pending(sys::SIGPIPE);
        sys::take_pending(sys::SIGXFSZ);
    }
}

/// Who speaks, and how serious it is.
fn begin(line: &mut Text<'_>, tool: Tool, level: u8) {
    let _ = level;
    #[cfg(feature = "drop-in")]
    let me = || sys::me().map_or(0, |me| me.0 as u64);
    match tool {
        Tool::Vesicle => line.push(b"vesicle: "),
        #[cfg(feature = "drop-in")]
        Tool::Tini => {
            let name = b"FATALWARN INFO DEBUGTRACE".chunks(5).nth(usize::from(level).saturating_sub(1));
            line.put(b'[').push(name.unwrap_or_default()).push(b" tini (").number(me()).push(b")] ")
        }
        #[cfg(feature = "drop-in")]
        Tool::DumbInit => line.push(b"[dumb-init] "),
        #[cfg(feature = "drop-in")]
        Tool::Catatonit => {
            line.push(field(b"FATAL ERROR WARN INFO DEBUG", b' ', level.into()));
            line.push(b" (catatonit:").number(me()).push(b"): ")
        }
    };
}

/// The text of a signal, strsignal(3).
#[cfg(feature = "drop-in")]
fn strsignal<'l, 'b>(line: &'l mut Text<'b>, n: u32) -> &'l mut Text<'b> {
    if n < 32 {
        line.say_nth(&signals::PACKED, n as usize)
    } else {
        line.push(b"Real-time signal ").number(u64::from(n).saturating_sub(34))
    }
}
