//! Read models, and what drives them: events of a projection go in, and where they fail, that is dealt with.

use std::sync::Arc;

use crate::error::{ErrorKind, Result};
use crate::pending::Pending;

use super::event::EventView;
#[cfg(doc)]
use super::memory::MemoryModel;
use super::projection::Projection;
use super::pull::EVENTS_AT_ONCE;
use super::read::Events;
use super::store::EventStore;

/// What came of taking events in.
#[derive(Debug, Default)]
pub struct Taken {
    /// The sequence of the last one in effect; none when the first one failed.
    pub position: Option<u64>,
    /// The first one that failed, and why: it and those behind it have no effect.
    pub failed: Option<(u64, String)>,
}

/// What a projection makes of events. [`MemoryModel`] is one in memory; with the `replica` feature, `SqliteModel` is
/// one in a SQLite file.
pub trait ReadModel: Send + Sync + 'static {
    /// Where it stands, given what the store keeps of it: a position, and the state that was kept with it.
    ///
    /// # Errors
    /// What keeps it from being read.
    fn begin(&self, position: u64, state: Vec<u8>) -> Result<u64>;

    /// Takes events in, in order, and its position with them: all of them, or those before the one that fails.
    ///
    /// # Errors
    /// What is no event's fault, such as a full disk; nothing is in effect then.
    fn take(&self, events: &Events) -> Result<Taken>;

    /// Passes by an event that is a dead letter.
    ///
    /// # Errors
    /// As [`ReadModel::take`].
    fn skip(&self, seq: u64) -> Result<()>;

    /// Takes in an event that was a dead letter, without going back to its position; nothing when it was taken in
    /// before and is no dead letter of the model's any more.
    ///
    /// # Errors
    /// Why it fails again.
    fn retake(&self, event: &EventView<'_>) -> Result<()>;

    /// What is to be done outside once the events of a batch are in effect, such as sending what is in an outbox.
    ///
    /// # Errors
    /// Those of what is done, which end the run; it is done again when that begins anew.
    fn settle(&self, store: &EventStore) -> Pending<()> {
        let _ = store;
        Pending::ready(Ok(()))
    }

    /// Whether it keeps its position itself, and the store is only told of it.
    fn keeps_position(&self) -> bool;

    /// The state that the store is to keep now, and the position that it had then; none while there is no need. Never
    /// asked of a model that keeps its position itself.
    ///
    /// # Errors
    /// Those of encoding.
    fn keep(&self) -> Result<Option<(u64, Vec<u8>)>> {
        Ok(None)
    }
}

impl Projection {
    /// Drives a read model until the projection is closed.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when somebody else opened the projection; those of the stream, and those that are no
    /// event's fault.
    pub fn run(&self, model: &Arc<impl ReadModel>) -> Pending<()> {
        self.drive(model, true)
    }

    /// Drives a read model up to the last event that there is now.
    ///
    /// # Errors
    /// As [`Projection::run`].
    pub fn catch_up(&self, model: &Arc<impl ReadModel>) -> Pending<()> {
        self.drive(model, false)
    }

    /// Takes the dead letters in that there are, each of which is one no more then; answers how many.
    ///
    /// # Errors
    /// Why one of them fails again, which ends it; those of the stream.
    pub fn replay(&self, model: &Arc<impl ReadModel>) -> Pending<u64> {
        let (projection, model) = (self.clone(), Arc::clone(model));
        Pending::of(async move {
            let store = projection.store();
            let (mut count, mut after) = (0, 0);
            loop {
                let letters = store.dead_letters(projection.name(), after, EVENTS_AT_ONCE).await?;
                let Some(last) = letters.last() else {
                    projection.keep(&*model, projection.position()).await?;
                    return Ok(count);
                };
                after = last.failing.seq;
                for letter in letters {
                    let seq = letter.failing.seq;
                    if let Some(event) = store.event_at(seq).await?.get(0) {
                        model.retake(&event?).map_err(|e| e.context(format!("dead letter {seq}")))?;
                    }
                    count += u64::from(store.delete_dead_letter(projection.name(), seq).await?);
                }
            }
        })
    }

    fn drive<M: ReadModel>(&self, model: &Arc<M>, is_endless: bool) -> Pending<()> {
        let (projection, model) = (self.clone(), Arc::clone(model));
        Pending::of(async move {
            let head = projection.head().await?;
            let kept = projection.position();
            let position = model.begin(kept, projection.state())?;
            if position != kept || model.keeps_position() {
                projection.seek(position);
            }
            model.settle(projection.store()).await?;
            while is_endless || projection.position() < head {
                let events = match projection.next(EVENTS_AT_ONCE).await {
                    Err(error) if error.kind() == ErrorKind::Closed && projection.is_closed() => return Ok(()),
                    events => events?,
                };
                let taken = model.take(&events)?;
                model.settle(projection.store()).await?;
                if let Some(seq) = taken.position {
                    projection.keep(&*model, seq).await?;
                }
                if let Some((seq, error)) = taken.failed
                    && projection.fail(seq, &error).await?.is_dead
                {
                    model.skip(seq)?;
                    projection.keep(&*model, seq).await?;
                }
            }
            projection.flush().await
        })
    }

    async fn keep(&self, model: &impl ReadModel, seq: u64) -> Result<()> {
        if model.keeps_position() {
            return self.commit(seq, &[]).await;
        }
        match model.keep()? {
            Some((position, state)) => self.commit(position, &state).await,
            None => self.advance(seq),
        }
    }
}

/// Why an event can't be taken in: any error, of which the text is kept.
pub type FoldError = Box<dyn std::error::Error + Send + Sync>;

/// What comes of taking an event in.
pub type Folded = std::result::Result<(), FoldError>;
