//! State that merges: two handles of one store count, add and follow each other, and two replicas without an engine
//! become equal by the fragments that they send.

use std::time::Duration;

use headwater::crdt::{Change, CrdtConfig, CrdtStore, CrdtWatcher, Fragment, Kind, Op, Path, Replica, Value};
use headwater::{Engine, Result, Writer};

const WAIT: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let engine = Engine::temporary()?;
    let here = engine.crdt(CrdtConfig { name: "app".into(), ..CrdtConfig::default() })?;
    let there = engine.open_crdt("app")?;

    let watcher = there.watch("")?;
    like(&here, 5)?;
    describe(&here)?;
    follow(&there, &watcher)?;
    like(&there, 1)?;
    without_an_engine()?;
    engine.close()
}

fn like(store: &CrdtStore, amount: i64) -> Result<()> {
    let written = store.write("likes", Kind::Counter, &Op::Add(amount)).wait()?;
    println!("likes: {:?}", written.total);
    Ok(())
}

/// Several changes as one record: a tag, and a field of a map.
fn describe(store: &CrdtStore) -> Result<()> {
    let (blue, name) = (Value::from("blue"), Value::from("Ann"));
    let changes = [
        Change { path: "tags".into(), kind: Kind::Set, op: Op::Insert { value: &blue, ttl_ms: None } },
        Change {
            path: Path { key: "user", fields: &["name"] },
            kind: Kind::Register,
            op: Op::Write { value: &name, ttl_ms: None },
        },
    ];
    store.transaction(&changes).wait().map(drop)
}

/// Waits until three keys changed, then prints what is in the store.
fn follow(store: &CrdtStore, watcher: &CrdtWatcher) -> Result<()> {
    let mut seen = 0;
    while seen < 3 {
        for change in watcher.next(100).wait_timeout(WAIT)? {
            println!("changed: {} ({})", change.key, change.kind);
            seen += 1;
        }
    }
    for dumped in store.dump("")? {
        println!("{} = {}", dumped.key, dumped.json);
    }
    Ok(())
}

/// The same without an engine: what one replica did reaches the other as bytes, by whatever carrier.
fn without_an_engine() -> Result<()> {
    let now_ms = 1_000;
    let mut replicas = [1, 2].map(|engine| Replica::new(Writer { engine, epoch: 1 }));
    let mut deltas = Vec::new();
    for (amount, replica) in (2..).zip(&mut replicas) {
        replica.write("likes", Kind::Counter, &Op::Add(amount), now_ms)?;
        deltas.extend(replica.take_delta().map(|delta| delta.encode()));
    }
    for (replica, bytes) in replicas.iter_mut().zip(deltas.iter().rev()) {
        replica.apply(Fragment::decode(bytes)?, now_ms)?;
        let likes = replica.read("likes", Kind::Counter, now_ms);
        println!("{}: {likes:?} after {} bytes", replica.actor(), bytes.len());
    }
    Ok(())
}
