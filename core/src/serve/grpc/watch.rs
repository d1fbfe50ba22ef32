//! A watch: pages of keys that changed, made when the client has room for one, until one of both goes or the door
//! closes.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::future::{Either, select};
use tokio::sync::watch;
use tonic::Status;

use super::service::{pages, waiting};
use super::status::status;
use super::{PAGE_ENTRIES, v1};
use crate::crdt::{Changed, CrdtStore, CrdtWatcher};
use crate::error::{Error, ErrorKind, Result};

struct Watch {
    watcher: Arc<CrdtWatcher>,
    /// Where to look up what is in a key, if that is wanted.
    values: Option<CrdtStore>,
    closing: watch::Receiver<bool>,
    /// Pages that are made already, the next one last.
    ready: Vec<v1::WatchResponse>,
    is_over: bool,
}

/// The pages of a watcher.
pub(super) fn follow(
    watcher: CrdtWatcher,
    values: Option<CrdtStore>,
    closing: watch::Receiver<bool>,
) -> impl Stream<Item = std::result::Result<v1::WatchResponse, Status>> {
    let watch = Watch { watcher: Arc::new(watcher), values, closing, ready: Vec::new(), is_over: false };
    futures_util::stream::unfold(watch, |mut watch| async move {
        if watch.is_over {
            return None;
        }
        let page = watch.next().await;
        watch.is_over = page.is_err();
        Some((page.map_err(|error| status(&error)), watch))
    })
}

impl Watch {
    async fn next(&mut self) -> Result<v1::WatchResponse> {
        while self.ready.is_empty() {
            self.wait().await?;
            let (watcher, values) = (Arc::clone(&self.watcher), self.values.clone());
            self.ready = waiting(move || look(&watcher, values.as_ref())).await?;
        }
        self.ready.pop().ok_or_else(|| Error::new(ErrorKind::Internal, "a watch has no page"))
    }

    /// Until there is something to say, or the door closes.
    async fn wait(&mut self) -> Result<()> {
        let watcher = &self.watcher;
        let changed = pin!(poll_fn(|cx| watcher.poll_ready(cx)));
        let closing = pin!(self.closing.wait_for(|closing| *closing));
        match select(changed, closing).await {
            Either::Left(_) => Ok(()),
            Either::Right(_) => Err(Error::new(ErrorKind::Closed, "the node closes its gRPC door")),
        }
    }
}

/// The pages of what changed, the first one last.
fn look(watcher: &CrdtWatcher, values: Option<&CrdtStore>) -> Result<Vec<v1::WatchResponse>> {
    let entry = |changed: Changed| {
        let json = values.map(|store| store.json(&changed.key, changed.kind)).transpose()?.unwrap_or_default();
        Ok(v1::Entry { key: changed.key, kind: changed.kind as i32, json })
    };
    let entries = watcher.try_next(PAGE_ENTRIES)?.into_iter().map(entry).collect::<Result<_>>()?;
    let missed = watcher.missed();
    Ok(pages(entries)?.into_iter().rev().map(|entries| v1::WatchResponse { entries, missed }).collect())
}
