//! Merging two stores of a million keys: one of whose keys the other has none, and one that has written 1 % of them
//! anew since both were equal. Beside it the bandwidth of memory: a plain copy of the bytes that all these keys have as
//! they are sent.
//!
//! The stores are in memory, so no disk is measured. Each turn makes them anew.

use std::cell::Cell;
use std::time::Instant;

use headwater::Engine;
use headwater::crdt::{Change, CrdtConfig, CrdtStore, Kind, Op, Reading, Value};

use super::Row;
use crate::Outcome;
use crate::context::{Context, Samples, Side};
use crate::report::{Goal, Line, Unit, median};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "crdt_merge", about: "merge of two stores of 1,000,000 keys, beside a copy of their bytes", run };

const KEYS: u64 = 1_000_000;
/// Of so many keys one was written anew.
const ONE_OF: usize = 100;
/// Writes in one transaction while a store is filled.
const AT_ONCE: u64 = 1_000;
/// Seconds that a merge may take, where none of the keys is there and where 1 % is new.
const GOALS: [f64; 2] = [4.0, 3.0];

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let keys = context.scaled(KEYS);
    let bytes = Cell::new(0);
    let [all, some, copies] = context.interleave([
        Side::new("all differ", |_| {
            let (ours, theirs) = (store()?, store()?);
            fill(&ours, "here", keys, 1, 0)?;
            fill(&theirs, "there", keys, 1, 0)?;
            let (seconds, changed) = merge(&ours, &theirs, &bytes)?;
            holds(&ours, "there", keys - 1, 0)?;
            if changed == keys { Ok(seconds) } else { Err(format!("{changed} of {keys} keys changed").into()) }
        }),
        Side::new("1 % differ", |_| {
            let (ours, theirs) = (store()?, store()?);
            fill(&ours, "here", keys, 1, 0)?;
            theirs.merge(&ours)?;
            fill(&theirs, "here", keys, ONE_OF, 1)?;
            let (seconds, changed) = merge(&ours, &theirs, &Cell::new(0))?;
            holds(&ours, "here", 0, 1)?;
            let new = keys.div_ceil(ONE_OF as u64);
            if changed == new { Ok(seconds) } else { Err(format!("{changed} of {new} keys changed").into()) }
        }),
        Side::new("a copy", |_| Ok(copy(bytes.get()))),
    ])?;
    let speed = |seconds: &Samples| format!("{:.0} MB/s", bytes.get() as f64 / 1e6 / median(seconds));
    let line = |what: &str, seconds: &Samples, goal: f64| {
        let figure = Line::figure(ROW.name, what, seconds.clone(), Unit::Seconds, Goal::AtMost(goal));
        figure.beside("a copy of their bytes", speed(seconds), speed(&copies))
    };
    Ok(vec![
        line("merge of 1,000,000 keys into as many others", &all, GOALS[0]),
        line("merge of 1,000,000 keys into the same, 1 % new", &some, GOALS[1]),
    ])
}

fn store() -> Outcome<CrdtStore> {
    Ok(Engine::memory()?.crdt(CrdtConfig { name: "bench".into(), ..CrdtConfig::default() })?)
}

/// Writes a register to each of so many keys, but for those between every `step`.
fn fill(store: &CrdtStore, prefix: &str, keys: u64, step: usize, round: i64) -> Outcome<()> {
    for first in (0..keys).step_by(AT_ONCE as usize) {
        let numbers = || (first..keys.min(first + AT_ONCE)).filter(|n| n.is_multiple_of(step as u64));
        let names: Vec<(String, Value)> = numbers().map(|n| (name(prefix, n), value(n, round))).collect();
        store.transaction(&names.iter().map(change).collect::<Vec<_>>()).wait()?;
    }
    Ok(())
}

fn change((name, value): &(String, Value)) -> Change<'_> {
    Change { path: name.as_str().into(), kind: Kind::Register, op: Op::Write { value, ttl_ms: None } }
}

fn name(prefix: &str, n: u64) -> String {
    format!("{prefix}{n:06}")
}

fn value(n: u64, round: i64) -> Value {
    Value::Int(n as i64 * 2 + round)
}

fn holds(store: &CrdtStore, prefix: &str, n: u64, round: i64) -> Outcome<()> {
    match store.read(&*name(prefix, n), Kind::Register)? {
        Reading::Value(Some(found)) if found == value(n, round) => Ok(()),
        other => Err(format!("{} is {other:?}", name(prefix, n)).into()),
    }
}

/// Seconds, and how many keys changed; counts the bytes that were moved.
fn merge(ours: &CrdtStore, theirs: &CrdtStore, bytes: &Cell<u64>) -> Outcome<(f64, u64)> {
    let began = Instant::now();
    let merged = ours.merge(theirs)?;
    // Reading takes in what the log got last.
    let behind = ours.status()?.behind;
    let seconds = began.elapsed().as_secs_f64();
    bytes.set(merged.bytes);
    if behind == 0 { Ok((seconds, merged.changed)) } else { Err(format!("{behind} operations are missing").into()) }
}

/// Seconds of a copy from memory to memory that was touched before.
fn copy(bytes: u64) -> f64 {
    let (from, mut to) = (vec![1_u8; bytes as usize], vec![2_u8; bytes as usize]);
    let began = Instant::now();
    std::hint::black_box(&mut to).copy_from_slice(std::hint::black_box(&from));
    began.elapsed().as_secs_f64()
}
