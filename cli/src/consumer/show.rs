//! Where a consumer stands, as the verbs of `headwater consumer` show it.

use headwater::{ConsumerConfig, ConsumerInfo};
use serde::Serialize;

use super::{Name, Stream};
use crate::failure::Done;
use crate::place::Place;
use crate::units::show_duration;

#[derive(Serialize)]
struct InfoLine<'a> {
    stream: &'a str,
    name: &'a str,
    delivered_seq: u64,
    ack_floor: u64,
    num_pending: u64,
    num_ack_pending: u64,
    num_redelivered: u64,
    num_dead: u64,
    config: &'a ConsumerConfig,
}

/// Says that a consumer is there.
pub(super) fn answer(place: &Place, stream: &str, info: &ConsumerInfo) -> Done {
    let line = InfoLine::of(stream, info);
    let mut out = place.output();
    out.either(&line, || format!("consumer {} of stream {stream} is there", line.name))?;
    out.flush()
}

impl Stream {
    pub(super) fn list(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let consumers = engine.stream(&self.stream).wait()?.consumers().wait()?;
        place.warn(&engine);
        let mut out = place.output();
        if out.is_json() {
            for info in &consumers {
                out.either(&InfoLine::of(&self.stream, info), String::new)?;
            }
        } else {
            let rows: Vec<[String; 4]> = consumers
                .iter()
                .map(|info| {
                    let numbers = [info.ack_floor, info.num_ack_pending, info.num_pending].map(|n| n.to_string());
                    let [floor, unacked, pending] = numbers;
                    [info.config.name.clone(), floor, unacked, pending]
                })
                .collect();
            out.table(["CONSUMER", "DONE UP TO", "UNACKNOWLEDGED", "PENDING"], &rows)?;
        }
        out.flush()
    }
}

impl Name {
    pub(super) fn show(&self, place: &Place) -> Done {
        let engine = place.reader()?;
        let info = self.open(&engine)?.info().wait()?;
        let mut out = place.output();
        let line = InfoLine::of(&self.stream, &info);
        out.either(&line, || line.text())?;
        out.flush()
    }
}

impl<'a> InfoLine<'a> {
    fn of(stream: &'a str, info: &'a ConsumerInfo) -> Self {
        InfoLine {
            stream,
            name: &info.config.name,
            delivered_seq: info.delivered_seq,
            ack_floor: info.ack_floor,
            num_pending: info.num_pending,
            num_ack_pending: info.num_ack_pending,
            num_redelivered: info.num_redelivered,
            num_dead: info.num_dead,
            config: &info.config,
        }
    }

    fn text(&self) -> String {
        let filters = match self.config.filter_subjects.as_slice() {
            [] => "everything".to_owned(),
            filters => filters.join(", "),
        };
        let rows = [
            ("consumer", format!("{} of stream {}", self.name, self.stream)),
            ("takes", filters),
            ("delivered up to", self.delivered_seq.to_string()),
            ("done up to", self.ack_floor.to_string()),
            ("not delivered", self.num_pending.to_string()),
            ("unacknowledged", format!("{}, {} of them delivered again", self.num_ack_pending, self.num_redelivered)),
            ("dead letters", self.num_dead.to_string()),
            ("ack wait", show_duration(self.config.ack_wait)),
        ];
        rows.iter().map(|(name, value)| format!("{name:<16} {value}")).collect::<Vec<_>>().join("\n")
    }
}
