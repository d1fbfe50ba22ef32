//! Objects in and out: every size around a chunk, what breaks a put, what a reader finds wrong, and two at once.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::*;
use crate::clock::Clock;
use crate::engine::EngineOptions;
use crate::record::Append;
use crate::{Pending, Stream, SystemClock};

fn go_on(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn put(store: &ObjectStore, name: &str, bytes: &[u8]) -> ObjectInfo {
    store.put(name, &mut &bytes[..], &ObjectOptions::default(), &mut go_on).expect("a put")
}

fn get(store: &ObjectStore, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.get(name).expect("it is there").read_to_end(&mut bytes).expect("its bytes");
    bytes
}

fn store(engine: &Engine) -> ObjectStore {
    engine.create_object_store(ObjectConfig::new("files")).wait().expect("an object store")
}

fn memory() -> (Engine, ObjectStore) {
    let engine = Engine::memory().expect("an engine");
    let store = store(&engine);
    (engine, store)
}

/// Bytes that differ from chunk to chunk.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn chunks(stream: &Stream) -> usize {
    stream.subjects("$O.*.C.>", "", 1000).wait().expect("subjects").iter().map(|(_, count)| *count as usize).sum()
}

#[test]
fn every_size_around_a_chunk_comes_out_as_it_went_in() {
    let (_engine, store) = memory();
    let chunk = OBJECT_CHUNK_BYTES;
    for (len, in_chunks) in [(0, 0), (1, 1), (chunk - 1, 1), (chunk, 1), (chunk + 1, 2), (10 << 20, 80)] {
        let bytes = noise(len, len as u64);
        let info = put(&store, "a", &bytes);
        assert_eq!((info.size, info.chunks), (len as u64, in_chunks), "{len} bytes");
        assert!(get(&store, "a") == bytes, "{len} bytes");
        assert_eq!(store.info("a").wait().expect("info").expect("it is there").digest, info.digest);
        assert_eq!(chunks(store.stream()) as u64, in_chunks, "the chunks before it are gone at {len} bytes");
    }
}

#[test]
fn any_size_in_any_pieces_through_any_chunks_comes_out_as_it_went_in() {
    let (_engine, store) = memory();
    let seed = SystemClock.random();
    let mut numbers = noise(4096, seed).into_iter().map(usize::from);
    let mut next = |most: usize| (numbers.next().unwrap_or(1) * 256 + numbers.next().unwrap_or(1)) % most;
    for round in 0..40 {
        let bytes = noise(next(20_000), round);
        let options = ObjectOptions { max_chunk_size: 1 + next(3_000) as u64, ..ObjectOptions::default() };
        let mut writer = store.writer("a", &options).expect("a writer");
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((1 + next(5_000)).min(rest.len()));
            writer.write_all(piece).expect("a piece");
            rest = after;
        }
        let info = writer.finish().expect("a put");
        assert_eq!(info.chunks, (bytes.len() as u64).div_ceil(options.max_chunk_size), "seed {seed}");
        let mut reader = store.get("a").expect("it is there");
        let (mut got, mut piece) = (Vec::new(), vec![0; 1 + next(4_000)]);
        loop {
            match reader.read(&mut piece).expect("bytes") {
                0 => break,
                len => got.extend_from_slice(&piece[..len]),
            }
        }
        assert!(got == bytes, "seed {seed}, round {round}");
    }
}

#[test]
fn a_digest_is_written_as_nats_writes_it() {
    let (_engine, store) = memory();
    assert_eq!(put(&store, "a", b"").digest, "SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=");
}

#[test]
fn what_is_said_of_an_object_is_kept_and_changed() {
    let (_engine, store) = memory();
    let options = ObjectOptions {
        description: "d".into(),
        headers: vec![("b".into(), "1".into()), ("a".into(), "2".into()), ("b".into(), "3".into())],
        metadata: BTreeMap::from([("k".into(), "v".into())]),
        max_chunk_size: 10,
    };
    let put = store.put("a", &mut &b"bytes"[..], &options, &mut go_on).expect("a put");
    let info = store.info("a").wait().expect("info").expect("it is there");
    assert_eq!(ObjectInfo { modified: 0, ..put }, ObjectInfo { modified: 0, ..info.clone() });
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(info.headers, [header("a", "2"), header("b", "1"), header("b", "3")]);
    let update = ObjectUpdate { description: Some("e".into()), ..ObjectUpdate::default() };
    let changed = store.update("a", &update).wait().expect("an update");
    assert_eq!((changed.description.as_str(), changed.metadata.len()), ("e", 1));
    assert_eq!(get(&store, "a"), b"bytes");
}

