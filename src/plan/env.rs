//! The environment of COMMAND, when it is not the caller's.

use super::Plan;
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage, Why};
use crate::spec::{Given, Spec, misuse};
use crate::sys::ZStr;
use crate::text;

/// The caller's variables (none with `--clearenv`) and those that are set; of each name what was said last.
pub(super) fn build(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let clear = spec.has(Opt::Clearenv);
    if !spec.is_bwrap() && !clear && !spec.has(Opt::Setenv) && !spec.has(Opt::Unsetenv) {
        return Ok(());
    }
    // It is not known yet.
    #[cfg(feature = "enter")]
    if spec.has(Opt::TheirEnv) {
        return Ok(());
    }
    of(None, spec, plan)
}

/// The same with `their` variables, which stand one behind the other, in the place of the caller's.
#[cfg_attr(feature = "enter", inline(never))]
pub fn of(their: Option<&'static [u8]>, spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let clear = spec.has(Opt::Clearenv);
    let later = &**spec.given;
    #[cfg(feature = "bwrap")]
    let later = later.get(spec.cleared..).unwrap_or_default();
    let mut later = later;
    let mut i = 0;
    let mut rest = their.unwrap_or_default();
    while let (false, Some(word)) = (clear, text::word(&mut rest)) {
        add(word, later, plan)?;
    }
    while let (false, Some(word)) = (clear || their.is_some(), plan.stack.env(i)) {
        add(word, later, plan)?;
        i += 1;
    }
    while let [given, rest @ ..] = later {
        later = rest;
        if given.opt == Opt::Setenv {
            add(given.a, later, plan)?;
        }
    }
    // COMMAND's working directory, once it is known.
    #[cfg(feature = "bwrap")]
    if spec.bwrap && !plan.lists.env.iter().flatten().any(|word| word.value_of(b"PWD=").is_some()) {
        push(plan, Some(crate::z!("PWD=/")))?;
    }
    push(plan, None)
}

/// Adds a variable, unless one of the `later` options sets or unsets it.
#[inline(never)]
fn add(variable: ZStr<'static>, later: &[Given], plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let changed = later.iter().any(|g| {
        matches!(g.opt, Opt::Setenv | Opt::Unsetenv)
            && variable.value_of(text::before(g.a.bytes(), b'=')).is_some_and(|rest| rest.first() == b'=')
    });
    if changed { Ok(()) } else { push(plan, Some(variable)) }
}

#[inline(never)]
fn push(plan: &mut Plan<'_>, word: Option<ZStr<'static>>) -> Result<(), Fail<'static>> {
    if plan.lists.env.push(word).at(Stage::Memory, None)? { Ok(()) } else { misuse(Why::TooMuchEnv) }
}
