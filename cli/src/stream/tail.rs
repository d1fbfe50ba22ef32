//! `headwater stream tail`: history where asked for, then what comes, until it is interrupted.
//!
//! It opens the directory without a lock, so it follows whichever process writes, and stands in nobody's way.

use std::time::Duration;

use clap::Args;
use headwater::{DeliverPolicy, SubscribeOptions};

use super::read::commit_time;
use crate::failure::{Done, report_warning};
use crate::output::RecordLine;
use crate::place::Place;
use crate::time::{From, parse_from};
use crate::units::{parse_duration, show_count};

pub(crate) const EXAMPLES: &str = "\
Examples:
  headwater stream tail orders --dir data
  headwater stream tail orders --filter 'orders.eu.>' --from 1 --dir data \\
      --json
  headwater stream tail orders --last-per-subject --timeout 10s --dir data

It begins with what is appended from now on, unless told otherwise, and ends with Ctrl-C, after --limit records, \
or when none came for --timeout. Other processes may write meanwhile. A line on standard error says when limits \
removed records before they could be shown.";

/// How many records are taken at once.
const PAGE_RECORDS: usize = 1000;

#[derive(Args)]
pub(crate) struct Tail {
    /// The stream.
    stream: String,
    /// Only subjects that this takes, such as 'orders.*.1'; may be given again.
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
    /// Begins at this sequence, or at this commit time.
    #[arg(long, value_parser = parse_from, value_name = "SEQ|TIME")]
    from: Option<From>,
    /// Begins with the newest record of each subject.
    #[arg(long, conflicts_with = "from")]
    last_per_subject: bool,
    /// Ends after this many records.
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    /// Ends when no record came for this long.
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    timeout: Option<Duration>,
}

impl Tail {
    pub(crate) fn run(self, place: &Place) -> Done {
        let deliver_policy = match self.from {
            Some(From::Seq(seq)) => DeliverPolicy::ByStartSequence(seq),
            Some(From::Time(time)) => DeliverPolicy::ByStartTime(commit_time(time)?),
            None if self.last_per_subject => DeliverPolicy::LastPerSubject,
            None => DeliverPolicy::New,
        };
        let engine = place.reader()?;
        let stream = engine.stream(&self.stream).wait()?;
        let subscription = stream.subscribe(SubscribeOptions { filters: self.filters, deliver_policy }).wait()?;
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut out = place.output();
        while left > 0 {
            let mut next = subscription.next(left.min(PAGE_RECORDS as u64) as usize);
            let batch = match self.timeout {
                None => next.wait()?,
                Some(timeout) => match next.wait_timeout(timeout) {
                    Err(_) if !next.is_taken() => break,
                    batch => batch?,
                },
            };
            if batch.missed() > 0 {
                let missed = show_count(batch.missed());
                report_warning(&format!("{missed} records were removed before they could be shown"), place.json);
            }
            for record in batch.iter() {
                out.record(&RecordLine::of_view(&record))?;
            }
            out.flush()?;
            left -= batch.len() as u64;
        }
        Ok(())
    }
}
