//! A client of a node's gRPC door: what a store does, done by the node. Errors have the kind that the node gave them.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{Mutex, mpsc};
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use super::MESSAGE_BYTES_MAX;
use super::cluster::cluster;
use super::convert::{change_out, entry, integer, kind, path_out, reading, standing, value_out};
use super::status::error;
use super::v1::{self, crdt_client};
use crate::crdt::{Change, CrdtStatus, Dumped, Kind, Op, Path, Reading, Value, Written};
use crate::error::{Error, ErrorKind, Result};
use crate::member::MeshStatus;
use crate::pending::Pending;
use crate::runtime::runtime;
use crate::tls::{Tls, dial, grpcs};

/// Pages of a watch that wait for their taker.
const PAGES_WAITING: usize = 1;

/// The stores of a node, over gRPC. It connects at the first call, and again after a connection broke; each call is
/// tried once. Cheap to clone: clones share the connection and the one thread that serves it.
#[derive(Clone)]
pub struct GrpcClient {
    place: Arc<str>,
    client: crdt_client::CrdtClient<Channel>,
    runtime: Arc<Served>,
}

/// The runtime of a client and its clones; it ends in the background, because whoever lets go of it may be a task.
struct Served(Option<Runtime>);

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A watch on a node, for as long as this is kept.
pub struct GrpcWatcher(Arc<Mutex<mpsc::Receiver<Result<Vec<Dumped>>>>>, #[allow(dead_code)] Arc<Served>);

impl GrpcClient {
    /// Refuses what is no address of a node, `grpcs://host:port`; `grpc://` too, which is without TLS.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with what is wrong with it.
    pub fn check(url: &str) -> Result<()> {
        grpcs(url).map(|_| ())
    }

    /// A client of the node at `grpcs://host:port`, which has to show a certificate for that host.
    ///
    /// # Errors
    /// As [`GrpcClient::check`]; [`ErrorKind::Io`] when the system gives no thread.
    pub fn new(url: &str, tls: &Tls) -> Result<GrpcClient> {
        let (place, name) = grpcs(url)?;
        let runtime = runtime("headwater-grpc-client")?;
        let channel = {
            let _inside = runtime.enter();
            dial(place, name, tls)?
        };
        let client = crdt_client::CrdtClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(GrpcClient { place: place.into(), client, runtime: Arc::new(Served(Some(runtime))) })
    }

    /// Does one operation on a store, which is made if it is not there, as [`crate::crdt::CrdtStore::write`] does.
    pub fn write<'a>(&self, store: &str, path: impl Into<Path<'a>>, kind: Kind, op: &Op<'_>) -> Pending<Written> {
        self.transaction(store, &[Change { path: path.into(), kind, op: op.clone() }])
    }

    /// Does several operations or none, as [`crate::crdt::CrdtStore::transaction`] does; one alone says its total.
    pub fn transaction(&self, store: &str, changes: &[Change<'_>]) -> Pending<Written> {
        let changes = changes.iter().map(change_out).collect();
        let request = v1::WriteRequest { store: store.to_owned(), changes };
        self.call(
            async move |mut client| client.write(request).await,
            |response| {
                let total = response.total.map(|total| integer(Some(total))).transpose()?;
                Ok(Written { seq: response.seq, total })
            },
        )
    }

    /// What is at a path as a kind.
    pub fn read<'a>(&self, store: &str, path: impl Into<Path<'a>>, kind: Kind) -> Pending<Reading> {
        let path = Some(path_out(&path.into()));
        let request = v1::ReadRequest { store: store.to_owned(), path, kind: kind as i32 };
        self.call(async move |mut client| client.read(request).await, reading)
    }

    /// Whether a value is in a set.
    pub fn contains<'a>(&self, store: &str, path: impl Into<Path<'a>>, kind: Kind, value: &Value) -> Pending<bool> {
        let (path, value) = (Some(path_out(&path.into())), Some(value_out(value)));
        let request = v1::ContainsRequest { store: store.to_owned(), path, kind: kind as i32, value };
        self.call(async move |mut client| client.contains(request).await, |response| Ok(response.contains))
    }

    /// The keys in which something is alive whose names begin with `prefix`, by name and kind.
    pub fn keys(&self, store: &str, prefix: &str) -> Pending<Vec<(String, Kind)>> {
        self.listed(store, v1::keys_request::Which::Prefix(prefix.to_owned()))
    }

    /// As what kinds something is alive under a name.
    pub fn kinds(&self, store: &str, key: &str) -> Pending<Vec<Kind>> {
        let listed = self.listed(store, v1::keys_request::Which::Key(key.to_owned()));
        listed.map(|keys| keys.into_iter().map(|(_, kind)| kind).collect())
    }

    fn listed(&self, store: &str, which: v1::keys_request::Which) -> Pending<Vec<(String, Kind)>> {
        let request = v1::KeysRequest { store: store.to_owned(), which: Some(which) };
        let read = |response: v1::KeysResponse| {
            response.entries.into_iter().map(|entry| Ok((entry.key, kind(entry.kind)?))).collect()
        };
        self.pages(async move |mut client| client.keys(request).await, read)
    }

    /// The keys whose names begin with `prefix` with what is in them, of one moment.
    pub fn dump(&self, store: &str, prefix: &str) -> Pending<Vec<Dumped>> {
        self.dumped(store, v1::dump_request::Which::Prefix(prefix.to_owned()))
    }

    /// A key with what is in it: once for each of its kinds.
    pub fn get(&self, store: &str, key: &str) -> Pending<Vec<Dumped>> {
        self.dumped(store, v1::dump_request::Which::Key(key.to_owned()))
    }

    fn dumped(&self, store: &str, which: v1::dump_request::Which) -> Pending<Vec<Dumped>> {
        let request = v1::DumpRequest { store: store.to_owned(), which: Some(which) };
        let read = |response: v1::DumpResponse| response.entries.into_iter().map(entry).collect();
        self.pages(async move |mut client| client.dump(request).await, read)
    }

    /// Follows the keys whose names begin with `prefix`, from when this is done: each change with what is in it then.
    pub fn watch(&self, store: &str, prefix: &str) -> Pending<GrpcWatcher> {
        let request = v1::WatchRequest { store: store.to_owned(), prefix: prefix.to_owned(), values: true };
        let (place, served) = (Arc::clone(&self.place), Arc::clone(&self.runtime));
        let begin = async move |mut client: crdt_client::CrdtClient<Channel>| client.watch(request).await;
        self.call(begin, move |pages| {
            let (give, take) = mpsc::channel(PAGES_WAITING);
            // It is a task of the client's runtime that this runs in.
            Handle::current().spawn(follow(pages, give, place));
            Ok(GrpcWatcher(Arc::new(Mutex::new(take)), served))
        })
    }

    /// How the node's handle of a store stands.
    pub fn status(&self, store: &str) -> Pending<CrdtStatus> {
        let request = v1::StatusRequest { store: store.to_owned() };
        self.call(async move |mut client| client.status(request).await, standing)
    }

    /// The node and the others that it knows.
    pub fn cluster(&self) -> Pending<MeshStatus> {
        let ask = async |mut client: crdt_client::CrdtClient<Channel>| client.cluster(v1::ClusterRequest {}).await;
        self.call(ask, |response| Ok(cluster(response)))
    }

    /// Makes a call on the client's own runtime, and reads its answer there.
    fn call<T, U, F>(
        &self,
        ask: impl FnOnce(crdt_client::CrdtClient<Channel>) -> F,
        read: impl FnOnce(T) -> Result<U> + Send + 'static,
    ) -> Pending<U>
    where
        T: Send + 'static,
        U: Send + 'static,
        F: Future<Output = std::result::Result<Response<T>, Status>> + Send + 'static,
    {
        let (asked, place) = (ask(self.client.clone()), Arc::clone(&self.place));
        self.run(async move {
            let answer = asked.await.map_err(|status| error(&status, &place))?;
            read(answer.into_inner())
        })
    }

    /// As [`GrpcClient::call`], for an answer in pages.
    fn pages<T, U, F>(
        &self,
        ask: impl FnOnce(crdt_client::CrdtClient<Channel>) -> F,
        read: impl Fn(T) -> Result<Vec<U>> + Send + 'static,
    ) -> Pending<Vec<U>>
    where
        T: Send + 'static,
        U: Send + 'static,
        F: Future<Output = std::result::Result<Response<Streaming<T>>, Status>> + Send + 'static,
    {
        let (asked, place) = (ask(self.client.clone()), Arc::clone(&self.place));
        self.run(async move {
            let failed = |status: Status| error(&status, &place);
            let mut pages = asked.await.map_err(failed)?.into_inner();
            let mut all = Vec::new();
            while let Some(page) = pages.message().await.map_err(failed)? {
                all.extend(read(page)?);
            }
            Ok(all)
        })
    }

    fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Pending<T> {
        let Some(runtime) = &self.runtime.0 else { return Pending::ready(Err(ended())) };
        let (done, kept) = (runtime.spawn(work), Arc::clone(&self.runtime));
        Pending::of(async move {
            let outcome = done.await;
            drop(kept);
            outcome.unwrap_or_else(|_| Err(ended()))
        })
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Closed, "the gRPC client is closed")
}