#[test]
fn a_rename_moves_the_object_and_takes_no_name_that_is_taken() {
    let (_engine, store) = memory();
    put(&store, "a", b"one");
    put(&store, "b", b"two");
    let to = |name: &str| ObjectUpdate { name: Some(name.into()), ..ObjectUpdate::default() };
    assert_eq!(store.update("a", &to("b")).wait().expect_err("taken").kind(), ErrorKind::Conflict);
    assert_eq!(store.update("x", &to("y")).wait().expect_err("not there").kind(), ErrorKind::NotFound);
    store.update("a", &to("c")).wait().expect("a rename");
    assert_eq!(get(&store, "c"), b"one");
    assert_eq!(store.get("a").err().expect("gone").kind(), ErrorKind::NotFound);
    put(&store, "a", b"new");
    store.delete("a").wait().expect("a delete");
    assert_eq!(get(&store, "c"), b"one", "the old name takes nothing with it");
}

#[test]
fn a_delete_leaves_no_chunk_and_no_object() {
    let (_engine, store) = memory();
    put(&store, "a", b"bytes");
    put(&store, "b", b"bytes");
    store.delete("a").wait().expect("a delete");
    assert_eq!(store.info("a").wait().expect("info"), None);
    assert_eq!(store.delete("a").wait().expect_err("gone").kind(), ErrorKind::NotFound);
    assert_eq!(store.delete("c").wait().expect_err("never there").kind(), ErrorKind::NotFound);
    let names: Vec<_> = store.list().wait().expect("a list").into_iter().map(|i| i.name).collect();
    assert_eq!((names, chunks(store.stream())), (vec!["b".to_owned()], 1));
}

#[test]
fn a_put_that_is_stopped_fails_or_is_dropped_leaves_the_object_before_it() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("planted"))
        }
    }
    let (_engine, store) = memory();
    put(&store, "a", b"old");
    let many = noise(OBJECT_CHUNK_BYTES * 3, 1);
    let options = ObjectOptions::default();
    let stopped = store.put("a", &mut &many[..], &options, &mut |done| match done {
        done if done > OBJECT_CHUNK_BYTES as u64 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert_eq!(stopped.expect_err("stopped").kind(), ErrorKind::Timeout);
    let failed = store.put("a", &mut (&many[..]).chain(Broken), &options, &mut go_on).expect_err("broken");
    assert_eq!(failed.kind(), ErrorKind::Io);
    assert!(failed.message().contains("object 'a' of store 'files'"), "{failed}");
    let mut dropped = store.writer("a", &options).expect("a writer");
    dropped.write_bytes(&many).expect("bytes");
    drop(dropped);
    store.writer("a", &options).expect("a writer").abort().expect("nothing to purge");
    assert_eq!((get(&store, "a"), chunks(store.stream())), (b"old".to_vec(), 1));
}

#[test]
fn a_put_that_finds_no_room_leaves_nothing() {
    let engine = Engine::memory().expect("an engine");
    let config = ObjectConfig { max_bytes: 1 << 20, ..ObjectConfig::new("files") };
    let store = engine.create_object_store(config).wait().expect("a store");
    let error = store.put("a", &mut &noise(2 << 20, 1)[..], &ObjectOptions::default(), &mut go_on).expect_err("full");
    assert_eq!((error.kind(), chunks(store.stream())), (ErrorKind::Limit, 0));
    put(&store, "b", &noise(900 << 10, 2));
}

#[test]
fn a_crash_between_the_chunks_and_the_record_leaves_the_object_before_it() {
    let dir = std::env::temp_dir().join(format!("headwater-object-{:016x}", SystemClock.random()));
    let engine = Engine::open(&dir).expect("an engine");
    let files = store(&engine);
    put(&files, "a", b"old");
    let mut writer = files.writer("a", &ObjectOptions::default()).expect("a writer");
    writer.write_bytes(&noise(OBJECT_CHUNK_BYTES * 2, 1)).expect("bytes");
    // After the close nothing can be purged any more, as after a crash.
    engine.close().expect("closed");
    drop(writer);
    drop((files, engine));
    let engine = Engine::open(&dir).expect("an engine");
    let files = engine.object_store("files").wait().expect("a store");
    assert_eq!((get(&files, "a"), chunks(files.stream())), (b"old".to_vec(), 3));
    put(&files, "a", b"new");
    assert_eq!(get(&files, "a"), b"new");
    engine.close().expect("closed");
    drop((files, engine));
    std::fs::remove_dir_all(dir).expect("removed");
}

/// Puts other bytes of the same length in the place of a chunk that was deleted.
#[test]
fn a_chunk_that_is_not_what_was_put_is_found_by_its_digest() {
    let (_engine, store) = memory();
    let info = put(&store, "a", b"bytes");
    let subject = name::chunk_subject("files", &info.nuid);
    let chunk = store.stream().last(&subject).wait().expect("a read").expect("a chunk");
    store.stream().delete(chunk.seq).wait().expect("a delete");
    let error = store.get("a").expect("it is there").next_chunk().map(drop).expect_err("no chunk");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("object 'a' of store 'files' has 0 chunks where its record says 1"), "{error}");
    store.stream().append(&Append::new(&subject, b"bytez")).wait().expect("another chunk");
    let error = store.get("a").expect("it is there").read_to_end(&mut Vec::new()).expect_err("another digest");
    assert!(error.to_string().contains("has the digest SHA-256="), "{error}");
    store.stream().append(&Append::new(&subject, b"z")).wait().expect("one more chunk");
    let error = store.get("a").expect("it is there").next_chunk().map(drop).expect_err("too many");
    assert!(error.message().contains("has 2 chunks where its record says 1"), "{error}");
}

