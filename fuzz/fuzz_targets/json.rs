//! The reader of JSON against serde_json.
#![no_main]

#[path = "../../src/oci/json/model.rs"]
mod model;

use libfuzzer_sys::fuzz_target;
use vesicle::oci::json::{Bad, Reader, Value};
use vesicle::sys::ZStr;

fuzz_target!(|text: &[u8]| model::agree(text));
