//! The table of `stream/node/table.rs` from the other side: what each request asks of which handle, and what it makes.

use std::future::poll_fn;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::stream::Stream;
use crate::stream::consumer::Consumer;
use crate::stream::link::LinkConfig;
use crate::stream::node::calls::Calls;
use crate::stream::node::frame::Frame;
use crate::stream::node::stream::READ_BYTES_MAX;
use crate::stream::node::table::*;
use crate::stream::node::take_appends;
use crate::stream::node::wire::{Bytes, Wire, bytes_of, whole};
use crate::stream::subscription::Subscription;
use crate::varint::take_varint;

/// The most streams, subscriptions and consumers that one client may hold at once.
pub(super) const THINGS_MAX: usize = 1 << 16;

/// What requests made, by the numbers of the requests.
pub(super) type Things = HashMap<u64, Thing, FixedState>;

/// What a request made.
pub(super) enum Thing {
    Stream(Stream),
    Subscription(Arc<Subscription>),
    Consumer(Consumer),
    Calls(Arc<Calls>),
}

/// What comes of a request: the body of its answer, and what it made.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) made: Option<Thing>,
}

/// Why nothing of this client can be believed any more.
pub(super) struct Fault(pub(super) String);

/// A request that was read as far as its kind and what it is about.
struct Request<'a> {
    kind: u8,
    rest: &'a [u8],
}

type Answered = std::result::Result<Pending<Answer>, Fault>;

impl Request<'_> {
    /// Asks, and answers with what comes.
    fn tell<O: Operation>(&self, ask: impl FnOnce(O::Question) -> Pending<O::Answer>) -> Answered {
        let question = self.question::<O::Question>()?;
        Ok(ask(question).map(|answer| Answer { body: bytes_of(&answer), made: None }))
    }

    /// Asks, and keeps what comes for the requests that are about it.
    fn make<O: Operation, T: Send + 'static>(
        &self,
        ask: impl FnOnce(O::Question) -> Pending<T>,
        keep: fn(T) -> (O::Answer, Thing),
    ) -> Answered {
        let question = self.question::<O::Question>()?;
        Ok(ask(question).map(move |made| {
            let (answer, thing) = keep(made);
            Answer { body: bytes_of(&answer), made: Some(thing) }
        }))
    }

    fn question<T: Wire>(&self) -> std::result::Result<T, Fault> {
        whole(self.rest).ok_or_else(|| Fault(format!("a request of kind {} cannot be read", self.kind)))
    }

    fn unknown(&self, about: &str) -> Answered {
        Err(Fault(format!("there is no request of kind {} about {about}", self.kind)))
    }
}

/// Does what a frame asks.
pub(super) fn answer(engine: &Engine, things: &Things, frame: Frame<'_>) -> Answered {
    let mut rest = frame.body;
    let about = take_varint(&mut rest).ok_or_else(|| Fault("a request is about nothing".to_owned()))?;
    let request = Request { kind: frame.kind, rest };
    if about == 0 {
        return of_engine(engine, &request);
    }
    match things.get(&about) {
        Some(Thing::Stream(stream)) => of_stream(stream, &request),
        Some(Thing::Subscription(subscription)) => of_subscription(subscription, &request),
        Some(Thing::Consumer(consumer)) => of_consumer(consumer, &request),
        Some(Thing::Calls(calls)) => of_calls(calls, &request),
        // It was given up while this was on its way.
        None => Ok(Pending::ready(Err(Error::new(ErrorKind::Closed, "the handle was closed")))),
    }
}

