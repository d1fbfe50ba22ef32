//! The measured work: each way to append, and the read back that proves it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use headwater::{Ack, Append, Engine, ErrorKind, HubConfig, Pending, ReadOptions, Stream, StreamConfig};

use super::Stream as Asked;
use crate::failure::{Done, Failure};
use crate::progress::Progress;

/// Records that one read asks for.
const READ_RECORDS: usize = 1000;

/// What one way came to.
pub(super) struct Row {
    pub(super) what: &'static str,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) took: Duration,
    /// One record's, or one batch's or read's, each from its call to its end.
    pub(super) latencies: Vec<Duration>,
    /// Why it could not be measured.
    pub(super) refused: Option<String>,
}

/// A stream of its own, and what is appended to it.
pub(super) struct Bench<'a> {
    stream: Stream,
    asked: &'a Asked,
    subjects: Vec<String>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(engine: &Engine, name: &str, asked: &'a Asked, on_hub: bool) -> Done<Self> {
        let hub = HubConfig { replicas: asked.replicas, ..HubConfig::default() };
        let config =
            StreamConfig { hub: on_hub.then(|| Box::new(hub)), ..StreamConfig::new(name, [format!("{name}.>")]) };
        let subjects = (0..asked.subjects).map(|n| format!("{name}.device.{n}.temperature")).collect();
        Ok(Bench { stream: engine.create_stream(config).wait()?, asked, subjects })
    }

    pub(super) fn run(&self) -> Done<Vec<Row>> {
        let mut rows = vec![self.one_at_a_time()?, self.many_on_their_way()?];
        let batched = match self.in_batches() {
            Err(Failure::Engine(error)) if error.kind() == ErrorKind::Unsupported => Row {
                refused: Some(error.message().to_owned()),
                ..Row::new("append, batched", 0, Duration::ZERO, Vec::new(), 0)
            },
            outcome => outcome?,
        };
        let appended = rows.iter().map(|r| r.records).sum::<u64>() + batched.records;
        rows.push(batched);
        rows.push(self.read_back(appended)?);
        Ok(rows)
    }

    /// A point in JSON, padded to its size.
    fn payload(&self, number: u64) -> Vec<u8> {
        let mut payload = format!("{{\"n\":{number},\"pad\":\"").into_bytes();
        payload.resize((self.asked.size as usize).saturating_sub(2).max(payload.len()), b'.');
        payload.extend_from_slice(b"\"}");
        payload.truncate(self.asked.size as usize);
        payload
    }

    fn subject(&self, number: u64) -> &str {
        &self.subjects[(number % self.subjects.len() as u64) as usize]
    }

    fn row(&self, what: &'static str, records: u64, begun: Instant, latencies: Vec<Duration>) -> Row {
        Row::new(what, records, begun.elapsed(), latencies, records * u64::from(self.asked.size))
    }

    fn progress(&self, what: &'static str, records: u64) -> Progress {
        Progress::bytes(what, Some(records * u64::from(self.asked.size))).interruptible()
    }

    fn show(&self, progress: &Progress, records: u64) -> Done {
        match progress.at(records * u64::from(self.asked.size)) {
            std::ops::ControlFlow::Continue(()) => Ok(()),
            std::ops::ControlFlow::Break(()) => Err(Failure::new(ErrorKind::Timeout, "it was stopped")),
        }
    }

    fn one_at_a_time(&self) -> Done<Row> {
        let count = u64::from(self.asked.sync_count);
        let progress = self.progress("one at a time", count);
        let (begun, mut latencies) = (Instant::now(), Vec::new());
        for number in 0..count {
            let payload = self.payload(number);
            let sent = Instant::now();
            self.stream.append(&Append::new(self.subject(number), &payload)).wait()?;
            latencies.push(sent.elapsed());
            self.show(&progress, number + 1)?;
        }
        Ok(self.row("append, one at a time", count, begun, latencies))
    }

    fn many_on_their_way(&self) -> Done<Row> {
        let count = u64::from(self.asked.count);
        let progress = self.progress("many at once", count);
        let mut waiting: VecDeque<(Instant, Pending<Ack>)> = VecDeque::new();
        let (begun, mut latencies) = (Instant::now(), Vec::new());
        for number in 0..count {
            if waiting.len() >= self.asked.window as usize
                && let Some((sent, oldest)) = waiting.pop_front()
            {
                oldest.wait()?;
                latencies.push(sent.elapsed());
                self.show(&progress, number)?;
            }
            let payload = self.payload(number);
            waiting.push_back((Instant::now(), self.stream.append(&Append::new(self.subject(number), &payload))));
        }
        for (sent, pending) in waiting {
            pending.wait()?;
            latencies.push(sent.elapsed());
        }
        Ok(self.row("append, many at once", count, begun, latencies))
    }

    fn in_batches(&self) -> Done<Row> {
        let count = u64::from(self.asked.count);
        let progress = self.progress("in batches", count);
        let (begun, mut latencies, mut done) = (Instant::now(), Vec::new(), 0);
        while done < count {
            let size = u64::from(self.asked.batch).min(count - done);
            let payloads: Vec<Vec<u8>> = (done..done + size).map(|number| self.payload(number)).collect();
            let batch: Vec<Append<'_>> = payloads
                .iter()
                .zip(done..)
                .map(|(payload, number)| Append::new(self.subject(number), payload))
                .collect();
            let sent = Instant::now();
            self.stream.append_batch(&batch).wait()?;
            latencies.push(sent.elapsed());
            done += size;
            self.show(&progress, done)?;
        }
        Ok(self.row("append, batched", count, begun, latencies))
    }

    fn read_back(&self, appended: u64) -> Done<Row> {
        let progress = self.progress("read back", appended);
        let (begun, mut latencies, mut read, mut from) = (Instant::now(), Vec::new(), 0, 1);
        while read < appended {
            let sent = Instant::now();
            let batch = self.stream.read(&ReadOptions::default().from_seq(from).max_records(READ_RECORDS)).wait()?;
            latencies.push(sent.elapsed());
            for record in batch.iter() {
                let number = self.number_of(record.seq);
                if record.payload != self.payload(number) || record.subject != self.subject(number) {
                    let message = format!("record {} is not what was appended", record.seq);
                    return Err(Failure::new(ErrorKind::Corrupt, message));
                }
                (read, from) = (read + 1, record.seq + 1);
            }
            if batch.is_empty() {
                let message = format!("{read} of {appended} records came back");
                return Err(Failure::new(ErrorKind::Corrupt, message));
            }
            self.show(&progress, read)?;
        }
        Ok(self.row("read back", read, begun, latencies))
    }

    /// Which record of its way the one with this sequence is.
    fn number_of(&self, seq: u64) -> u64 {
        let (sync, count) = (u64::from(self.asked.sync_count), u64::from(self.asked.count));
        if seq <= sync { seq - 1 } else { (seq - 1 - sync) % count }
    }
}

impl Row {
    pub(super) fn new(
        what: &'static str,
        records: u64,
        took: Duration,
        mut latencies: Vec<Duration>,
        bytes: u64,
    ) -> Self {
        latencies.sort_unstable();
        Row { what, records, bytes, took, latencies, refused: None }
    }

    pub(super) fn records_per_second(&self) -> f64 {
        self.records as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }

    pub(super) fn megabytes_per_second(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.took.as_secs_f64().max(f64::EPSILON)
    }

    /// The latency that so many of a hundred were not over, in microseconds.
    pub(super) fn latency_us(&self, percent: usize) -> f64 {
        let at = (self.latencies.len() * percent).div_ceil(100).max(1) - 1;
        self.latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
    }
}
