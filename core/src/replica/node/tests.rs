//! What is told to a file's worker, and when its thread is gone.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::config::{DatabaseConfig, SnapshotConfig};
use super::worker::Worker;
use crate::engine::Engine;
use crate::error::ErrorKind;

#[test]
fn a_wait_on_a_worker_whose_thread_ended_ends() {
    let path = std::env::temp_dir().join(format!("headwater-worker-{}.db", std::process::id()));
    std::fs::write(&path, "").unwrap();
    let engine = Engine::memory().unwrap();
    let worker = Worker::open(&engine, DatabaseConfig { name: "app".into(), ..DatabaseConfig::new(&path) }, false);
    let worker = worker.unwrap();
    let working = Arc::clone(&worker);
    worker.set_thread(std::thread::spawn(move || working.run()));
    worker.sync().wait().unwrap();
    worker.end();
    let error = worker.sync().wait_timeout(Duration::from_secs(10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    worker.stop();
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}

#[test]
fn paths_mean_the_same_in_every_process() {
    let config = |path: &str, store: &str| DatabaseConfig {
        snapshot: SnapshotConfig { store: store.to_owned(), ..SnapshotConfig::default() },
        ..DatabaseConfig::new(path)
    };
    let here = std::env::current_dir().unwrap();
    let told = config("app.db", "kept").resolved().unwrap();
    assert_eq!((told.path, PathBuf::from(told.snapshot.store)), (here.join("app.db"), here.join("kept")));
    let path = "/a/app.db";
    for (path, store) in [(path, "nats"), (path, "s3"), (path, "/b"), (path, "s3://bucket"), ("", "")] {
        let told = config(path, store).resolved().unwrap();
        assert_eq!((told.path.as_path(), told.snapshot.store.as_str()), (Path::new(path), store));
    }
    let mut outside = config(path, "sftp");
    outside.snapshot.sftp.known_hosts = PathBuf::from("hosts");
    assert_eq!(outside.resolved().unwrap().snapshot.sftp.known_hosts, here.join("hosts"));
}
