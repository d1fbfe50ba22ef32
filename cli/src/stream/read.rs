//! `headwater stream read`: records by filter, from a sequence or a time, forward or backward, page by page.

use clap::Args;
use headwater::{ReadOptions, Start};

use crate::failure::{Done, Failure};
use crate::output::RecordLine;
use crate::place::Place;
use crate::time::{From, parse_from, parse_time};

pub(crate) const EXAMPLES: &str = "\
Examples:
  headwater stream read orders --filter 'orders.*.1' --from 1 --limit 10 \\
      --dir data --json
  headwater stream read orders --from 2026-01-01 --to 2026-02-01 --dir data
  headwater stream read orders --backward --limit 5 --dir data

A line is sequence, commit time, subject and payload, then headers, with tabs between. What is not UTF-8 is shown as \
base64; with --json it is in payload_base64 instead of payload.";

/// How many records are read at once.
const PAGE_RECORDS: usize = 1000;

#[derive(Args)]
pub(crate) struct Read {
    /// The stream.
    stream: String,
    /// Only subjects that this takes, such as 'orders.*.1'; may be given again.
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
    /// Begins at this sequence, or at this commit time.
    #[arg(long, value_parser = parse_from, value_name = "SEQ|TIME")]
    from: Option<From>,
    /// Ends before this sequence or commit time.
    #[arg(long, value_parser = parse_from, value_name = "SEQ|TIME", conflicts_with = "backward")]
    to: Option<From>,
    /// Only records that happened at or after this time (its commit time where a record names none).
    #[arg(long, value_parser = parse_time, value_name = "TIME")]
    event_from: Option<i64>,
    /// Only records that happened before this time.
    #[arg(long, value_parser = parse_time, value_name = "TIME")]
    event_to: Option<i64>,
    /// Newest first, from --from or the end.
    #[arg(long)]
    backward: bool,
    /// The most records; all when not given.
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
}

impl Read {
    pub(crate) fn run(self, place: &Place) -> Done {
        let mut options = self.options()?;
        let engine = place.reader()?;
        let stream = engine.stream(&self.stream).wait()?;
        let end_seq = match self.to {
            Some(From::Seq(seq)) => seq,
            _ => u64::MAX,
        };
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut out = place.output();
        while left > 0 {
            options.max_records = left.min(PAGE_RECORDS as u64) as usize;
            let batch = stream.read(&options).wait()?;
            for record in batch.iter().take_while(|r| r.seq < end_seq) {
                out.record(&RecordLine::of_view(&record))?;
                left -= 1;
            }
            let Some(last) = batch.len().checked_sub(1).and_then(|i| batch.seq(i)) else { break };
            let next = if self.backward { last - 1 } else { last + 1 };
            if next == 0 || next >= end_seq {
                break;
            }
            options.start = Some(Start::Seq(next));
        }
        out.flush()
    }

    fn options(&self) -> Done<ReadOptions> {
        let reversed = match (self.from, self.to) {
            (Some(From::Seq(from)), Some(From::Seq(to))) => from > to,
            (Some(From::Time(from)), Some(From::Time(to))) => from > to,
            _ => false,
        };
        if reversed {
            return Err(Failure::usage("--to lies before --from: nothing can be between them"));
        }
        let event_range = match (self.event_from, self.event_to) {
            (None, None) => None,
            (from, to) => Some((from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX))),
        };
        Ok(ReadOptions {
            filters: self.filters.clone(),
            start: match self.from {
                None => None,
                Some(From::Seq(seq)) => Some(Start::Seq(seq)),
                Some(From::Time(time)) => Some(Start::Time(commit_time(time)?)),
            },
            until: match self.to {
                Some(From::Time(time)) => Some(commit_time(time)?),
                _ => None,
            },
            event_range,
            backward: self.backward,
            ..ReadOptions::default()
        })
    }
}

/// A time that a record can have been committed at.
pub(crate) fn commit_time(time: i64) -> Done<u64> {
    u64::try_from(time).map_err(|_| Failure::usage("no record was committed before 1970"))
}
