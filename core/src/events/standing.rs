//! What a store keeps of a projection, under its name in the bucket of snapshots: where it stands, who runs it, what it
//! fails at, and, if its state is in memory, that state. Position and state are one value, so they never part.
//!
//! The value is a line of JSON, and behind it the state. A rebuild has a value of its own, beside that of the live one.

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::stream::bucket::Entry;
use crate::time::format_time;

use super::names::{AggregateId, EventFilter, check_name};
use super::store::EventStore;

/// What the key of a rebuild has behind the name.
const REBUILD: &str = "=rebuild";

/// An event that a projection could not take in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Its place in the store.
    pub seq: u64,
    /// How often it was tried.
    pub tries: u32,
    /// Why it failed the last time.
    pub error: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) position: u64,
    /// Where it stood when it was opened.
    pub(super) opened_at: u64,
    /// Whoever opened it last: its writes hold, those of others are refused.
    pub(super) holder: u64,
    pub(super) is_running: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failing: Option<Failing>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) filters: Vec<(Option<String>, Option<String>)>,
}

impl Standing {
    /// Whether events of this aggregate are for it.
    pub(super) fn takes(&self, id: AggregateId<'_>) -> bool {
        let of = |(aggregate, key): &(Option<String>, Option<String>)| {
            EventFilter { aggregate: aggregate.clone(), key: key.clone() }.takes(id)
        };
        self.filters.is_empty() || self.filters.iter().any(of)
    }
}

/// A standing, the state behind it, and the revision that holds both.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) standing: Standing,
    pub(super) state: Vec<u8>,
    pub(super) revision: u64,
    pub(super) updated: Nanos,
}

impl Kept {
    fn of(entry: &Entry) -> Result<Self> {
        let bad = || Error::corrupt(format!("what is kept of projection '{}' can't be read", entry.key));
        let end = entry.value.iter().position(|&byte| byte == b'\n').ok_or_else(bad)?;
        let standing = serde_json::from_slice(&entry.value[..end]).map_err(|_| bad())?;
        let state = entry.value[end + 1..].to_vec();
        Ok(Kept { standing, state, revision: entry.revision, updated: entry.time })
    }
}

/// As a store keeps it.
pub(super) fn encode(standing: &Standing, state: &[u8]) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(standing).unwrap_or_default();
    bytes.push(b'\n');
    bytes.extend_from_slice(state);
    bytes
}

/// The key of a projection.
pub(super) fn key(name: &str, is_rebuild: bool) -> String {
    if is_rebuild { format!("{name}{REBUILD}") } else { name.to_owned() }
}

/// The name of the projection that is kept under a key.
pub(super) fn name_of(key: &str) -> &str {
    key.strip_suffix(REBUILD).unwrap_or(key)
}

/// What whoever had a projection open is told when it is another's.
pub(super) fn taken_over(key: &str) -> Error {
    let name = name_of(key);
    let why = "was opened again, or deleted, since this one was opened";
    Error::new(ErrorKind::Conflict, format!("projection '{name}' {why}"))
}

/// A projection as a list shows it. As JSON it has these names, and `updated` as RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: String,
    /// Whether it is the one that is built anew, beside the live one.
    pub is_rebuild: bool,
    /// The sequence of the last event in effect. Where the read model keeps its position itself, this may be a second
    /// old.
    pub position: u64,
    /// How many events, of any aggregate, the store has behind that; 0 if none of them is for it.
    pub lag: u64,
    /// Whether a program has it open, or ended without closing it.
    pub is_running: bool,
    /// What it fails at.
    pub failing: Option<Failing>,
    /// How many of its events are dead letters.
    pub dead: u64,
    /// When it said so, in nanoseconds since the epoch.
    #[serde(serialize_with = "as_text")]
    pub updated: Nanos,
    /// Of which aggregates it takes events; of all when empty.
    pub filters: Vec<EventFilter>,
}

/// A time as JSON has it.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(super) fn as_text<S: serde::Serializer>(time: &Nanos, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(&format_time(i64::try_from(*time).unwrap_or(i64::MAX)))
}

