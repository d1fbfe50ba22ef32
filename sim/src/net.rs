//! A network between an engine and the streams of a hub: requests are held up, lost, or answered too late, and whole
//! stretches of time nothing gets through. What was sent may still arrive after its sender gave it up.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use headwater::contract::{ConsumerOps, StreamOps, SubscriptionOps};
use headwater::{
    Ack, Append, Batch, Clock, ConsumerConfig, ConsumerInfo, DeliverPolicy, Error, ErrorKind, ManualClock, Pending,
    PurgeOptions, ReadOptions, Record, Result, Rollup, Stream, StreamConfig, StreamInfo, SubscribeOptions,
};

use crate::random::Random;

/// How long a sender waits for an answer, in nanoseconds.
const TIMEOUT: u64 = 2_000_000_000;
/// How often a subscriber asks for more.
const ASK_AGAIN: u64 = 20_000_000;

/// Fewer records than this go one by one.
const RUN_MIN: usize = 2;

/// What is planted between a link and its hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetFault {
    /// Conditions of appends are dropped on the way.
    LostCondition,
    /// Of a batch, the position records alone arrive.
    LostRecords,
    /// Of a batch, the records alone arrive.
    LostPositions,
    /// The first two records of a batch change places.
    SwappedBatch,
    /// What was answered is done once more.
    EchoedAppend,
    /// An append is acknowledged and not done.
    FalseAck,
    /// One record of what a read gives is missing.
    SkippedRecord,
    /// The header that says where a record comes from is dropped.
    LostOrigin,
}

impl NetFault {
    /// All of them.
    pub const ALL: [NetFault; 8] = [
        NetFault::LostCondition,
        NetFault::LostRecords,
        NetFault::LostPositions,
        NetFault::SwappedBatch,
        NetFault::EchoedAppend,
        NetFault::FalseAck,
        NetFault::SkippedRecord,
        NetFault::LostOrigin,
    ];
}

type Event = Box<dyn FnOnce() + Send>;

struct Inside {
    random: Random,
    events: BTreeMap<(u64, u64), Event>,
    count: u64,
    /// Nothing gets through before this time.
    cut_until: u64,
    calm: bool,
    fault: Option<NetFault>,
    /// The streams on the other side by name, and how often they were put there.
    streams: BTreeMap<String, Stream>,
    lives: u64,
}

/// One network. Clones share it.
#[derive(Clone)]
pub struct Net {
    inside: Arc<Mutex<Inside>>,
    clock: ManualClock,
}

enum Fate {
    Through,
    Lost,
    Unanswered,
    Late,
}

