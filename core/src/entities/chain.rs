//! The requests that a request is part of, from the first on: whoever is asked again on the way back would wait for
//! itself.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::error::{Error, Result};

use super::entity::{EntityId, Name};

/// How many requests may be made for one another.
pub const REQUESTS_DEEP_MAX: usize = 64;

/// An entity that handles a request, and the request that made it be asked.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) name: Arc<Name>,
    pub(super) asked_by: Option<Arc<Chain>>,
}

impl Chain {
    /// The entities, the last one first.
    pub(super) fn names(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Name>> {
        std::iter::successors(Some(self), |link| link.asked_by.as_ref()).map(|link| &link.name)
    }
}

/// Refuses a request that would come back to one that waits for it.
pub(super) fn check(chain: Option<&Arc<Chain>>, to: EntityId<'_>) -> Result<()> {
    let Some(chain) = chain else { return Ok(()) };
    let names: Vec<_> = chain.names().collect();
    if let Some(at) = names.iter().position(|name| name.id() == to) {
        let mut cycle = String::new();
        for name in names[..=at].iter().rev() {
            let _ = write!(cycle, "{} -> ", name.id());
        }
        return Err(Error::invalid(format!("a request would wait for itself: {cycle}{to}")));
    }
    if names.len() >= REQUESTS_DEEP_MAX {
        return Err(Error::invalid(format!("a request to {to} is the {}th that waits for another", names.len() + 1)));
    }
    Ok(())
}
