//! `headwater consumer`: durable positions in a stream, with JetStream's names and defaults.

mod show;

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use headwater::{AckPolicy, Consumer, ConsumerConfig, DeliverPolicy, Engine};

use crate::failure::{Done, Failure};
use crate::output::RecordLine;
use crate::place::Place;
use crate::time::{From, parse_from};
use crate::units::parse_duration;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Makes a durable consumer.
    #[command(after_help = "Examples:
  headwater consumer add orders billing --dir data
  headwater consumer add orders eu --filter 'orders.eu.>' --deliver new \\
      --max-deliver 5 --backoff 1s,10s --dir data

The same configuration again changes nothing; another one for the same name is a conflict (exit code 4).")]
    Add(Add),
    /// Takes the next records, and prints them.
    #[command(after_help = "Examples:
  headwater consumer next orders billing --dir data
  headwater consumer next orders billing --max 100 --timeout 5s --ack \\
      --dir data --json

What is printed is delivered: acknowledge it by its sequence, or it comes again after the ack wait. \
It is not found (exit code 3) when there is nothing to deliver.")]
    Next(Next),
    /// Acknowledges records: they are done.
    #[command(after_help = "Example:\n  headwater consumer ack orders billing 1 2 3 --dir data")]
    Ack(Ack),
    /// Gives a record back, to be delivered again.
    #[command(after_help = "Example:\n  headwater consumer nak orders billing 2 --delay 30s --dir data")]
    Nak(Nak),
    /// Gives a record up: it is never delivered again.
    #[command(after_help = "Example:\n  headwater consumer term orders billing 2 --dir data")]
    Term(One),
    /// Shows where a consumer stands.
    #[command(after_help = "Example:\n  headwater consumer info orders billing --dir data")]
    Info(Name),
    /// Lists the consumers of a stream.
    #[command(after_help = "Example:\n  headwater consumer ls orders --dir data")]
    Ls(Stream),
    /// Removes a consumer; the records stay.
    #[command(after_help = "Example:\n  headwater consumer rm orders billing --dir data")]
    Rm(Name),
}

#[derive(Args)]
pub(crate) struct Stream {
    /// The stream.
    stream: String,
}

#[derive(Args)]
pub(crate) struct Name {
    /// The stream.
    stream: String,
    /// The consumer.
    consumer: String,
}

#[derive(Args)]
pub(crate) struct Add {
    #[command(flatten)]
    name: Name,
    /// For people.
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// Only subjects that this takes; may be given again.
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
    /// Where it begins: all, last, new, last-per-subject, a sequence or a time.
    #[arg(long, value_name = "POLICY", default_value = "all", value_parser = parse_deliver)]
    deliver: DeliverPolicy,
    /// Which records need an acknowledgement.
    #[arg(long, value_name = "POLICY", default_value = "explicit")]
    ack: AckName,
    /// How long a delivered record may stay unacknowledged before it is delivered again.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    ack_wait: Duration,
    /// How often a record is delivered at the most; 0 is without end.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    max_deliver: u32,
    /// Instead of --ack-wait: the wait after the first, second, … delivery, with commas between.
    #[arg(long, value_name = "DURATIONS", value_delimiter = ',', value_parser = parse_duration)]
    backoff: Vec<Duration>,
    /// The most records that may be delivered and unacknowledged; 0 is without end.
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    max_ack_pending: u32,
    /// The stream that takes records past --max-deliver [default: <STREAM>_DLQ].
    #[arg(long, value_name = "STREAM", default_value = "", hide_default_value = true)]
    dead_letter: String,
}

#[derive(Args)]
pub(crate) struct Next {
    #[command(flatten)]
    name: Name,
    /// The most records.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    max: usize,
    /// How long to wait for the first one.
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = parse_duration)]
    timeout: Duration,
    /// Acknowledges each record once it is printed.
    #[arg(long)]
    ack: bool,
}

#[derive(Args)]
pub(crate) struct Ack {
    #[command(flatten)]
    name: Name,
    /// The sequences.
    #[arg(required = true)]
    seqs: Vec<u64>,
}

#[derive(Args)]
pub(crate) struct One {
    #[command(flatten)]
    name: Name,
    /// The sequence.
    seq: u64,
}

#[derive(Args)]
pub(crate) struct Nak {
    #[command(flatten)]
    one: One,
    /// How long it stays away.
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = parse_duration)]
    delay: Duration,
}

