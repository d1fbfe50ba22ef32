//! A store as a node has it: its handle, and its index while repairs need one.

use std::sync::Arc;

use crate::clock::{Nanos, SECOND};
use crate::crdt::store::CrdtStore;
use crate::error::Result;

use super::index::{Building, Index};
use super::stability::Stability;

/// How long an index may be used after it was done: to build one takes seconds where there are many keys.
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
    building: Option<Building>,
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
        if let Some((done, index)) = &self.index
            && now.saturating_sub(*done) < INDEX_AGE
        {
            return Ok(Some(Arc::clone(index)));
        }
        self.index = None;
        if self.building.is_none() {
            self.building = Some(Building::new(&self.store)?);
        }
        Ok(None)
    }

    /// Builds on.
    pub(super) fn step(&mut self, now: Nanos) -> Result<()> {
        if let Some(building) = &mut self.building
            && let Some(index) = building.step(&self.store)?
        {
            self.index = Some((now, Arc::new(index)));
            self.building = None;
        }
        Ok(())
    }

    pub(super) fn is_building(&self) -> bool {
        self.building.is_some()
    }

    /// Lets go of what is too old.
    pub(super) fn forget(&mut self, now: Nanos) {
        self.index.take_if(|(done, _)| now.saturating_sub(*done) >= INDEX_AGE);
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::Engine;
    use crate::crdt::{Change, CrdtConfig, Kind, Op, Path};

    #[test]
    fn an_index_that_takes_longer_to_build_than_it_may_be_used_is_there_in_the_end() {
        let engine = Engine::memory().unwrap();
        let store = engine.crdt(CrdtConfig { name: "app".into(), ..CrdtConfig::default() }).unwrap();
        let keys: Vec<String> = (0..1_200).map(|number| format!("key{number}")).collect();
        for some in keys.chunks(600) {
            let one = |key| Change { path: Path::from(key), kind: Kind::Counter, op: Op::Add(1) };
            store.transaction(&some.iter().map(String::as_str).map(one).collect::<Vec<_>>()).wait().unwrap();
        }
        let mut local = Local::new(store, 0).unwrap();
        assert!(local.index(0).unwrap().is_none());
        let mut now = 0;
        while local.is_building() {
            now += INDEX_AGE;
            local.step(now).unwrap();
            local.forget(now);
        }
        assert!(now > INDEX_AGE, "it took several steps");
        assert!(local.index(now).unwrap().is_some());
        assert!(local.index(now + INDEX_AGE).unwrap().is_none(), "it is too old");
    }
}
