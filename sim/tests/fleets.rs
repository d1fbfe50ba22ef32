//! Fleets without a fault end with every record everywhere once, and every planted fault of the network is found.

use headwater_sim::{NetFault, Outcome, live_fleet};

fn seeds(default: u64) -> u64 {
    std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(default)
}

#[test]
fn fleets_without_a_fault_end_well() {
    for seed in 0..seeds(150) {
        assert_eq!(live_fleet(seed, None), Outcome::Fine, "seed {seed}; replay it with FLEET={seed}");
    }
}

#[test]
fn every_planted_fault_of_the_network_is_found() {
    const WITHIN: u64 = 60;
    let mut missed = Vec::new();
    for fault in NetFault::ALL {
        match (0..WITHIN).find(|&seed| live_fleet(seed, Some(fault)) != Outcome::Fine) {
            Some(seed) => println!("{fault:?}: seed {seed}, {:?}", live_fleet(seed, Some(fault))),
            None => missed.push(fault),
        }
    }
    assert!(missed.is_empty(), "not found within {WITHIN} seeds: {missed:?}");
}

/// An edge that does not sync pushes alone to a stream. A push is held up over a power cut, after which other records
/// have its sequences, and comes when its condition happens to hold.
#[test]
#[ignore = "not mended: docs/links.md says to keep exclusive for streams that sync each append"]
fn a_push_that_was_held_up_over_a_power_cut_lands_once() {
    assert_eq!(live_fleet(5259, None), Outcome::Fine);
}

#[test]
fn one_fleet() {
    if let Some(seed) = std::env::var("FLEET").ok().and_then(|s| s.parse().ok()) {
        assert_eq!(live_fleet(seed, None), Outcome::Fine);
    }
}
