//! The lines of the README and of the issue, exactly as a user types them, through a shell.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{Dir, Ran, finish, objects, start};
use serde_json::json;

const SEATTLE_CSV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/seattle-weather-hourly.csv");

/// Runs a line in a shell, where `headwater` is our binary and `D` a directory.
fn shell(dir: &Dir, line: &str) -> Ran {
    let bin = Path::new(env!("CARGO_BIN_EXE_headwater")).parent().expect("it lies in a directory");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).current_dir(dir.path().parent().expect("it has one")).env("PATH", path);
    finish(start(&mut command), b"")
}

fn ok(dir: &Dir, line: &str) -> String {
    let ran = shell(dir, line);
    assert_eq!(ran.code, 0, "{line}: {ran:?}");
    ran.stdout
}

#[test]
fn the_nine_lines_work_as_written() {
    let dir = Dir::new("nine-lines");
    ok(&dir, "headwater stream add orders --subjects 'orders.>' --dir D");

    let printed = ok(&dir, r#"printf '{"n":1}' | headwater stream append orders orders.eu.1 --dir D --json"#);
    assert!(printed.starts_with(r#"{"seq":1,"#), "{printed}");

    let conflict =
        shell(&dir, "headwater stream append orders orders.eu.1 --data x --expect-subject-last-seq 9 --dir D");
    assert_eq!(conflict.code, 4);
    assert!(conflict.stderr.contains('9') && conflict.stderr.contains('1'), "{}", conflict.stderr);
    assert_eq!(conflict.stdout, "");

    let lines = r"printf 'orders.eu.2\ttwo\norders.us.1\tthree\n' | headwater stream append orders --lines --dir D";
    assert_eq!(ok(&dir, lines), "2\n3\n");

    let last = objects(&ok(&dir, "headwater stream last orders orders.eu.1 --dir D --json"));
    assert_eq!(last.len(), 1);
    assert_eq!(last[0]["seq"], 1);
    assert_eq!(last[0]["subject"], "orders.eu.1");
    assert_eq!(last[0]["payload"], r#"{"n":1}"#);
    assert_eq!(last[0]["headers"], json!({}));

    let read = ok(&dir, "headwater stream read orders --filter 'orders.*.1' --from 1 --limit 10 --dir D --json");
    let seqs: Vec<_> = objects(&read).iter().map(|r| r["seq"].clone()).collect();
    assert_eq!(seqs, [json!(1), json!(3)]);

    std::fs::copy(SEATTLE_CSV, dir.file("seattle.csv")).expect("the example data are there");
    ok(&dir, "headwater points import weather seattle.csv --time date --node seattle --dir D");

    let query = "headwater points query weather 'seattle.temperature' --from 2010-01-01 --to 2010-02-01 --every 1d \
                 --agg mean,min,max --dir D --json";
    let rows = objects(&ok(&dir, query));
    assert_eq!(rows.len(), 31);
    check_january(&rows);

    ok(&dir, "headwater verify D");
}

/// Compares each day with what the file itself says.
fn check_january(rows: &[serde_json::Value]) {
    let csv = std::fs::read_to_string(SEATTLE_CSV).expect("the example data are there");
    for (index, row) in rows.iter().enumerate() {
        let day = format!("2010-01-{:02}", index + 1);
        assert_eq!(row["series"], "seattle.temperature");
        assert_eq!(row["start"], format!("{day}T00:00:00.000000000Z"));
        let readings: Vec<f64> = csv
            .lines()
            .filter(|line| line.starts_with(&day))
            .map(|line| line.split(',').nth(2).and_then(|t| t.parse().ok()).expect("a temperature"))
            .collect();
        assert!(readings.len() >= 23, "{day} has {} readings", readings.len());
        let close = |name: &str, expected: f64| {
            let value = row[name].as_f64().unwrap_or_else(|| panic!("{day} has a {name}"));
            assert!((value - expected).abs() < 1e-9, "{day} {name}: {value}, not {expected}");
        };
        close("mean", readings.iter().sum::<f64>() / readings.len() as f64);
        close("min", readings.iter().copied().fold(f64::INFINITY, f64::min));
        close("max", readings.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
}
