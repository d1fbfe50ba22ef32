//! The most memory of a process whose link is ten million records behind, less that of one that uses the same stream
//! without a link.

use super::{Row, killed_stream};
use crate::Outcome;
use crate::child;
use crate::context::{Context, Samples, copy_dir};
use crate::peers::nats::{Direct, Server};
use crate::report::{Goal, Line, Unit};

/// The row.
pub(crate) const ROW: Row = Row { name: "link_memory", about: "memory of a link 10,000,000 records behind", run };

const MEGABYTE: f64 = 1e6;
const SUBJECTS: u64 = 1000;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let kept = killed_stream(context, context.scaled(10_000_000), SUBJECTS)?;
    let server = Server::start(&context.fresh("hub"), "", "")?;
    let direct = Direct::connect(&server.url())?;
    let subjects = SUBJECTS.to_string();
    let mut above = Samples::new();
    for round in 0..context.rounds {
        context.progress(&format!("round {}/{}: weighing a link that is behind", round + 1, context.rounds));
        direct.create("bench", &["bench.>", "$HW.bench.>"])?;
        let mut peaks = [0.0; 2];
        for (peak, words) in peaks.iter_mut().zip([&["use", &subjects][..], &["link", &server.url()]]) {
            let dir = context.fresh("copy");
            copy_dir(&kept.dir, &dir)?;
            *peak = child::ask(&[words[0], child::text(&dir)?, words[1]])?.number("peak")?;
            std::fs::remove_dir_all(&dir)?;
        }
        direct.delete("bench")?;
        above.push((peaks[1] - peaks[0]) / MEGABYTE);
    }
    let what = "memory of a link 10,000,000 records behind, above the engine's own";
    Ok(vec![Line::figure(ROW.name, what, above, Unit::Megabytes, Goal::AtMost(64.0))])
}