/// Hands on what a watch says, until one of both ends.
async fn follow(mut pages: Streaming<v1::WatchResponse>, give: mpsc::Sender<Result<Vec<Dumped>>>, place: Arc<str>) {
    loop {
        let said = match select(pin!(pages.message()), pin!(give.closed())).await {
            Either::Left((said, _)) => said,
            Either::Right(_) => return,
        };
        let page = match said {
            Ok(Some(page)) => page.entries.into_iter().map(entry).collect(),
            Ok(None) => Err(Error::new(ErrorKind::Closed, format!("{place}: the node ended the watch"))),
            Err(status) => Err(error(&status, &place)),
        };
        let is_over = page.is_err();
        if give.send(page).await.is_err() || is_over {
            return;
        }
    }
}

impl GrpcWatcher {
    /// Waits until there is at least one change, then takes those that came together, by key and kind. Giving up the
    /// wait loses none. After an error, and after the node ended it, it is [`ErrorKind::Closed`].
    pub fn next(&self) -> Pending<Vec<Dumped>> {
        let pages = Arc::clone(&self.0);
        Pending::of(async move {
            let over = || Err(Error::new(ErrorKind::Closed, "the watch is over"));
            pages.lock().await.recv().await.unwrap_or_else(over)
        })
    }
}

impl fmt::Debug for GrpcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcClient").field("place", &self.place).finish_non_exhaustive()
    }
}
