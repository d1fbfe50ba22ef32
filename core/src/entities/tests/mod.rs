//! Entities on one node.

mod cluster;
mod net;
mod planted;
mod reach;
mod run;
mod tasks;
mod turns;
mod world;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::ManualClock;
use crate::engine::{Engine, EngineOptions};

use super::*;

const SECOND: u64 = 1_000_000_000;

/// Entities whose time stands still until it is told to go on.
struct Still {
    clock: Arc<ManualClock>,
    engine: Engine,
    entities: Entities,
}

fn still(config: EntitiesConfig) -> Still {
    let clock = Arc::new(ManualClock::new(SECOND, 1));
    let options = EngineOptions { clock: clock.clone(), worker: false, ..EngineOptions::default() };
    let engine = Engine::memory_with(options).expect("an engine");
    let entities = engine.entities(config).wait().expect("entities");
    Still { clock, engine, entities }
}

impl Still {
    fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.engine.step();
    }

    /// A turn that is there, and what is in it.
    fn turn(&self) -> Option<(Turn, Vec<String>)> {
        let turn = self.entities.try_next().expect("open")?;
        let told = turn.items.iter().map(|item| told(&item.what)).collect();
        Some((turn, told))
    }

    fn take(&self) -> (Turn, Vec<String>) {
        self.turn().expect("a turn")
    }

    /// Completes all items of a turn, with themselves as answers.
    fn done(&self, turn: &Turn) {
        let answers = (0..).zip(&turn.items).map(|(n, item)| (n, Ok(told(&item.what).into_bytes())));
        self.entities.complete(turn.token, answers).expect("completed");
    }
}

fn told(what: &What) -> String {
    match what {
        What::Start => "start".to_owned(),
        What::Message { name, .. } => name.to_string(),
        What::Timer { name } => format!("timer {name}"),
        What::Stop => "stop".to_owned(),
    }
}

fn id(key: &str) -> EntityId<'_> {
    EntityId::new("counter", key)
}
