//! One percent of a set of ten thousand is new: its delta, joined, beside a merge of the whole set as `crdts` has it.

use crdts::{CmRDT, CvRDT, Orswot};
use headwater::Writer;
use headwater::crdt::{Applied, Fragment, Kind, Op, Replica, Value};

use super::Row;
use crate::Outcome;
use crate::context::{Context, Side, rate};
use crate::report::Line;

/// The row.
pub(crate) const ROW: Row = Row { name: "crdt_join", about: "1 % new of an add-wins set of 10,000: crdts", run };

const ELEMENTS: i64 = 10_000;
const NEW: i64 = 100;
const MERGES: u64 = 50;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let (before, delta) = ours()?;
    let (old, new) = theirs();
    let [joins, merges] = context.interleave([
        Side::new("Headwater", |_| {
            let mut work: Vec<(Replica, Fragment)> = (0..MERGES).map(|_| (before.clone(), delta.clone())).collect();
            let figure = rate(MERGES, || {
                for (replica, delta) in &mut work {
                    let Applied::Changed(changed) = replica.apply(delta.clone(), 0)? else {
                        return Err("the delta was held".into());
                    };
                    if changed.len() != 1 {
                        return Err("nothing changed".into());
                    }
                }
                Ok(())
            })?;
            let has = |n| work[0].0.contains("set", Kind::Set, &Value::Int(n), 0);
            if has(0) && has(ELEMENTS + NEW - 1) { Ok(figure) } else { Err("it lacks an element".into()) }
        }),
        Side::new("crdts", |_| {
            let mut work: Vec<(Theirs, Option<Theirs>)> =
                (0..MERGES).map(|_| (old.clone(), Some(new.clone()))).collect();
            let figure = rate(MERGES, || {
                for (set, other) in &mut work {
                    set.merge(other.take().ok_or("it is merged once")?);
                }
                Ok(())
            })?;
            let count = work[0].0.read().val.len() as i64;
            if count == ELEMENTS + NEW { Ok(figure) } else { Err(format!("crdts has {count} elements").into()) }
        }),
    ])?;
    Ok(vec![Line::ratio(
        ROW.name,
        "delta join, 1 % of 10,000 new",
        "crdts Orswot, full merge",
        [&joins, &merges],
        50.0,
    )])
}

fn ours() -> Outcome<(Replica, Fragment)> {
    let [mut here, mut there] = [1, 2].map(|engine| Replica::new(Writer { engine, epoch: 1 }));
    let insert = |replica: &mut Replica, n: i64| {
        replica.write("set", Kind::Set, &Op::Insert { value: &Value::Int(n), ttl_ms: None }, 0)
    };
    for n in 0..ELEMENTS {
        insert(&mut here, n)?;
    }
    there.apply(here.whole(), 0)?;
    for n in ELEMENTS..ELEMENTS + NEW {
        insert(&mut there, n)?;
    }
    let delta = there.take_delta().ok_or("nothing is new")?;
    here.take_delta();
    Ok((here, delta))
}

/// A set of the peer's.
type Theirs = Orswot<i64, u64>;

fn theirs() -> (Theirs, Theirs) {
    let mut old = Orswot::new();
    let add = |set: &mut Theirs, actor: u64, n: i64| {
        let op = set.add(n, set.read_ctx().derive_add_ctx(actor));
        set.apply(op);
    };
    (0..ELEMENTS).for_each(|n| add(&mut old, 1, n));
    let mut new = old.clone();
    (ELEMENTS..ELEMENTS + NEW).for_each(|n| add(&mut new, 2, n));
    (old, new)
}
