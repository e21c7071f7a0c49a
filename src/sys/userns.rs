//! User namespaces that shall have none below them.

use super::{Result, done};
use linux_raw_sys::{general as c, prctl as p};

/// prctl(2), PR_CAPBSET_DROP, and capset(2): CAP_SYS_RESOURCE is gone for good, and all other capabilities are there. It
/// needs all of them, as who has just made a user namespace has them in it.
pub fn give_up_sys_resource() -> Result<()> {
    const REST: u32 = !(1 << c::CAP_SYS_RESOURCE);
    super::process::prctl(p::PR_CAPBSET_DROP, c::CAP_SYS_RESOURCE)?;
    let head = c::__user_cap_header_struct { version: c::_LINUX_CAPABILITY_VERSION_3, pid: 0 };
    let set = |bits| c::__user_cap_data_struct { effective: bits, permitted: bits, inheritable: 0 };
    let data = [set(REST), set(u32::MAX)];
    // SAFETY: the kernel reads a header and, of this version, two structs.
    unsafe { done!(capset, &raw const head, data.as_ptr()) }
}