fn of_engine(engine: &Engine, request: &Request<'_>) -> Answered {
    let kept = |stream: Stream| (stream.config(), Thing::Stream(stream));
    match request.kind {
        CreateStream::KIND => request.make::<CreateStream, _>(|config| engine.create_stream(config), kept),
        UpdateStream::KIND => request.make::<UpdateStream, _>(|config| engine.update_stream(config), kept),
        OpenStream::KIND => request.make::<OpenStream, _>(|name| engine.stream(&name), kept),
        DeleteStream::KIND => request.tell::<DeleteStream>(|name| engine.delete_stream(&name)),
        Streams::KIND => request.tell::<Streams>(|()| engine.streams()),
        StreamNames::KIND => request.tell::<StreamNames>(|()| engine.stream_names()),
        Links::KIND => request.tell::<Links>(|()| Pending::ready(engine.links())),
        AddLink::KIND => request.tell::<AddLink>(|(config, url)| add_link(engine, config, &url)),
        RemoveLink::KIND => request.tell::<RemoveLink>(|name| Pending::ready(engine.remove_link(&name))),
        TakeActor::KIND => request.tell::<TakeActor>(|stream| Pending::ready(Ok(engine.lend_actor(&stream)))),
        FreeActor::KIND => request.tell::<FreeActor>(|(stream, actor)| {
            engine.take_back_actor(&stream, actor);
            Pending::ready(Ok(()))
        }),
        AskDatabase::KIND => request.tell::<AskDatabase>(|call| ask_database(engine, &call)),
        AskPresence::KIND => request.tell::<AskPresence>(|call| engine.call_presence_text(&call)),
        WatchPresence::KIND => request.tell::<WatchPresence>(|call| engine.call_presence_text(&call)),
        WatchDatabase::KIND => request.tell::<WatchDatabase>(|call| ask_database(engine, &call)),
        Mesh::KIND => request.tell::<Mesh>(|()| engine.mesh()),
        RequestCall::KIND => request.tell::<RequestCall>(|(subject, payload, timeout)| match engine.wire() {
            Some(wire) => wire.request(&subject, payload.0, timeout).map(Bytes),
            None => Pending::ready(Err(Error::new(ErrorKind::Unsupported, "the node has no requests"))),
        }),
        Listen::KIND => request
            .make::<Listen, _>(|subject| Calls::listen(engine.wire(), &subject), |calls| ((), Thing::Calls(calls))),
        Metrics::KIND => request.tell::<Metrics>(|()| Pending::ready(engine.metrics())),
        _ => request.unknown("an engine"),
    }
}

fn of_stream(stream: &Stream, request: &Request<'_>) -> Answered {
    let kept = |consumer: Consumer| ((), Thing::Consumer(consumer));
    match request.kind {
        AppendRecords::KIND => {
            let mut rest = request.rest;
            let batch = take_appends(&mut rest).filter(|_| rest.is_empty());
            let batch = batch.ok_or_else(|| Fault("an append cannot be read".to_owned()))?;
            Ok(stream.append_batch(&batch).map(|ack| Answer { body: bytes_of(&ack), made: None }))
        }
        Info::KIND => request.tell::<Info>(|()| stream.info()),
        Get::KIND => request.tell::<Get>(|seq| stream.get(seq)),
        Last::KIND => request.tell::<Last>(|filter| stream.last(&filter)),
        LastMany::KIND => request.tell::<LastMany>(|(filters, after, max)| {
            let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
            stream.last_many(&filters, after, size(max))
        }),
        LastSeq::KIND => request.tell::<LastSeq>(|filter| stream.last_seq(&filter)),
        Subjects::KIND => request.tell::<Subjects>(|(filter, after, max)| stream.subjects(&filter, &after, size(max))),
        Read::KIND => request.tell::<Read>(|mut options| {
            options.max_bytes = options.max_bytes.min(READ_BYTES_MAX);
            stream.read(&options)
        }),
        Subscribe::KIND => request.make::<Subscribe, _>(
            |options| stream.subscribe(options),
            |subscription| ((), Thing::Subscription(Arc::new(subscription))),
        ),
        CreateConsumer::KIND => request.make::<CreateConsumer, _>(|config| stream.create_consumer(config), kept),
        OpenConsumer::KIND => request.make::<OpenConsumer, _>(|name| stream.consumer(&name), kept),
        DeleteConsumer::KIND => request.tell::<DeleteConsumer>(|name| stream.delete_consumer(&name)),
        Consumers::KIND => request.tell::<Consumers>(|()| stream.consumers()),
        Delete::KIND => request.tell::<Delete>(|seq| stream.delete(seq)),
        Erase::KIND => request.tell::<Erase>(|seq| stream.erase(seq)),
        Purge::KIND => request.tell::<Purge>(|options| stream.purge(&options)),
        Sync::KIND => request.tell::<Sync>(|()| stream.sync()),
        _ => request.unknown("a stream"),
    }
}

