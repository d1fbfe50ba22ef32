//! Where aggregates are in the stream of a store: `$EVENTS.<store>.<aggregate>.<key>`, each part an encoded token.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::subject::{decode_token, encode_token, is_name, push_token};

/// The longest name of an aggregate or an event, and the longest key, in bytes. Encoded, two of them fit a subject.
pub const KEY_BYTES_MAX: usize = 128;

/// The longest name of a store or a projection, in bytes.
const NAME_BYTES_MAX: usize = 64;
const STREAM_PREFIX: &str = "EVENTS_";
const LETTER_PREFIX: &str = "EVENTSDEAD_";
const ARCHIVE_PREFIX: &str = "EVENTSARCHIVE_";
const KEYS_PREFIX: &str = "EVENTKEYS_";

/// One aggregate: the name of its kind, such as `account`, and its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AggregateId<'a> {
    /// The name of its kind, 1 to 128 bytes.
    pub aggregate: &'a str,
    /// Which one it is: any text of 1 to 128 bytes.
    pub key: &'a str,
}

impl<'a> AggregateId<'a> {
    /// The aggregate of this kind and key.
    pub fn new(aggregate: &'a str, key: &'a str) -> Self {
        AggregateId { aggregate, key }
    }
}

impl std::fmt::Display for AggregateId<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} '{}'", self.aggregate.escape_debug(), self.key.escape_debug())
    }
}

/// Some aggregates of a store: all of them, all of one kind, or one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventFilter {
    /// Of this kind alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<String>,
    /// Of this key alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl EventFilter {
    /// All aggregates of a kind.
    pub fn aggregate(aggregate: impl Into<String>) -> Self {
        EventFilter { aggregate: Some(aggregate.into()), key: None }
    }

    /// One aggregate.
    pub fn one(id: AggregateId<'_>) -> Self {
        EventFilter { aggregate: Some(id.aggregate.to_owned()), key: Some(id.key.to_owned()) }
    }

    pub(super) fn takes(&self, id: AggregateId<'_>) -> bool {
        self.aggregate.as_deref().is_none_or(|name| name == id.aggregate)
            && self.key.as_deref().is_none_or(|key| key == id.key)
    }
}

/// The names of one store.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) store: String,
    /// `$EVENTS.<store>.`
    prefix: String,
}

impl Names {
    pub(super) fn new(store: &str) -> Result<Self> {
        check_name("event store", store)?;
        Ok(Names { store: store.to_owned(), prefix: format!("$EVENTS.{store}.") })
    }

    /// The name of its stream, and of the bucket of its snapshots.
    pub(super) fn stream(&self) -> String {
        format!("{STREAM_PREFIX}{}", self.store)
    }

    pub(super) fn all(&self) -> String {
        format!("{}>", self.prefix)
    }

    pub(super) fn subject(&self, id: AggregateId<'_>) -> Result<String> {
        check("the name of an aggregate", id.aggregate)?;
        check("the key of an aggregate", id.key)?;
        let mut subject = String::with_capacity(self.prefix.len() + id.aggregate.len() + 1 + id.key.len());
        subject.push_str(&self.prefix);
        push_token(&mut subject, id.aggregate);
        subject.push('.');
        push_token(&mut subject, id.key);
        Ok(subject)
    }

    pub(super) fn filter(&self, filter: &EventFilter) -> Result<String> {
        let part = |what, name: &Option<String>| match name {
            None => Ok("*".to_owned()),
            Some(name) => check(what, name).map(|()| encode_token(name)),
        };
        let aggregate = part("the name of an aggregate", &filter.aggregate)?;
        Ok(format!("{}{aggregate}.{}", self.prefix, part("the key of an aggregate", &filter.key)?))
    }

    /// The name of the stream of dead letters.
    pub(super) fn letter_stream(&self) -> String {
        format!("{LETTER_PREFIX}{}", self.store)
    }

