//! Cases that shell scripts of tests/oci hold, each a promise.

use crate::common::*;
use std::process::Command;

/// Runs the cases of a file by a script, over vesicle-oci; each says `ok` or why not.
pub fn kept(name: &str, script: &str, cases: &str) {
    if !is_root() {
        return skip(name, "not root");
    }
    let runtime =
        std::env::var_os("VESICLE_OCI_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_vesicle-oci").into());
    let mut script = Command::new(sources().join("tests/oci").join(script));
    let out = script.arg(runtime).arg(cases).output().expect("a script of tests/oci");
    let said = String::from_utf8_lossy(&out.stdout);
    println!("{said}{}", String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{}", out.status);
    assert!(said.lines().any(|line| line.starts_with("ok ")), "no case was run");
}
