//! The status of a container on a descriptor that stays open over the run: bubblewrap's --json-status-fd.

use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::Plan;
use crate::sys::{self, Fd};
use crate::text::Text;

/// Where it is written, and where is read whether COMMAND was executed.
#[derive(Default)]
pub(super) struct Status {
    pub(super) fd: Option<Fd>,
    pub(super) mark: Option<Fd>,
    /// Whether it is that of a bundle, whose set-up is reported there too.
    #[cfg(feature = "oci")]
    pub(super) bundle: bool,
    /// Whether its time was up.
    #[cfg(feature = "timeout")]
    pub(super) timed_out: bool,
}

impl Status {
    pub(super) fn of(plan: &Plan<'_>) -> Status {
        Status {
            #[cfg(feature = "oci")]
            bundle: plan.spec.is_oci(),
            fd: plan.spec.get(Opt::JsonStatusFd).map(|given| given.fd()),
            ..Status::default()
        }
    }

    /// What COMMAND's process writes to right before its execve, and again when that has failed.
    pub(super) fn open(&mut self) -> Result<Option<Fd>, Fail<'static>> {
        #[cfg(feature = "oci")]
        let bundle = self.bundle;
        #[cfg(not(feature = "oci"))]
        let bundle = false;
        if self.fd.is_none() && !bundle {
            return Ok(None);
        }
        #[cfg(feature = "oci")]
        if bundle {
            // A socket, for a descriptor may come.
            let [mark, write] = sys::pair().at(Stage::Report, None)?;
            self.mark = Some(mark);
            return Ok(Some(write));
        }
        let (mark, write) = sys::pipe().at(Stage::Report, None)?;
        self.mark = Some(mark);
        Ok(Some(write))
    }

    /// The exit code of a COMMAND that was executed, and how many processes were killed for want of memory. Nobody who
    /// waits for it is told that it could not be written.
    pub(super) fn tell(&self, code: u8, killed: u64) {
        if let (Some(fd), Some(mark)) = (self.fd, self.mark)
            && sys::read(mark, &mut [0; 2]) == Ok(1)
        {
            let mut room = [0; 96];
            let mut text = Text::on(&mut room);
            text.push(b"{ \"exit-code\": ").number(code.into());
            #[cfg(feature = "timeout")]
            if self.timed_out {
                text.push(b", \"timed-out\": true");
            }
            if killed > 0 {
                text.push(b", \"oom-kill\": ").number(killed);
            }
            let _ = sys::write(fd, text.push(b" }\n").get());
        }
    }
}
