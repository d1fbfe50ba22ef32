//! A mesh of a hundred nodes: it forms by one seed, everybody is alive to everybody, and what is written anywhere is
//! everywhere for a number of packets that follows what was written.

use std::time::{Duration, Instant};

use super::world::World;
use crate::member::MemberState;

const NODES: usize = 100;
const SECOND: Duration = Duration::from_secs(1);

/// Pairs of which one has the other alive, and a connection with it.
fn pairs(world: &World) -> usize {
    let of = |at: usize| {
        let members = world.running(at).core.status().members.into_iter();
        members.filter(|member| member.state == MemberState::Alive && member.connected).count()
    };
    (0..world.nodes.len()).filter(|&at| world.nodes[at].running.is_some()).map(of).sum()
}

fn packets(world: &World, kinds: &[&str]) -> usize {
    kinds.iter().filter_map(|kind| world.packets.get(kind)).sum()
}

#[test]
#[allow(clippy::disallowed_methods, reason = "it says how long it took")]
fn a_hundred_nodes_form_a_mesh_and_what_one_writes_reaches_all() {
    let began = Instant::now();
    let mut world = World::new(NODES, 100);
    world.is_lazy = true;
    let mut seconds = 0;
    while pairs(&world) < NODES * (NODES - 1) {
        assert!(seconds < 60, "{} of {} pairs after {seconds} s", pairs(&world), NODES * (NODES - 1));
        world.run(SECOND);
        seconds += 1;
    }
    println!("a mesh of {NODES} after {seconds} s, {:?}: {:?}", began.elapsed(), world.packets);
    world.run(5 * SECOND);

    world.packets.clear();
    world.run(5 * SECOND);
    let idle = packets(&world, &["swim"]) / NODES / 5;
    assert!(idle < 40, "{idle} packets of the membership protocol from each node in a second");
    let others = world.packets.clone().into_iter().filter(|(kind, _)| *kind != "swim");
    let others: usize = others.map(|(_, count)| count).sum();
    assert!(others <= 2 * NODES, "{others} packets about stores of which all are equal: {:?}", world.packets);

    world.packets.clear();
    (0..NODES).for_each(|place| world.add(place, "likes", 1));
    world.run(SECOND);
    world.assert_equal();
    assert_eq!(world.dump(0)[0].2, NODES.to_string());
    let pairs_all = NODES * (NODES - 1);
    assert_eq!(packets(&world, &["deltas"]), pairs_all, "each write goes to each other node once");
    assert!(packets(&world, &["ack"]) <= pairs_all);
    assert_eq!(packets(&world, &["compare", "differ", "want", "keys"]), 0, "nothing was missing");

    for gone in [13, 57, 99] {
        world.stop(gone);
    }
    world.run(20 * SECOND);
    let alive = NODES - 3;
    assert_eq!(pairs(&world), alive * (alive - 1), "three are gone, and nobody else");
    println!("in all {:?}", began.elapsed());
}