    /// The name of the bucket of the keys of data subjects.
    pub(super) fn keys(&self) -> String {
        format!("{KEYS_PREFIX}{}", self.store)
    }

    pub(super) fn all_letters(&self) -> String {
        format!("$EVENTSDEAD.{}.>", self.store)
    }

    /// The subjects of the dead letters of a projection.
    pub(super) fn letters(&self, projection: &str) -> String {
        format!("$EVENTSDEAD.{}.{projection}.*", self.store)
    }

    /// The subject of one of them.
    pub(super) fn letter(&self, projection: &str, seq: u64) -> String {
        format!("$EVENTSDEAD.{}.{projection}.{seq}", self.store)
    }

    /// The name of the stream of archived events.
    pub(super) fn archive_stream(&self) -> String {
        format!("{ARCHIVE_PREFIX}{}", self.store)
    }

    pub(super) fn all_archived(&self) -> String {
        format!("$EVENTSARCHIVE.{}.>", self.store)
    }

    /// The subject of the archive that says up to where events of any aggregate were archived.
    pub(super) fn archive_mark(&self) -> String {
        format!("$EVENTSARCHIVE.{}.until", self.store)
    }

    /// Where the archive has what the store has, or had, on a subject or on those of a filter.
    pub(super) fn archived(&self, subject: &str) -> String {
        match self.tail(subject) {
            Some(">") | None => format!("$EVENTSARCHIVE.{}.*.*", self.store),
            Some(tail) => format!("$EVENTSARCHIVE.{}.{tail}", self.store),
        }
    }

    /// The subject of the store that an event of the archive was on.
    pub(super) fn unarchived(&self, subject: &str) -> Option<String> {
        let tail = subject.strip_prefix("$EVENTSARCHIVE.")?.strip_prefix(&self.store)?.strip_prefix('.')?;
        Some(format!("{}{tail}", self.prefix))
    }

    /// The encoded parts behind the prefix, which are also the key of its snapshot.
    pub(super) fn tail<'a>(&self, subject: &'a str) -> Option<&'a str> {
        subject.strip_prefix(&self.prefix)
    }
}

/// Kind and key of the aggregate whose events have this subject.
pub(super) fn id_of(subject: &str) -> Result<(String, String)> {
    let bad = || Error::corrupt(format!("subject '{}' is no aggregate's", subject.escape_debug()));
    let mut tokens = subject.split('.').skip(2);
    let (Some(aggregate), Some(key), None) = (tokens.next(), tokens.next(), tokens.next()) else { return Err(bad()) };
    Ok((decode_token(aggregate).map_err(|_| bad())?, decode_token(key).map_err(|_| bad())?))
}

/// The store whose stream this is.
pub(super) fn of_stream(stream: &str) -> Option<&str> {
    stream.strip_prefix(STREAM_PREFIX)
}

/// Refuses what no store and no projection is named.
pub(super) fn check_name(what: &str, name: &str) -> Result<()> {
    if name.len() <= NAME_BYTES_MAX && is_name(name) {
        return Ok(());
    }
    let name = name.escape_debug();
    Err(Error::invalid(format!("{what} name '{name}' must be 1 to {NAME_BYTES_MAX} letters, digits, '-' and '_'")))
}

/// Refuses what no data subject is named: it is the value of a header, which loses space at its ends on a hub.
pub(super) fn check_data_subject(name: &str) -> Result<()> {
    check("the name of a data subject", name)?;
    if name.trim() == name && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let why = "has a control character, or space at an end";
    Err(Error::invalid(format!("data subject '{}' {why}", name.escape_debug())))
}

/// Refuses a name that is empty or too long.
pub(super) fn check(what: &str, name: &str) -> Result<()> {
    match name.len() {
        0 => Err(Error::invalid(format!("{what} is empty"))),
        1..=KEY_BYTES_MAX => Ok(()),
        bytes => Err(Error::invalid(format!("{what} is {bytes} bytes, the most is {KEY_BYTES_MAX}"))),
    }
}
