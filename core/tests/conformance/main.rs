//! Runs the vectors of `tests/conformance` through the Rust door, as the README there says.
//!
//! Knows how a step is run and what matches; how each operation is called is in the file of its noun, and the
//! expectations are in the vectors. While working on one, `HEADWATER_VECTOR=bucket` runs the files whose name begins
//! so.

#![allow(clippy::unwrap_used, missing_docs)]

mod args;
mod buckets;
mod consumers;
mod engine;
mod objects;
mod points;
mod sources;
mod streams;
mod values;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use args::Args;
use engine::{On, World};
use values::error;

#[test]
fn every_vector_holds() {
    every_vector_holds_on(On::Memory);
}

#[test]
fn every_vector_holds_through_a_node() {
    every_vector_holds_on(On::Node);
}

fn every_vector_holds_on(on: On) {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance");
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    let prefix = std::env::var("HEADWATER_VECTOR").unwrap_or_default();
    paths.retain(|p| {
        let name = p.file_name().unwrap().to_string_lossy();
        name.ends_with(".json") && name.starts_with(&prefix)
    });
    paths.sort();
    assert!(!paths.is_empty(), "there are no vectors");
    // Each on its own engine, so they run beside each other: some of them wait for time to pass.
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = paths.iter().map(|p| scope.spawn(move || run_file(p, on))).collect();
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{on:?}: {} steps failed:\n{}", failures.len(), failures.join("\n"));
}

/// Runs one file and returns a sentence for each step that failed.
fn run_file(path: &std::path::Path, on: On) -> Vec<String> {
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut world = World::new(on);
    let mut failures = Vec::new();
    for (index, step) in file["steps"].as_array().unwrap().iter().enumerate() {
        let mut args = Args(step.as_object().unwrap().clone());
        let op = args.text("op");
        let (want, want_error) = (args.0.remove("expect"), args.0.remove("error"));
        let within = args.0.remove("within").and_then(|v| v.as_f64()).unwrap_or(0.0);
        let got = world.call(&op, &mut args);
        assert!(args.0.is_empty(), "{}: step {index} ({op}) has unknown arguments {:?}", file["name"], args.0);
        let holds = match (&got, &want, &want_error) {
            (Ok(_), None, None) => true,
            (Ok(got), Some(want), None) => matches(want, got, within),
            (Err(got), None, Some(want)) => matches(want, &error(got), 0.0),
            _ => false,
        };
        if !holds {
            let want =
                want_error.map_or_else(|| want.map_or("success".into(), |w| w.to_string()), |e| format!("error {e}"));
            let got = got.map_or_else(|e| format!("error {} {e}", error(&e)), |v| v.to_string());
            failures.push(format!("{} step {index} ({op}): wanted {want}, got {got}", file["name"]));
        }
    }
    world.close();
    failures
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
