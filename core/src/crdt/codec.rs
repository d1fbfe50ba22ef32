//! Fragments as bytes; `docs/crdt.md` draws them. One fragment has one encoding: actors are named once, in their order,
//! and everything else is in an order of its own, so equal states are equal bytes.
//!
//! Any bytes may be decoded. Those that [`Fragment::encode`] would not have written are refused.

use crate::error::Result;
use crate::origin::Writer;
use crate::varint::put_varint;

use super::actor::Actors;
use super::codec_state::{Decoding, put_state};
use super::context::{Causality, Context, Seen};
use super::fragment::{Body, Entry, Fragment, Scope};
use super::kind::Kind;
use super::reader::Reader;

/// Version of the encoding.
pub(super) const VERSION: u8 = 1;

impl Fragment {
    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let Fragment { scope, actors, body } = self;
        let mut out = vec![VERSION, *scope as u8];
        put_varint(&mut out, actors.len() as u64);
        actors.iter().for_each(|writer| put_writer(&mut out, writer));
        put_seen(&mut out, &body.causality.applied);
        put_seen(&mut out, &body.causality.removed);
        put_varint(&mut out, body.keys.len() as u64);
        for ((name, kind), entry) in &body.keys {
            put_name(&mut out, name);
            out.push(*kind as u8);
            put_seen(&mut out, &entry.ahead);
            put_state(&mut out, &entry.state);
        }
        out
    }

    /// The fragment that some bytes say.
    ///
    /// # Errors
    /// `corrupt`, with what is wrong at which byte.
    pub fn decode(bytes: &[u8]) -> Result<Fragment> {
        let mut from = Reader::new(bytes);
        if from.byte()? != VERSION {
            return Err(from.fault("a version other than 1"));
        }
        let scope = match from.byte()? {
            1 => Scope::Delta,
            2 => Scope::Keys,
            3 => Scope::Whole,
            _ => return Err(from.fault("a scope that is none")),
        };
        let actors = take_actors(&mut from)?;
        let mut decoding = Decoding { from, used: Some(vec![false; actors.len()]), sparse: scope == Scope::Delta };
        let causality = Causality { applied: take_seen(&mut decoding)?, removed: take_seen(&mut decoding)? };
        check_apart(&decoding, &causality.removed, &causality.applied)?;
        let body = take_keys(&mut decoding, scope, causality)?;
        decoding.from.end()?;
        if decoding.used.is_some_and(|used| used.contains(&false)) {
            return Err(decoding.from.fault("an actor that nothing speaks of"));
        }
        Ok(Fragment { scope, actors, body })
    }
}

fn take_keys(decoding: &mut Decoding<'_>, scope: Scope, causality: Causality) -> Result<Body> {
    let mut body = Body { causality, ..Body::default() };
    for _ in 0..decoding.from.count()? {
        let name = decoding.from.name()?;
        let kind = decoding.kind()?;
        let key = (name.into(), kind);
        if body.keys.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(decoding.from.fault("keys out of order"));
        }
        let ahead = take_seen(decoding)?;
        check_apart(decoding, &ahead, &body.causality.applied)?;
        check_apart(decoding, &ahead, &body.causality.removed)?;
        let state = decoding.state(kind, 0)?;
        let says_nothing = scope == Scope::Whole && ahead.is_empty() && state.is_empty();
        if says_nothing || scope == Scope::Delta && !ahead.is_empty() {
            return Err(decoding.from.fault("a key with nothing to say, or with more than a delta says"));
        }
        body.keys.insert(key, Entry { state, ahead });
    }
    Ok(body)
}

fn check_apart(decoding: &Decoding<'_>, seen: &Seen, from: &Seen) -> Result<()> {
    let mut rest = seen.clone();
    rest.subtract(from);
    if rest.covers(seen) { Ok(()) } else { Err(decoding.from.fault("a dot that is said to be seen twice")) }
}

impl Context {
    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        let mut seen = Seen::default();
        put_varint(&mut out, self.0.len() as u64);
        for (place, (&writer, intervals)) in self.0.iter().enumerate() {
            put_writer(&mut out, writer);
            intervals.iter().for_each(|(first, last)| seen.insert_range(place as u32, first, last));
        }
        put_seen(&mut out, &seen);
        out
    }

    /// The context that some bytes say.
    ///
    /// # Errors
    /// `corrupt`, with what is wrong at which byte.
    pub fn decode(bytes: &[u8]) -> Result<Context> {
        let mut from = Reader::new(bytes);
        if from.byte()? != VERSION {
            return Err(from.fault("a version other than 1"));
        }
        let actors = take_actors(&mut from)?;
        let mut decoding = Decoding { from, used: Some(vec![false; actors.len()]), sparse: false };
        let seen = take_seen(&mut decoding)?;
        decoding.from.end()?;
        if decoding.used.is_some_and(|used| used.contains(&false)) {
            return Err(decoding.from.fault("an actor that nothing speaks of"));
        }
        Ok(seen.named(&actors))
    }
}

pub(super) fn put_writer(out: &mut Vec<u8>, writer: Writer) {
    out.extend_from_slice(&writer.engine.to_be_bytes());
    out.extend_from_slice(&writer.epoch.to_be_bytes());
}

pub(super) fn put_name(out: &mut Vec<u8>, name: &str) {
    put_varint(out, name.len() as u64);
    out.extend_from_slice(name.as_bytes());
}

pub(super) fn put_seen(out: &mut Vec<u8>, seen: &Seen) {
    put_varint(out, seen.actors().count() as u64);
    for (actor, intervals) in seen.actors() {
        put_varint(out, actor.into());
        put_varint(out, intervals.iter().count() as u64);
        // Intervals do not touch, so the least distance of one from the last is 2.
        let mut least = 1;
        for (first, last) in intervals.iter() {
            put_varint(out, first - least);
            put_varint(out, last - first);
            least = last.saturating_add(2);
        }
    }
}

fn take_actors(from: &mut Reader<'_>) -> Result<Actors> {
    let mut actors = Actors::default();
    let mut last = None;
    for _ in 0..from.count()? {
        let number = |bytes: &[u8]| bytes.iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
        let bytes = from.take(16)?;
        let writer = Writer { engine: number(&bytes[..8]), epoch: number(&bytes[8..]) };
        if last >= Some(writer) {
            return Err(from.fault("actors out of order"));
        }
        last = Some(writer);
        actors.place(writer);
    }
    Ok(actors)
}

fn take_seen(decoding: &mut Decoding<'_>) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut last_actor = None;
    for _ in 0..decoding.from.count()? {
        let actor = decoding.actor()?;
        if last_actor >= Some(actor) {
            return Err(decoding.from.fault("actors of a context out of order"));
        }
        last_actor = Some(actor);
        let count = decoding.from.count()?;
        if count == 0 {
            return Err(decoding.from.fault("an actor of which nothing was seen"));
        }
        let mut least = Some(1u64);
        for _ in 0..count {
            let first = decoding.from.number()?;
            let first = least.and_then(|least| least.checked_add(first));
            let last = decoding.from.number()?;
            let interval = first.and_then(|first| Some((first, first.checked_add(last)?)));
            let (first, last) = interval.ok_or_else(|| decoding.from.fault("a sequence beyond 64 bits"))?;
            seen.insert_range(actor, first, last);
            least = last.checked_add(2);
        }
    }
    Ok(seen)
}

impl Decoding<'_> {
    pub(super) fn kind(&mut self) -> Result<Kind> {
        let number = self.from.byte()?;
        Kind::from_number(number).ok_or_else(|| self.from.fault("a kind that is none"))
    }
}