impl Net {
    /// A network whose troubles follow from `seed`.
    pub fn new(seed: u64, clock: ManualClock, fault: Option<NetFault>) -> Self {
        let random = Random::new(seed ^ 0x6e65_7400);
        let (events, streams) = (BTreeMap::new(), BTreeMap::new());
        let inside = Inside { random, events, count: 0, cut_until: 0, calm: false, fault, streams, lives: 0 };
        Net { inside: Arc::new(Mutex::new(inside)), clock }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a stream on the other side, in place of one of its name.
    pub fn put(&self, behind: Stream) {
        let mut inside = self.lock();
        inside.lives += 1;
        inside.streams.insert(behind.name().to_owned(), behind);
    }

    /// A stream on the other side, whichever has the name when it is asked.
    ///
    /// # Panics
    /// When no stream of the name was put there.
    pub fn stream(&self, name: &str) -> Stream {
        let far = Far { net: self.clone(), name: name.to_owned() };
        drop(far.behind());
        Stream::over(Arc::new(far))
    }

    fn lives(&self) -> u64 {
        self.lock().lives
    }

    /// Nothing gets through for this long.
    pub fn cut_for(&self, nanos: u64) {
        let until = self.clock.now() + nanos;
        self.lock().cut_until = until;
    }

    /// From now on everything gets through; what was held up still comes.
    pub fn calm_down(&self) {
        let mut inside = self.lock();
        (inside.calm, inside.cut_until) = (true, 0);
    }

    /// When the next thing happens.
    pub fn next(&self) -> Option<u64> {
        self.lock().events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Does what is due.
    pub fn step(&self) {
        loop {
            let due = {
                let mut inside = self.lock();
                match inside.events.first_entry() {
                    Some(first) if first.key().0 <= self.clock.now() => first.remove(),
                    _ => return,
                }
            };
            due();
        }
    }

    fn after(&self, nanos: u64, event: impl FnOnce() + Send + 'static) {
        let mut inside = self.lock();
        inside.count += 1;
        let key = (self.clock.now() + nanos, inside.count);
        inside.events.insert(key, Box::new(event));
    }

    fn fate(&self) -> Fate {
        let now = self.clock.now();
        let mut inside = self.lock();
        if inside.cut_until > now {
            return if inside.random.once_in(4) { Fate::Unanswered } else { Fate::Lost };
        }
        if inside.calm {
            return Fate::Through;
        }
        match inside.random.below(60) {
            0 => Fate::Lost,
            1 => Fate::Unanswered,
            2 => Fate::Late,
            _ => Fate::Through,
        }
    }

    fn below(&self, n: u64) -> u64 {
        self.lock().random.below(n)
    }

    /// Whether a planted fault strikes here.
    fn strikes(&self, fault: NetFault) -> bool {
        let mut inside = self.lock();
        inside.fault == Some(fault) && inside.random.once_in(6)
    }

    /// Sends a request; its answer comes back, or never does.
    fn call<T: Send + 'static>(&self, request: impl FnOnce() -> Result<T> + Send + 'static) -> Pending<T> {
        let slot = Arc::new(Slot(Mutex::new((None, None))));
        let (there, fate) = (self.below(4_000_000), self.fate());
        let answer = Arc::clone(&slot);
        let net = self.clone();
        match fate {
            Fate::Lost => {}
            Fate::Through => self.after(there, move || {
                let result = request();
                let back = net.below(4_000_000);
                net.after(back, move || answer.fill(result));
            }),
            Fate::Unanswered => self.after(there, move || drop(request())),
            Fate::Late => {
                let held_up = TIMEOUT + self.below(3 * TIMEOUT);
                self.after(held_up, move || drop(request()));
            }
        }
        let late = Arc::clone(&slot);
        self.after(TIMEOUT, move || late.fill(Err(Error::new(ErrorKind::Timeout, "no answer came"))));
        Pending::of(Answer(slot))
    }

    fn sleep(&self, nanos: u64) -> Pending<()> {
        let slot = Arc::new(Slot(Mutex::new((None, None))));
        let rung = Arc::clone(&slot);
        self.after(nanos, move || rung.fill(Ok(())));
        Pending::of(Answer(slot))
    }
}

type Inner<T> = (Option<Result<T>>, Option<Waker>);

struct Slot<T>(Mutex<Inner<T>>);

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Only the first answer counts.
    fn fill(&self, result: Result<T>) {
        let mut slot = self.lock();
        if slot.0.is_none() {
            slot.0 = Some(result);
        }
        if let Some(waker) = slot.1.take() {
            drop(slot);
            waker.wake();
        }
    }
}

struct Answer<T>(Arc<Slot<T>>);

