//! The fresh processes of the measurements: this same binary, told what to do in words, answering in lines of a name
//! and a number.
//!
//! A store is checked, opened or weighed here so that nothing which the measuring process remembers can help it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use headwater::{Append, Direction, Durability, Engine, HubOptions, LinkConfig, ReadOptions};

use crate::Outcome;
use crate::check::{self, Kind};
use crate::memory;
use crate::ours::{Ours, READ_RECORDS};
use crate::rows::{calls, replica};
use crate::source::{PAYLOAD_BYTES, Source, mix};

/// The line with which a child that is to be killed says that it has done its work.
const READY: &str = "ready";
/// How long a link pushes whose memory is weighed.
const PUSH_TIME: Duration = Duration::from_secs(10);
/// Lookups by a process whose memory is weighed.
const LOOKUPS: u64 = 100_000;

/// What a child answered.
pub(crate) struct Answer(HashMap<String, String>);

impl Answer {
    /// The number of this name.
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Outcome<T> {
        let value = self.0.get(name).and_then(|text| text.parse().ok());
        Ok(value.ok_or_else(|| format!("the process answered no {name}"))?)
    }

    fn read(text: &str) -> Answer {
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Answer(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// Runs a child to its end.
pub(crate) fn ask(words: &[&str]) -> Outcome<Answer> {
    run_to_end(command(words)?)
}

/// Runs any program to its end that answers as a child does.
pub(crate) fn run_to_end(mut command: Command) -> Outcome<Answer> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|e| format!("cannot run {command:?}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    Ok(Answer::read(&String::from_utf8(output.stdout)?))
}

/// Runs a child until it is ready, and then kills it with SIGKILL.
pub(crate) fn ask_and_kill(words: &[&str]) -> Outcome<Answer> {
    let mut child = command(words)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut text = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = BufReader::new(stdout);
        while stdout.read_line(&mut text)? > 0 && !text.ends_with(&format!("{READY}\n")) {}
    }
    child.kill()?;
    child.wait()?;
    if !text.ends_with(&format!("{READY}\n")) {
        return Err(format!("the process for {words:?} ended before it was ready").into());
    }
    Ok(Answer::read(&text))
}

/// A path as a word.
pub(crate) fn text(path: &Path) -> Outcome<&str> {
    Ok(path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))?)
}

fn command(words: &[&str]) -> Outcome<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("child").args(words);
    Ok(command)
}

/// Does what the words say; this runs in the fresh process.
pub(crate) fn run(words: &[String]) -> Outcome<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["check", kind, dir] => {
            let digest = check::digest(Kind::parse(kind)?, Path::new(dir))?;
            println!("count {}\nsum {}", digest.count, digest.sum);
            Ok(())
        }
        ["fill", dir, records, subjects] => fill(Path::new(dir), records.parse()?, subjects.parse()?),
        ["idle", subjects] => {
            std::hint::black_box(Source::new(subjects.parse()?, PAYLOAD_BYTES));
            println!("peak {}", memory::peak_bytes()?);
            Ok(())
        }
        ["use", dir, subjects] => work(Path::new(dir), subjects.parse()?),
        ["link", dir, url] => push(Path::new(dir), url),
        ["replica", dir, url, rows] => replica::catch_up(Path::new(dir), url, rows.parse()?),
        ["open", dir] => open(Path::new(dir)),
        ["append", "one", dir, warm_up, records] => append(Path::new(dir), warm_up.parse()?, records.parse()?),
        _ => Err(format!("no child does {words:?}").into()),
    }
}

/// Writes records, says what memory that took, and waits to be killed.
fn fill(dir: &Path, records: u64, subjects: u64) -> Outcome<()> {
    let mut source = Source::new(subjects, PAYLOAD_BYTES);
    let ours = Ours::create(dir, Durability::Os)?;
    ours.append_batches(0..records, &mut source)?;
    println!("peak {}\nresident {}\n{READY}", memory::peak_bytes()?, memory::resident_bytes()?);
    // Its input ends when whoever asked is gone, so that a stray child does not stay.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Opens a stream and uses all of it a little, and says what memory that took.
fn work(dir: &Path, subjects: u64) -> Outcome<()> {
    let source = Source::new(subjects, PAYLOAD_BYTES);
    let ours = Ours::open(dir)?;
    let last = ours.stream.info().wait()?.last_seq;
    for lookup in 0..LOOKUPS {
        let subject = source.subject(mix(lookup) % subjects);
        if ours.stream.last(subject).wait()?.is_none() {
            return Err(format!("no record of {subject}").into());
        }
    }
    for at in 0..10 {
        let read = ReadOptions::default().from_seq(last / 10 * at + 1).max_records(READ_RECORDS);
        std::hint::black_box(ours.stream.read(&read).wait()?);
    }
    let resident = memory::resident_bytes()?;
    ours.close()?;
    println!("peak {}\nresident {resident}", memory::peak_bytes()?);
    Ok(())
}

/// Opens a stream and pushes all of it to a hub for a while, and says what memory that took.
fn push(dir: &Path, url: &str) -> Outcome<()> {
    let (edge, stream) = Ours::open(dir)?.parts();
    let hub = Engine::connect(HubOptions::new(url)).wait()?;
    edge.add_link(LinkConfig { direction: Direction::Push, ..LinkConfig::new("l", "bench", "bench") }, &hub).wait()?;
    std::thread::sleep(PUSH_TIME);
    let pushed = edge.links()?.remove(0).pushed;
    if pushed == 0 {
        return Err("nothing was pushed".into());
    }
    Ours::of(edge, stream).close()?;
    println!("peak {}\npushed {pushed}", memory::peak_bytes()?);
    Ok(())
}

/// Opens a stream, looks one subject up, and says how long that took.
fn open(dir: &Path) -> Outcome<()> {
    let source = Source::new(1, PAYLOAD_BYTES);
    let began = Instant::now();
    let ours = Ours::open(dir)?;
    let found = ours.stream.last(source.subject(0)).wait()?;
    let seconds = began.elapsed().as_secs_f64();
    if found.is_none() {
        return Err(format!("no record of {}", source.subject(0)).into());
    }
    println!("seconds {seconds}\nrecords {}", ours.stream.info().wait()?.records);
    ours.close()
}

/// Appends records one by one, and says how long one took; the other languages' programs do the same.
fn append(dir: &Path, warm_up: u64, records: u64) -> Outcome<()> {
    let ours = Ours::create(dir, Durability::Os)?;
    let payload = [calls::FILLER; PAYLOAD_BYTES];
    for _ in 0..warm_up {
        ours.stream.append(&Append::new(calls::SUBJECT, &payload)).wait()?;
    }
    let began = Instant::now();
    for _ in 0..records {
        ours.stream.append(&Append::new(calls::SUBJECT, &payload)).wait()?;
    }
    println!("ns {}", began.elapsed().as_nanos() as f64 / records as f64);
    ours.close()
}
