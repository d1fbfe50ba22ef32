//! What nodes and those who are none say of entities: it is read and said again, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| headwater::fuzzing::entities_message(bytes));
