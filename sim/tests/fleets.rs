//! Fleets without a fault end with every record everywhere once, and every planted fault of the network is found.

use headwater_sim::{NetFault, Outcome, live_fleet, live_fleet_of_a_hub_that_forgets};

fn seeds(default: u64) -> u64 {
    std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(default)
}

#[test]
fn fleets_without_a_fault_end_well() {
    let failed: Vec<_> = (0..seeds(150)).map(|seed| live_fleet(seed, None)).filter(|o| *o != Outcome::Fine).collect();
    assert!(failed.is_empty(), "replay one with FLEET=<seed>: {failed:#?}");
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

/// An edge that does not sync pushes alone to a stream, and its power goes while a push is held up: it pushed nothing
/// that it can lose, so the push that comes late is the one that is due, or is refused.
#[test]
fn a_push_that_was_held_up_over_a_power_cut_lands_once() {
    for seed in [2810, 5462, 9620, 9830] {
        assert_eq!(live_fleet(seed, None), Outcome::Fine);
    }
}

/// In the first two an edge begins anew, and the hub forgets before the edge has pulled again what it holds.
#[test]
fn fleets_of_a_hub_that_forgets_end_well() {
    let failed = forgetful([177, 2063].into_iter().chain(0..150));
    assert!(failed.is_empty(), "replay one with FORGETS=<seed>: {failed:#?}");
}

/// The one of the first 12,000 that does not, to be mended: a hub that forgets several times in one life, with
/// pushes under way. `SEEDS` says how many to look at.
#[test]
#[ignore = "not mended: docs/links.md says what is left of a hub that loses its end"]
fn every_fleet_of_a_hub_that_forgets_ends_well() {
    const KNOWN: [u64; 1] = [4698];
    let failed = forgetful(KNOWN.into_iter().chain(0..seeds(0)));
    assert!(failed.is_empty(), "replay one with FORGETS=<seed>: {failed:#?}");
}

fn forgetful(seeds: impl Iterator<Item = u64>) -> Vec<Outcome> {
    seeds.map(live_fleet_of_a_hub_that_forgets).filter(|o| *o != Outcome::Fine).collect()
}

#[test]
fn one_fleet() {
    if let Some(seed) = std::env::var("FLEET").ok().and_then(|s| s.parse().ok()) {
        assert_eq!(live_fleet(seed, None), Outcome::Fine);
    }
    if let Some(seed) = std::env::var("FORGETS").ok().and_then(|s| s.parse().ok()) {
        assert_eq!(live_fleet_of_a_hub_that_forgets(seed), Outcome::Fine);
    }
}
