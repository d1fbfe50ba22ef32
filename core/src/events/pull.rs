//! What stands behind the handles of a projection: its place in the store, what was given out, and what the store is
//! told.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;

use super::feed::{EventFeed, FollowOptions};
use super::measured::OfProjection;
use super::projection::{Failure, ProjectionConfig};
use super::read::Events;
use super::standing::{Failing, Kept, Standing, encode, key, taken_over};
use super::store::EventStore;

/// How long it may take until the store knows where a projection stands that keeps its position itself.
pub(super) const TELL_EVERY: Nanos = 1_000_000_000;
/// How many events are taken one by one after the program ended before it committed anything.
const CAREFUL_EVENTS: usize = 1_000;
/// The most events that are taken at once by whoever names no number.
pub(super) const EVENTS_AT_ONCE: usize = 1_000;

/// What the handles of an open projection share.
pub(super) struct Inner {
    pub(super) store: EventStore,
    pub(super) config: ProjectionConfig,
    at: Mutex<At>,
}

/// Where it is.
pub(super) struct At {
    pub(super) feed: Option<Arc<EventFeed>>,
    pub(super) key: String,
    pub(super) standing: Standing,
    /// The state that was committed last.
    pub(super) state: Vec<u8>,
    pub(super) revision: u64,
    /// Whether the store keeps the position, and not the read model.
    pub(super) is_kept_here: bool,
    /// Where the feed is to go on, if that is behind what was given out.
    pub(super) after: u64,
    /// The last event in effect, and the last one that was given out.
    pub(super) done: u64,
    pub(super) taken: u64,
    /// The events that were given out and are not in effect.
    pub(super) out: VecDeque<u64>,
    /// Where what it does is counted.
    pub(super) measured: Arc<OfProjection>,
    /// The last event for it that the store had when it was opened.
    pub(super) head: u64,
    /// Nothing is given out before.
    pub(super) resume: Nanos,
    /// When the store was told where it stands, and whether there is more to tell.
    pub(super) told: Nanos,
    pub(super) is_dirty: bool,
    /// Whether it went back behind what the store knows.
    pub(super) is_sought: bool,
    /// How many events are taken one by one.
    pub(super) careful: usize,
    pub(super) is_closed: bool,
    /// What was taken from the feed, and is not given out yet.
    pub(super) stash: Option<Events>,
    /// Whether that can be given out as it is.
    pub(super) is_prepared: bool,
    /// The event of which a try was noted last.
    pub(super) noted: u64,
}

impl At {
    /// Events up to here are in effect.
    pub(super) fn advance(&mut self, seq: u64) -> Result<()> {
        if seq > self.taken || seq < self.done {
            let (from, to) = (self.done, self.taken);
            let message =
                format!("{seq} is no event that can be in effect: those that were given out are {from} to {to}");
            return Err(Error::invalid(message));
        }
        self.done = seq;
        let count = self.out.partition_point(|&out| out <= seq);
        self.out.drain(..count);
        self.measured.events.add(count);
        if self.standing.failing.as_ref().is_some_and(|failing| failing.seq <= seq) {
            self.standing.failing = None;
        }
        Ok(())
    }

    /// Is kept under another key from now on.
    fn becomes(&mut self, key: String, revision: u64) {
        (self.key, self.revision) = (key, revision);
    }
}

