//! A container that others begin in: its mounts are copied, its network is joined.

use crate::common::children;
use crate::measure::Tool;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A launch from a template, beside those that make everything anew.
pub const TEMPLATE: &str = "vesicle --template";
/// The same with a rootfs that lies in the template's, which becomes the root.
pub const IMAGE: &str = "vesicle --template, rootfs";
/// A floor that joins by one setns(2) and clones the rest.
pub const FLOOR: &str = "floor, template";

/// What vesicle is told; the process id stands for `{template}`, and in the template the rootfs is on /t.
pub const SAME: &str = "{} run --privileged --template {template} / {command}";
pub const BELOW: &str = "{} run --privileged --template {template} /t {command}";

/// One that sleeps.
pub struct Template {
    launcher: Child,
    pub pid: i32,
}

impl Template {
    /// Starts one, and waits until it is what it shall be: before that its mounts are not yet its own.
    pub fn start(vesicle: &Path, root: &Path) -> Option<Template> {
        let mut command = Command::new(vesicle);
        command.args(["run", "--privileged", "--no-proc", "--bind"]).arg(root).arg("/t");
        command.arg(root).arg("/bin/pause").stdin(Stdio::null()).stdout(Stdio::null());
        let launcher = command.spawn().ok()?;
        let mut template = Template { launcher, pid: 0 };
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            let child = children(template.launcher.id() as i32).first().copied();
            let name = |pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if let Some(pid) = child.filter(|pid| name(*pid) == "pause\n") {
                template.pid = pid;
                return Some(template);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        None
    }

    /// Says in its command line who it is.
    pub fn name(&self, tool: &mut Tool) {
        for word in &mut tool.words {
            *word = word.replace("{template}", &self.pid.to_string());
        }
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        // Who is process 1 and handles no signal ends by this one alone, and its launcher with it.
        crate::common::kill(self.pid, nix::sys::signal::Signal::SIGKILL);
        if self.pid == 0 {
            let _ = self.launcher.kill();
        }
        let _ = self.launcher.wait();
    }
}
