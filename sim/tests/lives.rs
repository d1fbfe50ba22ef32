//! Lives without a fault end well, the same seed lives the same life, and every planted fault is found.

use headwater_sim::{Fault, Outcome, live};

fn seeds(default: u64) -> u64 {
    std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(default)
}

#[test]
fn lives_without_a_fault_end_well() {
    for seed in 0..seeds(400) {
        assert_eq!(live(seed, None), Outcome::Fine, "seed {seed}; replay it with SEED={seed}");
    }
}

#[test]
fn a_seed_lives_the_same_life_twice() {
    for seed in 0..20 {
        for fault in [None, Some(Fault::FlippedBit)] {
            assert_eq!(live(seed, fault), live(seed, fault));
        }
    }
}

#[test]
fn every_planted_fault_is_found() {
    const WITHIN: u64 = 60;
    let mut missed = Vec::new();
    for fault in Fault::ALL {
        match (0..WITHIN).find(|&seed| live(seed, Some(fault)) != Outcome::Fine) {
            Some(seed) => println!("{fault:?}: seed {seed}, {:?}", live(seed, Some(fault))),
            None => missed.push(fault),
        }
    }
    assert!(missed.is_empty(), "not found within {WITHIN} seeds: {missed:?}");
}

#[test]
fn one_seed() {
    if let Some(seed) = std::env::var("SEED").ok().and_then(|s| s.parse().ok()) {
        assert_eq!(live(seed, None), Outcome::Fine);
    }
}
