//! A cluster over a mesh, asked by one who is neither in the cluster nor in the mesh: through one of its nodes, without
//! an engine. `lib/entities_client.js` is the other side.

use std::cell::RefCell;

use headwater::entities::{EntitiesClient, EntityId, RequestOptions};
use headwater::{CertFiles, Error, ErrorKind, Pending, Tls};
use napi::Env;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::entities::{PlaceDescription, infos, nodes, patience};
use crate::error::{Result, fault};
use crate::handles::Held;
use crate::hub::hub;

/// A client; nothing once it is closed, as its connection ends with it.
pub(crate) struct Client(RefCell<Option<EntitiesClient>>);

impl Client {
    /// Asks what `begin` does, or says that the client is closed.
    fn ask(env: Env, number: u32, begin: impl FnOnce(&EntitiesClient) -> Pending<Answer>) -> Result<Raw> {
        Client::with(number, |client, hub| {
            let client = client.0.borrow();
            let closed = || fault(Error::new(ErrorKind::Closed, "the entities client is closed"));
            hub.settle(env, begin(client.as_ref().ok_or_else(closed)?))
        })
    }
}

/// Which cluster is asked, and through which node.
#[napi(object, object_to_js = false)]
pub struct EntitiesClientRequest {
    pub url: String,
    pub ca: String,
    pub cert: String,
    pub key: String,
    pub server_name: Option<String>,
    pub cluster: Option<String>,
}

/// Connects to a node. The three files are small, and read in the call.
#[napi(catch_unwind)]
pub fn entities_client_connect(env: Env, hub_number: u32, request: EntitiesClientRequest) -> Result<Raw> {
    let EntitiesClientRequest { url, ca, cert, key, server_name, cluster } = request;
    let files = CertFiles { ca: ca.into(), cert: cert.into(), key: key.into() };
    let tls = Tls::load(&files).map_err(fault)?;
    let [server_name, cluster] = [server_name, cluster].map(Option::unwrap_or_default);
    let connecting = EntitiesClient::connect(&url, &server_name, &tls, &cluster);
    let held = |client| Answer::handle(Client(RefCell::new(Some(client))));
    hub(hub_number)?.settle(env, connecting.map(held))
}

/// Asks an entity.
#[napi(catch_unwind)]
pub fn entities_client_request(
    env: Env,
    client: u32,
    kind: String,
    key: String,
    name: String,
    payload: &[u8],
    timeout_ms: Option<f64>,
) -> Result<Raw> {
    let options = RequestOptions { timeout: patience(timeout_ms)?, ..RequestOptions::default() };
    Client::ask(env, client, |client| {
        client.request(EntityId::new(&kind, &key), &name, payload, options).map(Answer::Bytes)
    })
}

/// Tells an entity something.
#[napi(catch_unwind)]
pub fn entities_client_notify(
    env: Env,
    client: u32,
    kind: String,
    key: String,
    name: String,
    payload: &[u8],
) -> Result<Raw> {
    Client::ask(env, client, |client| client.notify(EntityId::new(&kind, &key), &name, payload).map(|()| Answer::Done))
}

/// Which entities are there, packed.
#[napi(catch_unwind)]
pub fn entities_client_list(env: Env, client: u32, kind: String) -> Result<Raw> {
    Client::ask(env, client, |client| client.list(&kind).map(|all| infos(&all)))
}

/// The nodes of the cluster, packed.
#[napi(catch_unwind)]
pub fn entities_client_nodes(env: Env, client: u32) -> Result<Raw> {
    Client::ask(env, client, |client| client.nodes().map(|all| nodes(&all)))
}

/// Where an entity is: never here, and so without an epoch.
#[napi(catch_unwind)]
pub fn entities_client_where(env: Env, client: u32, kind: String, key: String) -> Result<Raw> {
    Client::ask(env, client, |client| {
        let place = |(shard, node)| Answer::value(PlaceDescription { node, shard, epoch: None });
        client.where_is(EntityId::new(&kind, &key)).map(place)
    })
}

/// Ends the connection, and with it what was asked over it.
#[napi(catch_unwind)]
pub fn entities_client_close(client: u32) -> Result<()> {
    Client::with(client, |client, _| {
        drop(client.0.take());
        Ok(())
    })
}