fn of_subscription(subscription: &Arc<Subscription>, request: &Request<'_>) -> Answered {
    let at_once = |value| Pending::ready(Ok(value));
    match request.kind {
        Take::KIND => request.tell::<Take>(|max| Pending::ready(subscription.try_next(size(max)))),
        Ready::KIND => request.tell::<Ready>(|()| {
            let subscription = Arc::clone(subscription);
            wait_for(move |cx| subscription.poll_ready(cx))
        }),
        Standing::KIND => {
            request.tell::<Standing>(|()| at_once((subscription.position(), subscription.lag(), subscription.missed())))
        }
        IsPast::KIND => request.tell::<IsPast>(|seq| Pending::ready(Ok(subscription.is_past(seq)))),
        _ => request.unknown("a subscription"),
    }
}

fn of_consumer(consumer: &Consumer, request: &Request<'_>) -> Answered {
    match request.kind {
        Take::KIND => request.tell::<Take>(|max| Pending::ready(consumer.try_next(size(max)))),
        Ready::KIND => request.tell::<Ready>(|()| {
            let consumer = consumer.clone();
            wait_for(move |cx| consumer.poll_ready(cx))
        }),
        Progress::KIND => request.tell::<Progress>(|()| consumer.info()),
        AckRecords::KIND => request.tell::<AckRecords>(|seqs| Pending::ready(consumer.ack(&seqs).map(|n| n as u64))),
        AckSync::KIND => request.tell::<AckSync>(|seqs| consumer.ack_sync(&seqs).map(|n| n as u64)),
        Nak::KIND => request.tell::<Nak>(|(seq, delay)| Pending::ready(consumer.nak(seq, delay))),
        InProgress::KIND => request.tell::<InProgress>(|seq| Pending::ready(consumer.in_progress(seq))),
        Term::KIND => request.tell::<Term>(|seq| Pending::ready(consumer.term(seq))),
        _ => request.unknown("a consumer"),
    }
}

fn of_calls(calls: &Arc<Calls>, request: &Request<'_>) -> Answered {
    match request.kind {
        NextCall::KIND => request.tell::<NextCall>(|()| {
            let calls = Arc::clone(calls);
            Pending::of(async move {
                let (number, payload) = poll_fn(|cx| calls.poll_next(cx)).await;
                Ok((number, Bytes(payload)))
            })
        }),
        AnswerCall::KIND => {
            request.tell::<AnswerCall>(|(number, answer)| Pending::ready(calls.answer(number, answer.0)))
        }
        _ => request.unknown("a subject"),
    }
}

#[cfg(feature = "replica")]
fn ask_database(engine: &Engine, call: &str) -> Pending<String> {
    engine.call_database_text(call)
}

#[cfg(not(feature = "replica"))]
fn ask_database(_: &Engine, _: &str) -> Pending<String> {
    Pending::ready(Err(Error::new(ErrorKind::Unsupported, "the node's build has no SQLite replicator")))
}

#[cfg(feature = "hub")]
fn add_link(engine: &Engine, config: LinkConfig, url: &str) -> Pending<()> {
    engine.add_hub_link(config, url)
}

#[cfg(not(feature = "hub"))]
fn add_link(_: &Engine, config: LinkConfig, _: &str) -> Pending<()> {
    let message = format!("link '{}' goes to a hub, and the node's build reaches none", config.name);
    Pending::ready(Err(Error::new(ErrorKind::Unsupported, message)))
}

/// A wait that ends when `poll` is ready.
fn wait_for(mut poll: impl FnMut(&mut std::task::Context<'_>) -> std::task::Poll<()> + Send + 'static) -> Pending<()> {
    Pending::of(async move {
        poll_fn(|cx| poll(cx)).await;
        Result::Ok(())
    })
}

/// A count from the wire; more than memory can hold is all.
fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
