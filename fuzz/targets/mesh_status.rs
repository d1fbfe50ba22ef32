//! What a node says of its mesh over its socket: it is read as the same again, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| headwater::fuzzing::mesh_status(bytes));
