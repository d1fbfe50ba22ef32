//! A request to a local entity in Python and in Node, beside what their users would take for a task that takes messages
//! one by one: an `asyncio.Queue` and a future back, an array and promises, in the same loop.
//!
//! Every program is a fresh process: `PROGRAM JOB WARM_UP REQUESTS`, where the job is `entity` or `queue`. It answers
//! `ns`, for one request, and `sum`, what all of them came to. `doors.sh` builds what they need.

use std::path::PathBuf;
use std::process::Command;

use super::Row;
use super::calls::{Door, node, python};
use crate::Outcome;
use crate::child;
use crate::context::{Context, Side};
use crate::report::Line;

/// The row.
pub(crate) const ROW: Row =
    Row { name: "entities_calls", about: "request to an entity in Python and Node: an asyncio queue, promises", run };

const REQUESTS: u64 = 100_000;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let requests = context.scaled(REQUESTS);
    let mut lines = Vec::new();
    let python = ("Python", python("entities.py"), "asyncio.Queue put, future back");
    let node = ("Node", node("entities.mjs", &["headwater"]), "an array of promises");
    for (language, door, peer) in [python, node] {
        let what = format!("request to a local entity in {language}");
        lines.push(match compared(context, &door, requests)? {
            Ok([ours, theirs]) => Line::cost(ROW.name, &what, peer, [&ours, &theirs], 5.0),
            Err(why) => Line::skipped(ROW.name, &what, &why),
        });
    }
    Ok(lines)
}

/// The costs of both jobs of one program, or why there are none.
fn compared(context: &Context, door: &Door, requests: u64) -> Outcome<Result<[Vec<f64>; 2], String>> {
    let words = match door {
        Ok(words) => words,
        Err(why) => return Ok(Err(why.clone())),
    };
    let sides = ["entity", "queue"].map(|job| Side::new(job, move |_| turn(words, job, requests)));
    context.interleave(sides).map(Ok)
}

/// Lets a program ask; returns nanoseconds a request.
fn turn(words: &[PathBuf], job: &str, requests: u64) -> Outcome<f64> {
    let warm_up = requests / 10;
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args([job, &warm_up.to_string(), &requests.to_string()]);
    let answer = child::run_to_end(command)?;
    match answer.number::<u64>("sum")? {
        sum if sum == warm_up + requests => answer.number("ns"),
        sum => Err(format!("{} requests came to {sum}", warm_up + requests).into()),
    }
}