#[test]
fn a_reader_whose_object_is_replaced_is_told_so_and_mixes_nothing() {
    let (_engine, store) = memory();
    let old = noise(4 << 20, 1);
    put(&store, "a", &old);
    let mut reader = store.get("a").expect("it is there");
    let first = reader.next_chunk().expect("a chunk").expect("a chunk").to_vec();
    assert!(first == old[..first.len()]);
    put(&store, "a", &noise(4 << 20, 2));
    let mut got = first;
    let error = loop {
        match reader.next_chunk() {
            Ok(Some(chunk)) => got.extend_from_slice(chunk),
            Ok(None) => panic!("an object that is gone was read to its end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(got == old[..got.len()], "what came is of the old object");
}

#[test]
fn of_puts_at_once_one_wins_whole_and_the_chunks_of_the_others_go() {
    let (_engine, store) = memory();
    let all: Vec<Vec<u8>> = (0..6).map(|seed| noise(OBJECT_CHUNK_BYTES * 3 + seed, seed as u64)).collect();
    std::thread::scope(|scope| {
        for bytes in &all {
            let store = &store;
            scope.spawn(move || (0..5).for_each(|_| drop(put(store, "a", bytes))));
        }
    });
    let winner = get(&store, "a");
    assert!(all.contains(&winner), "a mixture of {} bytes", winner.len());
    assert_eq!(chunks(store.stream()), winner.len().div_ceil(OBJECT_CHUNK_BYTES), "only those of the winner are left");
}

#[test]
fn links_are_followed_and_kept_from_what_nats_refuses() {
    let (engine, store) = memory();
    let other = engine.create_object_store(ObjectConfig::new("other")).wait().expect("a store");
    put(&store, "a", b"bytes");
    let to = |bucket: &str, name: &str| ObjectLink { bucket: bucket.into(), name: Some(name.into()) };
    let link = other.add_link("l", &to("files", "a")).wait().expect("a link");
    assert_eq!((link.size, link.link), (0, Some(to("files", "a"))));
    assert_eq!(get(&other, "l"), b"bytes");
    assert_eq!(other.get("l").expect("it is there").info().name, "a");
    let kind = |result: Pending<ObjectInfo>| result.wait().expect_err("refused").kind();
    assert_eq!(kind(store.add_link("m", &to("other", "l"))), ErrorKind::Invalid, "a link to a link");
    assert_eq!(kind(store.add_link("m", &to("files", "x"))), ErrorKind::NotFound);
    assert_eq!(kind(store.add_link("m", &to("nowhere", "x"))), ErrorKind::NotFound);
    assert_eq!(kind(store.add_link("a", &to("files", "a"))), ErrorKind::Conflict, "an object has the name");
    other.add_link("l", &ObjectLink { bucket: "files".into(), name: None }).wait().expect("a link to the store");
    assert_eq!(other.get("l").err().expect("no object").kind(), ErrorKind::Invalid);
    other.add_link("l", &to("files", "a")).wait().expect("a link again");
    store.delete("a").wait().expect("a delete");
    let error = other.get("l").err().expect("it leads nowhere");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("object 'l' of store 'other' is a link"), "{error}");
    // A circle, which only writers that do not look can make.
    put(&store, "l", b"");
    other.add_link("l", &to("files", "l")).wait().expect("a link");
    store.delete("l").wait().expect("a delete");
    put(&other, "x", b"");
    store.add_link("l", &to("other", "x")).wait().expect("a link");
    other.delete("x").wait().expect("a delete");
    other.update("l", &ObjectUpdate { name: Some("x".into()), ..ObjectUpdate::default() }).wait().expect("a rename");
    assert_eq!(other.get("x").err().expect("a circle").kind(), ErrorKind::Invalid);
}

#[test]
fn a_watcher_sees_what_is_there_and_what_changes() {
    let (_engine, store) = memory();
    put(&store, "a", b"1");
    put(&store, "b", b"2");
    let watcher = store.watch(ObjectWatchOptions::default()).wait().expect("a watcher");
    let quiet = ObjectWatchOptions { updates_only: true, ignore_deletes: true };
    let updates = store.watch(quiet).wait().expect("a watcher");
    assert!(!watcher.caught_up() && updates.caught_up());
    let seen = watcher.next(10).wait().expect("infos");
    assert_eq!(seen.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(watcher.caught_up());
    store.delete("a").wait().expect("a delete");
    let gone = watcher.next(10).wait().expect("infos");
    assert_eq!((gone.len(), gone[0].name.as_str(), gone[0].deleted), (1, "a", true));
    put(&store, "c", b"3");
    assert_eq!(updates.next(10).wait().expect("infos")[0].name, "c");
    assert!(updates.try_next(10).expect("nothing").is_empty());
    watcher.close();
    assert_eq!(watcher.next(1).wait().expect_err("closed").kind(), ErrorKind::Closed);
}

#[test]
fn stores_are_made_listed_and_removed() {
    let (engine, files) = memory();
    let same = engine.create_object_store(ObjectConfig::new("files")).wait().expect("the one there");
    assert_eq!(same.name(), files.name());
    let other = ObjectConfig { description: "d".into(), ..ObjectConfig::new("files") };
    assert_eq!(engine.create_object_store(other).wait().expect_err("another").kind(), ErrorKind::Conflict);
    assert_eq!(
        engine.create_object_store(ObjectConfig::new("a.b")).wait().expect_err("bad").kind(),
        ErrorKind::Invalid
    );
    assert_eq!(engine.object_store("none").wait().expect_err("none").kind(), ErrorKind::NotFound);
    put(&files, "a", b"bytes");
    let status = files.status().wait().expect("a status");
    assert!(status.bytes > 0 && status.config == ObjectConfig::new("files"), "{status:?}");
    assert_eq!(engine.object_stores().wait().expect("names"), ["files"]);
    assert!(engine.buckets().wait().expect("names").is_empty());
    engine.delete_object_store("files").wait().expect("removed");
    assert!(engine.object_stores().wait().expect("names").is_empty());
}

#[test]
fn everything_works_without_a_worker() {
    let options = EngineOptions { worker: false, clock: Arc::new(crate::ManualClock::new(1, 7)), ..Default::default() };
    let engine = Engine::memory_with(options).expect("an engine");
    let files = store(&engine);
    put(&files, "a", &noise(OBJECT_CHUNK_BYTES * 2, 1));
    let update = ObjectUpdate { name: Some("b".into()), ..ObjectUpdate::default() };
    files.update("a", &update).wait().expect("a rename");
    files.delete("b").wait().expect("a delete");
}
