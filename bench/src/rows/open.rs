//! The time that a fresh process takes to open ten million records and look one up: after a clean close, and after
//! their writer was killed without one.

use super::{Row, SUBJECTS, killed_stream};
use crate::Outcome;
use crate::check::{Kind, check};
use crate::child;
use crate::context::{Context, Samples, copy_dir};
use crate::report::{Goal, Line, Unit};
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row = Row { name: "open", about: "open of 10,000,000 records: clean; after SIGKILL", run };

const RECORDS: u64 = 10_000_000;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let records = context.scaled(RECORDS);
    let kept = killed_stream(context, records, SUBJECTS)?;
    let expected = Source::new(SUBJECTS, PAYLOAD_BYTES).expected(records);
    let (mut clean, mut killed) = (Samples::new(), Samples::new());
    for round in 0..context.rounds {
        context.progress(&format!("round {}/{}: copying {records} records", round + 1, context.rounds));
        let dir = context.fresh("copy");
        copy_dir(&kept.dir, &dir)?;
        std::process::Command::new("sync").status()?;
        context.progress(&format!("round {}/{}: opening", round + 1, context.rounds));
        for samples in [&mut killed, &mut clean] {
            let answer = child::ask(&["open", child::text(&dir)?])?;
            let found: u64 = answer.number("records")?;
            if found != records {
                return Err(format!("opened {found} records of {records}").into());
            }
            samples.push(answer.number("seconds")?);
        }
        if round == 0 {
            check(Kind::Ours, &dir, expected)?;
        }
        std::fs::remove_dir_all(&dir)?;
    }
    let line = |how: &str, samples, goal| {
        Line::figure(ROW.name, &format!("open 10,000,000 records, {how}"), samples, Unit::Seconds, Goal::AtMost(goal))
    };
    Ok(vec![line("clean", clean, 0.1), line("after SIGKILL", killed, 1.0)])
}
