//! Stores that are here: a directory, and an object store of an engine. What every store does is here too.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[cfg(feature = "replica-stores")]
mod outside;

use super::*;

fn config(store: &str) -> SnapshotConfig {
    SnapshotConfig { store: store.to_owned(), ..SnapshotConfig::default() }
}

/// What every store does.
fn keeps_pieces(store: &dyn Store) {
    let place = store.place();
    assert_eq!(store.list().unwrap(), Vec::<String>::new(), "{place}");
    store.put("a.000001", b"one").unwrap();
    store.put("a.json", b"{}").unwrap();
    store.put("a.000001", b"two").unwrap();
    let mut names = store.list().unwrap();
    names.sort();
    assert_eq!(names, ["a.000001", "a.json"], "{place}");
    assert_eq!(store.get("a.000001").unwrap().as_deref(), Some(&b"two"[..]), "{place}");
    store.delete("a.000001").unwrap();
    store.delete("a.000001").unwrap();
    assert_eq!(store.get("a.000001").unwrap(), None, "{place}");
    let large: Vec<u8> = (0..5_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    store.put("large", &large).unwrap();
    assert_eq!(store.get("large").unwrap().as_deref(), Some(&large[..]), "{place}");
    for name in ["large", "a.json"] {
        store.delete(name).unwrap();
    }
    assert_eq!(store.list().unwrap(), Vec::<String>::new(), "{place}");
}

fn refused(store: Result<Box<dyn Store>>) -> Error {
    store.err().expect("it is refused")
}

#[test]
fn a_directory_and_an_object_store_keep_pieces_alike() {
    let engine = Engine::memory().unwrap();
    let dir = std::env::temp_dir().join(format!("headwater-snapshots-{}", std::process::id()));
    for place in ["nats".to_owned(), dir.display().to_string()] {
        keeps_pieces(&*open(&config(&place), "app", &engine).unwrap());
    }
    std::fs::remove_dir_all(dir).unwrap();
    assert_eq!(refused(open(&config("gopher://x"), "app", &engine)).kind(), ErrorKind::Unsupported);
}

#[test]
#[cfg(not(feature = "replica-stores"))]
fn a_build_without_stores_outside_says_so() {
    let mut config = config("s3");
    (config.s3.endpoint, config.s3.bucket) = ("https://127.0.0.1".to_owned(), "b".to_owned());
    let error = refused(open(&config, "app", &Engine::memory().unwrap()));
    assert!(error.kind() == ErrorKind::Unsupported && error.message().contains("s3"), "{error}");
}
