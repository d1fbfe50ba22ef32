//! Runs the vectors of `tests/conformance` through the Rust door, as the README there says.
//!
//! Knows how a step is run and what matches; how each operation is called is in the file of its noun, and the
//! expectations are in the vectors. While working on one, `HEADWATER_VECTOR=bucket` runs the files whose name begins
//! so.

#![allow(clippy::unwrap_used, missing_docs)]

mod args;
mod buckets;
mod consumers;
mod crdt;
#[cfg(feature = "replica")]
mod databases;
#[cfg(feature = "replica")]
#[path = "../common/dirs.rs"]
#[allow(dead_code, reason = "other tests copy directories too")]
mod dirs;
mod engine;
mod entities;
mod events;
#[cfg(feature = "hub")]
mod hub;
mod objects;
mod points;
mod presence;
mod projections;
mod replicas;
#[cfg(feature = "hub")]
#[path = "../common/server.rs"]
#[allow(dead_code, reason = "the tests of links kill servers too, and begin without one")]
mod server;
mod sources;
mod streams;
mod values;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use headwater::Engine;
use serde_json::{Map, Value};

use args::Args;
use engine::World;
use values::error;

/// Which engine the vectors run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Memory,
    Node,
    #[cfg_attr(not(feature = "hub"), allow(dead_code))]
    Hub,
}

/// The files, or those whose name begins as `HEADWATER_VECTOR` says.
pub(crate) fn vectors() -> Vec<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance");
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    let prefix = std::env::var("HEADWATER_VECTOR").unwrap_or_default();
    paths.retain(|p| {
        let name = p.file_name().unwrap().to_string_lossy();
        let is_known = cfg!(feature = "replica") || !name.starts_with("database");
        name.ends_with(".json") && name.starts_with(&prefix) && is_known
    });
    paths.sort();
    assert!(!paths.is_empty(), "there are no vectors");
    paths
}

#[test]
fn every_vector_holds() {
    hold_on(On::Memory, || World::new(Engine::memory().unwrap()));
}

#[test]
fn every_vector_holds_through_a_node() {
    hold_on(On::Node, World::through_node);
}

fn hold_on(on: On, world: fn() -> World) {
    let paths = vectors();
    // Each on its own engine, so they run beside each other: some of them wait for time to pass.
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = paths.iter().map(|p| scope.spawn(move || run_file(p, world(), on))).collect();
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{on:?}: {} steps failed:\n{}", failures.len(), failures.join("\n"));
}

/// Runs one file and returns a sentence for each step that failed.
pub(crate) fn run_file(path: &std::path::Path, mut world: World, on: On) -> Vec<String> {
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut failures = Vec::new();
    if on == On::Hub && file["local"].is_string() {
        return failures;
    }
    for (index, step) in file["steps"].as_array().unwrap().iter().enumerate() {
        let mut step = Args(step.as_object().unwrap().clone());
        let on_hub = step.0.remove("hub");
        if let (Some(Value::Object(fields)), On::Hub) = (on_hub, on) {
            replace(&mut step.0, fields);
        }
        let lags = on == On::Hub && matches!(step.0["op"].as_str(), Some("consumer_info" | "stream_info"));
        let patience_s = if step.or("eventually", false) { 10 } else { u64::from(lags) * 5 };
        let began = Instant::now();
        let failure = loop {
            let failure = world.failure(&mut Args(step.0.clone()));
            if failure.is_none() || began.elapsed() >= Duration::from_secs(patience_s) {
                break failure;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        failures.extend(failure.map(|failure| format!("{} step {index} {failure}", file["name"])));
    }
    world.close();
    failures
}

/// Puts what a hub has in place of a step's own fields.
fn replace(step: &mut Map<String, Value>, fields: Map<String, Value>) {
    if fields.contains_key("error") || fields.contains_key("expect") {
        step.remove("error");
        step.remove("expect");
    }
    for (name, value) in fields {
        // A result may be null; of an argument that is none.
        if value.is_null() && name != "expect" {
            step.remove(&name)
        } else {
            step.insert(name, value)
        };
    }
}

impl World {
    /// Does a step; what it came to, when it is not what was wanted.
    fn failure(&mut self, args: &mut Args) -> Option<String> {
        let op = args.text("op");
        let (want, want_error) = (args.0.remove("expect"), args.0.remove("error"));
        let within = args.0.remove("within").and_then(|v| v.as_f64()).unwrap_or(0.0);
        let got = self.call(&op, args);
        assert!(args.0.is_empty(), "'{op}' has unknown arguments {:?}", args.0);
        let holds = match (&got, &want, &want_error) {
            (Ok(_), None, None) => true,
            (Ok(got), Some(want), None) => matches(want, got, within),
            (Err(got), None, Some(want)) => matches(want, &error(got), 0.0),
            _ => false,
        };
        if holds {
            return None;
        }
        let want =
            want_error.map_or_else(|| want.map_or("success".into(), |w| w.to_string()), |e| format!("error {e}"));
        let got = got.map_or_else(|e| format!("error {} {e}", error(&e)), |v| v.to_string());
        Some(format!("({op}): wanted {want}, got {got}"))
    }
}

/// Whether `got` is what `want` asks for; `within` is the fraction that numbers may differ by.
fn matches(want: &Value, got: &Value, within: f64) -> bool {
    match (want, got) {
        (Value::Object(want), got) => want.iter().all(|(k, w)| matches(w, got.get(k).unwrap_or(&Value::Null), within)),
        (Value::Array(want), Value::Array(got)) => {
            want.len() == got.len() && want.iter().zip(got).all(|(w, g)| matches(w, g, within))
        }
        (Value::Number(want), Value::Number(got)) => {
            let (want, got) = (want.as_f64().unwrap(), got.as_f64().unwrap());
            (want - got).abs() <= want.abs() * within
        }
        _ => want == got,
    }
}
