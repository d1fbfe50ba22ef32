//! Payloads of events that are about a data subject: encrypted as they are saved, decrypted as they are read.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::varint::{put_bytes, put_varint};

use super::cipher::{self, Unsealed};
use super::event::EventView;
use super::keys::Keys;
use super::read::Events;
use super::store::EventStore;

/// What the payload of an event came to.
#[derive(Debug, Clone)]
pub(super) enum Opened {
    Data(Vec<u8>),
    /// Its key is gone.
    Erased,
    Damaged,
}

/// What a payload is bound to: an event, of which no part may become another's.
pub(super) struct About<'a> {
    pub(super) subject: &'a str,
    pub(super) event_type: &'a str,
    pub(super) schema: u32,
    pub(super) version: u64,
    pub(super) data_subject: &'a str,
}

impl About<'_> {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in [self.subject, self.event_type, self.data_subject] {
            put_bytes(&mut bytes, text.as_bytes());
        }
        put_varint(&mut bytes, u64::from(self.schema));
        put_varint(&mut bytes, self.version);
        bytes
    }
}

impl EventStore {
    /// Decrypts what can be, with keys that are looked up once for all of these events. Where none has a data subject,
    /// nothing is looked up.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) without the feature `shredding`, where one has; those
    /// of the stream.
    pub(super) async fn open(&self, events: &mut Events) -> Result<()> {
        if !events.is_sealed() {
            return Ok(());
        }
        cipher::check()?;
        let names: BTreeSet<String> =
            events.iter().flatten().filter_map(|event| event.data_subject.map(str::to_owned)).collect();
        let keys = self.keys_of(&names).await?;
        events.open_with(|event| open_one(event, &keys));
        Ok(())
    }
}

/// What a payload came to; `None` for one that is not encrypted.
fn open_one(event: &EventView<'_>, keys: &Keys) -> Option<Opened> {
    let data_subject = event.data_subject?;
    let Some(key) = keys.get(data_subject) else { return Some(Opened::Erased) };
    let (subject, event_type) = (event.subject(), event.event_type);
    let about = About { subject, event_type, schema: event.schema, version: event.version, data_subject };
    Some(match key.open(&about.to_bytes(), event.payload()) {
        Unsealed::Data(data) => Opened::Data(data),
        Unsealed::OtherKey => Opened::Erased,
        Unsealed::Damaged => Opened::Damaged,
    })
}
