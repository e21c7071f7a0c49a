//! The agent of a filter of system calls: who decides about those that are notified, seccomp_unotify(2).

use super::out::Out;
use super::state::{OCI_VERSION, State, Status};
use crate::fail::{At, Fail, Stage};
use crate::launch::Container;
use crate::plan::Bundle;
use crate::sys::{self, Fd};

/// Connects to that of a bundle, where there is one: before a namespace is joined, and when nobody is born any more who would
/// hold the connection open.
pub fn connect(bundle: &mut Bundle) -> Result<(), Fail<'static>> {
    if let Some((path, _)) = bundle.listener {
        bundle.agent = Some(sys::connect(path).at(Stage::Agent, path)?);
    }
    Ok(())
}

/// What a container says of its set-up, see [`Container::word`]; on the way the agent gets its listener.
#[inline(never)]
pub fn word<'r>(
    container: &Container<'_>,
    room: &'r mut [u8],
    bundle: &Bundle,
    state: &State,
    status: Status,
) -> Result<&'r [u8], Fail<'static>> {
    container.word(room, &mut |listener| {
        let told = tell(container, listener, bundle, state, status);
        sys::close(listener);
        told.at(Stage::Agent, bundle.listener.map(|(path, _)| path))
    })
}

/// Hands over the listener of a process, with what the specification calls the container process state.
fn tell(
    container: &Container<'_>,
    listener: Fd,
    bundle: &Bundle,
    state: &State,
    status: Status,
) -> sys::Result<()> {
    let (Some(agent), Some((_, metadata))) = (bundle.agent, bundle.listener) else { return Ok(()) };
    let mut out = Out::in_memory()?;
    out.json(b"{").key(b"ociVersion").text(OCI_VERSION.as_bytes());
    out.key(b"fds").json(br#"["seccompFd"]"#).key(b"pid").number(container.main().0 as u64);
    if let Some(metadata) = metadata {
        out.field(b"metadata", metadata);
    }
    state.tell(status, None, out.key(b"state"));
    let told = sys::send_descriptor(agent, listener, out.json(b"}").all()?);
    sys::close(agent);
    told
}
