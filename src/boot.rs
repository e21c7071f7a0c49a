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
    // From here on no signal is lost, and Ctrl-Alt-Del is one.
    let mut mask = SigSet::ALL;
    let _ = sys::swap_mask(&mut mask);
    let is_machine = is_machine();
    // A container has its mounts and its descriptors from who made it.
    if is_machine {
        let _ = sys::reboot(sys::LINUX_REBOOT_CMD_CAD_OFF);
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
    end::end(is_machine, machine.action(), code)
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
        kernel.foreign.end = cli::boot::own_words(stack, kernel.foreign.start, (own, ours));
    }
    cli::boot::words(Block::of_argv(stack, kernel.foreign.end).bytes(), boot)
}

/// Whether we are process 1 of a machine and not of a container, by what needs no /proc: process 2 of the first PID namespace
/// is the kernel's, and in no process group.
fn is_machine() -> bool {
    sys::process_group(Some(Pid(2))) == Ok(Pid(0))
}

/// To the real root where there is one, and then COMMAND until the machine's end; its code.
fn run(stack: Stack, boot: &mut Boot, kernel: &Kernel, machine: &mut Machine) -> Result<u8, Fail<'static>> {
    // What the kernel's command line tells an initramfs means nothing more behind it.
    if let Some(root) = boot.root
        && switch::is_initramfs()
    {
        let Some(root) = root::find_and_mount(root, boot, machine)? else {
            // A signal told us to end.
            return Ok(status::OWN);
        };
        switch::switch(root)?;
    }
    command::run(stack, boot, kernel, machine)
}
