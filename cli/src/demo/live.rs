//! The third chapter: one thread appends, another follows; the newest of each subject first, then what comes.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use headwater::{Append, DeliverPolicy, ErrorKind, ReadOptions, Stream, SubscribeOptions};

use super::quakes::decode;
use super::stage::{Paint, Stage};
use crate::failure::{Done, Failure};
use crate::units::show_count;

const FILTER: &str = "quakes.taiwan.*";
/// The header that numbers what comes live, so that its way can be timed.
const NUMBER_HEADER: &str = "Replay";
const LIVE_RECORDS: usize = 6;
const PAUSE: Duration = Duration::from_millis(250);
/// No record takes longer than this to come, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

/// Follows a few subjects while they grow.
pub(super) fn chapter(stage: &mut Stage, stream: &Stream) -> Done {
    stage.chapter(3, "Live: history first, then what comes, without a seam")?;
    stage.command(&format!("stream tail quakes --filter '{FILTER}' --last-per-subject"))?;
    let replay = stream.read(&ReadOptions::default().filter(FILTER).backward().max_records(LIVE_RECORDS)).wait()?;
    let options = SubscribeOptions::default().filter(FILTER).deliver(DeliverPolicy::LastPerSubject);
    let subscription = stream.subscribe(options).wait()?;
    let sent: Vec<OnceLock<Instant>> = (0..replay.len()).map(|_| OnceLock::new()).collect();
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| -> headwater::Result<()> {
            for (number, record) in replay.iter().enumerate() {
                std::thread::sleep(PAUSE);
                let name = number.to_string();
                let append = Append::new(record.subject, record.payload).header(NUMBER_HEADER, &name);
                sent[number].get_or_init(Instant::now);
                stream.append(&append).wait()?;
            }
            Ok(())
        });
        let followed = follow(stage, &subscription, &sent);
        let outcome = sender.join().unwrap_or_else(|_| Err(headwater::Error::new(ErrorKind::Internal, "it panicked")));
        followed.and(outcome.map_err(Failure::from))
    })
}

fn follow(stage: &mut Stage, subscription: &headwater::Subscription, sent: &[OnceLock<Instant>]) -> Done {
    let mut came = 0;
    while came < sent.len() {
        let batch = subscription.next(100).wait_timeout(PATIENCE)?;
        let now = Instant::now();
        for record in batch.iter() {
            let number = record.header(NUMBER_HEADER).and_then(|n| n.parse::<usize>().ok());
            let since = number.and_then(|n| sent.get(n)).and_then(OnceLock::get);
            let (label, note) = match since {
                Some(since) => {
                    came += 1;
                    let micros = now.saturating_duration_since(*since).as_micros() as u64;
                    (stage.paint(Paint::Good, "live   "), format!("{:>7} µs", show_count(micros)))
                }
                None => (stage.paint(Paint::Dim, "history"), String::new()),
            };
            let quake = decode(record.payload)?;
            let magnitude = stage.paint(Paint::Warm, &format!("{:.1}", quake.magnitude));
            let place = format!("{:<32.32}", quake.place);
            let (seq, note) = (record.seq, stage.paint(Paint::Dim, &note));
            stage.say(&format!("{label}  {seq:>5}  {magnitude}  {place}  {note}"))?;
        }
    }
    let text = "the time is from calling append to arriving here, sync to disk included";
    let text = stage.paint(Paint::Dim, text);
    stage.say(&text)
}
