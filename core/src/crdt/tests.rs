//! Tests of the states that merge: laws on random states, a random world against a naive model, and what once went
//! wrong elsewhere.

mod bytes;
mod failures;
mod kinds;
mod laws;
mod model;
mod world;

use crate::origin::Writer;

use super::{Fragment, Kind, Op, Path, Reading, Replica, Value};

/// Random numbers from one seed.
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64 (Steele et al. 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

fn writer(engine: u64) -> Writer {
    Writer { engine, epoch: 1 }
}

fn replica(engine: u64) -> Replica {
    Replica::new(writer(engine))
}

fn delta(replica: &mut Replica) -> Fragment {
    let bytes = replica.take_delta().expect("something was done").encode();
    Fragment::decode(&bytes).expect("it was encoded")
}

/// Gives one replica all that another has.
fn give(from: &Replica, to: &mut Replica) {
    let bytes = from.whole().encode();
    to.apply(Fragment::decode(&bytes).expect("it was encoded"), 0).expect("it is applied");
}

fn number(replica: &Replica, key: &str, kind: Kind) -> i128 {
    match replica.read(key, kind, 0) {
        Reading::Number(number) => number,
        other => panic!("{other:?}"),
    }
}

const CLEAR: Op<'static> = Op::Clear;

fn insert(value: &Value) -> Op<'_> {
    Op::Insert { value, ttl_ms: None }
}

fn write(value: &Value) -> Op<'_> {
    Op::Write { value, ttl_ms: None }
}
