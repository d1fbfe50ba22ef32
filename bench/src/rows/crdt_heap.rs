//! Heap bytes a key: a counter that five actors added to, and a register of a 64-bit number, beside `crdts` in a hash
//! map. Bytes are those asked of the allocator, names and table included.

use std::collections::HashMap;

use crdts::{CmRDT, LWWReg, PNCounter};
use headwater::Writer;
use headwater::crdt::{Kind, Op, Replica, Value};

use super::Row;
use crate::Outcome;
use crate::context::Context;
use crate::heap::bytes_of;
use crate::report::{Goal, Line, Unit};

/// The row.
pub(crate) const ROW: Row = Row { name: "crdt_heap", about: "heap bytes a key, counter and register: crdts", run };

const KEYS: u64 = 100_000;
const ACTORS: u64 = 5;
/// Some moment, milliseconds since the epoch.
const NOW_MS: u64 = 1_800_000_000_000;

fn name(n: u64) -> String {
    format!("key{n:06}")
}

#[allow(clippy::unnecessary_wraps, reason = "it is a row as any other")]
fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let keys = context.scaled(KEYS);
    let per_key = |bytes: i64| bytes as f64 / keys as f64;
    let line = |what: &str, goal: f64, ours: f64, theirs: f64| {
        let figure = Line::figure(ROW.name, what, vec![ours], Unit::Bytes, Goal::AtMost(goal));
        figure.beside("crdts", format!("{ours:.0} B"), format!("{theirs:.0} B"))
    };
    let counters = [per_key(bytes_of(|| counted(keys)).1), per_key(bytes_of(|| their_counters(keys)).1)];
    let registers = [per_key(bytes_of(|| written(keys)).1), per_key(bytes_of(|| their_registers(keys)).1)];
    Ok(vec![
        line("heap a key, counter of 5 actors", 110.0, counters[0], counters[1]),
        line("heap a key, register of 64 bits", 64.0, registers[0], registers[1]),
    ])
}

fn replica(actor: u64) -> Replica {
    Replica::new(Writer { engine: actor, epoch: actor })
}

/// A replica that has heard from five, each of which added some to each.
fn counted(keys: u64) -> Option<Replica> {
    let mut all = replica(100);
    for actor in 1..=ACTORS {
        let mut one = replica(actor);
        for n in 0..keys {
            one.write(&*name(n), Kind::Counter, &Op::Add((n % 1_000) as i64), NOW_MS).ok()?;
        }
        all.apply(one.take_delta()?, NOW_MS).ok()?;
    }
    Some(all)
}

fn their_counters(keys: u64) -> HashMap<String, PNCounter<u64>> {
    let mut all: HashMap<String, PNCounter<u64>> = HashMap::new();
    for actor in 1..=ACTORS {
        for n in 0..keys {
            let counter = all.entry(name(n)).or_default();
            counter.apply(counter.inc_many(actor, n % 1_000));
        }
    }
    all
}

fn written(keys: u64) -> Option<Replica> {
    let (mut all, mut one) = (replica(100), replica(1));
    for n in 0..keys {
        let value = Value::Int(n as i64);
        one.write(&*name(n), Kind::Register, &Op::Write { value: &value, ttl_ms: None }, NOW_MS).ok()?;
    }
    all.apply(one.take_delta()?, NOW_MS).ok()?;
    Some(all)
}

fn their_registers(keys: u64) -> HashMap<String, LWWReg<u64, (u64, u64)>> {
    (0..keys).map(|n| (name(n), LWWReg { val: n, marker: (NOW_MS << 16 | n, 1) })).collect()
}
