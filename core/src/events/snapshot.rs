//! Snapshots: what an aggregate was at a version, so that a load need not read what came before.
//!
//! A snapshot is the value of one key of a bucket. One of an older version never takes the place of a newer one. A
//! state that has data of data subjects is encrypted with a key that all of theirs make together: where one of them was
//! forgotten, it is passed over, as if it were not there.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::record::PAYLOAD_BYTES_MAX;
use crate::stream::bucket::Entry;
use crate::varint::{put_bytes, put_varint, take_text, take_varint};

use super::cipher::{self, ID_BYTES, Key, Unsealed};
use super::keys::Keys;
use super::names::{AggregateId, check_data_subject};
use super::save::Position;
use super::store::EventStore;

/// The first byte of a snapshot: the version of its layout.
const LAYOUT: u8 = 1;
/// The same, of one that is encrypted.
const LAYOUT_SEALED: u8 = 2;
/// The most data subjects of a snapshot.
const DATA_SUBJECTS_MAX: usize = 1_000;

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
    /// The data subjects that the state has data of, 1,000 at the most: those of the events that it was made of, but
    /// for events that were erased.
    pub data_subjects: &'a [&'a str],
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
    /// The data subjects that the state has data of, in order.
    pub data_subjects: Vec<String>,
}

/// The data subjects of a snapshot, each with the name of its key.
type Parties = Vec<(String, [u8; ID_BYTES])>;

/// A snapshot as it is kept.
struct Kept<'a> {
    position: Position,
    schema: u32,
    parties: Parties,
    /// What stands before the state.
    head: &'a [u8],
    body: &'a [u8],
}

impl<'a> Kept<'a> {
    fn of(value: &'a [u8]) -> Option<Self> {
        let (&layout, mut rest) = value.split_first()?;
        let (version, seq) = (take_varint(&mut rest)?, take_varint(&mut rest)?);
        let schema = u32::try_from(take_varint(&mut rest)?).ok()?;
        let parties = match layout {
            LAYOUT => Parties::new(),
            LAYOUT_SEALED => take_parties(&mut rest)?,
            _ => return None,
        };
        let head = &value[..value.len() - rest.len()];
        let position = Position { version, seq };
        (version > 0 && seq >= version).then_some(Kept { position, schema, parties, head, body: rest })
    }

    /// The state; `None` where one of its keys is gone or another one, or it is damaged.
    fn open(&self, subject: &str, keys: &Keys) -> Option<Vec<u8>> {
        if self.parties.is_empty() {
            return Some(self.body.to_vec());
        }
        let of_party = |(name, id): &'_ (String, [u8; ID_BYTES])| keys.get(name).filter(|key| key.id == *id);
        let keys: Vec<&Key> = self.parties.iter().map(of_party).collect::<Option<_>>()?;
        match Key::of_all(&keys).ok()?.open(&about(self.head, subject), self.body) {
            Unsealed::Data(data) => Some(data),
            Unsealed::OtherKey | Unsealed::Damaged => None,
        }
    }
}

fn take_parties(rest: &mut &[u8]) -> Option<Parties> {
    let count = take_varint(rest)?;
    let mut parties = Parties::new();
    for _ in 0..count {
        let name = take_text(rest)?.to_owned();
        let (id, after) = rest.split_first_chunk::<ID_BYTES>()?;
        parties.push((name, *id));
        *rest = after;
    }
    Some(parties)
}

/// What the state in a snapshot is bound to.
fn about(head: &[u8], subject: &str) -> Vec<u8> {
    [head, subject.as_bytes()].concat()
}

impl NewSnapshot<'_> {
    /// As it is kept. `keys` are those of its data subjects; `None` where one has no key.
    fn encode(&self, subject: &str, names: &BTreeSet<String>, keys: &Keys) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::with_capacity(self.data.len() + 16);
        bytes.push(if names.is_empty() { LAYOUT } else { LAYOUT_SEALED });
        put_varint(&mut bytes, self.position.version);
        put_varint(&mut bytes, self.position.seq);
        put_varint(&mut bytes, u64::from(self.schema));
        if names.is_empty() {
            bytes.extend_from_slice(self.data);
            return Ok(Some(bytes));
        }
        put_varint(&mut bytes, names.len() as u64);
        let mut all = Vec::new();
        for name in names {
            let Some(key) = keys.get(name) else { return Ok(None) };
            put_bytes(&mut bytes, name.as_bytes());
            bytes.extend_from_slice(&key.id);
            all.push(key);
        }
        let sealed = Key::of_all(&all)?.seal(&about(&bytes, subject), self.data)?;
        bytes.extend_from_slice(&sealed);
        Ok(Some(bytes))
    }

    fn check(&self, id: AggregateId<'_>) -> Result<BTreeSet<String>> {
        if self.position.version == 0 || self.position.seq < self.position.version || self.schema == 0 {
            return Err(Error::invalid(format!("a snapshot of {id} needs a version with events and a schema")));
        }
        if self.data_subjects.len() > DATA_SUBJECTS_MAX {
            let count = self.data_subjects.len();
            let message = format!("a snapshot of {id} has {count} data subjects, the most is {DATA_SUBJECTS_MAX}");
            return Err(Error::invalid(message));
        }
        if !self.data_subjects.is_empty() {
            cipher::check()?;
        }
        self.data_subjects.iter().map(|name| check_data_subject(name).map(|()| (*name).to_owned())).collect()
    }
}

