//! Snapshots: what an aggregate was at a version, so that a load need not read what came before.
//!
//! A snapshot is the value of one key of a bucket. One of an older version never takes the place of a newer one.

use std::time::Duration;

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind};
use crate::pending::Pending;
use crate::record::PAYLOAD_BYTES_MAX;
use crate::stream::bucket::Entry;
use crate::varint::{put_varint, take_varint};

use super::names::AggregateId;
use super::save::Position;
use super::store::EventStore;

/// The first byte of a snapshot: the version of its layout.
const LAYOUT: u8 = 1;

/// A snapshot to be saved.
#[derive(Debug, Clone)]
pub struct NewSnapshot<'a> {
    /// Where the aggregate stood.
    pub position: Position,
    /// The version of the shape of `data`, from 1: a load takes only those of the one that it names.
    pub schema: u32,
    /// The state, in the user's encoding.
    pub data: &'a [u8],
    /// How long it stays, whole seconds; for ever, when zero.
    pub ttl: Duration,
}

/// A snapshot that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Where the aggregate stood.
    pub position: Position,
    /// The version of the shape of `data`.
    pub schema: u32,
    /// When it was saved, in nanoseconds since the epoch.
    pub saved: Nanos,
    /// The state, in the encoding of whoever saved it.
    pub data: Vec<u8>,
}

impl Snapshot {
    fn encode(new: &NewSnapshot<'_>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(new.data.len() + 16);
        bytes.push(LAYOUT);
        put_varint(&mut bytes, new.position.version);
        put_varint(&mut bytes, new.position.seq);
        put_varint(&mut bytes, u64::from(new.schema));
        bytes.extend_from_slice(new.data);
        bytes
    }

    fn decode(entry: &Entry) -> Option<Self> {
        let mut rest = entry.value.strip_prefix(&[LAYOUT])?;
        let (version, seq) = (take_varint(&mut rest)?, take_varint(&mut rest)?);
        let schema = u32::try_from(take_varint(&mut rest)?).ok()?;
        (version > 0 && seq >= version).then(|| Snapshot {
            position: Position { version, seq },
            schema,
            saved: entry.time,
            data: rest.to_vec(),
        })
    }
}

impl EventStore {
    /// Keeps a snapshot; false if there is one of the same version or a newer one, of the same schema or a newer one.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a position without events, for schema 0 and for a state beyond 8 MiB; those of the
    /// stream.
    pub fn save_snapshot(&self, id: AggregateId<'_>, new: &NewSnapshot<'_>) -> Pending<bool> {
        let checked = self.0.names.subject(id).and_then(|subject| {
            let bytes = Snapshot::encode(new);
            if new.position.version == 0 || new.position.seq < new.position.version || new.schema == 0 {
                return Err(Error::invalid(format!("a snapshot of {id} needs a version with events and a schema")));
            }
            if bytes.len() > PAYLOAD_BYTES_MAX {
                let message = format!("a snapshot of {id} is {} bytes, the most is {PAYLOAD_BYTES_MAX}", bytes.len());
                return Err(Error::invalid(message));
            }
            Ok((subject, bytes))
        });
        let (store, of, wanted) = (self.clone(), self.0.of(id), (new.schema, new.position.version));
        let ttl = (!new.ttl.is_zero()).then_some(new.ttl);
        Pending::after(checked, move |(subject, bytes)| {
            Pending::of(async move {
                let bucket = &store.0.snapshots;
                let key = store.0.names.tail(&subject).unwrap_or_default();
                loop {
                    let newest = bucket.newest(key).await?;
                    let there = newest.as_ref().filter(|entry| entry.is_put()).and_then(Snapshot::decode);
                    let better = there.filter(|there| (there.schema, there.position.version) >= wanted);
                    // One of another history, which no load takes, makes room.
                    if let Some(better) = better
                        && store.has(&subject, better.position).await?
                    {
                        return Ok(false);
                    }
                    let revision = newest.map_or(0, |entry| entry.revision);
                    match bucket.conditional(key, &bytes, revision, ttl).await {
                        Err(error) if error.kind() == ErrorKind::Conflict => {}
                        done => return done.map(|_| true).map_err(of),
                    }
                }
            })
        })
    }

    /// The snapshot of an aggregate, if there is one that can be read.
    pub fn snapshot(&self, id: AggregateId<'_>) -> Pending<Option<Snapshot>> {
        let key = self.0.names.subject(id).map(|subject| self.0.names.tail(&subject).unwrap_or_default().to_owned());
        Pending::after(key, |key| self.0.snapshots.get(&key).map(|entry| entry.as_ref().and_then(Snapshot::decode)))
    }
}
