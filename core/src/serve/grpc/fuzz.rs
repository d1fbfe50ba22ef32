//! What clients and nodes say over gRPC, as a fuzzer makes it up: the first byte says which message the rest is.

use prost::Message;

use super::convert::{change_out, entry, kind, reading, value, with_changes, with_path};
use super::v1;
use crate::crdt::{Change, CrdtConfig, CrdtStore};
use crate::engine::{Engine, EngineOptions};
use crate::error::{Error, Result};

/// What the messages become, as bytes: what they are again when they are read.
fn again(changes: &[Change<'_>]) -> Vec<Vec<u8>> {
    changes.iter().map(|change| change_out(change).encode_to_vec()).collect()
}

fn write(store: &CrdtStore, changes: Vec<v1::Change>) -> Result<()> {
    with_changes(changes, |changes| {
        let out = changes.iter().map(change_out).collect();
        with_changes(out, |back| {
            assert_eq!(again(back), again(changes), "what is read is written as it was");
            Ok(())
        })
        .expect("what goes out comes in");
        match changes {
            [] => Err(Error::invalid("none")),
            [one] => store.write(one.path, one.kind, &one.op).wait().map(drop),
            several => store.transaction(several).wait().map(drop),
        }
    })
}

/// Each message is answered or refused, and the store has afterwards what its log has.
#[allow(clippy::missing_panics_doc, reason = "a panic is a finding")]
pub fn message(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let engine = Engine::memory_with(EngineOptions { worker: false, ..EngineOptions::default() }).expect("an engine");
    let store = engine.crdt(CrdtConfig { name: "app".into(), ..CrdtConfig::default() }).expect("a store");
    // An answer is as good as a refusal.
    match which % 6 {
        0 | 1 => {
            if let Ok(request) = v1::WriteRequest::decode(bytes) {
                let _ = write(&store, request.changes);
            }
        }
        2 => {
            if let Ok(request) = v1::ReadRequest::decode(bytes) {
                let _ =
                    kind(request.kind).and_then(|kind| with_path(request.path.as_ref(), |path| store.read(path, kind)));
            }
        }
        3 => {
            if let Ok(request) = v1::ContainsRequest::decode(bytes) {
                let contains =
                    |kind, value| with_path(request.path.as_ref(), |path| store.contains(path, kind, &value));
                let _ = kind(request.kind).and_then(|kind| contains(kind, value(request.value)?));
            }
        }
        4 => drop(v1::ReadResponse::decode(bytes).map(reading)),
        _ => drop(v1::DumpResponse::decode(bytes).map(|page| page.entries.into_iter().map(entry).collect::<Vec<_>>())),
    }
    let dumped = |store: &CrdtStore| -> Vec<String> {
        let dump = store.dump("").expect("the store goes on").into_iter();
        dump.map(|it| format!("{:?} {:?} {}", it.key, it.kind, it.json)).collect()
    };
    assert_eq!(dumped(&store), dumped(&engine.open_crdt("app").expect("it opens")), "the log has what is read");
    engine.close().expect("it closes");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crdt::{Kind, Op, Path, Reading, Value};
    use crate::serve::grpc::convert::{path_out, reading_out, value_out};

    fn seeds() -> Vec<Vec<u8>> {
        let (text, int) = (Value::from("x"), Value::Int(-5));
        let path = Path { key: "m", fields: &["f", "g"] };
        let changes = [
            Change { path: "n".into(), kind: Kind::Counter, op: Op::Add(-3) },
            Change { path, kind: Kind::Register, op: Op::Write { value: &text, ttl_ms: Some(5) } },
            Change { path: "s".into(), kind: Kind::RemoveWinsSet, op: Op::Insert { value: &int, ttl_ms: None } },
            Change { path: "s".into(), kind: Kind::RemoveWinsSet, op: Op::Remove(&int) },
            Change { path: "f".into(), kind: Kind::Flag, op: Op::Enable { ttl_ms: None } },
            Change { path: "m".into(), kind: Kind::Map, op: Op::Clear },
        ];
        let mut seeds: Vec<Vec<u8>> = Vec::new();
        let mut add = |which: u8, message: Vec<u8>| seeds.push([&[which][..], &message].concat());
        for some in [&changes[..], &changes[..1], &changes[1..3]] {
            let changes = some.iter().map(change_out).collect();
            add(0, v1::WriteRequest { store: "app".into(), changes }.encode_to_vec());
        }
        let (store, kind) = ("app".to_owned(), Kind::Set as i32);
        let value = Some(value_out(&text));
        add(2, v1::ReadRequest { store: store.clone(), path: Some(path_out(&path)), kind }.encode_to_vec());
        add(3, v1::ContainsRequest { store, path: Some(path_out(&path)), kind, value }.encode_to_vec());
        add(4, reading_out(&Reading::Values(vec![text, int])).encode_to_vec());
        let entry = v1::Entry { key: "k".into(), kind, json: "[]".into() };
        add(5, v1::DumpResponse { entries: vec![entry] }.encode_to_vec());
        seeds
    }

    #[test]
    fn nonsense_is_answered_or_refused() {
        let seeds = seeds();
        for seed in &seeds {
            message(seed);
        }
        crate::fuzzing::try_many(&seeds, 3_000, message);
    }
}
