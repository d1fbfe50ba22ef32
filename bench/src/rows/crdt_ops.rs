//! State that merges, one operation at a time: counter increments beside Loro with a commit each, register writes
//! beside Yrs with a transaction each, in memory; and both logged with `interval`, beside the goal.
//!
//! Ours and the peers do the same operations on the same thousand names; the peers keep handles of what they name.

use std::path::Path;

use headwater::crdt::{CrdtConfig, CrdtStore, Kind, Op, Reading, Replica, Value};
use headwater::{Durability, Engine, Writer};
use loro::LoroDoc;
use yrs::{Any, Doc, Map, MapRef, Number, Out, Transact};

use super::Row;
use crate::Outcome;
use crate::context::{Context, Samples, Side, rate};
use crate::report::Line;

/// The row.
pub(crate) const ROW: Row = Row {
    name: "crdt_ops",
    about: "counter increments and register writes, in memory and with interval: Loro, Yrs",
    run,
};

const OPERATIONS: u64 = 1_000_000;
/// Operations of a peer, a tenth of ours: rates are compared.
const PEER_OPERATIONS: u64 = 100_000;
const NAMES: u64 = 1_000;
/// Some moment, milliseconds since the epoch.
const NOW_MS: u64 = 1_800_000_000_000;

fn names() -> Vec<String> {
    (0..NAMES).map(|n| format!("name{n:06}")).collect()
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let (ours, theirs) = (context.scaled(OPERATIONS), context.scaled(PEER_OPERATIONS));
    let names = names();
    let dirs = ["counted", "written"].map(|name| context.fresh(name));
    let [count, commit, write, transact, count_logged, write_logged] = context.interleave([
        Side::new("Headwater increments", |_| in_memory(&names, ours, true)),
        Side::new("Loro increments", |_| loro(&names, theirs)),
        Side::new("Headwater writes", |_| in_memory(&names, ours, false)),
        Side::new("Yrs writes", |_| yrs(&names, theirs)),
        Side::new("Headwater increments, logged", |_| logged(&dirs[0], &names, ours, true)),
        Side::new("Headwater writes, logged", |_| logged(&dirs[1], &names, ours, false)),
    ])?;
    let goal = |rates: &Samples, per_second: f64| vec![per_second; rates.len()];
    let line =
        |what: &str, against: &str, rates: [&Samples; 2], times| Line::ratio(ROW.name, what, against, rates, times);
    Ok(vec![
        line("counter increments, in memory", "Loro, a commit each", [&count, &commit], 5.0),
        line("counter increments, in memory", "the goal", [&count, &goal(&count, 5e6)], 1.0),
        line("register writes, in memory", "Yrs, a transaction each", [&write, &transact], 3.0),
        line("register writes, in memory", "the goal", [&write, &goal(&write, 3e6)], 1.0),
        line("counter increments, `interval`", "the goal", [&count_logged, &goal(&count_logged, 1e6)], 1.0),
        line("register writes, `interval`", "the goal", [&write_logged, &goal(&write_logged, 1e6)], 1.0),
    ])
}

/// The operation of a turn, and as what.
fn operation(value: &Value, counts: bool) -> (Kind, Op<'_>) {
    if counts { (Kind::Counter, Op::Add(1)) } else { (Kind::Register, Op::Write { value, ttl_ms: None }) }
}

fn name(names: &[String], turn: u64) -> &str {
    &names[(turn % NAMES) as usize]
}

/// What a name reads as after so many turns.
fn expected(turns: u64, counts: bool) -> Reading {
    let last = turns - NAMES;
    if counts { Reading::Number((turns / NAMES).into()) } else { Reading::Value(Some(Value::Int(last as i64))) }
}

fn found(reading: Reading, turns: u64, counts: bool) -> Outcome<()> {
    if reading == expected(turns, counts) { Ok(()) } else { Err(format!("{reading:?} after {turns} turns").into()) }
}

fn in_memory(names: &[String], turns: u64, counts: bool) -> Outcome<f64> {
    let mut replica = Replica::new(Writer { engine: 1, epoch: 1 });
    let figure = rate(turns, || {
        for turn in 0..turns {
            let value = Value::Int(turn as i64);
            let (kind, op) = operation(&value, counts);
            replica.write(name(names, turn), kind, &op, NOW_MS + turn / 1_000)?;
        }
        Ok(())
    })?;
    found(replica.read(&*names[0], operation(&Value::Int(0), counts).0, NOW_MS), turns, counts)?;
    replica.take_delta().ok_or("there is nothing to send")?;
    Ok(figure)
}

fn store(dir: &Path) -> Outcome<(Engine, CrdtStore)> {
    let engine = Engine::open(dir)?;
    let config = CrdtConfig { name: "bench".into(), durability: Durability::Interval, ..CrdtConfig::default() };
    let store = engine.crdt(config)?;
    Ok((engine, store))
}

fn logged(dir: &Path, names: &[String], turns: u64, counts: bool) -> Outcome<f64> {
    let (engine, opened) = store(dir)?;
    let figure = rate(turns, || {
        for turn in 0..turns {
            let value = Value::Int(turn as i64);
            let (kind, op) = operation(&value, counts);
            opened.write(name(names, turn), kind, &op).wait()?;
        }
        Ok(())
    })?;
    opened.close();
    engine.close()?;
    let (engine, opened) = store(dir)?;
    found(opened.read(&*names[0], operation(&Value::Int(0), counts).0)?, turns, counts)?;
    engine.close()?;
    std::fs::remove_dir_all(dir)?;
    Ok(figure)
}

fn loro(names: &[String], turns: u64) -> Outcome<f64> {
    let doc = LoroDoc::new();
    let counters: Vec<_> = names.iter().map(|name| doc.get_counter(name.as_str())).collect();
    let figure = rate(turns, || {
        for turn in 0..turns {
            counters[(turn % NAMES) as usize].increment(1.0)?;
            doc.commit();
        }
        Ok(())
    })?;
    let total = counters[0].get_value();
    if total as u64 == turns / NAMES { Ok(figure) } else { Err(format!("Loro counted {total}").into()) }
}

fn yrs(names: &[String], turns: u64) -> Outcome<f64> {
    let doc = Doc::new();
    let map: MapRef = doc.get_or_insert_map("bench");
    let figure = rate(turns, || {
        for turn in 0..turns {
            map.insert(&mut doc.transact_mut(), name(names, turn), Any::Number(Number::Int(turn as i64)));
        }
        Ok(())
    })?;
    match map.get(&doc.transact(), &names[0]) {
        Some(Out::Any(Any::Number(Number::Int(last)))) if last as u64 == turns - NAMES => Ok(figure),
        other => Err(format!("Yrs has {other:?}").into()),
    }
}
