//! What each call does: it calls what a program would call. Whatever may wait for a disk or a lock is done by a thread
//! for that, so that the one thread of the door is always free for the next word.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use prost::Message;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::cluster::{cluster_out, mesh_of};
use super::convert::{entry_out, integer_out, kind, reading_out, status_out, value, with_changes, with_path};
use super::status::status;
use super::stores::Stores;
use super::v1::{self, crdt_server};
use super::watch::follow;
use super::{MESSAGE_BYTES_MAX, PAGE_BYTES, PAGE_ENTRIES};
use crate::clock::Nanos;
use crate::crdt::{CrdtStore, Dumped, Kind, Written};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// The door's half of a connection, shared by all.
#[derive(Clone)]
pub(super) struct Service(Arc<Parts>);

pub(super) struct Parts {
    pub(super) stores: Stores,
    /// The engine, where the door is and since when.
    pub(super) at_door: (Engine, String, Nanos),
    /// True once the door closes.
    pub(super) closing: watch::Receiver<bool>,
}

/// An answer in pages.
pub(super) type Pages<T> = Pin<Box<dyn Stream<Item = std::result::Result<T, Status>> + Send>>;

type Answered<T> = std::result::Result<Response<T>, Status>;

impl Service {
    pub(super) fn new(parts: Arc<Parts>) -> Self {
        Service(parts)
    }

    /// Does `work` on a thread that may wait.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Parts) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Status> {
        let parts = Arc::clone(&self.0);
        waiting(move || work(&parts)).await.map_err(|error| status(&error))
    }
}

/// Does `work` on a thread that may wait.
pub(super) async fn waiting<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let panicked = |_| Error::new(ErrorKind::Internal, "the call panicked");
    tokio::task::spawn_blocking(work).await.map_err(panicked)?
}

#[tonic::async_trait]
impl crdt_server::Crdt for Service {
    async fn write(&self, request: Request<v1::WriteRequest>) -> Answered<v1::WriteResponse> {
        let v1::WriteRequest { store, changes } = request.into_inner();
        let write = move |parts: &Parts| {
            with_changes(changes, |changes| {
                let pending = |store: &CrdtStore| match changes {
                    [] => Err(Error::invalid("changes are none, and one at the least is a write")),
                    [one] => store.write(one.path, one.kind, &one.op).wait(),
                    several => store.transaction(several).wait(),
                };
                parts.stores.make(&store, pending)
            })
        };
        let Written { seq, total } = self.work(write).await?;
        Ok(Response::new(v1::WriteResponse { seq, total: total.map(integer_out) }))
    }

    async fn read(&self, request: Request<v1::ReadRequest>) -> Answered<v1::ReadResponse> {
        let request = request.into_inner();
        let read = move |parts: &Parts| {
            let kind = kind(request.kind)?;
            with_path(request.path.as_ref(), |path| {
                parts.stores.with(&request.store, |store| {
                    let mut response = reading_out(&store.read(path, kind)?);
                    if let (Kind::BoundedCounter, Some(reading)) = (kind, &mut response.reading) {
                        bounded(store, path.key, reading)?;
                    }
                    Ok(response)
                })
            })
        };
        answer(self.work(read).await?)
    }

    async fn contains(&self, request: Request<v1::ContainsRequest>) -> Answered<v1::ContainsResponse> {
        let request = request.into_inner();
        let contains = move |parts: &Parts| {
            let (kind, value) = (kind(request.kind)?, value(request.value)?);
            with_path(request.path.as_ref(), |path| {
                parts.stores.with(&request.store, |store| store.contains(path, kind, &value))
            })
        };
        Ok(Response::new(v1::ContainsResponse { contains: self.work(contains).await? }))
    }

    type KeysStream = Pages<v1::KeysResponse>;

    async fn keys(&self, request: Request<v1::KeysRequest>) -> Answered<Self::KeysStream> {
        use v1::keys_request::Which;
        let v1::KeysRequest { store, which } = request.into_inner();
        let keys = move |parts: &Parts| {
            parts.stores.with(&store, |store| match which {
                None => store.keys(""),
                Some(Which::Prefix(prefix)) => store.keys(&prefix),
                Some(Which::Key(key)) => Ok(store.kinds(&key)?.into_iter().map(|kind| (key.clone(), kind)).collect()),
            })
        };
        let keys = self.work(keys).await?;
        let bare = |(key, kind)| v1::Entry { key, kind: kind as i32, json: String::new() };
        let pages = pages(keys.into_iter().map(bare).collect()).map_err(|error| status(&error))?;
        Ok(stream(pages.into_iter().map(|entries| v1::KeysResponse { entries })))
    }

    type DumpStream = Pages<v1::DumpResponse>;

