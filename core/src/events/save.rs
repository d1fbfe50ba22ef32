//! Saving: events are appended, all or nothing, if the aggregate is as the caller knew it.
//!
//! The condition is the sequence of the aggregate's last event, which the stream checks together with the append. Where
//! only a version is known, that sequence is read first; whoever saves between the two makes the condition fail.
//!
//! An acknowledgement can be lost after its append was done. A save that is refused looks whether the events that it
//! finds are its own, by the id of the command, and then answers as it would have.

use std::collections::BTreeSet;

use crate::pending::Pending;
use crate::record::{BATCH_RECORDS_MAX, Durability};

use super::event::NewEvent;
use super::names::{AggregateId, EventFilter, check};
use super::store::EventStore;
use super::wanted::{OwnedEvent, Wanted, find};

/// The most events that are saved at once.
pub const EVENTS_PER_SAVE_MAX: usize = BATCH_RECORDS_MAX;

/// Where an aggregate stands: the version and the sequence of its last event, both 0 when it has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// How many events it has had.
    pub version: u64,
    /// The place of the last one in the store.
    pub seq: u64,
}

/// What a save expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever there is.
    Any,
    /// No event of the aggregate.
    None,
    /// At least one event.
    Exists,
    /// So many events; 0 is as [`Expected::None`].
    Version(u64),
    /// What a load or a save answered. It takes no look into the stream.
    At(Position),
}

impl Expected {
    /// The version that it names.
    pub(super) fn version(self) -> Option<u64> {
        match self {
            Expected::Any | Expected::Exists => None,
            Expected::None => Some(0),
            Expected::Version(version) => Some(version),
            Expected::At(position) => Some(position.version),
        }
    }
}

/// That nothing was saved in some aggregates since a decision was made of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Of which aggregates; the one that is saved has to be among them.
    pub filter: EventFilter,
    /// The last sequence among their events when they were read; 0 when there was none.
    pub last_seq: u64,
}

/// What goes with a save.
#[derive(Debug, Clone, Default)]
pub struct SaveOptions<'a> {
    /// The id of the command that is carried out, by which a repeated save is recognised; none when empty. 128 bytes
    /// at the most.
    pub command: &'a str,
    /// What the events belong together with, such as the id of a request; none when empty.
    pub correlation: &'a str,
    /// What the events are a consequence of, such as the id of another command; none when empty.
    pub causation: &'a str,
    /// Further names and values of every event of the save, behind its own.
    pub metadata: &'a [(&'a str, &'a str)],
    /// What must not have changed besides the aggregate itself.
    pub condition: Option<Condition>,
}

/// What a save came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// Where the aggregate stands by its last event that was saved.
    pub position: Position,
    /// Whether the events were there already, saved before by the same command, and nothing was saved now.
    pub is_repeat: bool,
    /// What the acknowledgement promises.
    pub durability: Durability,
}

impl EventStore {
    /// What a save of this command came to, if it is among the aggregate's last 1,000 events: for whoever is to carry a
    /// command out that may be carried out already, and has loaded what it left.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for names that can't be; those of the stream.
    pub fn find_command(&self, id: AggregateId<'_>, command: &str) -> Pending<Option<Saved>> {
        let checked = self.0.names.subject(id).and_then(|subject| check("a command", command).map(|()| subject));
        let (store, command) = (self.clone(), command.to_owned());
        Pending::after(checked, |subject| Pending::of(async move { find(&store, &subject, &command).await }))
    }

    /// Saves 1 to 1,000 events of one aggregate, all or nothing.
    ///
    /// With the id of a command, a save that is repeated is recognised where it is refused, and with [`Expected::Any`]
    /// and [`Expected::Exists`] before: if the aggregate's last 1,000 events have events of the command, nothing is
    /// saved, and the answer is theirs.
    ///
    /// The data of an event with a data subject is encrypted with the key of that, which is made if there is none. Who
    /// is forgotten meanwhile has events that are erased from the beginning.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a data subject, without the feature `shredding`.
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict), with both versions, when the aggregate is not as expected;
    /// with both sequences, when the condition does not hold. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for
    /// names and events that can't be, and for a condition that leaves the aggregate itself out. Those of
    /// [`Stream::append_batch`](crate::Stream::append_batch).
    pub fn save(
        &self,
        id: AggregateId<'_>,
        expected: Expected,
        events: &[NewEvent<'_>],
        options: &SaveOptions<'_>,
    ) -> Pending<Saved> {
        let mut wanted = match Wanted::new(self, id, expected, events, options) {
            Ok(wanted) => wanted,
            Err(error) => return Pending::ready(Err(error)),
        };
        let at = match expected {
            Expected::None | Expected::Version(0) => Some(Position::default()),
            Expected::At(position) => Some(position),
            _ => None,
        };
        let names: BTreeSet<String> = events.iter().filter_map(|it| it.data_subject.map(str::to_owned)).collect();
        if !names.is_empty() {
            let (store, events): (_, Vec<OwnedEvent>) = (self.clone(), events.iter().map(OwnedEvent::of).collect());
            return Pending::of(async move {
                wanted.keys = store.keys_to_save(&names).await?;
                match at {
                    Some(at) if wanted.condition.is_none() => wanted.save_at(at, events).await,
                    at => wanted.look_and_save(at, events).await,
                }
            });
        }
        match at {
            // The common way: nothing to look for, and no wait but that of the stream.
            Some(at) if wanted.condition.is_none() => {
                wanted.append(at, events).or_else(move |error| wanted.refused(error))
            }
            at => {
                let events: Vec<OwnedEvent> = events.iter().map(OwnedEvent::of).collect();
                Pending::of(wanted.look_and_save(at, events))
            }
        }
    }
}
