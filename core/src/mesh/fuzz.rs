//! What a node of a mesh hears, as a fuzzer makes it up: packets of a node that has a certificate and speaks nonsense,
//! one behind the other, each with its length before it.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use sha2::{Digest, Sha256};

use super::config::MeshConfig;
use super::contact::VERSION;
use super::core::Core;
use super::proto::packet::Body;
use super::proto::{Deltas, Hello, Node, Packet};
use crate::clock::{Clock, ManualClock, SECOND};
use crate::crdt::{CrdtConfig, Kind, Op, Reading, Replica, digest_word};
use crate::engine::{Engine, EngineOptions};
use crate::origin::Writer;

/// Who speaks nonsense.
const ROGUE: u64 = 99;
const STEP: Duration = Duration::from_millis(300);

fn hello(engine: u64) -> Hello {
    let node = Node { engine, run: 1, name: engine.to_string(), address: format!("{engine}:1") };
    Hello { version: VERSION, node: Some(node), spent_run: 0, stores: Vec::new() }
}

/// Whatever one node says, this one and another go on.
#[allow(clippy::missing_panics_doc, reason = "a panic is a finding")]
pub fn packets(bytes: &[u8]) {
    let clock = ManualClock::new(1_700_000_000 * SECOND, 1);
    let options = EngineOptions { clock: Arc::new(clock.clone()), worker: false, ..EngineOptions::default() };
    let engine = Engine::memory_with(options).expect("an engine");
    let store = engine.crdt(CrdtConfig { name: "app".into(), ..CrdtConfig::default() }).expect("a store");
    let config = MeshConfig { name: "a".into(), bind: "a:1".into(), ..MeshConfig::default() };
    let mut core = Core::new(engine.clone(), config).expect("a directory");
    // Names that nobody who made up these bytes knew.
    let friend = digest_word(Sha256::new_with_prefix(bytes)) | 1 << 63;
    for other in [ROGUE, friend] {
        core.connected(&hello(other), None, clock.now()).expect("it is taken in");
    }
    core.work(clock.now());
    let mut rest = bytes;
    while let Ok(packet) = Packet::decode_length_delimited(&mut rest) {
        core.hear(ROGUE, packet, clock.now());
        core.work(clock.now());
        core.take_out();
        clock.advance(STEP);
    }
    core.work(clock.now());
    core.take_out();
    assert!(!core.is_over());
    let (own, theirs) = (format!("own{friend}"), format!("theirs{friend}"));
    store.write(own.as_str(), Kind::Counter, &Op::Add(1)).wait().expect("work here goes on");
    let mut replica = Replica::new(Writer { engine: friend, epoch: 1 });
    replica.write(theirs.as_str(), Kind::Counter, &Op::Add(2), clock.now() / 1_000_000).expect("it is allowed");
    let fragments = vec![replica.take_delta().expect("something was done").encode()];
    let deltas = Deltas { store: "app".into(), upto: 1, fragments };
    core.hear(friend, Packet { body: Some(Body::Deltas(deltas)) }, clock.now());
    core.work(clock.now());
    for (key, number) in [(own, 1), (theirs, 2)] {
        assert_eq!(store.read(key.as_str(), Kind::Counter).expect("it is read"), Reading::Number(number));
    }
    engine.close().expect("it closes");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crdt::Value;
    use crate::mesh::core::Out;
    use crate::mesh::proto::{Ack, Ask, Bye, Compare, Differ, Keys, Leaf, Meet, Name, Range, Split, Told, Want};

    /// A packet of each kind, as nodes would send them.
    fn seeds() -> Vec<Vec<u8>> {
        let store = || "app".to_owned();
        let mut replica = Replica::new(Writer { engine: ROGUE, epoch: 1 });
        let value = Value::from("x");
        replica.write("k", Kind::Set, &Op::Insert { value: &value, ttl_ms: None }, 0).expect("it is allowed");
        let (delta, context) = (replica.take_delta().expect("one").encode(), replica.context().encode());
        let range = Range { prefix: 0, depth: 0, sum: 7, count: 1 };
        let split = Split { prefix: 0, depth: 0, sums: vec![7; 16], counts: vec![1; 16] };
        let leaf = Leaf { prefix: 0, depth: 0, hashes: vec![1], digests: vec![2] };
        let keys = replica.some([("k", Kind::Set)]).encode();
        let name = Name { name: "k".into(), kind: Kind::Set as u32 };
        let mut bodies = vec![
            Body::Hello(hello(ROGUE)),
            Body::Bye(Bye {}),
            Body::Meet(Meet { store: store(), digest: 5 }),
            Body::Ask(Ask { store: "other".into() }),
            Body::Told(Told { store: store(), context: context.clone() }),
            Body::Deltas(Deltas { store: store(), upto: 3, fragments: vec![delta] }),
            Body::Ack(Ack { store: store(), upto: 2 }),
            Body::Compare(Compare { store: store(), id: 4, ranges: vec![range] }),
            Body::Differ(Differ {
                store: store(),
                id: 4,
                removed: context.clone(),
                context,
                splits: vec![split],
                leaves: vec![leaf],
            }),
            Body::Want(Want { store: store(), id: 4, hashes: vec![1], names: vec![name] }),
            Body::Keys(Keys { store: store(), id: 4, taken: 1, fragment: keys, too_large: None }),
        ];
        // What the membership protocol says, as another node would.
        let mut core =
            Core::new(Engine::memory().expect("an engine"), MeshConfig { bind: "b:1".into(), ..MeshConfig::default() })
                .expect("a directory");
        core.connected(&hello(5), None, 0).expect("it is taken in");
        core.work(0);
        let said = core.take_out().into_iter();
        bodies.extend(said.filter_map(|out| if let Out::Send(_, packet) = out { packet.body } else { None }));
        assert!(bodies.iter().any(|body| matches!(body, Body::Swim(_))));
        bodies.into_iter().map(|body| Packet { body: Some(body) }.encode_length_delimited_to_vec()).collect()
    }

    #[test]
    fn nonsense_of_one_node_stops_nobody() {
        let seeds = seeds();
        packets(&seeds.concat());
        crate::fuzzing::try_many(&seeds, 2_000, packets);
    }
}
