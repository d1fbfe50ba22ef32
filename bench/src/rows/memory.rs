//! The most memory that a process holds which writes a large stream, and one which opens it, looks up and reads: each a
//! fresh process, less one that only makes the same test data.

use super::{Row, killed_stream};
use crate::Outcome;
use crate::child;
use crate::context::{Context, Samples, copy_dir};
use crate::report::{Goal, Line, Unit};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "memory", about: "memory for 1,000,000 subjects; for 10,000,000 records of 1,000 subjects", run };

const MEGABYTE: f64 = 1e6;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let many = context.scaled(1_000_000);
    let long = context.scaled(10_000_000);
    Ok(vec![
        weigh(context, "memory for 1,000,000 subjects", [many, many], 120.0)?,
        weigh(context, "memory for 10,000,000 records of 1,000 subjects", [long, 1000], 60.0)?,
    ])
}

fn weigh(context: &mut Context, what: &str, [records, subjects]: [u64; 2], goal: f64) -> Outcome<Line> {
    let kept = killed_stream(context, records, subjects)?;
    let subjects = subjects.to_string();
    let idle = |context: &Context| -> Outcome<f64> {
        context.progress("weighing an idle process");
        child::ask(&["idle", &subjects])?.number("peak")
    };
    let writing = (kept.figures["peak"] - idle(context)?) / MEGABYTE;
    let mut using = Samples::new();
    for round in 0..context.rounds {
        context.progress(&format!("round {}/{}: weighing a process that uses it", round + 1, context.rounds));
        // Each opens what a killed writer left: the most that opening can take.
        let dir = context.fresh("copy");
        copy_dir(&kept.dir, &dir)?;
        let peak: f64 = child::ask(&["use", child::text(&dir)?, &subjects])?.number("peak")?;
        using.push((peak - idle(context)?) / MEGABYTE);
        std::fs::remove_dir_all(&dir)?;
    }
    let shown = format!("{writing:.0} MB writing, {:.0} MB using", crate::report::median(&using));
    let most = using.iter().map(|peak| peak.max(writing)).collect();
    Ok(Line::figure(ROW.name, what, most, Unit::Megabytes, Goal::AtMost(goal)).beside("", shown, String::new()))
}
