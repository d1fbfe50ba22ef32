//! An append under a condition over a wildcard filter that a million subjects match, beside an unconditional one.
//!
//! Every other record lies outside the filter, so that the filter's last sequence is not the stream's. Two filters: one
//! with `>`, and one with `*` in the middle, which no prefix of the subject decides.

use headwater::{Append, Durability};

use super::Row;
use crate::Outcome;
use crate::check::{Kind, check};
use crate::context::{Context, Side, rate};
use crate::ours::Ours;
use crate::report::Line;
use crate::source::{Digest, PAYLOAD_BYTES, Source, mix};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "condition", about: "append under a condition over 1,000,000 subjects: an unconditional append", run };

const SUBJECTS: u64 = 1_000_000;
const APPENDS: u64 = 200_000;
const OUTSIDE: &str = "other.tip";

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let mut lines = Vec::new();
    for filter in ["bench.>", "bench.*.*"] {
        lines.push(under(context, filter)?);
    }
    Ok(lines)
}

fn under(context: &mut Context, filter: &str) -> Outcome<Line> {
    let subjects = context.scaled(SUBJECTS);
    let appends = context.turns(APPENDS);
    let dir = context.fresh("ours");
    let mut source = Source::new(subjects, PAYLOAD_BYTES);
    let mut digest = source.expected(subjects);
    context.progress(&format!("writing {subjects} records of as many subjects"));
    let ours = Ours::create(&dir, Durability::Interval)?;
    ours.append_batches(0..subjects, &mut source)?;

    let [mut plain, mut conditional] = [source.clone(), source.clone()];
    // Both sides append to one stream, so a turn begins where the other side's ended.
    let start = |round: usize, side: u64| subjects + (round as u64 * 2 + side) * appends;
    let [plain_rates, conditional_rates] = context.interleave([
        Side::new("unconditional", |round| {
            let from = start(round, 0);
            rate(appends, || {
                for record in from..from + appends {
                    let (subject, payload) = record_of(&mut plain, record, subjects);
                    ours.stream.append(&Append::new(subject, payload)).wait()?;
                }
                Ok(())
            })
        }),
        Side::new(filter, |round| {
            let from = start(round, 1);
            let mut last = ours.stream.last_seq(filter).wait()?;
            rate(appends, || {
                for record in from..from + appends {
                    let (subject, payload) = record_of(&mut conditional, record, subjects);
                    let append = Append::new(subject, payload).expect_filter_last_seq(filter, last);
                    let ack = ours.stream.append(&append).wait()?;
                    if subject != OUTSIDE {
                        last = ack.seq;
                    }
                }
                Ok(())
            })
        }),
    ])?;
    ours.close()?;
    add(&mut digest, &mut source, subjects..start(context.rounds, 0), subjects);
    check(Kind::Ours, &dir, digest)?;
    let what = format!("conditional append, `{filter}` matches 1,000,000 subjects");
    Ok(Line::ratio(ROW.name, &what, "unconditional append", [&conditional_rates, &plain_rates], 0.5))
}

/// Even records go to a random subject that the filters take, odd ones to one that they do not.
fn record_of(source: &mut Source, record: u64, subjects: u64) -> (&str, &[u8]) {
    source.stamp(record..record + 1);
    let subject = if record.is_multiple_of(2) { source.subject(mix(record) % subjects) } else { OUTSIDE };
    (subject, source.get(record).1)
}

fn add(digest: &mut Digest, source: &mut Source, records: std::ops::Range<u64>, subjects: u64) {
    for record in records {
        let (subject, payload) = record_of(source, record, subjects);
        digest.add(subject.as_bytes(), payload);
    }
}
