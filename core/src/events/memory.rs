//! Read models in memory.

use std::collections::BTreeSet;
use std::sync::RwLock;

use crate::error::{Error, Result};
use crate::locks::{read, write};
use crate::varint::{put_varint, take_varint};

use super::event::EventView;
use super::model::{FoldError, Folded, ReadModel, Taken};
use super::read::Events;

type Fold<S> = dyn Fn(&mut S, &EventView<'_>) -> Folded + Send + Sync;
type Encode<S> = dyn Fn(&S) -> Result<Vec<u8>> + Send + Sync;
type Decode<S> = dyn Fn(&[u8]) -> Result<S> + Send + Sync;

/// A read model in memory. It begins with the first event each time, unless the store keeps its state.
pub struct MemoryModel<S> {
    inside: RwLock<Inside<S>>,
    fold: Box<Fold<S>>,
    snapshots: Option<Snapshots<S>>,
}

struct Inside<S> {
    state: S,
    position: u64,
    /// Events that are dead letters.
    dead: BTreeSet<u64>,
    /// How many events were taken in since the store kept the state.
    since_kept: u64,
}

struct Snapshots<S> {
    every: u64,
    encode: Box<Encode<S>>,
    decode: Box<Decode<S>>,
}

impl<S: Send + Sync + 'static> MemoryModel<S> {
    /// A model that begins with this state. `fold` takes an event in; where it answers an error, it must leave the
    /// state as it was.
    pub fn new(state: S, fold: impl Fn(&mut S, &EventView<'_>) -> Folded + Send + Sync + 'static) -> Self {
        let inside = RwLock::new(Inside { state, position: 0, dead: BTreeSet::new(), since_kept: 0 });
        MemoryModel { inside, fold: Box::new(fold), snapshots: None }
    }

    /// Has the store keep its state every so many events, 8 MiB at the most.
    #[must_use]
    pub fn with_snapshots(
        self,
        every: u64,
        encode: impl Fn(&S) -> Result<Vec<u8>> + Send + Sync + 'static,
        decode: impl Fn(&[u8]) -> Result<S> + Send + Sync + 'static,
    ) -> Self {
        let snapshots = Snapshots { every, encode: Box::new(encode), decode: Box::new(decode) };
        MemoryModel { snapshots: Some(snapshots), ..self }
    }

    /// Looks at the state, and at the sequence of the last event in it.
    pub fn read<T>(&self, look: impl FnOnce(&S, u64) -> T) -> T {
        let inside = read(&self.inside);
        look(&inside.state, inside.position)
    }
}

impl<S: Send + Sync + 'static> ReadModel for MemoryModel<S> {
    fn begin(&self, position: u64, state: Vec<u8>) -> Result<u64> {
        let mut inside = write(&self.inside);
        // What is in memory may be ahead of what was kept of it.
        if let Some(snapshots) = &self.snapshots
            && position > inside.position
        {
            let mut rest = state.as_slice();
            let dead = take_dead(&mut rest).ok_or_else(|| Error::corrupt("the state that is kept can't be read"))?;
            inside.state = (snapshots.decode)(rest)?;
            (inside.position, inside.dead) = (position, dead);
        }
        Ok(inside.position)
    }

    fn take(&self, events: &Events) -> Result<Taken> {
        let mut inside = write(&self.inside);
        let inside = &mut *inside;
        let mut taken = Taken::default();
        for (index, event) in events.iter().enumerate() {
            let folded = match &event {
                Ok(event) => (self.fold)(&mut inside.state, event).map(|()| event.seq()),
                Err(error) => Err(FoldError::from(error.to_string())),
            };
            match folded {
                Ok(seq) => {
                    inside.position = seq;
                    inside.since_kept = inside.since_kept.saturating_add(1);
                    taken.position = Some(seq);
                }
                Err(error) => {
                    taken.failed = Some((events.seq(index).unwrap_or_default(), error.to_string()));
                    break;
                }
            }
        }
        Ok(taken)
    }

    fn skip(&self, seq: u64) -> Result<()> {
        let mut inside = write(&self.inside);
        inside.position = seq;
        inside.dead.insert(seq);
        Ok(())
    }

    fn retake(&self, event: &EventView<'_>) -> Result<()> {
        let mut inside = write(&self.inside);
        if inside.dead.contains(&event.seq()) {
            (self.fold)(&mut inside.state, event).map_err(|e| Error::invalid(e.to_string()))?;
            inside.dead.remove(&event.seq());
            inside.since_kept = u64::MAX;
        }
        Ok(())
    }

    fn keeps_position(&self) -> bool {
        self.snapshots.is_none()
    }

    fn keep(&self) -> Result<Option<(u64, Vec<u8>)>> {
        let Some(snapshots) = &self.snapshots else { return Ok(None) };
        let mut inside = write(&self.inside);
        if inside.since_kept < snapshots.every {
            return Ok(None);
        }
        inside.since_kept = 0;
        let mut kept = Vec::new();
        put_varint(&mut kept, inside.dead.len() as u64);
        inside.dead.iter().for_each(|&seq| put_varint(&mut kept, seq));
        kept.extend_from_slice(&(snapshots.encode)(&inside.state)?);
        Ok(Some((inside.position, kept)))
    }
}

/// Which events were dead letters when a state was kept.
fn take_dead(rest: &mut &[u8]) -> Option<BTreeSet<u64>> {
    let count = take_varint(rest)?;
    (0..count).map(|_| take_varint(rest)).collect()
}
