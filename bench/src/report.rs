//! The table: a line for each comparison, with its median, its goal and whether it was reached.
//!
//! The table is Markdown that reads well as it is, so that one text serves the terminal and the README. JSON carries
//! every round as well. Knows nothing of how a figure came about.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::args::{Args, ROUNDS_MIN};
use crate::context::Samples;

/// What a figure must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// So many times the other side.
    Times,
    /// Bytes.
    Bytes,
    /// Millions of bytes.
    Megabytes,
    /// Seconds.
    Seconds,
    /// So many a second.
    PerSecond,
}

/// One comparison.
pub(crate) struct Line {
    row: &'static str,
    what: String,
    against: String,
    outcome: Measured,
}

enum Measured {
    Figure { ours: String, theirs: String, rounds: Samples, unit: Unit, goal: Goal },
    Skipped(String),
    Failed(String),
}

impl Line {
    /// A ratio of two rates, round by round: ours over theirs.
    pub(crate) fn ratio(row: &'static str, what: &str, against: &str, rates: [&Samples; 2], goal: f64) -> Line {
        let [ours, theirs] = rates;
        let rounds = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
        let outcome = Measured::Figure {
            ours: per_second(median(ours)),
            theirs: per_second(median(theirs)),
            rounds,
            unit: Unit::Times,
            goal: Goal::AtLeast(goal),
        };
        Line { row, what: what.to_owned(), against: against.to_owned(), outcome }
    }

    /// A ratio of two costs in nanoseconds, round by round: ours over theirs, where less is better.
    pub(crate) fn cost(row: &'static str, what: &str, against: &str, costs: [&Samples; 2], goal: f64) -> Line {
        let [ours, theirs] = costs;
        let outcome = Measured::Figure {
            ours: format!("{:.0} ns", median(ours)),
            theirs: format!("{:.0} ns", median(theirs)),
            rounds: ours.iter().zip(theirs).map(|(a, b)| a / b).collect(),
            unit: Unit::Times,
            goal: Goal::AtMost(goal),
        };
        Line { row, what: what.to_owned(), against: against.to_owned(), outcome }
    }

    /// A figure that stands for itself.
    pub(crate) fn figure(row: &'static str, what: &str, rounds: Samples, unit: Unit, goal: Goal) -> Line {
        let outcome = Measured::Figure { ours: show(median(&rounds), unit), theirs: String::new(), rounds, unit, goal };
        Line { row, what: what.to_owned(), against: String::new(), outcome }
    }

    /// A comparison that could not be made here, and why.
    pub(crate) fn skipped(row: &'static str, what: &str, why: &str) -> Line {
        let outcome = Measured::Skipped(why.to_owned());
        Line { row, what: what.to_owned(), against: String::new(), outcome }
    }

    /// The same figure beside what it is compared with.
    pub(crate) fn beside(mut self, against: &str, ours: String, theirs: String) -> Line {
        if let Measured::Figure { ours: mine, theirs: other, .. } = &mut self.outcome {
            *mine = ours;
            *other = theirs;
        }
        against.clone_into(&mut self.against);
        self
    }

    /// One sentence for the progress.
    pub(crate) fn summary(&self) -> String {
        let [what, against, ours, theirs, result, goal, verdict] = self.cells();
        if !matches!(self.outcome, Measured::Figure { .. }) {
            return format!("{}: {what}: {verdict}", self.row);
        }
        let beside = if against.is_empty() { String::new() } else { format!(" against {against} {theirs}") };
        format!("{}: {what}: {ours}{beside}: {result}, goal {goal}: {verdict}", self.row)
    }

    fn cells(&self) -> [String; 7] {
        let (ours, theirs, result, goal, verdict) = match &self.outcome {
            Measured::Figure { ours, theirs, rounds, unit, goal } => {
                let middle = median(rounds);
                let (sign, bound, reached) = match *goal {
                    Goal::AtLeast(bound) => (">=", bound, middle >= bound),
                    Goal::AtMost(bound) => ("<=", bound, middle <= bound),
                };
                let verdict = if reached { "ok" } else { "MISSED" };
                let goal = format!("{sign} {}", show_bound(bound, *unit));
                (ours.clone(), theirs.clone(), show(middle, *unit), goal, verdict.to_owned())
            }
            Measured::Skipped(why) => skip("skipped", why),
            Measured::Failed(why) => skip("FAILED", why),
        };
        [self.what.clone(), self.against.clone(), ours, theirs, result, goal, verdict]
    }

    fn json(&self) -> Value {
        let [what, against, ours, theirs, _, _, verdict] = self.cells();
        let mut value = json!({
            "row": self.row, "what": what, "against": against, "ours": ours, "theirs": theirs, "verdict": verdict,
        });
        if let Measured::Figure { rounds, unit, goal, .. } = &self.outcome {
            let (sign, bound) = match goal {
                Goal::AtLeast(bound) => ("at_least", bound),
                Goal::AtMost(bound) => ("at_most", bound),
            };
            value["result"] = json!(median(rounds));
            value["rounds"] = json!(rounds);
            value["unit"] = json!(match unit {
                Unit::Times => "times",
                Unit::Bytes => "B",
                Unit::Megabytes => "MB",
                Unit::Seconds => "s",
                Unit::PerSecond => "/s",
            });
            value["goal"] = json!({ sign: bound });
        }
        value
    }
}

