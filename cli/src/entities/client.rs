//! Which cluster the verbs speak to, and how: over the NATS server on which it meets, or by a node of its mesh.

use std::time::Duration;

use clap::Args;
use headwater::entities::{
    ClusterConfig, ClusterNode, Entities, EntitiesClient, EntitiesConfig, EntityId, EntityInfo, RequestOptions,
};
use headwater::{Engine, GrpcClient};

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
    /// A client of it, on a hub.
    Hub(Entities),
    /// By one of its nodes in a mesh.
    Mesh(EntitiesClient),
}

impl Cluster {
    /// A client of the cluster.
    pub(super) fn client(&self, place: &Place) -> Done<Client> {
        if place.dir.is_some() {
            return Err(Failure::usage("entities are alive in programs, not in a directory: give --server URL"));
        }
        let Some(url) = self.server.as_deref().or(place.hub.as_deref()) else {
            return Err(Failure::usage("no server: give --server URL, where the nodes of the cluster meet"));
        };
        if url.starts_with("grpc") {
            GrpcClient::check(url)?;
            let (name, cluster) = (self.server_name.as_deref(), self.name.as_deref());
            let client =
                EntitiesClient::connect(url, name.unwrap_or_default(), &self.files.tls()?, cluster.unwrap_or_default());
            return Ok(Client::Mesh(client.wait()?));
        }
        self.files.check_none()?;
        if self.server_name.is_some() {
            return Err(Failure::usage("--server-name is for a node of a mesh: --server grpcs://host:port"));
        }
        let engine = crate::place::connect(url)?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => the_only_one(&engine)?,
        };
        let config = EntitiesConfig { cluster: Some(ClusterConfig::client(name)), ..EntitiesConfig::default() };
        Ok(Client::Hub(engine.entities(config).wait()?))
    }
}

impl Client {
    pub(super) fn list(&self, kind: &str) -> Done<Vec<EntityInfo>> {
        Ok(match self {
            Client::Hub(entities) => entities.list(kind),
            Client::Mesh(client) => client.list(kind),
        }
        .wait()?)
    }

    pub(super) fn nodes(&self) -> Done<Vec<ClusterNode>> {
        match self {
            Client::Hub(entities) => Ok(entities.nodes()),
            Client::Mesh(client) => Ok(client.nodes().wait()?),
        }
    }

    /// The shard of an entity, and the node that it is on.
    pub(super) fn where_is(&self, id: EntityId<'_>) -> Done<(u32, Option<String>)> {
        match self {
            Client::Hub(entities) => Ok((entities.shard_of(id), entities.where_is(id))),
            Client::Mesh(client) => Ok(client.where_is(id).wait()?),
        }
    }

    pub(super) fn request(&self, to: EntityId<'_>, name: &str, payload: &[u8], timeout: Duration) -> Done<Vec<u8>> {
        let options = RequestOptions { timeout, ..RequestOptions::default() };
        Ok(match self {
            Client::Hub(entities) => entities.request(to, name, payload, options),
            Client::Mesh(client) => client.request(to, name, payload, options),
        }
        .wait()?)
    }

    pub(super) fn notify(&self, to: EntityId<'_>, name: &str, payload: &[u8]) -> Done {
        Ok(match self {
            Client::Hub(entities) => entities.notify(to, name, payload),
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
        [] => Err(Failure::usage("there is no cluster on this server")),
        _ => Err(Failure::usage(format!("there are several clusters: give --cluster, one of {}", clusters.join(", ")))),
    }
}
