//! The hub of a fleet: its limits, its own clients, and the power that it may lose.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater::{Append, Discard, Engine, EngineOptions, ManualClock, StreamConfig};

use super::check::payloads;
use super::{Fleet, HUBS, OWN, told};
use crate::disk::SimDisk;

pub(super) fn in_memory(clock: &ManualClock) -> Result<Engine, String> {
    let options = EngineOptions { clock: Arc::new(clock.clone()), worker: false, ..EngineOptions::default() };
    Engine::memory_with(options).map_err(told)
}

pub(super) fn open(clock: &ManualClock, disk: &SimDisk) -> Result<Engine, String> {
    let options = EngineOptions {
        clock: Arc::new(clock.clone()),
        disk: Arc::new(disk.clone()),
        worker: false,
        ..EngineOptions::default()
    };
    Engine::open_with("/hub", options).map_err(told)
}

impl Fleet {
    /// Leaves a hub room for a few records more, or for all.
    pub(super) fn limit(&mut self, name: &str, room: Option<u64>) -> Result<(), String> {
        let info = self.hub.stream(name).and_then(|s| s.info()).wait().map_err(told)?;
        let max_msgs = room.map_or(0, |room| info.records + room);
        let config = StreamConfig { max_msgs, discard: Discard::New, ..info.config };
        self.hub.update_stream(config).wait().map_err(told).map(drop)
    }

    pub(super) fn append_at_hub(&mut self) {
        self.numbers += 1;
        let payload = format!("h{}", self.numbers);
        let name = HUBS[self.random.below(2) as usize];
        let subject = format!("{}.{}", name.to_lowercase(), if self.random.once_in(2) { "a" } else { "b" });
        self.homes.insert(payload.clone(), name);
        let hub = self.hub.stream(name).wait().ok();
        let acked = hub.is_some_and(|hub| hub.append(&Append::new(&subject, payload.as_bytes())).wait().is_ok());
        self.sent.insert(payload, acked);
    }

    /// The hub loses power, and of each of its streams as much of the end as it likes.
    pub(super) fn crash_hub(&mut self) -> Result<(), String> {
        self.hub_disk.cut_after(0);
        self.hub.close().ok();
        self.hub_disk.restart();
        self.hub = open(&self.clock, &self.hub_disk)?;
        for name in HUBS.into_iter().chain([OWN]) {
            let stream = self.hub.stream(name).wait().map_err(told)?;
            self.net.put(stream);
        }
        for name in HUBS {
            let left = payloads(&self.hub.stream(name).wait().map_err(told)?)?;
            let left: BTreeSet<String> = left.into_iter().map(|(payload, _)| payload).collect();
            let own = self.homes.iter().filter(|(payload, home)| **home == name && !left.contains(*payload));
            self.lost.extend(own.map(|(payload, _)| payload.clone()));
        }
        Ok(())
    }
}
