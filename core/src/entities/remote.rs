//! The entities of a cluster over a mesh, asked by one who is neither in the cluster nor in the mesh: one node of it is
//! called, and asks the others.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::mesh::MeshCaller;
use crate::pending::Pending;
use crate::stream::contract::WireOps;
use crate::tls::Tls;

use super::cluster::ClusterNode;
use super::entity::{EntityId, Name};
use super::list::EntityInfo;
use super::reply::Outcome;
use super::request::{RequestOptions, TIMEOUT};
use super::strangers::{self, Place};
use super::wire::{self, Envelope};

/// How long a node may take for what it knows, and for the lists of the others.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much longer than its entity a node may take to answer.
const BESIDE: Duration = Duration::from_secs(1);

/// One who asks the entities of a cluster through one of its nodes, over the mesh's mutual TLS. It connects at the
/// first call. Cheap to clone: clones share the connection.
#[derive(Clone)]
pub struct EntitiesClient {
    caller: Arc<MeshCaller>,
    cluster: Arc<str>,
}

impl EntitiesClient {
    /// One that asks the node at `grpcs://host:port`, which has to show a certificate for `server_name`, or for that
    /// host when it is empty. The cluster is the only one there when `cluster` is empty.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for what is no such address, and where there are several
    /// clusters, with their names; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when nobody is there, or has
    /// entities; those of calls.
    pub fn connect(url: &str, server_name: &str, tls: &Tls, cluster: &str) -> Pending<EntitiesClient> {
        let caller = MeshCaller::new(url, server_name, tls);
        let (url, cluster) = (url.escape_debug().to_string(), cluster.to_owned());
        Pending::after(caller, |caller| {
            Pending::of(async move {
                let caller = Arc::new(caller);
                let cluster = if cluster.is_empty() { the_only_one(&caller, &url).await? } else { cluster };
                Ok(EntitiesClient { caller, cluster: cluster.into() })
            })
        })
    }

    /// Asks an entity, and waits for its answer, as [`super::Entities::request`] does.
    ///
    /// # Errors
    /// As there; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when the node is not there, or not in the cluster.
    pub fn request(&self, to: EntityId<'_>, name: &str, payload: &[u8], options: RequestOptions) -> Pending<Vec<u8>> {
        let timeout = if options.timeout.is_zero() { TIMEOUT } else { options.timeout };
        self.ask(to, name, payload, true, timeout)
    }

    /// Tells an entity something: ready when it is in its mailbox.
    ///
    /// # Errors
    /// As [`EntitiesClient::request`].
    pub fn notify(&self, to: EntityId<'_>, name: &str, payload: &[u8]) -> Pending<()> {
        self.ask(to, name, payload, false, TIMEOUT).map(|_| ())
    }

    fn ask(
        &self,
        to: EntityId<'_>,
        name: &str,
        payload: &[u8],
        wants_reply: bool,
        timeout: Duration,
    ) -> Pending<Vec<u8>> {
        Pending::after(to.check(), |()| {
            let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            let (to, name, payload) = (Name::of(to), name.into(), payload.into());
            let envelope = Envelope { to, name, payload, wants_reply, timeout_ms, chain: None };
            self.call(envelope.encode(), timeout.saturating_add(BESIDE))
        })
    }

    /// Which entities of a kind are there on all nodes, or of all kinds when it is empty: the first of each node as far
    /// as 512 KiB of its list reach, and of all as far as 4 MiB do.
    pub fn list(&self, kind: &str) -> Pending<Vec<EntityInfo>> {
        self.question(wire::list(kind))
    }

    /// The nodes of the cluster, as the one that is asked knows them.
    pub fn nodes(&self) -> Pending<Vec<ClusterNode>> {
        self.question(wire::nodes())
    }

    /// The shard of an entity, and the node that it is on; `None` while it is on none.
    pub fn where_is(&self, id: EntityId<'_>) -> Pending<(u32, Option<String>)> {
        let place: Pending<Place> = Pending::after(id.check(), |()| self.question(wire::place_of(id)));
        place.map(|place| (place.shard, place.node))
    }

    fn question<T: DeserializeOwned + Send + 'static>(&self, payload: Vec<u8>) -> Pending<T> {
        self.call(payload, PATIENCE).and_then(|answer| Pending::ready(parse(&answer)))
    }

    fn call(&self, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>> {
        let answer = self.caller.request(&strangers::subject(&self.cluster), payload, timeout);
        answer.and_then(|answer| Pending::ready(wire::decode(&answer).and_then(Outcome::into_answer)))
    }
}

fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).map_err(|_| Error::corrupt("the answer of the node can't be read"))
}

async fn the_only_one(caller: &MeshCaller, url: &str) -> Result<String> {
    let answer = caller.request(strangers::CLUSTERS, Vec::new(), PATIENCE).await?;
    let mut clusters: Vec<String> = parse(&wire::decode(&answer)?.into_answer()?)?;
    if clusters.len() > 1 {
        let names = clusters.join(", ");
        return Err(Error::invalid(format!("the node at {url} is in several clusters: say which of {names}")));
    }
    clusters.pop().ok_or_else(|| Error::not_found(format!("the node at {url} is in no cluster")))
}
