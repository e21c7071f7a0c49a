//! `vesicle boot`: process 1 of a machine, from the kernel's hand-over to its end. It never returns to the kernel but to
//! make it panic.

mod command;
mod console;
mod device;
mod end;
mod machine;
mod mounts;
mod root;
mod switch;

use crate::cli;
use crate::fail::{At, Fail, Stage, Why};
use crate::spec::boot::Boot;
use crate::status;
use crate::sys::{self, Block, Pid, SigSet, Stack};
use crate::z;
use core::ops::Range;
use machine::Machine;

/// What the kernel has told, and not to us.
struct Kernel {
    /// The half of its command line that holds its own words, and the parameters of others.
    line: &'static [u8],
    /// The arguments that are words which it doesn't know.
    foreign: Range<usize>,
}

/// Boots; options begin at argument `at`, or where the kernel's command line says when the kernel started us as `init`.
/// What it returns is the code to end with: of a machine only when its kernel shall panic. In a container it does the same
/// as far as there is something to do.
pub fn boot(stack: Stack, at: usize) -> u8 {
    if sys::me() != Ok(Pid(1)) {
        return Fail::new(Stage::Usage, None, Why::NotFirst).report();
    }
    // From here on no signal is lost; and none is ignored, as whoever became us may have left it.
    let mut mask = SigSet::ALL;
    let _ = sys::swap_mask(&mut mask);
    let _ = sys::swap_sigchld(&mut false);
    // Ctrl-Alt-Del becomes one. In any PID namespace but the first that is refused, reboot(2): there we are process 1 of a
    // container, which has its mounts and its descriptors from who made it.
    let is_machine = sys::reboot(sys::LINUX_REBOOT_CMD_CAD_OFF).is_ok();
    if is_machine {
        mounts::mount_missing();
        console::open();
    }
    let mut boot = Boot::default();
    let mut kernel = Kernel { line: &[], foreign: at..at };
    let asked = request(stack, is_machine, &mut boot, &mut kernel);
    let mut machine = Machine::new(is_machine, mask, &boot);
    let code = match asked.and_then(|()| run(stack, &mut boot, &kernel, &mut machine)) {
        Ok(code) => code,
        Err(failure) => {
            console::fail(&failure, boot.value);
            if boot.rescue {
                command::rescue(stack, &mut boot.command, &mut machine);
            }
            failure.code()
        }
    };
    machine.end();
    end::end(&machine, code)
}

/// What is asked for: by the file, by the kernel's command line, by our words.
#[inline(never)]
fn request(
    stack: Stack,
    is_machine: bool,
    boot: &mut Boot,
    kernel: &mut Kernel,
) -> Result<(), Fail<'static>> {
    const LIMIT: usize = 64 << 10;
    let path = z!("/etc/vesicle.boot");
    match sys::read_file(path, b'\n', LIMIT) {
        Ok(file) => cli::boot::words(file.bytes(), boot)?,
        Err(sys::Errno::ENOENT) => {}
        Err(e) => return Err(e).at(Stage::Read, path),
    }
    if is_machine {
        // Without /proc there is none.
        let line = sys::kernel_command_line().map_or(&[][..], Block::bytes);
        let (own, ours) = cli::boot::halves(line);
        kernel.line = own;
        let mut rest = own;
        while let Some(word) = crate::text::word(&mut rest) {
            cli::boot::parameter(word, boot)?;
        }
        let at = kernel.foreign.start;
        let ours = if cli::boot::find_foreign(stack, own, ours, &mut kernel.foreign) { ours } else { &[] };
        cli::boot::words(arguments(stack, at..kernel.foreign.start), boot)?;
        return cli::boot::words(ours, boot);
    }
    cli::boot::words(arguments(stack, kernel.foreign.start..stack.len()), boot)
}

/// Some of our arguments, one behind the other.
fn arguments(stack: Stack, range: Range<usize>) -> &'static [u8] {
    let from = |at| Block::of_argv(stack, at).bytes();
    let (all, rest) = (from(range.start), from(range.end));
    all.get(..all.len().saturating_sub(rest.len())).unwrap_or_default()
}

/// To the real root where there is one, and then COMMAND until the machine's end; its code.
fn run(stack: Stack, boot: &mut Boot, kernel: &Kernel, machine: &mut Machine) -> Result<u8, Fail<'static>> {
    // What the kernel's command line tells an initramfs means nothing more behind it.
    if let Some(root) = boot.root
        && let Some(initramfs) = switch::initramfs()
    {
        let Some(root) = root::find_and_mount(root, boot, machine)? else {
            // A signal told us to end.
            return Ok(status::OWN);
        };
        switch::switch(initramfs, root)?;
    }
    command::run(stack, boot, kernel, machine)
}
