//! Packets of a node of a mesh that has a certificate and speaks nonsense: it stops nobody.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| headwater::fuzzing::mesh_packets(bytes));