impl<T> Future for Answer<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let mut slot = self.0.lock();
        match slot.0.take() {
            Some(result) => Poll::Ready(result),
            None => {
                slot.1 = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// An append that owns what it is made of.
struct Sent {
    subject: String,
    payload: Vec<u8>,
    headers: Vec<(String, String)>,
    event_time: Option<i64>,
    ttl: Option<Duration>,
    expect_last_seq: Option<u64>,
    expect_subject_last_seq: Option<u64>,
}

impl Sent {
    fn of(append: &Append<'_>) -> Self {
        assert!(append.rollup == Rollup::None && append.msg_id.is_none() && append.expect_filter.is_none());
        Sent {
            subject: append.subject.to_owned(),
            payload: append.payload.to_vec(),
            headers: append.headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            event_time: append.event_time,
            ttl: append.ttl,
            expect_last_seq: append.expect_last_seq,
            expect_subject_last_seq: append.expect_subject_last_seq,
        }
    }

    fn append(&self) -> Append<'_> {
        Append {
            headers: self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect(),
            event_time: self.event_time,
            ttl: self.ttl,
            expect_last_seq: self.expect_last_seq,
            expect_subject_last_seq: self.expect_subject_last_seq,
            ..Append::new(&self.subject, &self.payload)
        }
    }
}

/// A stream behind the network.
struct Far {
    net: Net,
    name: String,
}

impl Far {
    fn ask<T: Send + 'static>(&self, ask: impl FnOnce(&Stream) -> Pending<T> + Send + 'static) -> Pending<T> {
        let far = Far { net: self.net.clone(), name: self.name.clone() };
        self.net.call(move || ask(&far.behind()).wait())
    }

    fn behind(&self) -> Stream {
        self.net.lock().streams[&self.name].clone()
    }

    /// What a planted fault makes of appends; true when they are acknowledged without being done.
    fn spoil(&self, batch: &mut Vec<Sent>) -> bool {
        let is_position = |s: &Sent| s.subject.starts_with("$HW");
        if self.net.strikes(NetFault::LostCondition) {
            for sent in batch.iter_mut() {
                (sent.expect_last_seq, sent.expect_subject_last_seq) = (None, None);
            }
        }
        if self.net.strikes(NetFault::LostOrigin) {
            for sent in batch.iter_mut() {
                sent.headers.clear();
            }
        }
        if self.net.strikes(NetFault::LostRecords) && batch.iter().any(is_position) {
            batch.retain(is_position);
        }
        if self.net.strikes(NetFault::LostPositions) && !batch.iter().all(is_position) {
            batch.retain(|s| !is_position(s));
        }
        let records = batch.iter().filter(|s| !is_position(s)).count();
        if self.net.strikes(NetFault::SwappedBatch) && records > 1 {
            batch.swap(0, 1);
        }
        self.net.strikes(NetFault::FalseAck)
    }

    /// Sends appends, which are done as `how` says.
    fn send(&self, mut sent: Vec<Sent>, how: fn(&Stream, &[Append<'_>]) -> Pending<Ack>) -> Pending<Ack> {
        let false_ack = self.spoil(&mut sent);
        let again = self.net.strikes(NetFault::EchoedAppend);
        self.ask(move |behind| {
            let appends: Vec<Append<'_>> = sent.iter().map(Sent::append).collect();
            if false_ack {
                return behind.info().map(|info| Ack {
                    seq: info.last_seq + 1,
                    count: 1,
                    duplicate: false,
                    durability: info.config.durability,
                });
            }
            let done = how(behind, &appends);
            if again {
                let plain: Vec<Append<'_>> = sent
                    .iter()
                    .map(|s| Append { expect_last_seq: None, expect_subject_last_seq: None, ..s.append() })
                    .collect();
                drop(behind.append_batch(&plain).wait());
            }
            done
        })
    }
}

/// Appends each for itself, until one is refused.
fn one_by_one(behind: &Stream, run: &[Append<'_>]) -> Pending<Ack> {
    let mut last = Pending::ready(Err(Error::new(ErrorKind::Invalid, "a run of no records")));
    for append in run {
        match behind.append(append).wait() {
            Ok(ack) => last = Pending::ready(Ok(ack)),
            Err(error) => return Pending::ready(Err(error)),
        }
    }
    last
}

fn not_simulated<T>() -> Pending<T> {
    Pending::ready(Err(Error::new(ErrorKind::Unsupported, "no link does that")))
}

impl StreamOps for Far {
    fn name(&self) -> &str {
        &self.name
    }

    fn config(&self) -> StreamConfig {
        self.behind().config()
    }

    fn info(&self) -> Pending<StreamInfo> {
        self.ask(Stream::info)
    }

    fn append(&self, batch: &[Append<'_>]) -> Pending<Ack> {
        self.send(batch.iter().map(Sent::of).collect(), Stream::append_batch)
    }

    /// Some of the runs come in two parts, of which either may be lost, or come first.
    fn append_run(&self, last_seq: u64, run: &[Append<'_>]) -> Option<Pending<Ack>> {
        if run.len() < RUN_MIN {
            return None;
        }
        let conditions = (last_seq..).map(Some);
        let sent = run.iter().map(Sent::of).zip(conditions);
        let mut sent: Vec<Sent> = sent.map(|(s, expect_last_seq)| Sent { expect_last_seq, ..s }).collect();
        if self.net.below(8) == 0 {
            let rest = sent.split_off(1 + self.net.below(run.len() as u64 - 1) as usize);
            drop(self.send(std::mem::replace(&mut sent, rest), one_by_one));
        }
        Some(self.send(sent, one_by_one))
    }

    fn get(&self, seq: u64) -> Pending<Option<Record>> {
        self.ask(move |behind| behind.get(seq))
    }

    fn last(&self, filter: &str) -> Pending<Option<Record>> {
        let filter = filter.to_owned();
        self.ask(move |behind| behind.last(&filter))
    }

    fn last_many(&self, filters: &[&str], after: u64, max: usize) -> Pending<Batch> {
        let filters: Vec<String> = filters.iter().map(|&f| f.to_owned()).collect();
        self.ask(move |behind| behind.last_many(&filters.iter().map(String::as_str).collect::<Vec<_>>(), after, max))
    }

    fn last_seq(&self, filter: &str) -> Pending<u64> {
        let filter = filter.to_owned();
        self.ask(move |behind| behind.last_seq(&filter))
    }

    fn subjects(&self, _: &str, _: &str, _: usize) -> Pending<Vec<(String, u64)>> {
        not_simulated()
    }

    fn read(&self, options: &ReadOptions) -> Pending<Batch> {
        let mut options = options.clone();
        if self.net.strikes(NetFault::SkippedRecord)
            && let Some(headwater::Start::Seq(seq)) = options.start
        {
            options.start = Some(headwater::Start::Seq(seq + 1));
        }
        self.ask(move |behind| behind.read(&options))
    }

    fn subscribe(&self, options: SubscribeOptions) -> Pending<Box<dyn SubscriptionOps>> {
        let (next_seq, newest_alone) = match options.deliver_policy {
            DeliverPolicy::ByStartSequence(next_seq) => (next_seq, false),
            DeliverPolicy::LastPerSubject => (1, true),
            _ => return not_simulated(),
        };
        let behind = Far { net: self.net.clone(), name: self.name.clone() };
        let at = Arc::new(Mutex::new((next_seq, newest_alone)));
        let subscription = FarSubscription { life: behind.net.lives(), behind: Arc::new(behind), at };
        Pending::ready(Ok(Box::new(subscription)))
    }

    fn create_consumer(&self, _: ConsumerConfig) -> Pending<Box<dyn ConsumerOps>> {
        not_simulated()
    }

    fn consumer(&self, _: &str) -> Pending<Box<dyn ConsumerOps>> {
        not_simulated()
    }

    fn delete_consumer(&self, _: &str) -> Pending<()> {
        not_simulated()
    }

    fn consumers(&self) -> Pending<Vec<ConsumerInfo>> {
        not_simulated()
    }

    fn delete(&self, _: u64) -> Pending<bool> {
        not_simulated()
    }

    fn purge(&self, _: &PurgeOptions) -> Pending<u64> {
        not_simulated()
    }

    fn sync(&self) -> Pending<()> {
        not_simulated()
    }
}

/// Asks for more again and again. Next sequence, and whether only the newest of each subject is wanted so far.
struct FarSubscription {
    behind: Arc<Far>,
    life: u64,
    at: Arc<Mutex<(u64, bool)>>,
}

impl SubscriptionOps for FarSubscription {
    fn next(&self, max: usize) -> Pending<Batch> {
        let (behind, at, life) = (Arc::clone(&self.behind), Arc::clone(&self.at), self.life);
        let place = move |change: &dyn Fn(&mut (u64, bool))| {
            let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut at);
            *at
        };
        Pending::of(async move {
            loop {
                let (next_seq, newest_alone) = place(&|_| ());
                let batch = if newest_alone {
                    behind.last_many(&[">"], next_seq - 1, max).await?
                } else {
                    behind.read(&ReadOptions::default().from_seq(next_seq).max_records(max)).await?
                };
                if behind.net.lives() != life {
                    return Err(Error::new(ErrorKind::Closed, "the hub was started anew"));
                }
                if let Some(last) = batch.iter().map(|r| r.seq).max() {
                    place(&|at| at.0 = last + 1);
                    return Ok(batch);
                }
                place(&|at| at.1 = false);
                behind.net.sleep(ASK_AGAIN).await?;
            }
        })
    }

    fn try_next(&self, _: usize) -> Result<Batch> {
        Ok(Batch::default())
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn position(&self) -> u64 {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn lag(&self) -> u64 {
        0
    }

    fn missed(&self) -> u64 {
        0
    }

    fn is_past(&self, seq: u64) -> bool {
        self.position() > seq
    }

    fn close(&self) {}
}
