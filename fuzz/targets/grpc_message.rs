//! Messages of clients and nodes over gRPC: each is answered or refused, and the store has what its log has.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| headwater::fuzzing::grpc_message(bytes));
