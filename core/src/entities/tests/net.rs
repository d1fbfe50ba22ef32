//! A mesh that is made up: engines with boards of their own, which reach each other or do not, and merge when the test
//! says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::clock::Nanos;
use crate::crdt::{CrdtConfig, CrdtStore};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::locks::lock;
use crate::member::{MeshStatus, Part};
use crate::pending::Pending;
use crate::stream::contract::{Listener, WireOps};

use super::SECOND;

/// After so long the mesh has a node that it does not reach for gone.
const DOWN_AFTER: Nanos = 3 * SECOND;

/// The engines that are up, by their ids, and what is between them.
#[derive(Default)]
pub(super) struct Net(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    up: BTreeMap<u64, Up>,
    /// Engines that nobody reaches, and that reach nobody.
    cut: BTreeSet<u64>,
    /// Of two that met: since when the first does not reach the second.
    lost: BTreeMap<(u64, u64), Nanos>,
    met: BTreeSet<(u64, u64)>,
    now: Nanos,
}

struct Up {
    engine: Engine,
    board: CrdtStore,
}

impl Inner {
    fn reaches(&self, from: u64, to: u64) -> bool {
        let (is_cut, are_up) = (|id| self.cut.contains(&id), self.up.contains_key(&from) && self.up.contains_key(&to));
        from == to || (are_up && !is_cut(from) && !is_cut(to))
    }
}

impl Net {
    /// An engine is there, and has what those that it reaches have of a board.
    pub(super) fn join(self: &Arc<Self>, engine: &Engine, board: &str) {
        engine.join_made_up(Arc::new(Member { net: Arc::clone(self), own: engine.id(), board: board.to_owned() }));
        let store = engine.crdt(CrdtConfig { name: board.to_owned(), ..CrdtConfig::default() }).expect("a board");
        let mut inner = lock(&self.0);
        let up = Up { engine: engine.clone(), board: store };
        inner.up.insert(engine.id(), up);
        let others: Vec<u64> = inner.up.keys().copied().collect();
        for other in others {
            inner.met.extend([(engine.id(), other), (other, engine.id())]);
        }
        drop(inner);
        self.others(engine.id()).into_iter().for_each(|other| self.merge(engine.id(), other));
    }

    /// An engine is gone with what it had.
    pub(super) fn end(&self, id: u64) {
        let gone = lock(&self.0).up.remove(&id);
        if let Some(gone) = gone {
            gone.board.close();
            gone.engine.leave_mesh();
        }
    }

    pub(super) fn cut(&self, id: u64, is_cut: bool) {
        let cut = &mut lock(&self.0).cut;
        if is_cut {
            cut.insert(id)
        } else {
            cut.remove(&id)
        };
    }

    /// Those that one reaches, but itself.
    pub(super) fn others(&self, id: u64) -> Vec<u64> {
        let inner = lock(&self.0);
        inner.up.keys().copied().filter(|&other| other != id && inner.reaches(id, other)).collect()
    }

    /// One gets what another one has.
    pub(super) fn merge(&self, into: u64, from: u64) {
        let inner = lock(&self.0);
        let [into, from] = [into, from].map(|id| inner.up[&id].board.clone());
        drop(inner);
        into.merge(&from).expect("a merge");
    }

    /// Time went on.
    pub(super) fn beat(&self, now: Nanos) {
        let inner = &mut *lock(&self.0);
        inner.now = now;
        for &(from, to) in &inner.met.clone() {
            if inner.reaches(from, to) {
                inner.lost.remove(&(from, to));
            } else {
                inner.lost.entry((from, to)).or_insert(now);
            }
        }
    }

    fn request(&self, from: u64, to: u64) -> Result<Engine, Error> {
        let inner = lock(&self.0);
        let to = if to == 0 { from } else { to };
        match inner.up.get(&to) {
            Some(up) if inner.reaches(from, to) => Ok(up.engine.clone()),
            Some(_) => Err(Error::new(ErrorKind::Io, "the connection broke")),
            None => Err(Error::not_found("nobody is there")),
        }
    }
}

/// An engine's part.
#[derive(Clone)]
struct Member {
    net: Arc<Net>,
    own: u64,
    board: String,
}

impl Part for Member {
    fn status(&self) -> Pending<MeshStatus> {
        Pending::ready(Err(Error::new(ErrorKind::Unsupported, "a mesh that is made up")))
    }
    fn leave(&self) {}
    fn wire(&self) -> Arc<dyn WireOps> {
        Arc::new(self.clone())
    }
    fn gone(&self) -> BTreeSet<u64> {
        let inner = lock(&self.net.0);
        let is_gone = |&(&(from, _), &since): &(&(u64, u64), &Nanos)| {
            from == self.own && inner.now.saturating_sub(since) >= DOWN_AFTER
        };
        inner.lost.iter().filter(is_gone).map(|(&(_, to), _)| to).collect()
    }
    fn keeps(&self, store: &str) -> bool {
        store == self.board
    }
    fn is_in_step(&self, _: &str) -> bool {
        true
    }
}

impl WireOps for Member {
    fn request(&self, subject: &str, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>> {
        self.request_at(self.own, subject, payload, timeout)
    }
    fn request_at(&self, engine: u64, subject: &str, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>> {
        let (net, own) = (Arc::clone(&self.net), self.own);
        Pending::after(net.request(own, engine), |there| {
            let asked = there.wire().expect("it is local").request(subject, payload, timeout);
            asked.and_then(move |answer| Pending::ready(net.request(own, engine).map(|_| answer)))
        })
    }
    fn listen(&self, subject: &str, take: Listener) -> Pending<Box<dyn Send + Sync>> {
        let here = self.net.request(self.own, self.own);
        Pending::after(here, |here| here.wire().expect("it is local").listen(subject, take))
    }
}
