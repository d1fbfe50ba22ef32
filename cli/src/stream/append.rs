//! `headwater stream append`: one record, from `--data` or standard input. `--lines` hands over to `lines`.

use std::io::{IsTerminal, Read};
use std::time::Duration;

use clap::{Args, ValueEnum};
use headwater::{PAYLOAD_BYTES_MAX, Rollup};

use super::lines;
use crate::failure::{Done, Failure, report_warning};
use crate::output::AckLine;
use crate::place::Place;
use crate::time::parse_time;
use crate::units::parse_duration;

pub(crate) const EXAMPLES: &str = "\
Examples:
  headwater stream append orders orders.eu.1 --data '{\"n\":1}' --dir data
  printf '{\"n\":1}' | headwater stream append orders orders.eu.1 --dir data \\
      --json
  headwater stream append orders orders.eu.1 --data x \\
      --expect-subject-last-seq 9 --dir data
  printf 'orders.eu.1\\tone\\norders.eu.2\\ttwo\\n' \\
      | headwater stream append orders --lines --dir data

The sequence is printed when the record is as durable as the stream says. A condition that does not hold is a \
conflict (exit code 4) whose message names the sequence expected and the one that is there.

With --lines each line of standard input is a subject, a tab and a payload. Many lines share one sync, and each \
sequence is printed in order on its own line as soon as its record is durable. A line that is refused (no tab, a \
subject that the stream does not take, a payload over the limit) is reported on standard error with its number, the \
other lines go on, and the exit code at the end is 1. Anything else, such as a failed write or a full disk, ends it at \
once. With --json each answer names its line.";

#[derive(Args)]
pub(crate) struct Append {
    /// The stream.
    stream: String,
    /// The subject, such as orders.eu.1.
    #[arg(required_unless_present = "lines", conflicts_with = "lines")]
    subject: Option<String>,
    /// The payload; standard input when not given.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "lines")]
    data: Option<String>,
    /// Reads 'subject<TAB>payload' lines from standard input.
    #[arg(long)]
    lines: bool,
    /// A header, such as 'Content-Type: text/plain'; may be given again.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// When it happened, as its source says.
    #[arg(long, value_parser = parse_time, value_name = "TIME", conflicts_with = "lines", allow_hyphen_values = true)]
    event_time: Option<i64>,
    /// How long it stays, in whole seconds.
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    ttl: Option<Duration>,
    /// An id: a second append with it is acknowledged as a duplicate and adds nothing.
    #[arg(long, value_name = "ID", conflicts_with = "lines")]
    msg_id: Option<String>,
    /// Appends only if this is the stream's last sequence.
    #[arg(long, value_name = "SEQ", conflicts_with = "lines")]
    expect_last_seq: Option<u64>,
    /// Appends only if this is the subject's last sequence; 0 if it must have none.
    #[arg(long, value_name = "SEQ", conflicts_with = "lines")]
    expect_subject_last_seq: Option<u64>,
    /// What --expect-subject-last-seq speaks of, instead of the subject: a filter such as 'orders.eu.>'.
    #[arg(long, value_name = "FILTER", requires = "expect_subject_last_seq")]
    expect_filter: Option<String>,
    /// Replaces all earlier records of the subject, or of the stream.
    #[arg(long, conflicts_with = "lines")]
    rollup: Option<RollupName>,
}

#[derive(Clone, Copy, ValueEnum)]
enum RollupName {
    Subject,
    All,
}

impl Append {
    pub(crate) fn run(self, place: &Place) -> Done {
        match &self.subject {
            Some(subject) => self.one(subject, place),
            None => {
                let extras = lines::Extras { headers: self.headers, ttl: self.ttl };
                lines::run(place, &self.stream, extras)
            }
        }
    }

    fn one(&self, subject: &str, place: &Place) -> Done {
        let payload = match &self.data {
            Some(data) => data.clone().into_bytes(),
            None => read_payload("payload")?,
        };
        let append = self.template(subject, &payload);
        let ack = place.change(|engine| Ok(engine.stream(&self.stream).wait()?.append(&append).wait()?))?;
        if ack.duplicate {
            let message = format!("a duplicate: record {} has this message id, nothing was added", ack.seq);
            report_warning(&message, place.json);
        }
        let mut out = place.output();
        out.either(&AckLine::of(&ack, &self.stream, None), || ack.seq.to_string())?;
        out.flush()
    }

    /// An append with everything that the flags say.
    fn template<'a>(&'a self, subject: &'a str, payload: &'a [u8]) -> headwater::Append<'a> {
        headwater::Append {
            subject,
            payload,
            headers: self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect(),
            event_time: self.event_time,
            ttl: self.ttl,
            msg_id: self.msg_id.as_deref(),
            expect_last_seq: self.expect_last_seq,
            expect_subject_last_seq: self.expect_subject_last_seq,
            expect_filter: self.expect_filter.as_deref(),
            rollup: match self.rollup {
                None => Rollup::None,
                Some(RollupName::Subject) => Rollup::Subject,
                Some(RollupName::All) => Rollup::All,
            },
        }
    }
}

/// Reads standard input to its end; what is over the engine's bound is refused before all of it is in memory.
pub(crate) fn read_payload(what: &str) -> Done<Vec<u8>> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprintln!("headwater: reading the {what} from the terminal; end it with Ctrl-D");
    }
    let mut payload = Vec::new();
    let bound = PAYLOAD_BYTES_MAX as u64 + 1;
    stdin.lock().take(bound).read_to_end(&mut payload).map_err(|e| Failure::io("reading standard input", &e))?;
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Failure::usage(format!("the {what} has more than {PAYLOAD_BYTES_MAX} bytes, which is the most")));
    }
    Ok(payload)
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or_else(|| format!("'{text}' is not 'name: value'"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