fn skip(verdict: &str, why: &str) -> (String, String, String, String, String) {
    (String::new(), String::new(), String::new(), String::new(), format!("{verdict}: {why}"))
}

/// All lines of one run.
pub(crate) struct Report {
    rounds: usize,
    scale: f64,
    lines: Vec<Line>,
}

impl Report {
    /// A report without lines.
    pub(crate) fn new(args: &Args) -> Self {
        Report { rounds: args.rounds, scale: args.scale, lines: Vec::new() }
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Adds a row that could not be measured.
    pub(crate) fn fail(&mut self, row: &'static str, why: &str) {
        let outcome = Measured::Failed(why.to_owned());
        self.lines.push(Line { row, what: row.to_owned(), against: String::new(), outcome });
    }

    /// Whether no row failed.
    pub(crate) fn complete(&self) -> bool {
        !self.lines.iter().any(|line| matches!(line.outcome, Measured::Failed(_)))
    }

    /// The table, as Markdown whose columns line up.
    pub(crate) fn table(&self) -> String {
        let head = ["what", "against", "Headwater", "peer", "result", "goal", ""].map(str::to_owned);
        let rows: Vec<[String; 7]> = std::iter::once(head).chain(self.lines.iter().map(Line::cells)).collect();
        let mut widths = [1; 7];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        // A long reason in the last column would only push everything apart.
        widths[6] = 6;
        let mut out = format!("\n{}\n\n", self.heading());
        for (index, row) in rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(widths) {
                let _ = write!(out, "| {cell:width$} ");
            }
            out.push_str("|\n");
            if index == 0 {
                for width in widths {
                    let _ = write!(out, "|{}", "-".repeat(width + 2));
                }
                out.push_str("|\n");
            }
        }
        out
    }

    /// Everything, every round included.
    pub(crate) fn json(&self) -> String {
        let lines: Vec<Value> = self.lines.iter().map(Line::json).collect();
        format!("{:#}\n", json!({ "rounds": self.rounds, "scale": self.scale, "lines": lines }))
    }

    fn heading(&self) -> String {
        let mut text =
            format!("Medians of {} interleaved rounds; a result is that of the rounds' ratios.", self.rounds);
        #[allow(clippy::float_cmp, reason = "1 is what was typed, or the default")]
        let full = self.scale == 1.0;
        if self.rounds < ROUNDS_MIN || !full {
            let _ = write!(text, " A quick look at scale {}, not a measurement: the goals speak of", self.scale);
            let _ = write!(text, " scale 1 and at least {ROUNDS_MIN} rounds.");
        }
        text
    }
}

/// The middle figure.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// A rate for people.
pub(crate) fn per_second(rate: f64) -> String {
    if rate >= 1e6 {
        format!("{:.2} M/s", rate / 1e6)
    } else if rate >= 1e3 {
        format!("{:.1} k/s", rate / 1e3)
    } else {
        format!("{rate:.0} /s")
    }
}

fn show(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Times if value >= 100.0 => format!("{value:.0} x"),
        Unit::Times => format!("{value:.2} x"),
        Unit::Bytes => format!("{value:.0} B"),
        Unit::Megabytes => format!("{value:.1} MB"),
        Unit::Seconds => format!("{value:.3} s"),
        Unit::PerSecond => per_second(value),
    }
}

fn show_bound(bound: f64, unit: Unit) -> String {
    match unit {
        Unit::Times => format!("{bound} x"),
        Unit::Bytes => format!("{bound} B"),
        Unit::Megabytes => format!("{bound} MB"),
        Unit::Seconds => format!("{bound} s"),
        Unit::PerSecond => per_second(bound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(result: f64) -> Line {
        Line::ratio("row", "what", "peer", [&vec![result * 10.0], &vec![10.0]], 0.85)
    }

    #[test]
    fn a_goal_is_reached_at_its_bound_and_missed_below() {
        assert_eq!(line(0.85).cells(), ["what", "peer", "8 /s", "10 /s", "0.85 x", ">= 0.85 x", "ok"]);
        assert_eq!(line(0.84).cells()[6], "MISSED");
        let memory = Line::figure("row", "what", vec![61.0], Unit::Megabytes, Goal::AtMost(60.0));
        assert_eq!(memory.cells()[4..], ["61.0 MB", "<= 60 MB", "MISSED"]);
    }

    #[test]
    fn a_median_is_the_middle() {
        assert!((median(&[9.0, 1.0, 5.0]) - 5.0).abs() < 1e-12);
        assert!((median(&[9.0, 1.0, 5.0, 6.0]) - 5.5).abs() < 1e-12);
        assert!(median(&[]).is_nan());
    }
}
