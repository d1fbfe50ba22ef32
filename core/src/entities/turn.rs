//! What is handed out to a program: a turn of one entity, with the items that it is to handle in order.

use std::sync::Arc;

use super::entity::{EntityId, Name};

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The entity is wanted: make its handler. It is the first item of a turn.
    Start,
    /// A message.
    Message {
        /// What is asked or told.
        name: Arc<str>,
        /// In the encoding of whoever sent it.
        payload: Arc<[u8]>,
        /// Whether somebody waits for the answer.
        wants_reply: bool,
    },
    /// A time has come that was set.
    Timer {
        /// As it was set.
        name: Arc<str>,
    },
    /// The handler is not wanted any more: let it go. It is the last item of a turn.
    Stop,
}

/// A part of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub what: What,
    /// How often it was handed out, from 1 on.
    pub attempt: u32,
}

/// A turn of one entity: nobody else has one of it until all items are completed, or the lease is over.
#[derive(Debug)]
pub struct Turn {
    pub(super) name: Arc<Name>,
    /// What completions name; good for this turn alone.
    pub token: u64,
    /// Which life of the handler this is: another number after each [`What::Start`].
    pub activation: u64,
    /// What is to be handled, in order.
    pub items: Vec<Item>,
}

impl Turn {
    /// Whose turn it is.
    pub fn id(&self) -> EntityId<'_> {
        self.name.id()
    }
}
