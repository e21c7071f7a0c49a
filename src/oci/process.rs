//! The first process of a container: never mistaken for another one that has got its number.

use crate::sys::{self, Errno, Fd, Pid, ZStr};
use crate::text::{decimal, fields, process_path};

/// A process that had not ended when it was looked for.
pub struct Process {
    pidfd: Fd,
}

impl Process {
    /// The process of this number that began at `start`; none where it has ended, whoever may have its number now. What
    /// /proc says is of the process behind the descriptor, or of one that came after its end.
    #[inline(never)]
    pub fn find(pid: Pid, start: u64) -> sys::Result<Option<Process>> {
        let pidfd = match sys::pidfd_open(pid) {
            Err(Errno::ESRCH) => return Ok(None),
            // The number of a thread.
            Err(Errno::EINVAL | Errno::ENOENT) => return Ok(None),
            pidfd => pidfd?,
        };
        match begun(pid) {
            Ok((state, begun)) if begun == start && state != b'Z' && state != b'X' => {
                return Ok(Some(Process { pidfd }));
            }
            // Without a /proc nothing is known of it.
            Err(e) if !sys::has_ended(pidfd)? => return Err(e),
            _ => sys::close(pidfd),
        }
        Ok(None)
    }

    /// Its descriptor, that of no other process.
    pub fn pidfd(&self) -> Fd {
        self.pidfd
    }

    /// Sends it a signal, or none: pidfd_send_signal(2). ESRCH when it has ended.
    pub fn signal(&self, signal: u8) -> sys::Result<()> {
        sys::pidfd_signal(self.pidfd, signal)
    }

    /// Waits for its end, as long as that should take.
    pub fn wait(&self) -> sys::Result<()> {
        const PATIENCE: u64 = 10_000_000_000;
        if sys::wait_for_input(self.pidfd, PATIENCE)? { Ok(()) } else { Err(Errno::ETIMEDOUT) }
    }

    /// Waits until it has ended or a file of a cgroup has changed, at most so many nanoseconds; whether it has ended.
    pub fn ends_or_changes(&self, file: Fd, nanoseconds: u64) -> sys::Result<bool> {
        sys::wait_for_change_or_end(file, self.pidfd, nanoseconds)
    }

    /// Lets go of it.
    pub fn close(self) {
        sys::close(self.pidfd);
    }
}

/// The state of a process, and when it began: proc_pid_stat(5).
pub fn begun(pid: Pid) -> sys::Result<(u8, u64)> {
    let path = process_path(pid, b"stat");
    let mut room = [0; 1024];
    let text = sys::read_start(ZStr::until_nul(&path).ok_or(Errno::ESRCH)?, &mut room)?;
    parse(text).ok_or(Errno::ESRCH)
}

/// Its name may hold anything: what counts stands behind the last parenthesis.
fn parse(text: &[u8]) -> Option<(u8, u64)> {
    let at = text.iter().rposition(|byte| *byte == b')')?;
    // The blank before the first of them is no field's.
    let mut rest = fields(text.get(at.wrapping_add(2)..)?, b' ');
    // The state is field 3, the time field 22.
    let state = rest.next()?.first().copied()?;
    Some((state, decimal(rest.nth(18)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_like_the_rest_of_the_line_is_no_trouble() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21 22";
        for name in ["sleep", "a b", "a) Z 1 2", ") R (", "", "1 (2) 3"] {
            assert_eq!(parse(format!("12 ({name}) {rest}\n").as_bytes()), Some((b'S', 4711)), "{name}");
        }
        for bad in [
            "",
            "12 (sleep",
            "12 (sleep)",
            "12 (sleep) S 1 2",
            &format!("1 (a) {}", rest.replace("4711", "x")),
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_process_is_known_by_its_number_and_its_beginning() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = Pid(child.id() as i32);
        let (_, start) = begun(pid).unwrap();
        let found = Process::find(pid, start).unwrap().unwrap();
        assert!(Process::find(pid, start + 1).unwrap().is_none());
        assert!(found.signal(0).is_ok());
        found.signal(sys::SIGKILL).unwrap();
        found.wait().unwrap();
        // A zombie has ended, though it has its number still.
        assert_eq!(begun(pid).unwrap(), (b'Z', start));
        assert!(Process::find(pid, start).unwrap().is_none());
        child.wait().unwrap();
        assert_eq!(found.signal(sys::SIGKILL), Err(Errno::ESRCH));
        assert!(Process::find(pid, start).unwrap().is_none());
        found.close();
    }
}
