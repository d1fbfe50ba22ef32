//! The projections of an event store, and what they gave up.

use clap::Args;

use super::{LIST_AT_ONCE, Store};
use crate::failure::Done;
use crate::place::Place;
use crate::text::printable;
use crate::time::show_commit_time;

#[derive(Args)]
pub(crate) struct Projections {
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
pub(crate) struct DeadLetters {
    /// The projection.
    projection: String,
    #[command(flatten)]
    store: Store,
}

impl Projections {
    pub(super) fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let all = engine.event_store(&self.store.store).wait()?.projections().wait()?;
        place.warn(&engine);
        let mut out = place.output();
        if out.is_json() {
            for one in &all {
                out.either(one, String::new)?;
            }
        }
        let rows: Vec<_> = all
            .iter()
            .filter(|_| !out.is_json())
            .map(|one| {
                let state = match &one.failing {
                    Some(failing) => format!("fails at {}, {} times: {}", failing.seq, failing.tries, failing.error),
                    None if one.is_running => "runs".to_owned(),
                    None => "closed".to_owned(),
                };
                let name = if one.is_rebuild { format!("{} (rebuild)", one.name) } else { one.name.clone() };
                [name, one.position.to_string(), one.lag.to_string(), one.dead.to_string(), printable(state.as_bytes())]
            })
            .collect();
        out.table(["PROJECTION", "POSITION", "LAG", "DEAD", "STATE"], &rows)?;
        out.flush()
    }
}

impl DeadLetters {
    pub(super) fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let store = engine.event_store(&self.store.store).wait()?;
        let mut out = place.output();
        let mut rows = Vec::new();
        let mut after = 0;
        loop {
            let letters = store.dead_letters(&self.projection, after, LIST_AT_ONCE).wait()?;
            let Some(last) = letters.last() else { break };
            after = last.failing.seq;
            for letter in letters {
                if out.is_json() {
                    out.either(&letter, String::new)?;
                } else {
                    let (at, error) = (show_commit_time(letter.time), printable(letter.failing.error.as_bytes()));
                    rows.push([letter.failing.seq.to_string(), letter.failing.tries.to_string(), at, error]);
                }
            }
        }
        place.warn(&engine);
        out.table(["EVENT", "TRIES", "GIVEN UP", "WHY"], &rows)?;
        out.flush()
    }
}