#[derive(Clone, Copy, ValueEnum)]
enum AckName {
    Explicit,
    All,
    None,
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        match self {
            Verb::Add(add) => add.run(place),
            Verb::Next(next) => next.run(place),
            Verb::Ack(ack) => ack.run(place),
            Verb::Nak(nak) => {
                let (seq, delay) = (nak.one.seq, nak.delay);
                nak.one.name.settle(place, seq, "given back", |consumer| consumer.nak(seq, delay))
            }
            Verb::Term(one) => one.name.settle(place, one.seq, "given up", |consumer| consumer.term(one.seq)),
            Verb::Info(name) => name.show(place),
            Verb::Ls(stream) => stream.list(place),
            Verb::Rm(name) => name.remove(place),
        }
    }
}

impl Add {
    fn run(self, place: &Place) -> Done {
        let config = ConsumerConfig {
            name: self.name.consumer,
            description: self.description,
            filter_subjects: self.filters,
            deliver_policy: self.deliver,
            ack_policy: match self.ack {
                AckName::Explicit => AckPolicy::Explicit,
                AckName::All => AckPolicy::All,
                AckName::None => AckPolicy::None,
            },
            ack_wait: self.ack_wait,
            max_deliver: self.max_deliver,
            backoff: self.backoff,
            max_ack_pending: self.max_ack_pending,
            dead_letter: self.dead_letter,
        };
        let stream = self.name.stream;
        let info = place
            .change(|engine| Ok(engine.stream(&stream).wait()?.create_consumer(config).wait()?.info().wait()?))?;
        show::answer(place, &stream, &info)
    }
}

impl Next {
    fn run(self, place: &Place) -> Done {
        let mut out = place.output();
        place.change(|engine| {
            let consumer = self.name.open(engine)?;
            let mut next = consumer.next(self.max);
            let batch = match next.wait_timeout(self.timeout.max(place.patience())) {
                Err(_) if !next.is_taken() => {
                    let Name { stream, consumer } = &self.name;
                    let message = format!("consumer '{consumer}' of stream '{stream}' has nothing to deliver");
                    return Err(Failure::not_found(message));
                }
                batch => batch?,
            };
            for record in batch.iter() {
                out.record(&RecordLine::of_view(&record))?;
            }
            out.flush()?;
            if self.ack {
                let seqs: Vec<u64> = batch.iter().map(|record| record.seq).collect();
                consumer.ack_sync(&seqs).wait()?;
            }
            Ok(())
        })
    }
}

impl Ack {
    fn run(self, place: &Place) -> Done {
        let acked = place.change(|engine| Ok(self.name.open(engine)?.ack_sync(&self.seqs).wait()?))?;
        let asked = self.seqs.len();
        let mut out = place.output();
        out.either(&serde_json::json!({ "acked": acked }), || format!("{acked} of {asked} acknowledged"))?;
        out.flush()
    }
}

impl Name {
    fn open(&self, engine: &Engine) -> Done<Consumer> {
        Ok(engine.stream(&self.stream).wait()?.consumer(&self.consumer).wait()?)
    }

    fn settle(
        &self,
        place: &Place,
        seq: u64,
        what: &str,
        how: impl FnOnce(&Consumer) -> headwater::Result<()>,
    ) -> Done {
        place.change(|engine| Ok(how(&self.open(engine)?)?))?;
        let mut out = place.output();
        out.either(&serde_json::json!({ "seq": seq, "outcome": what }), || format!("record {seq} is {what}"))?;
        out.flush()
    }

    fn remove(&self, place: &Place) -> Done {
        place.change(|engine| Ok(engine.stream(&self.stream).wait()?.delete_consumer(&self.consumer).wait()?))?;
        let (stream, consumer) = (&self.stream, &self.consumer);
        let object = serde_json::json!({ "stream": stream, "consumer": consumer, "removed": true });
        let mut out = place.output();
        out.either(&object, || format!("consumer {consumer} of stream {stream} is removed"))?;
        out.flush()
    }
}

fn parse_deliver(text: &str) -> Result<DeliverPolicy, String> {
    match text {
        "all" => Ok(DeliverPolicy::All),
        "last" => Ok(DeliverPolicy::Last),
        "new" => Ok(DeliverPolicy::New),
        "last-per-subject" => Ok(DeliverPolicy::LastPerSubject),
        _ => match parse_from(text) {
            Ok(From::Seq(seq)) => Ok(DeliverPolicy::ByStartSequence(seq)),
            Ok(From::Time(time)) => u64::try_from(time)
                .map(DeliverPolicy::ByStartTime)
                .map_err(|_| "no record was committed before 1970".to_owned()),
            Err(_) => Err(format!("'{text}' is not all, last, new, last-per-subject, a sequence or a time")),
        },
    }
}