impl EventStore {
    /// All projections that were opened, by name.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn projections(&self) -> Pending<Vec<ProjectionStatus>> {
        let store = self.clone();
        Pending::of(async move {
            let mut all = Vec::new();
            for key in store.0.snapshots.keys("*").await? {
                if let Some(kept) = store.kept(&key).await? {
                    all.push(store.status(&key, kept).await?);
                }
            }
            all.sort_by(|a, b| (&a.name, a.is_rebuild).cmp(&(&b.name, b.is_rebuild)));
            Ok(all)
        })
    }

    /// Forgets a projection, its rebuild and its dead letters; who runs it is refused from then on.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none of this name; [`ErrorKind::Invalid`] for one that can't be.
    pub fn delete_projection(&self, name: &str) -> Pending<()> {
        if let Err(error) = check_name("projection", name) {
            return Pending::ready(Err(error));
        }
        let (store, name) = (self.clone(), name.to_owned());
        Pending::of(async move {
            let mut is_there = false;
            for key in [key(&name, false), key(&name, true)] {
                if store.kept(&key).await?.is_some() {
                    store.0.snapshots.purge(&key, None).await?;
                    is_there = true;
                }
            }
            if !is_there {
                return Err(Error::not_found(format!("there is no projection '{}'", name.escape_debug())));
            }
            store.bury_letters(&name).await
        })
    }

    /// What is kept under a key.
    pub(super) async fn kept(&self, key: &str) -> Result<Option<Kept>> {
        self.0.snapshots.get(key).await?.as_ref().map(Kept::of).transpose()
    }

    async fn status(&self, key: &str, kept: Kept) -> Result<ProjectionStatus> {
        let Kept { standing, updated, .. } = kept;
        let (name, is_rebuild) = key.strip_suffix(REBUILD).map_or((key, false), |name| (name, true));
        let filters: Vec<EventFilter> =
            standing.filters.into_iter().map(|(aggregate, key)| EventFilter { aggregate, key }).collect();
        let ours = self.head(&self.subjects_of(&filters)?).await?;
        let head = if ours > standing.position { self.stream().last_seq(&self.0.names.all()).await? } else { 0 };
        Ok(ProjectionStatus {
            name: name.to_owned(),
            is_rebuild,
            position: standing.position,
            lag: head.saturating_sub(standing.position),
            is_running: standing.is_running,
            failing: standing.failing,
            dead: self.letters_of(name).await?,
            updated,
            filters,
        })
    }

    /// The subjects of all events.
    pub(super) fn all_subjects(&self) -> String {
        self.0.names.all()
    }

    /// The subjects that filters take.
    pub(super) fn subjects_of(&self, filters: &[EventFilter]) -> Result<Vec<String>> {
        if filters.is_empty() {
            return Ok(vec![self.0.names.all()]);
        }
        filters.iter().map(|filter| self.0.names.filter(filter)).collect()
    }

    /// The sequence of the last event on these subjects.
    pub(super) async fn head(&self, subjects: &[String]) -> Result<u64> {
        let mut head = 0;
        for subject in subjects {
            head = self.stream().last_seq(subject).await?.max(head);
        }
        Ok(head)
    }

    /// Puts a value in the place of that revision; the newer one where it is one's own, as after a lost
    /// acknowledgement or when two of one holder write at once.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when it is another's.
    pub(super) async fn keep(&self, key: &str, holder: u64, mut value: impl FnMut() -> (Vec<u8>, u64)) -> Result<u64> {
        let (mut bytes, mut revision) = value();
        loop {
            match self.0.snapshots.conditional(key, &bytes, revision, None).await {
                Err(error) if error.kind() == ErrorKind::Conflict => match self.kept(key).await? {
                    Some(kept) if kept.standing.holder == holder => (bytes, revision) = (value().0, kept.revision),
                    _ => return Err(taken_over(key)),
                },
                done => return done,
            }
        }
    }
}
