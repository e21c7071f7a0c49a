//! The environment of COMMAND, when it is not the caller's.

use super::Plan;
use crate::cli::Opt;
use crate::fail::{Fail, Why};
use crate::spec::{Spec, misuse};
use crate::sys::ZStr;

/// The caller's variables (none with `--clearenv`), changed in the order given.
pub(super) fn build(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let changes = || spec.given.iter().filter(|g| matches!(g.opt, Opt::Setenv | Opt::Unsetenv));
    let clear = spec.has(Opt::Clearenv);
    if !clear && changes().next().is_none() {
        return Ok(());
    }
    let mut i = 0;
    while let (false, Some(word)) = (clear, plan.stack.env(i)) {
        push(plan, Some(word))?;
        i += 1;
    }
    for change in changes() {
        let name = crate::text::before(change.a.bytes(), b'=');
        // As often as it is there.
        plan.lists.env.retain(|e| !e.is_some_and(|e| is(e, name)));
        if change.opt == Opt::Setenv {
            push(plan, Some(change.a))?;
        }
    }
    push(plan, None)
}

/// Whether `variable` is `name=…`.
fn is(variable: ZStr<'_>, name: &[u8]) -> bool {
    variable.bytes().strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'='))
}

fn push(plan: &mut Plan<'_>, word: Option<ZStr<'static>>) -> Result<(), Fail<'static>> {
    plan.lists.env.push(word).or_else(|_| misuse(Why::TooMuchEnv))
}