impl Inner {
    /// Takes a projection over from whoever had it.
    pub(super) async fn open(store: EventStore, config: ProjectionConfig, subjects: &[String]) -> Result<Arc<Self>> {
        let key = key(&config.name, config.is_rebuild);
        let head = store.head(subjects).await?;
        let Kept { standing: before, state, mut revision, .. } = match store.kept(&key).await? {
            Some(kept) => kept,
            None => {
                let newest = store.0.snapshots.newest(&key).await?;
                Kept { revision: newest.map_or(0, |entry| entry.revision), ..Kept::default() }
            }
        };
        let ended_where_it_began = before.is_running && before.opened_at == before.position;
        let holder = store.0.engine.clock().random() >> 1;
        let filters = config.filters.iter().map(|filter| (filter.aggregate.clone(), filter.key.clone())).collect();
        let standing = Standing {
            position: before.position,
            opened_at: before.position,
            holder,
            is_running: true,
            failing: before.failing.filter(|failing| failing.seq > before.position),
            filters,
        };
        // Whoever opens one takes it over, so it does not matter who wrote the revision that is there.
        loop {
            match store.0.snapshots.conditional(&key, &encode(&standing, &state), revision, None).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    revision = store.0.snapshots.newest(&key).await?.map_or(0, |entry| entry.revision);
                }
                done => break revision = done?,
            }
        }
        let measured = store.0.measured.projection(&key);
        let at = At {
            out: VecDeque::new(),
            measured: Arc::clone(&measured),
            feed: None,
            key,
            after: 0,
            done: standing.position,
            taken: standing.position,
            standing,
            state,
            revision,
            is_kept_here: true,
            head,
            resume: 0,
            told: store.0.engine.clock().now(),
            is_dirty: false,
            is_sought: false,
            careful: if ended_where_it_began { CAREFUL_EVENTS } else { 0 },
            is_closed: false,
            stash: None,
            is_prepared: false,
            noted: 0,
        };
        let inner = Arc::new(Inner { store, config, at: Mutex::new(at) });
        measured.opened(&inner);
        Ok(inner)
    }

    /// Refuses to go on with one that somebody else opened since.
    async fn check_held(&self) -> Result<()> {
        let (key, holder) = {
            let at = self.at();
            (at.key.clone(), at.standing.holder)
        };
        let kept = self.store.kept(&key).await?;
        if kept.is_some_and(|kept| kept.standing.holder == holder) { Ok(()) } else { Err(taken_over(&key)) }
    }

    /// The last event for it that there is now.
    pub(super) async fn head(&self) -> Result<u64> {
        drop(self.open_at()?);
        self.check_held().await?;
        self.store.head(&self.store.subjects_of(&self.config.filters)?).await
    }

    pub(super) fn at(&self) -> MutexGuard<'_, At> {
        lock(&self.at)
    }

    /// Where it is, unless it was closed.
    pub(super) fn open_at(&self) -> Result<MutexGuard<'_, At>> {
        let at = self.at();
        if at.is_closed { Err(self.closed()) } else { Ok(at) }
    }

    fn closed(&self) -> Error {
        Error::new(ErrorKind::Closed, format!("projection '{}' is closed", self.config.name))
    }

    /// How many events the store has behind a sequence, where that is known at once; 0 if none of them is for it.
    pub(super) fn ahead(&self, seq: u64) -> u64 {
        let last = |subject: &str| self.store.stream().last_seq(subject).into_ready().ok().and_then(Result::ok);
        let subjects = self.store.subjects_of(&self.config.filters).unwrap_or_default();
        if subjects.iter().all(|subject| last(subject).is_none_or(|last| last <= seq)) {
            return 0;
        }
        last(&self.store.all_subjects()).unwrap_or(0).saturating_sub(seq)
    }

    /// How many events, of any aggregate, the store has behind what is in effect.
    pub(super) fn lag(&self) -> u64 {
        let at = self.at();
        let ready = at.stash.as_ref().and_then(Events::last_seq).map_or(0, |last| last.saturating_sub(at.taken));
        let ahead = at.feed.as_ref().map_or_else(|| self.ahead(at.taken), |feed| feed.lag() + ready);
        (at.taken.saturating_sub(at.done) + ahead).max(at.head.saturating_sub(at.done))
    }

    /// Closes it; whether it was open.
    pub(super) fn end(&self) -> bool {
        let mut at = self.at();
        if std::mem::replace(&mut at.is_closed, true) {
            return false;
        }
        at.standing.is_running = false;
        let feed = at.feed.take();
        drop(at);
        if let Some(feed) = feed {
            feed.close();
        }
        self.store.0.engine.wake_sleepers();
        true
    }

    pub(super) async fn next(&self, max: usize) -> Result<Events> {
        self.prepare(max).await?;
        Ok(self.take(max))
    }

    /// Waits until events can be given out.
    pub(super) async fn prepare(&self, max: usize) -> Result<()> {
        self.pause().await;
        loop {
            if self.open_at()?.is_prepared {
                return Ok(());
            }
            let Some((last, is_careful)) = self.stash(max).await? else {
                self.tell().await?;
                continue;
            };
            if let Some(seq) = last.filter(|_| is_careful)
                && !self.is_worth_a_try(seq).await?
            {
                self.reopen(seq);
                continue;
            }
            let bad = self.at().stash.as_ref().and_then(|events| Some((events.first_bad()?, events.seq(0)?)));
            match bad {
                Some(((0, error), seq)) => {
                    self.pass_by(seq, &error).await?;
                    self.at().stash = Some(Events::default());
                }
                Some(((index, _), _)) => self.shorten(index),
                None => {}
            }
            self.at().is_prepared = true;
        }
    }

    /// Gives out what was prepared.
    pub(super) fn take(&self, max: usize) -> Events {
        let mut at = self.at();
        let mut events = at.stash.take().unwrap_or_default();
        at.stash = events.split_off(max);
        at.is_prepared = at.stash.is_some();
        if let Some(last) = events.last_seq() {
            at.careful = at.careful.saturating_sub(1);
            at.taken = at.taken.max(last);
            at.out.extend(events.seqs());
        }
        events
    }

    /// Leaves what is behind the first events for later.
    fn shorten(&self, len: usize) {
        let mut at = self.at();
        let Some(mut events) = at.stash.take() else { return };
        events.truncate(len);
        let (last, is_prepared) = (events.last_seq().unwrap_or(at.taken), at.is_prepared);
        drop(at);
        self.reopen_behind(last);
        let mut at = self.at();
        (at.stash, at.is_prepared) = (Some(events), is_prepared);
    }

    /// Goes on behind a record that is no event, which no try makes one.
    async fn pass_by(&self, seq: u64, error: &Error) -> Result<()> {
        // Until it is a letter, it is what comes next.
        self.reopen(seq - 1);
        let failing = Failing { seq, tries: 1, error: error.to_string() };
        self.give_up(&failing).await?;
        let mut at = self.at();
        if at.done == at.taken || at.done == seq - 1 {
            if at.standing.position == at.done {
                at.standing.position = seq;
                at.is_dirty = true;
            }
            at.done = seq;
        }
        drop(at);
        self.reopen(seq);
        Ok(())
    }

    /// Makes a dead letter.
    async fn give_up(&self, failing: &Failing) -> Result<()> {
        self.store.give_up(&self.config.name, failing).await?;
        self.at().measured.dead.add(1);
        Ok(())
    }

    /// Waits until events are there, and puts them where no wait that is given up loses them. Answers the last one, and
    /// whether it is alone; `None` when it is time to tell the store where this stands.
    async fn stash(&self, max: usize) -> Result<Option<(Option<u64>, bool)>> {
        let feed = self.feed().await?;
        let (is_dirty, told, is_careful) = {
            let at = self.at();
            let is_careful = at.careful > 0;
            if let Some(events) = &at.stash {
                return Ok(Some((events.last_seq(), is_careful)));
            }
            (at.is_dirty, at.told, is_careful)
        };
        let mut next = feed.next(if is_careful { 1 } else { max });
        let mut sleep = self.store.0.engine.sleep(told.saturating_add(TELL_EVERY));
        let taken = std::future::poll_fn(|cx| match Pin::new(&mut next).poll(cx) {
            Poll::Ready(events) => Poll::Ready(Some(events)),
            Poll::Pending if is_dirty => Pin::new(&mut sleep).poll(cx).map(|()| None),
            Poll::Pending => Poll::Pending,
        });
        match taken.await {
            Some(Err(_)) if self.at().is_closed => Err(self.closed()),
            Some(events) => {
                let events = events?;
                let last = events.last_seq();
                self.at().stash = Some(events);
                Ok(Some((last, is_careful)))
            }
            None => Ok(None),
        }
    }

    /// Notes that an event is tried now, as the program may end at it; false when it ended too often, and the event is
    /// a dead letter.
    async fn is_worth_a_try(&self, seq: u64) -> Result<bool> {
        let failing = {
            let mut at = self.at();
            let before = at.standing.failing.take().filter(|failing| failing.seq == seq);
            let (tries, error) = before.map_or((0, String::new()), |failing| (failing.tries, failing.error));
            let error =
                if error.is_empty() { "the program ended while it took the event in".to_owned() } else { error };
            // A wait that was given up and begun anew is one try.
            let tries = if at.noted == seq { tries } else { tries + 1 };
            at.noted = seq;
            at.is_dirty = true;
            at.standing.failing.insert(Failing { seq, tries, error }).clone()
        };
        if self.config.tries > 0 && failing.tries > self.config.tries {
            self.give_up(&Failing { tries: self.config.tries, ..failing }).await?;
            self.at().standing.failing = None;
            return Ok(false);
        }
        self.tell().await?;
        Ok(true)
    }

    pub(super) async fn fail(&self, seq: u64, error: String) -> Result<Failure> {
        let failing = {
            let mut at = self.open_at()?;
            let (from, to) = (at.done + 1, at.taken);
            if seq < from || seq > to {
                let message = format!("a failure of {seq}: the events that can fail are {from} to {to}");
                return Err(Error::invalid(message));
            }
            let before = at.standing.failing.take().filter(|failing| failing.seq == seq).map_or(0, |f| f.tries);
            // One that is taken alone was counted before.
            let tries = if at.careful > 0 && before > 0 { before } else { before + 1 };
            at.is_dirty = true;
            at.standing.failing.insert(Failing { seq, tries, error }).clone()
        };
        let tries = failing.tries;
        // One that was given up before, by a read model that begins anew, is not tried as often again.
        self.at().measured.failures.add(1);
        let is_dead = (self.config.tries > 0 && tries >= self.config.tries)
            || (tries == 1 && self.store.is_given_up(&self.config.name, seq).await?);
        if is_dead {
            self.give_up(&failing).await?;
            self.reopen(seq);
            self.at().out.retain(|&out| out < seq);
            return Ok(Failure { tries, pause: Duration::ZERO, is_dead });
        }
        let pause = self.config.pause_after(tries);
        self.reopen(seq - 1);
        let nanos = u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX);
        self.at().resume = self.store.0.engine.clock().now().saturating_add(nanos);
        self.tell().await?;
        Ok(Failure { tries, pause, is_dead })
    }

    /// Goes on behind a sequence.
    fn reopen(&self, after: u64) {
        let mut at = self.at();
        at.taken = after.max(at.done);
        let taken = at.taken;
        at.out.retain(|&seq| seq <= taken);
        drop(at);
        self.reopen_behind(after);
    }

    /// Has the feed go on behind a sequence, whatever was given out.
    fn reopen_behind(&self, after: u64) {
        let mut at = self.at();
        (at.stash, at.is_prepared, at.noted, at.after) = (None, false, 0, after);
        if let Some(feed) = at.feed.take() {
            feed.close();
        }
    }

    async fn feed(&self) -> Result<Arc<EventFeed>> {
        let after = {
            let at = self.at();
            if at.is_closed {
                return Err(self.closed());
            }
            match &at.feed {
                Some(feed) => return Ok(Arc::clone(feed)),
                None => at.taken.max(at.after),
            }
        };
        if self.at().is_sought {
            // What it is to see again must not be archived: the store has to know before it is looked for.
            self.tell().await?;
            self.at().is_sought = false;
        }
        let follow = FollowOptions { filters: self.config.filters.clone(), after };
        let feed = Arc::new(self.store.follow(&follow).await?);
        let mut at = self.at();
        if at.is_closed {
            return Err(self.closed());
        }
        Ok(Arc::clone(at.feed.insert(feed)))
    }

    /// Waits until a pause is over, or this is closed.
    async fn pause(&self) {
        let resume = self.at().resume;
        if resume == 0 {
            return;
        }
        let mut sleep = self.store.0.engine.sleep(resume);
        let over = |cx: &mut Context<'_>| {
            if self.at().is_closed { Poll::Ready(()) } else { Pin::new(&mut sleep).poll(cx) }
        };
        std::future::poll_fn(over).await;
        self.at().resume = 0;
    }

    /// Tells the store where it stands, if it does not know.
    pub(super) async fn flush(&self) -> Result<()> {
        let is_dirty = self.open_at()?.is_dirty;
        if is_dirty { self.tell().await } else { Ok(()) }
    }

    /// Tells the store where it stands.
    pub(super) async fn tell(&self) -> Result<()> {
        let (key, holder) = {
            let mut at = self.at();
            at.is_dirty = false;
            at.told = self.store.0.engine.clock().now();
            (at.key.clone(), at.standing.holder)
        };
        let value = || {
            let at = self.at();
            (encode(&at.standing, &at.state), at.revision)
        };
        let kept = self.store.keep(&key, holder, value).await;
        let mut at = self.at();
        match kept {
            Ok(revision) => {
                at.revision = at.revision.max(revision);
                Ok(())
            }
            Err(error) => {
                at.is_dirty = error.kind() != ErrorKind::Conflict;
                Err(error)
            }
        }
    }

    pub(super) async fn switch(&self) -> Result<bool> {
        if !self.config.is_rebuild {
            let message = format!("projection '{}' was not opened as a rebuild: nothing to switch", self.config.name);
            return Err(Error::new(ErrorKind::Misuse, message));
        }
        let (live, rebuild) = (key(&self.config.name, false), key(&self.config.name, true));
        let bucket = &self.store.0.snapshots;
        loop {
            let newest = bucket.newest(&live).await?;
            let before = self.store.kept(&live).await?;
            let (position, bytes) = {
                let at = self.at();
                (at.standing.position, encode(&at.standing, &at.state))
            };
            if before.is_some_and(|kept| kept.standing.position > position) {
                return Ok(false);
            }
            match bucket.conditional(&live, &bytes, newest.map_or(0, |entry| entry.revision), None).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => {
                    let revision = done?;
                    self.at().becomes(live, revision);
                    return bucket.purge(&rebuild, None).await.map(|_| true);
                }
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.end() {
            return;
        }
        let at = self.at.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let bytes = encode(&at.standing, &at.state);
        // Nobody is left to wait for it.
        drop(self.store.0.snapshots.conditional(&at.key, &bytes, at.revision, None));
    }
}
