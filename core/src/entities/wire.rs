//! What nodes say to each other: a request, and what became of it.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::varint::{put_bytes, put_varint, take_bytes, take_text, take_varint};

use super::chain::{Chain, REQUESTS_DEEP_MAX};
use super::entity::{EntityId, Name};
use super::reply::Outcome;

/// The first byte: the version of the layout.
const LAYOUT: u8 = 1;

/// The second byte of what asks for a list; that of a request says whether it wants a reply.
const LIST: u8 = 2;
/// That of what asks for the nodes, and for the node of an entity: of strangers alone.
const NODES: u8 = 3;
const WHERE: u8 = 4;

const OK: u8 = 0;
const FAILED: u8 = 1;
const MOVED: u8 = 2;

/// A request to an entity of another node.
pub(super) struct Envelope {
    pub(super) to: Name,
    pub(super) name: Arc<str>,
    pub(super) payload: Arc<[u8]>,
    pub(super) wants_reply: bool,
    /// How long the answer is waited for, in milliseconds.
    pub(super) timeout_ms: u64,
    pub(super) chain: Option<Arc<Chain>>,
}

/// Asks a node for its list of entities of a kind.
pub(super) fn list(kind: &str) -> Vec<u8> {
    [&[LAYOUT, LIST], kind.as_bytes()].concat()
}

/// The kind of which a list is asked; `None` for another request.
pub(super) fn asks_list(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes.strip_prefix(&[LAYOUT, LIST])?).ok()
}

/// What a stranger asks of a node, beside requests to entities.
pub(super) enum Question<'a> {
    /// Which entities of a kind are there, on all nodes.
    List(&'a str),
    /// Who the nodes are.
    Nodes,
    /// On which node an entity is.
    Where(Name),
}

/// The question in what a stranger asked; `None` for a request.
pub(super) fn question(bytes: &[u8]) -> Option<Question<'_>> {
    match bytes.strip_prefix(&[LAYOUT])?.split_first()? {
        (&LIST, _) => asks_list(bytes).map(Question::List),
        (&NODES, []) => Some(Question::Nodes),
        (&WHERE, mut rest) => take_name(&mut rest).filter(|_| rest.is_empty()).map(Question::Where),
        _ => None,
    }
}

/// Asks for the nodes.
#[cfg(any(test, feature = "mesh"))]
pub(super) fn nodes() -> Vec<u8> {
    vec![LAYOUT, NODES]
}

/// Asks on which node an entity is.
#[cfg(any(test, feature = "mesh"))]
pub(super) fn place_of(id: EntityId<'_>) -> Vec<u8> {
    let mut out = vec![LAYOUT, WHERE];
    put_name(&mut out, id);
    out
}

fn take_name(rest: &mut &[u8]) -> Option<Name> {
    let id = EntityId::new(take_text(rest)?, take_text(rest)?);
    id.check().ok().map(|()| Name::of(id))
}

fn put_name(out: &mut Vec<u8>, id: EntityId<'_>) {
    put_bytes(out, id.kind.as_bytes());
    put_bytes(out, id.key.as_bytes());
}

impl Envelope {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![LAYOUT, u8::from(self.wants_reply)];
        put_varint(&mut out, self.timeout_ms);
        put_name(&mut out, self.to.id());
        put_bytes(&mut out, self.name.as_bytes());
        let names: Vec<_> = self.chain.iter().flat_map(Chain::names).collect();
        put_varint(&mut out, names.len() as u64);
        for name in names {
            put_name(&mut out, name.id());
        }
        put_bytes(&mut out, &self.payload);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).ok_or_else(|| Error::corrupt("a request of another node can't be read"))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[LAYOUT])?;
        let (&flag, behind) = rest.split_first().filter(|(flag, _)| **flag <= 1)?;
        rest = behind;
        let timeout_ms = take_varint(&mut rest)?;
        let (to, name) = (take_name(&mut rest)?, take_text(&mut rest)?.into());
        let count = usize::try_from(take_varint(&mut rest)?).ok().filter(|&count| count <= REQUESTS_DEEP_MAX)?;
        let names: Option<Vec<Name>> = (0..count).map(|_| take_name(&mut rest)).collect();
        let link = |asked_by, name| Some(Arc::new(Chain { name: Arc::new(name), asked_by }));
        let chain = names?.into_iter().rev().fold(None, link);
        let payload = take_bytes(&mut rest)?.into();
        rest.is_empty().then_some(Envelope { to, name, payload, wants_reply: flag != 0, timeout_ms, chain })
    }
}

/// What became of a request, as it goes back.
pub(super) fn encode(outcome: &Outcome) -> Vec<u8> {
    match outcome {
        Outcome::Answer(Ok(answer)) => [&[LAYOUT, OK], answer.as_slice()].concat(),
        Outcome::Answer(Err(error)) => {
            let mut out = vec![LAYOUT, FAILED];
            put_bytes(&mut out, error.kind().name().as_bytes());
            out.extend_from_slice(error.message().as_bytes());
            out
        }
        Outcome::Moved => vec![LAYOUT, MOVED],
    }
}

/// What came back.
pub(super) fn decode(bytes: &[u8]) -> Result<Outcome> {
    let bad = || Error::corrupt("the answer of another node can't be read");
    match bytes.strip_prefix(&[LAYOUT]).and_then(<[u8]>::split_first).ok_or_else(bad)? {
        (&OK, answer) => Ok(Outcome::Answer(Ok(answer.to_vec()))),
        (&MOVED, []) => Ok(Outcome::Moved),
        (&FAILED, mut rest) => {
            let kind = take_bytes(&mut rest).ok_or_else(bad)?;
            let kind = ErrorKind::ALL.into_iter().find(|it| it.name().as_bytes() == kind).ok_or_else(bad)?;
            Ok(Outcome::Answer(Err(Error::new(kind, String::from_utf8_lossy(rest)))))
        }
        _ => Err(bad()),
    }
}
