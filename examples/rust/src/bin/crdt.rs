//! State that merges: a counter and a set are changed in a store, and two replicas that worked apart become equal.

use std::collections::BTreeSet;
use std::time::Duration;

use headwater::crdt::{Change, CrdtConfig, CrdtStore, Fragment, Kind, Op, Path, Reading, Replica, Value};
use headwater::{Engine, Error, ErrorKind, Result, Writer};

const TIMEOUT: Duration = Duration::from_secs(30);
const NOW_MS: u64 = 1_772_323_200_000;
/// Where Ada's colour is: a field of a map.
const COLOUR: Path<'static> = Path { key: "ada", fields: &["colour"] };

fn main() -> Result<()> {
    let engine = Engine::temporary()?;
    let store = engine.crdt(CrdtConfig { name: "app".into(), ..CrdtConfig::default() })?;
    count_and_tag(&store)?;
    store.close();
    read(&engine.open_crdt("app")?)?;
    merge()?;
    engine.close()
}

fn count_and_tag(store: &CrdtStore) -> Result<()> {
    let watcher = store.watch("")?;
    let total = |op| store.write("likes", Kind::Counter, &op).wait().map(|written| written.total.unwrap_or_default());
    println!("likes are {}, and then {}", total(Op::Add(5))?, total(Op::Add(-2))?);

    let (blue, green) = (Value::from("blue"), Value::from("green"));
    let tag = |value| Change { path: "tags".into(), kind: Kind::Set, op: Op::Insert { value, ttl_ms: None } };
    let colour = Change { path: COLOUR, kind: Kind::Register, op: Op::Write { value: &blue, ttl_ms: None } };
    store.transaction(&[tag(&blue), tag(&green), colour]).wait()?;

    let mut seen = BTreeSet::new();
    while seen.len() < 3 {
        seen.extend(watcher.next(100).wait_timeout(TIMEOUT)?.into_iter().map(|change| change.key));
    }
    println!("changed: {}", seen.into_iter().collect::<Vec<_>>().join(", "));
    Ok(())
}

fn read(store: &CrdtStore) -> Result<()> {
    let tags = texts(store.read("tags", Kind::Set)?);
    let colour = texts(store.read(COLOUR, Kind::Register)?);
    println!("tags are {tags}; Ada's colour is {colour}");
    Ok(())
}

/// What a program does that carries fragments by itself: no store, no network, no clock.
fn merge() -> Result<()> {
    let (mut here, mut there) = (replica(1), replica(2));
    let (blue, green) = (Value::from("blue"), Value::from("green"));
    here.write("likes", Kind::Counter, &Op::Add(2), NOW_MS)?;
    here.write("tags", Kind::Set, &Op::Insert { value: &blue, ttl_ms: None }, NOW_MS)?;
    there.apply(Fragment::decode(&here.whole().encode())?, NOW_MS)?;
    here.take_delta();
    // From here on they know nothing of each other.
    here.write("likes", Kind::Counter, &Op::Add(2), NOW_MS)?;
    here.write("tags", Kind::Set, &Op::Remove(&blue), NOW_MS)?;
    there.write("likes", Kind::Counter, &Op::Add(1), NOW_MS)?;
    there.write("tags", Kind::Set, &Op::Insert { value: &green, ttl_ms: None }, NOW_MS)?;
    send(&mut here, &mut there)?;
    send(&mut there, &mut here)?;
    if here.whole().encode() != there.whole().encode() {
        return Err(Error::new(ErrorKind::Internal, "the replicas differ"));
    }
    let Reading::Number(likes) = there.read("likes", Kind::Counter, NOW_MS) else {
        return Err(Error::new(ErrorKind::Internal, "a counter reads as a number"));
    };
    let tags = texts(there.read("tags", Kind::Set, NOW_MS));
    println!("after the exchange both have {likes} likes and the tags {tags}");
    Ok(())
}

fn replica(engine: u64) -> Replica {
    Replica::new(Writer { engine, epoch: 1 })
}

/// What one replica did since the last time reaches the other as bytes.
fn send(from: &mut Replica, to: &mut Replica) -> Result<()> {
    if let Some(delta) = from.take_delta() {
        to.apply(Fragment::decode(&delta.encode())?, NOW_MS)?;
    }
    Ok(())
}

/// The texts among what was read.
fn texts(reading: Reading) -> String {
    let values = match reading {
        Reading::Value(value) => value.into_iter().collect(),
        Reading::Values(values) => values,
        _ => Vec::new(),
    };
    let text = |value: &Value| if let Value::Text(text) = value { Some(text.to_string()) } else { None };
    values.iter().filter_map(text).collect::<Vec<_>>().join(", ")
}
