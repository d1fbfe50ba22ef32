//! What of a store every replica has applied (causal stability): a context is taken, and once all engines have said
//! that they have applied as much, and some time has gone by, what is dead in it can go. Then comes the next one. It
//! costs a context and some ids for each store, whoever takes part.

use std::collections::BTreeSet;

use crate::clock::{Nanos, SECOND};
use crate::crdt::Context;
use crate::crdt::store::CrdtStore;
use crate::error::Result;

use super::faults::{Fault, has};
use super::known::Known;

/// How long after the last word it is waited. What a handle of another process had looked at before its node said what
/// that has applied, and does after, must be in its node's log by then, and have come here.
pub(super) const GRACE: Nanos = 600 * SECOND;

/// One context on its way to be stable.
pub(super) struct Stability {
    context: Context,
    /// Engines that have applied it, and all that they had applied when they said so.
    have: BTreeSet<u64>,
    heard: Context,
    /// What was applied here at the last look.
    latest: Context,
    look_at: Nanos,
    /// Whether all had it at the last look.
    is_complete: bool,
}

impl Stability {
    pub(super) fn new(context: Context, now: Nanos) -> Self {
        let (have, heard, latest) = (BTreeSet::new(), Context::default(), context.clone());
        Stability { context, have, heard, latest, look_at: now, is_complete: false }
    }

    /// An engine has applied this.
    pub(super) fn hear(&mut self, engine: u64, context: &Context) {
        if context.covers(&self.context) && self.have.insert(engine) {
            self.heard.unite(context);
        }
    }

    /// When it is time to look.
    pub(super) fn due(&self) -> Nanos {
        self.look_at
    }

    /// Collects if all have applied it that are not away, and had so at the look before.
    pub(super) fn work(
        &mut self,
        store: &CrdtStore,
        own: u64,
        known: &mut Known,
        grace: Nanos,
        now: Nanos,
    ) -> Result<()> {
        if self.look_at > now {
            return Ok(());
        }
        self.look_at = now + grace;
        let latest = store.context()?;
        // Who writes is not away, whether it takes part in the mesh or comes by a link.
        let (mut wrote, mut engines) = (latest.without(&self.latest).engines(), self.context.engines());
        wrote.remove(&own);
        engines.remove(&own);
        for engine in wrote {
            known.hear(engine, now);
        }
        for &engine in &engines {
            known.notice(engine, now);
        }
        let (there, mut away) = known.of_store(store.name(), &engines, now);
        if has(Fault::AwayForgotten) {
            away.clear();
        }
        let is_complete = there.is_subset(&self.have) || has(Fault::NotAll);
        let was_complete = std::mem::replace(&mut self.is_complete, is_complete);
        self.latest = latest;
        if was_complete && self.is_complete {
            store.collect(&self.context, &self.heard, &away)?;
            *self = Stability { look_at: self.look_at, ..Stability::new(store.context()?, now) };
        }
        Ok(())
    }
}
