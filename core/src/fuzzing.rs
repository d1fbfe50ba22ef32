//! Where fuzzers give bytes in that no public call takes as they are, and short runs of the same for the tests.
//!
//! It is there for `cargo fuzz` (`fuzz/targets`) and in tests alone. `HEADWATER_FUZZ_RUNS` says how many inputs a test
//! tries, `HEADWATER_FUZZ_SEED` with which one it begins.

pub use crate::entities::fuzz::message as entities_message;
#[cfg(feature = "mesh")]
pub use crate::mesh::fuzz::packets as mesh_packets;
#[cfg(feature = "grpc")]
pub use crate::serve::grpc::fuzz::message as grpc_message;
pub use crate::stream::node::fuzz::mesh_status;

/// Gives `target` inputs that are some of the seeds, joined, cut, and with bytes changed.
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test may be told how long it runs")]
pub(crate) fn try_many(seeds: &[Vec<u8>], runs: u64, target: impl Fn(&[u8])) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("HEADWATER_FUZZ_SEED").unwrap_or(0);
    for run in first..first + number("HEADWATER_FUZZ_RUNS").unwrap_or(runs) {
        let bits = crate::clock::ManualClock::new(0, run);
        let below = |bound: usize| (crate::clock::Clock::random(&bits) % bound.max(1) as u64) as usize;
        let mut input = Vec::new();
        for _ in 0..=below(4) {
            input.extend_from_slice(&seeds[below(seeds.len())]);
        }
        for _ in 0..below(6) {
            let at = below(input.len());
            match below(5) {
                0 => input.truncate(at.max(1)),
                1 => input.insert(at, below(256) as u8),
                2 => drop(input.drain(at..(at + 1 + below(8)).min(input.len()))),
                3 => input[at] = [0, 1, 127, 128, 255][below(5)],
                _ => input[at] ^= 1 << below(8),
            }
            if input.is_empty() {
                break;
            }
        }
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target(&input)));
        assert!(tried.is_ok(), "HEADWATER_FUZZ_SEED={run} HEADWATER_FUZZ_RUNS=1 repeats it: {input:?}");
    }
}
