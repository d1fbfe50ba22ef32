//! Which cluster the verbs speak to, and how: over the NATS server or in the directory where it meets, or by a node of
//! its mesh.

use std::time::Duration;

use clap::Args;
use headwater::entities::{
    ClusterConfig, ClusterNode, Entities, EntitiesClient, EntitiesConfig, EntityId, EntityInfo, RequestOptions,
};
use headwater::{Engine, EngineOptions, GrpcClient, NodeUse};

use crate::failure::{Done, Failure};
use crate::place::Place;
use crate::server::Files;

/// What the names of the buckets of clusters begin with.
const BUCKET: &str = "ENTITIES_";

#[derive(Args)]
pub(super) struct Cluster {
    /// The NATS server on which the nodes meet, such as nats://127.0.0.1:4222 (--hub means the same); or one of them
    /// where they meet over a mesh, such as grpcs://127.0.0.1:7401, with --ca, --cert and --key.
    #[arg(long, value_name = "URL", conflicts_with = "hub")]
    server: Option<String>,
    /// The cluster [default: the only one there].
    #[arg(id = "cluster", long = "cluster", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    files: Files,
    /// The name on the certificate of the node [default: the host that is called].
    #[arg(long, value_name = "NAME", help_heading = "Over gRPC")]
    server_name: Option<String>,
}

/// One who asks the entities of a cluster.
pub(super) enum Client {
    /// A client of it, on a hub or in a directory.
    Shared(Entities),
    /// By one of its nodes in a mesh.
    Mesh(EntitiesClient),
}

impl Cluster {
    /// A client of the cluster.
    pub(super) fn client(&self, place: &Place) -> Done<Client> {
        let url = self.server.as_deref().or(place.hub.as_deref());
        if url.is_some() && place.dir.is_some() {
            return Err(Failure::usage("--dir and a server are given: a cluster meets in one place"));
        }
        let Some(url) = url else {
            self.check_no_mesh()?;
            let Ok(dir) = place.dir() else {
                let message = "no place: give --server URL or --dir DIR, where the nodes of the cluster meet";
                return Err(Failure::usage(message));
            };
            let options = EngineOptions { node: NodeUse::Only, create: false, ..EngineOptions::default() };
            return self.shared(&Engine::open_with(dir, options)?);
        };
        if url.starts_with("grpc") {
            GrpcClient::check(url)?;
            let (name, cluster) = (self.server_name.as_deref(), self.name.as_deref());
            let client =
                EntitiesClient::connect(url, name.unwrap_or_default(), &self.files.tls()?, cluster.unwrap_or_default());
            return Ok(Client::Mesh(client.wait()?));
        }
        self.check_no_mesh()?;
        self.shared(&crate::place::connect(url)?)
    }

    /// A client where the nodes meet.
    fn shared(&self, engine: &Engine) -> Done<Client> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => the_only_one(engine)?,
        };
        let config = EntitiesConfig { cluster: Some(ClusterConfig::client(name)), ..EntitiesConfig::default() };
        Ok(Client::Shared(engine.entities(config).wait()?))
    }

    /// What only a mesh takes is not given.
    fn check_no_mesh(&self) -> Done {
        self.files.check_none()?;
        match self.server_name {
            Some(_) => Err(Failure::usage("--server-name is for a node of a mesh: --server grpcs://host:port")),
            None => Ok(()),
        }
    }
}

impl Client {
    pub(super) fn list(&self, kind: &str) -> Done<Vec<EntityInfo>> {
        Ok(match self {
            Client::Shared(entities) => entities.list(kind),
            Client::Mesh(client) => client.list(kind),
        }
        .wait()?)
    }

    pub(super) fn nodes(&self) -> Done<Vec<ClusterNode>> {
        match self {
            Client::Shared(entities) => Ok(entities.nodes()),
            Client::Mesh(client) => Ok(client.nodes().wait()?),
        }
    }

    /// The shard of an entity, and the node that it is on.
    pub(super) fn where_is(&self, id: EntityId<'_>) -> Done<(u32, Option<String>)> {
        match self {
            Client::Shared(entities) => Ok((entities.shard_of(id), entities.where_is(id))),
            Client::Mesh(client) => Ok(client.where_is(id).wait()?),
        }
    }

    pub(super) fn request(&self, to: EntityId<'_>, name: &str, payload: &[u8], timeout: Duration) -> Done<Vec<u8>> {
        let options = RequestOptions { timeout, ..RequestOptions::default() };
        Ok(match self {
            Client::Shared(entities) => entities.request(to, name, payload, options),
            Client::Mesh(client) => client.request(to, name, payload, options),
        }
        .wait()?)
    }

    pub(super) fn notify(&self, to: EntityId<'_>, name: &str, payload: &[u8]) -> Done {
        Ok(match self {
            Client::Shared(entities) => entities.notify(to, name, payload),
            Client::Mesh(client) => client.notify(to, name, payload),
        }
        .wait()?)
    }
}

fn the_only_one(engine: &Engine) -> Done<String> {
    let buckets = engine.buckets().wait()?;
    let mut clusters: Vec<&str> = buckets.iter().filter_map(|name| name.strip_prefix(BUCKET)).collect();
    clusters.sort_unstable();
    match clusters[..] {
        [one] => Ok(one.to_owned()),
        [] => Err(Failure::usage("there is no cluster there")),
        _ => Err(Failure::usage(format!("there are several clusters: give --cluster, one of {}", clusters.join(", ")))),
    }
}
