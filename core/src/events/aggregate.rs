//! What a user's type says of itself to be an aggregate, and one that is loaded.

use std::collections::BTreeSet;

use crate::error::Result;

use super::save::Position;

/// An event of a user's type. Its names are texts that stay, whatever the type is called later.
pub trait DomainEvent: Sized + Send + Sync + 'static {
    /// Its name.
    fn event_type(&self) -> &str;

    /// The version of the shape of its data.
    fn schema(&self) -> u32 {
        1
    }

    /// The person or thing that its data is about, 1 to 128 bytes, if that shall be [forgotten] on request.
    ///
    /// [forgotten]: super::EventStore::forget
    fn data_subject(&self) -> Option<&str> {
        None
    }

    /// Its data.
    ///
    /// # Errors
    /// Whatever makes it impossible; nothing is saved then.
    fn encode(&self) -> Result<Vec<u8>>;

    /// The event of this name, schema and data, after the upcasters.
    ///
    /// # Errors
    /// For a name or data that it does not know: the load fails, and names the event.
    fn decode(event_type: &str, schema: u32, data: &[u8]) -> Result<Self>;
}

/// A state that events make.
pub trait Aggregate: Default + Clone + Send + Sync + 'static {
    /// The name of its kind.
    const NAME: &'static str;
    /// The version of the shape of its snapshots; one of another version is passed over.
    const SNAPSHOT_SCHEMA: u32 = 1;
    /// Its events.
    type Event: DomainEvent;

    /// Takes in an event, which has happened: it can't be refused any more.
    fn apply(&mut self, event: &Self::Event);

    /// Takes in that an event of this type happened whose data is gone, as its data subject was forgotten; it is called
    /// in place of [`Aggregate::apply`], with the type as it was saved. Nothing, unless it is said otherwise.
    fn apply_erased(&mut self, event_type: &str) {
        let _ = event_type;
    }

    /// Whether a snapshot is due, `behind` events after the last one, where one is to be kept `every` so many. It is
    /// asked after each save, unless `every` is 0.
    fn is_snapshot_due(&self, behind: u64, every: u64) -> bool {
        behind >= every
    }

    /// The state as bytes, if snapshots shall be kept.
    ///
    /// # Errors
    /// Whatever makes it impossible. Events that were saved stay saved.
    fn encode_snapshot(&self) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// The state out of bytes; `None` passes the snapshot over.
    fn decode_snapshot(_data: &[u8]) -> Option<Self> {
        None
    }
}

/// A loaded aggregate, with the events that were raised since. It is its owner's alone: dropping it forgets them.
#[derive(Debug)]
pub struct Root<A: Aggregate> {
    pub(super) key: String,
    pub(super) state: A,
    pub(super) position: Position,
    pub(super) raised: Vec<A::Event>,
    /// The version of the newest snapshot that is known.
    pub(super) snapshot_version: u64,
    /// The data subjects that the state has data of.
    pub(super) data_subjects: BTreeSet<String>,
}

impl<A: Aggregate> Root<A> {
    pub(super) fn new(key: impl Into<String>) -> Self {
        Root {
            key: key.into(),
            state: A::default(),
            position: Position::default(),
            raised: Vec::new(),
            snapshot_version: 0,
            data_subjects: BTreeSet::new(),
        }
    }

    /// Its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What the events made of it, those that were raised and not saved among them.
    pub fn state(&self) -> &A {
        &self.state
    }

    /// Where the log stood when it was loaded or saved.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Whether it has a saved event.
    pub fn exists(&self) -> bool {
        self.position.version > 0
    }

    /// Takes in an event that is to be saved.
    pub fn raise(&mut self, event: A::Event) {
        self.state.apply(&event);
        self.has_data_of(event.data_subject());
        self.raised.push(event);
    }

    /// The state has data of this data subject.
    pub(super) fn has_data_of(&mut self, data_subject: Option<&str>) {
        if let Some(name) = data_subject
            && !self.data_subjects.contains(name)
        {
            self.data_subjects.insert(name.to_owned());
        }
    }

    /// The events that are to be saved.
    pub fn raised(&self) -> &[A::Event] {
        &self.raised
    }
}
