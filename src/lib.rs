//! vesicle: a container launcher and container init.
//!
//! The principles, each kept by a test or by the linker:
//!
//! 1. argv → [`spec::Spec`] → [`plan::Plan`] → steps: parse, then check, then act; nothing flows back.
//! 2. No system call before the plan is whole, but for lists of what was given, for argument files, and for the time
//!    where that is asked for; the plan is data, so that a test can read it.
//! 3. One system call is one line in [`sys`]; `unsafe` lives there, in `arch` and in `rt`, and nowhere else.
//! 4. No libc, no allocator, no writable static memory, no relocation, no panic that can be reached.
//! 5. What comes from outside is taken before anything changes, and attached before the root changes; what lies in ROOTFS
//!    is reached through its descriptor alone, so that no link in it leads out.
//! 6. The child reports its own failure: there is no error protocol between the two.
//! 7. One loop waits for children. It is never woken without a reason, and no signal is lost.
//! 8. The payload gets what its caller had: mask, dispositions, environment, and no descriptor of ours.
//! 9. An error is one line: stage, subject, reason, what to do. Nothing is left behind.
//! 10. Capacities are constants with a name; running out of one is a usage error that names it.
#![cfg_attr(not(test), no_std)]

mod arch;
#[cfg(feature = "boot")]
pub mod boot;
pub mod child;
pub mod cli;
pub mod fail;
#[cfg(feature = "jobs")]
pub mod init;
pub mod launch;
#[cfg(feature = "oci")]
pub mod oci;
pub mod plan;
pub mod spec;
pub mod status;
pub mod step;
pub mod sys;
mod text;
#[cfg(feature = "timings")]
pub mod timings;
#[cfg(not(feature = "timings"))]
#[path = "timings/off.rs"]
pub mod timings;

use fail::Fail;

/// What is asked for and what will be done, as far as there can be much of it.
#[derive(Default)]
struct Work {
    words: spec::Words,
    lists: plan::Lists,
}

/// Everything between the entry and the exit: the exit code.
pub fn run(stack: sys::Stack) -> u8 {
    go(stack).unwrap_or_else(|fail| fail.report())
}

fn go(stack: sys::Stack) -> Result<u8, Fail<'static>> {
    // The launcher that was left for bundles would pass over most options in silence.
    #[cfg(feature = "oci")]
    if spec::asked::ALONE {
        return Err(Fail::new(fail::Stage::Argument, z!("vesicle"), fail::Why::NotSupported));
    }
    let called = cli::called(stack);
    // The kernel starts an initramfs by this name.
    #[cfg(feature = "boot")]
    if cli::boot::is_named_init(called, stack) && sys::me() == Ok(sys::Pid(1)) {
        return Ok(boot::boot(stack, 1));
    }
    match cli::command(called, stack)? {
        command @ cli::Command::Run => return run_container(stack, command),
        #[cfg(feature = "bwrap")]
        command @ cli::Command::Bwrap => return run_container(stack, command),
        #[cfg(feature = "enter")]
        command @ cli::Command::Enter => return run_container(stack, command),
        #[cfg(feature = "init")]
        cli::Command::Init(tool, options) => return Ok(init::start::start(stack, tool, options)),
        #[cfg(feature = "boot")]
        cli::Command::Boot => return Ok(boot::boot(stack, 2)),
        cli::Command::Version => {
            launch::print(concat!("vesicle ", env!("CARGO_PKG_VERSION"), "\n").as_bytes())?
        }
        #[cfg(feature = "help")]
        cli::Command::Help(help) => launch::help(help)?,
    }
    Ok(0)
}

/// `vesicle run`, bwrap, or `vesicle enter`.
fn run_container(
    stack: sys::Stack,
    #[allow(unused_variables)] command: cli::Command,
) -> Result<u8, Fail<'static>> {
    #[cfg(feature = "bwrap")]
    let bwrap = command == cli::Command::Bwrap;
    let mut timings = timings::Timings::begin(stack);
    let container = {
        let mut work = Work::default();
        let mut spec = spec::Spec::new(&mut work.words);
        #[cfg(feature = "bwrap")]
        {
            spec.bwrap = bwrap;
        }
        #[cfg(feature = "enter")]
        {
            spec.enter = command == cli::Command::Enter;
        }
        #[cfg(feature = "bwrap")]
        let load = if bwrap { launch::bwrap::load } else { launch::load };
        #[cfg(not(feature = "bwrap"))]
        let load = launch::load;
        match cli::parse(stack, &mut spec, load) {
            Ok(cli::Asked::Run) => {}
            #[cfg(feature = "bwrap")]
            Ok(asked) if bwrap => return launch::bwrap::tell(stack, asked),
            #[cfg(feature = "bwrap")]
            Ok(cli::Asked::Nothing | cli::Asked::Version) => return Ok(status::OWN),
            #[cfg(all(feature = "enter", feature = "help"))]
            Ok(cli::Asked::Help) if spec.enter => return launch::help(cli::Help::Enter).map(|()| 0),
            #[cfg(feature = "help")]
            Ok(cli::Asked::Help) => return launch::help(cli::Help::Run).map(|()| 0),
            Err(misuse) => return Ok(refuse(&misuse, &spec)),
        }
        #[cfg(feature = "bwrap")]
        launch::bwrap::warn(&spec);
        timings.parsed(&spec)?;
        let mut plan = match plan::build(&spec, stack, &mut work.lists) {
            Ok(plan) => plan,
            Err(misuse) => return Ok(refuse(&misuse, &spec)),
        };
        timings.planned();
        let mut container = launch::Container::of(&plan, &mut timings);
        let started = container.start(&mut plan);
        #[cfg(any(feature = "bwrap", feature = "cgroup", feature = "timings"))]
        if let Err(fail) = &started {
            return Ok(container.failed(fail));
        }
        started?;
        container
    };
    // What was asked for is given back: whoever waits needs none of it.
    Ok(container.wait())
}

/// Tells what makes no sense, with the value of the option that it is about.
#[cold]
fn refuse(misuse: &Fail<'_>, spec: &spec::Spec<'_>) -> u8 {
    misuse.report_with(spec.value(misuse), spec.voice())
}
