//! The fourth chapter: a writer process is killed in the middle of writing, and every record that it had
//! acknowledged must be there. The writer is `headwater stream append --lines`, this same binary, so that what is
//! proven is what is shipped.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

use headwater::{Engine, EngineOptions, ErrorKind, ReadOptions, StreamConfig};

use super::stage::{Paint, Stage};
use crate::failure::{Done, Failure};
use crate::units::show_count;

const STREAM: &str = "ledger";
const SUBJECT: &str = "ledger.entry";
/// In each round the writer is killed when it has acknowledged this many records.
const ROUNDS: [u64; 3] = [500, 2_000, 3_500];

/// What the kills came to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outcome {
    pub(super) kills: u64,
    pub(super) acked: u64,
}

/// Kills a writer in `dir` a few times; a lost record is a failure.
pub(super) fn chapter(stage: &mut Stage, dir: &Path) -> Done<Outcome> {
    stage.chapter(4, "Killed in mid-write")?;
    stage.command(&format!("stream append {STREAM} --lines    # and then: kill -9"))?;
    let engine = Engine::open(dir)?;
    engine.create_stream(StreamConfig::new(STREAM, [SUBJECT])).wait()?;
    engine.close()?;
    let mut outcome = Outcome::default();
    let mut on_disk = 0;
    for enough in ROUNDS {
        let acked = write_and_kill(dir, on_disk, enough)?;
        let last = check(dir, on_disk, acked)?;
        let line = format!(
            "{:>6} acknowledged   {}   {:>6} found on disk, 0 lost",
            show_count(acked),
            stage.paint(Paint::Hot, "✗ SIGKILL"),
            show_count(last - on_disk)
        );
        on_disk = last;
        outcome.kills += 1;
        outcome.acked += acked;
        stage.say(&line)?;
    }
    let report = Engine::verify(dir, &mut |_, _| ControlFlow::Continue(()))?;
    if !report.damage.is_empty() {
        return Err(Failure::new(ErrorKind::Corrupt, report.damage.join("\n")));
    }
    let proven = format!("{} acknowledged, {} kills, 0 lost", show_count(outcome.acked), outcome.kills);
    let line = format!(
        "{}  {}",
        stage.paint(Paint::Good, &format!("✓ {proven}")),
        stage.paint(Paint::Dim, "(the others had no answer yet)")
    );
    stage.say(&line)?;
    Ok(outcome)
}

/// Lets a writer append until it has acknowledged `enough` records, and kills it; returns how many it acknowledged.
fn write_and_kill(dir: &Path, on_disk: u64, enough: u64) -> Done<u64> {
    let binary = std::env::current_exe().map_err(|e| Failure::io("finding this program", &e))?;
    let mut writer = Command::new(binary)
        .args(["stream", "append", STREAM, "--lines", "--dir"])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| Failure::io("starting the writer", &e))?;
    let (Some(input), Some(output)) = (writer.stdin.take(), writer.stdout.take()) else {
        return Err(Failure::new(ErrorKind::Internal, "the writer has no pipes"));
    };
    let feeder = std::thread::spawn(move || feed(input, on_disk));
    let mut acked = 0;
    let mut output = BufReader::new(output);
    loop {
        let mut line = String::new();
        output.read_line(&mut line).map_err(|e| Failure::io("reading acknowledgements", &e))?;
        // At the end, or at a line that the kill cut off.
        let Some(line) = line.strip_suffix('\n') else { break };
        let expected = on_disk + acked + 1;
        if line.parse() != Ok(expected) {
            return Err(Failure::new(
                ErrorKind::Internal,
                format!("acknowledgement '{line}' where {expected} was due"),
            ));
        }
        acked += 1;
        // What is still in the pipe was acknowledged too, so the reading goes on after the kill.
        if acked == enough {
            writer.kill().map_err(|e| Failure::io("killing the writer", &e))?;
        }
    }
    writer.wait().map_err(|e| Failure::io("waiting for the writer", &e))?;
    drop(feeder.join());
    if acked < enough {
        return Err(Failure::new(ErrorKind::Internal, format!("the writer ended by itself after {acked} records")));
    }
    Ok(acked)
}

/// Feeds lines until the writer is gone.
fn feed(input: ChildStdin, on_disk: u64) {
    let mut input = BufWriter::new(input);
    for number in on_disk + 1.. {
        if writeln!(input, "{SUBJECT}\tentry {number}").is_err() {
            return;
        }
    }
}

/// Reads everything back; every record up to the last acknowledged one must be there, with what was written.
fn check(dir: &Path, before: u64, acked: u64) -> Done<u64> {
    let options = EngineOptions { create: false, ..EngineOptions::default() };
    let engine = Engine::open_with(dir, options)?;
    let stream = engine.stream(STREAM).wait()?;
    let mut last = 0;
    loop {
        let batch = stream.read(&ReadOptions::default().from_seq(last + 1)).wait()?;
        for record in batch.iter() {
            last += 1;
            if record.seq != last || record.payload != format!("entry {last}").as_bytes() {
                return Err(Failure::new(ErrorKind::Corrupt, format!("record {last} is not what was written")));
            }
        }
        if batch.is_empty() {
            break;
        }
    }
    engine.close()?;
    if last < before + acked {
        let lost = before + acked - last;
        return Err(Failure::new(ErrorKind::Corrupt, format!("{lost} acknowledged records are lost after {last}")));
    }
    Ok(last)
}
