//! A store as a node has it: its handle, and its index while repairs need one.

use std::sync::Arc;

use crate::clock::{Nanos, SECOND};
use crate::crdt::store::CrdtStore;
use crate::error::Result;

use super::index::{Building, Index};
use super::stability::Stability;

/// How long an index may be used after it was begun.
const INDEX_AGE: Nanos = 2 * SECOND;

/// How long a repair that does nothing keeps others from beginning.
const TURN: Nanos = 3 * SECOND;

/// A store of this node.
pub(super) struct Local {
    pub(super) store: CrdtStore,
    pub(super) stability: Stability,
    /// The repair whose turn it is, and until when. There is one at a time: what one takes in would have the others
    /// look again.
    turn: Option<(u64, Nanos)>,
    index: Option<(Nanos, Arc<Index>)>,
    building: Option<(Nanos, Building)>,
}

impl Local {
    pub(super) fn new(store: CrdtStore, now: Nanos) -> Result<Self> {
        let stability = Stability::new(store.context()?, now);
        Ok(Local { store, stability, turn: None, index: None, building: None })
    }

    /// Whether it is the turn of a repair; it is then for a while.
    pub(super) fn take_turn(&mut self, id: u64, now: Nanos) -> bool {
        let is_free = self.turn.is_none_or(|(whose, until)| whose == id || until < now);
        if is_free {
            self.turn = Some((id, now + TURN));
        }
        is_free
    }

    /// Lets others begin.
    pub(super) fn end_turn(&mut self, id: u64) {
        self.turn.take_if(|(whose, _)| *whose == id);
    }

    /// An index that is not too old, if it is there; else one is begun, and [`Local::step`] goes on with it.
    pub(super) fn index(&mut self, now: Nanos) -> Result<Option<Arc<Index>>> {
        if let Some((begun, index)) = &self.index
            && now.saturating_sub(*begun) < INDEX_AGE
        {
            return Ok(Some(Arc::clone(index)));
        }
        self.index = None;
        if self.building.is_none() {
            self.building = Some((now, Building::new(&self.store)?));
        }
        Ok(None)
    }

    /// Builds on.
    pub(super) fn step(&mut self) -> Result<()> {
        if let Some((begun, building)) = &mut self.building
            && let Some(index) = building.step(&self.store)?
        {
            self.index = Some((*begun, Arc::new(index)));
            self.building = None;
        }
        Ok(())
    }

    pub(super) fn is_building(&self) -> bool {
        self.building.is_some()
    }

    /// Lets go of what is too old.
    pub(super) fn forget(&mut self, now: Nanos) {
        self.index.take_if(|(begun, _)| now.saturating_sub(*begun) >= INDEX_AGE);
    }
}
