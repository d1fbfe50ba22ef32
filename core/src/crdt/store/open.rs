//! Opening a store: the newest snapshot that is good, then the log behind it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::origin::Writer;
use crate::stream::Stream;
use crate::stream::config::{DeliverPolicy, StreamConfig};
use crate::stream::subscription::SubscribeOptions;

use super::follow::RECORDS_AT_ONCE;
use super::log::{Log, check_name, filter, stream_name};
use super::snapshot::Snapshots;
use super::{CrdtConfig, CrdtStore, Inner, Live, Replica, SNAPSHOT_RECORDS};

/// Opens a store, and makes its stream if it is not there.
pub(crate) fn create(engine: &Engine, config: &CrdtConfig) -> Result<CrdtStore> {
    check_name(&config.name)?;
    let made = engine.create_stream(StreamConfig {
        durability: config.durability,
        ..StreamConfig::new(stream_name(&config.name), [filter(&config.name)])
    });
    let stream = made.wait().map_err(|e| e.context(format!("CRDT store '{}'", config.name)))?;
    over(engine, stream, config)
}

/// Opens a store that is there.
pub(crate) fn open(engine: &Engine, name: &str) -> Result<CrdtStore> {
    check_name(name)?;
    let stream = engine.stream(&stream_name(name)).wait().map_err(|e| match e.kind() {
        ErrorKind::NotFound => Error::not_found(format!("there is no CRDT store '{name}'")),
        _ => e,
    })?;
    over(engine, stream, &CrdtConfig { name: name.to_owned(), ..CrdtConfig::default() })
}

fn over(engine: &Engine, stream: Stream, config: &CrdtConfig) -> Result<CrdtStore> {
    let fragment_bytes_max = stream.config().payload_bytes_max();
    let log = Log { engine: engine.clone(), stream, name: config.name.clone(), fragment_bytes_max };
    let every = if config.snapshot_records == 0 { SNAPSHOT_RECORDS } else { config.snapshot_records };
    let snapshots = Snapshots::new(&config.name, every);
    let actor = Writer { engine: engine.id(), epoch: engine.clock().random() };
    let mut replica = Replica::new(actor);
    let restored = snapshots.restore(&log, &mut replica)?;
    log.check_beginning(&restored)?;
    let covered = restored.covered;
    let until = log.stream.last_seq(&log.filter()).wait()?;
    let from = DeliverPolicy::ByStartSequence(covered.seq + 1);
    let options = SubscribeOptions::default().filter(log.filter()).deliver(from);
    let subscription = log.stream.subscribe(options).wait()?;
    let (snapshot_seq, snapshot_due) = (covered.seq, covered.seq + every);
    let live = Live {
        replica,
        covered,
        snapshot_seq,
        snapshot_due,
        last_sent: None,
        awaited: None,
        left: VecDeque::new(),
        has_written: false,
        unread: 0,
        failed: None,
    };
    let own_subject = log.subject(actor);
    let live = Mutex::new(live);
    let next_seq = Arc::new(AtomicU64::new(1));
    let unanswered = AtomicU64::new(0);
    let mut inner = Inner { log, snapshots, subscription, actor, next_seq, own_subject, unanswered, live };
    inner.catch_up(until)?;
    inner.begin()?;
    Ok(CrdtStore(Arc::new(inner)))
}

impl Inner {
    /// Takes in all up to a sequence, and waits for it.
    fn catch_up(&self, until: u64) -> Result<()> {
        let mut live = self.known()?;
        while !self.subscription.is_past(until) {
            let batch = self.subscription.next(RECORDS_AT_ONCE).wait()?;
            self.take_batch(&mut live, &batch)?;
        }
        Ok(())
    }

    /// Goes on as an actor of this directory that nobody is at work as, or begins as one of its own.
    fn begin(&mut self) -> Result<()> {
        let (engine, stream) = (self.log.engine.clone(), self.log.stream.name().to_owned());
        while let Some((actor, next_seq)) = engine.take_actor(&stream) {
            // What it did is in the log by now.
            self.catch_up(self.log.stream.last_seq(&self.log.filter()).wait()?)?;
            let goes_on = self.known()?.replica.go_on_as(actor, next_seq.load(Ordering::Relaxed));
            if goes_on {
                self.own_subject = self.log.subject(actor);
                (self.actor, self.next_seq) = (actor, next_seq);
                return Ok(());
            }
            engine.forget_actor(&stream, actor);
        }
        self.next_seq = engine.begin_actor(&stream, self.actor);
        Ok(())
    }

    /// Ends the handle, and leaves its actor to whoever opens the store next, if all that it did was acknowledged.
    pub(super) fn end(&self) {
        let Ok(mut live) = self.live.lock() else { return };
        if live.failed.is_some() {
            return;
        }
        let message = format!("this handle of CRDT store '{}' is closed", self.log.name);
        live.failed = Some(Error::new(ErrorKind::Closed, message));
        let (engine, stream) = (&self.log.engine, self.log.stream.name());
        if live.replica.next_seq == 1 {
            engine.forget_actor(stream, self.actor);
        } else if self.unanswered.load(Ordering::Acquire) == 0 {
            engine.free_actor(stream, self.actor, live.replica.next_seq);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}