impl EventStore {
    /// Keeps a snapshot; false if there is one of the same version or a newer one, of the same schema or a newer one,
    /// and if one of its data subjects was forgotten.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a position without events, for schema 0, for data subjects that can't be and for a
    /// state beyond 8 MiB; [`ErrorKind::Unsupported`] for data subjects without the feature `shredding`; those of the
    /// stream.
    pub fn save_snapshot(&self, id: AggregateId<'_>, new: &NewSnapshot<'_>) -> Pending<bool> {
        let checked = self.0.names.subject(id).and_then(|subject| Ok((subject, new.check(id)?)));
        let (subject, names) = match checked {
            Ok(checked) => checked,
            Err(error) => return Pending::ready(Err(error)),
        };
        let (store, of, place) = (self.clone(), self.0.of(id), id.to_string());
        let (position, schema, ttl) = (new.position, new.schema, new.ttl);
        let data = new.data.to_vec();
        let kept = Pending::of(async move {
            let keys = store.keys_of(&names).await?;
            let new = NewSnapshot { position, schema, data: &data, ttl, data_subjects: &[] };
            match new.encode(&subject, &names, &keys)? {
                Some(bytes) => store.keep_snapshot(&place, &subject, (position, schema), bytes, ttl).await,
                None => Ok(false),
            }
        });
        kept.map_err(of)
    }

    async fn keep_snapshot(
        &self,
        place: &str,
        subject: &str,
        (position, schema): (Position, u32),
        bytes: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool> {
        if bytes.len() > PAYLOAD_BYTES_MAX {
            let message = format!("a snapshot of {place} is {} bytes, the most is {PAYLOAD_BYTES_MAX}", bytes.len());
            return Err(Error::invalid(message));
        }
        let (bucket, ttl) = (&self.0.snapshots, (!ttl.is_zero()).then_some(ttl));
        let key = self.0.names.tail(subject).unwrap_or_default();
        loop {
            let newest = bucket.newest(key).await?;
            let there = match newest.as_ref().filter(|entry| entry.is_put()) {
                Some(entry) => self.open_snapshot(subject, entry).await?,
                None => None,
            };
            let better = there.filter(|it| (it.schema, it.position.version) >= (schema, position.version));
            // One of another history, which no load takes, makes room.
            if let Some(better) = better
                && self.has(subject, better.position).await?
            {
                return Ok(false);
            }
            let revision = newest.map_or(0, |entry| entry.revision);
            match bucket.conditional(key, &bytes, revision, ttl).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => {
                    done?;
                    self.0.measured.snapshots.add(1);
                    return Ok(true);
                }
            }
        }
    }

    /// The snapshot of an aggregate, if there is one that can be read.
    pub fn snapshot(&self, id: AggregateId<'_>) -> Pending<Option<Snapshot>> {
        let store = self.clone();
        Pending::after(self.0.names.subject(id), |subject| {
            Pending::of(async move {
                let key = store.0.names.tail(&subject).unwrap_or_default();
                match store.0.snapshots.get(key).await? {
                    Some(entry) => store.open_snapshot(&subject, &entry).await,
                    None => Ok(None),
                }
            })
        })
    }

    async fn open_snapshot(&self, subject: &str, entry: &Entry) -> Result<Option<Snapshot>> {
        let Some(kept) = Kept::of(&entry.value) else { return Ok(None) };
        let names: BTreeSet<String> = kept.parties.iter().map(|party| party.0.clone()).collect();
        let keys = self.keys_of(&names).await?;
        Ok(kept.open(subject, &keys).map(|data| Snapshot {
            position: kept.position,
            schema: kept.schema,
            saved: entry.time,
            data,
            data_subjects: names.into_iter().collect(),
        }))
    }
}
