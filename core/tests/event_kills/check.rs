//! What was seen of read models is what the events come to from the first one on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use headwater::events::{EventsConfig, FollowOptions, ProjectionConfig, SqliteModel};
use headwater::rusqlite::Connection;
use headwater::{Engine, ReadOptions, Stream};

use crate::common::patience::PATIENCE;
use crate::model::{Look, Reader, State, add, add_row, rows};
use crate::runner::start;

/// All that was seen of read models.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) looks: Vec<Look>,
    /// How often a program was killed that had sent messages, and did not come to know it.
    pub(crate) unknown: usize,
}

impl Seen {
    /// What a program said.
    pub(crate) fn hear(&mut self, lines: &[String]) {
        assert!(!lines.iter().any(|line| line.contains("panicked")), "{lines:#?}");
        let memory = lines.iter().filter_map(|line| line.strip_prefix("memory ")?.split_once(" {"));
        let look = |(position, state): (&str, &str)| {
            (position.parse().unwrap(), serde_json::from_str(&format!("{{{state}")).unwrap())
        };
        self.looks.extend(memory.map(look));
    }

    /// The file as the program left it, which this one brings in order instead of the next.
    pub(crate) fn look(&mut self, file: &Path) {
        self.looks.push(Reader::open(file).look());
    }

    /// Whether messages are in their stream that the program had noted before it sent them.
    pub(crate) fn look_for_unknown(&mut self, file: &Path, mail: &Stream) {
        if let Some(last) = Reader::open(file).noted() {
            let newest = mail.last("mail").wait().unwrap();
            self.unknown += usize::from(newest.is_some_and(|newest| newest.seq > last));
        }
    }
}

/// Lets one run to the end, and compares all that was seen with what the events come to from the first one on.
pub(crate) fn end_and_check(engine: impl FnOnce() -> Engine, place: &str, file: &Path, roles: &str, mut seen: Seen) {
    seen.hear(&start(place, file, roles).ended());
    seen.look(file);
    // The one in memory, where it runs, and then that in the file.
    let ends = seen.looks[seen.looks.len() - (roles.matches("memory").count() + 1)..].to_vec();
    let engine = engine();
    let store = engine.event_store(EventsConfig::NAME).wait().unwrap();
    let last = store.stream().info().wait().unwrap().last_seq;
    assert!(last > 100, "only {last} events were saved");

    let mut looks: BTreeMap<u64, Vec<State>> = BTreeMap::new();
    seen.looks.into_iter().for_each(|(position, state)| looks.entry(position).or_default().push(state));
    assert!(looks.len() > 6, "read models stood nowhere else: {:?}", looks.keys());
    let feed = store.follow(&FollowOptions::default()).wait().unwrap();
    let (mut state, mut position) = (State::new(), 0);
    loop {
        for look in looks.remove(&position).unwrap_or_default() {
            assert_eq!(look, state, "a read model at {position}");
        }
        if position == last {
            break;
        }
        let next = feed.next(1).wait_timeout(PATIENCE).unwrap();
        let event = next.get(0).unwrap().unwrap();
        add(&mut state, &event).unwrap();
        position = event.seq();
    }
    assert!(looks.is_empty(), "no event is at {:?}", looks.keys());

    let zero = Arc::new(SqliteModel::new("zero", Connection::open_in_memory().unwrap(), add_row).unwrap());
    store.projection(ProjectionConfig::new("zero")).wait().unwrap().catch_up(&zero).wait().unwrap();
    assert_eq!(zero.read(rows).unwrap(), state);
    assert!(ends.iter().all(|look| *look == (last, state.clone())), "they were let run to {last}: {ends:?}");
    for name in ["live", "memory"] {
        assert_eq!(store.dead_letters(name, 0, 9).wait().unwrap(), [], "no event is to blame");
    }
    check_mail(&engine, file, last);
}

/// Each event's message was sent once, in the order of the events.
fn check_mail(engine: &Engine, file: &Path, last: u64) {
    assert_eq!(Reader::open(file).count("headwater_outbox"), 0, "messages are left in the outbox");
    let (mail, mut next, mut sent) = (engine.stream("mail").wait().unwrap(), 1, 1..=last);
    loop {
        let batch = mail.read(&ReadOptions::default().from_seq(next)).wait().unwrap();
        let Some(end) = batch.iter().last().map(|record| record.seq) else { break };
        for record in batch.iter() {
            let of: u64 = std::str::from_utf8(record.payload).unwrap().parse().unwrap();
            assert_eq!(Some(of), sent.next(), "message {} of {last} is not the one that comes next", record.seq);
        }
        next = end + 1;
    }
    assert_eq!(sent.next(), None, "it was not sent");
}