    async fn dump(&self, request: Request<v1::DumpRequest>) -> Answered<Self::DumpStream> {
        use v1::dump_request::Which;
        let v1::DumpRequest { store, which } = request.into_inner();
        let dump = move |parts: &Parts| {
            let dumped = parts.stores.with(&store, |store| match which {
                None => store.dump(""),
                Some(Which::Prefix(prefix)) => store.dump(&prefix),
                Some(Which::Key(key)) => {
                    let one = |kind| Ok(Dumped { json: store.json(&key, kind)?, key: key.clone(), kind });
                    store.kinds(&key)?.into_iter().map(one).collect()
                }
            })?;
            pages(dumped.into_iter().map(entry_out).collect())
        };
        let pages = self.work(dump).await?;
        Ok(stream(pages.into_iter().map(|entries| v1::DumpResponse { entries })))
    }

    type WatchStream = Pages<v1::WatchResponse>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Answered<Self::WatchStream> {
        let request = request.into_inner();
        let begin = move |parts: &Parts| {
            parts.stores.with(&request.store, |store| {
                let values = request.values.then(|| store.clone());
                Ok((store.watch(&request.prefix)?, values))
            })
        };
        let (watcher, values) = self.work(begin).await?;
        Ok(Response::new(Box::pin(follow(watcher, values, self.0.closing.clone()))))
    }

    async fn status(&self, request: Request<v1::StatusRequest>) -> Answered<v1::StatusResponse> {
        let v1::StatusRequest { store } = request.into_inner();
        let told = move |parts: &Parts| parts.stores.with(&store, |store| Ok(status_out(&store.status()?)));
        answer(self.work(told).await?)
    }

    async fn cluster(&self, _: Request<v1::ClusterRequest>) -> Answered<v1::ClusterResponse> {
        let told = |parts: &Parts| {
            let (engine, address, since) = &parts.at_door;
            mesh_of(engine, address, *since).map(cluster_out)
        };
        answer(self.work(told).await?)
    }
}

/// Adds what a bounded counter says beside its value.
fn bounded(store: &CrdtStore, key: &str, reading: &mut v1::read_response::Reading) -> Result<()> {
    use v1::read_response::Reading;
    if let Reading::Number(value) = reading {
        let (value, rights) = (Some(value.clone()), Some(integer_out(store.rights(key)?)));
        *reading = Reading::BoundedCounter(v1::BoundedCounter { value, rights, actor: store.actor().to_string() });
    }
    Ok(())
}

/// An answer that is not longer than a message may be.
fn answer<T: Message>(message: T) -> Answered<T> {
    match message.encoded_len() {
        bytes if bytes > MESSAGE_BYTES_MAX => {
            let what = format!("the answer has {bytes} bytes, and a message has {MESSAGE_BYTES_MAX} at the most");
            Err(status(&Error::new(ErrorKind::Limit, what)))
        }
        _ => Ok(Response::new(message)),
    }
}

fn stream<T: Send + 'static>(pages: impl Iterator<Item = T> + Send + 'static) -> Response<Pages<T>> {
    Response::new(Box::pin(futures_util::stream::iter(pages.map(Ok))))
}

/// Entries in pages, none of which is longer than a message may be.
pub(super) fn pages(entries: Vec<v1::Entry>) -> Result<Vec<Vec<v1::Entry>>> {
    let mut pages: Vec<Vec<v1::Entry>> = Vec::new();
    let mut room = 0;
    for entry in entries {
        // What it takes in a page: its name and content, and up to 32 bytes for the lengths of them.
        let bytes = entry.encoded_len() + 32;
        if bytes > MESSAGE_BYTES_MAX {
            let message = format!(
                "'{}' has {bytes} bytes as JSON, and a message has {MESSAGE_BYTES_MAX} at the most",
                entry.key.escape_debug()
            );
            return Err(Error::new(ErrorKind::Limit, message));
        }
        match pages.last_mut().filter(|page| bytes <= room && page.len() < PAGE_ENTRIES) {
            Some(page) => page.push(entry),
            None => {
                pages.push(vec![entry]);
                room = PAGE_BYTES;
            }
        }
        room = room.saturating_sub(bytes);
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: usize) -> v1::Entry {
        v1::Entry { key: "k".to_owned(), kind: 1, json: "x".repeat(bytes) }
    }

    #[test]
    fn pages_hold_all_in_order_within_both_bounds() {
        let entries: Vec<v1::Entry> = (0..2_500).map(|n| entry(n % 7)).collect();
        let small = pages(entries.clone()).expect("pages");
        assert_eq!(small.iter().map(Vec::len).collect::<Vec<_>>(), [1_000, 1_000, 500]);
        assert_eq!(small.concat(), entries);
        let large = pages(vec![entry(PAGE_BYTES / 2), entry(PAGE_BYTES / 2), entry(2 * PAGE_BYTES)]).expect("pages");
        assert_eq!(large.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
        let refused = pages(vec![entry(MESSAGE_BYTES_MAX)]).expect_err("it is too long");
        assert_eq!(refused.kind(), ErrorKind::Limit);
        assert!(pages(Vec::new()).expect("none").is_empty());
    }
}
