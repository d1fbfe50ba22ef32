//! A cluster over a mesh, asked by one who is neither in the cluster nor in the mesh: one node of it is called, and
//! asks the others. It needs no engine.
//!
//! A build without the feature `mesh` has all of this too, and answers `HW_STATUS_UNSUPPORTED` to who wants to connect.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use headwater::entities::RequestOptions;

use crate::bytes::{hw_blob, hw_str};
use crate::database_status::json;
use crate::entities::Id;
use crate::entity_place::hw_entity_place;
use crate::entity_request::{hw_entity_message, hw_reply};
use crate::error::hw_error;
use crate::guard::{Guard, Handle, free_standing, on, release_handle};
use crate::meshed::{self, EntitiesClient};
use crate::raw::{self, Out, OutStruct, versioned};
use crate::status::hw_status;

/// Which cluster is asked, and through which node. Zero is the default of every field but `url`, `ca`, `cert` and
/// `key`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_entities_client_config {
    /// sizeof(hw_entities_client_config)
    pub struct_size: usize,
    /// The node that is called: `grpcs://host:port`, where it listens for the mesh.
    pub url: hw_str,
    /// The name that its certificate has; the host that is called when empty.
    pub server_name: hw_str,
    /// The file with the certificate of the authority that signed those of all nodes, in PEM.
    pub ca: hw_str,
    /// The file with a certificate of that authority, in PEM.
    pub cert: hw_str,
    /// The file with its key, in PEM.
    pub key: hw_str,
    /// The cluster; the only one there when empty.
    pub cluster: hw_str,
}

versioned!(hw_entities_client_config);

/// One who asks the entities of a cluster through one of its nodes. `const`: safe from many threads at once.
pub struct hw_entities_client {
    guard: Arc<Guard>,
    client: EntitiesClient,
}

impl Handle for hw_entities_client {
    const NOUN: &'static str = "entities client";

    fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }
}

/// Connects to a node, and finds out which clusters it is in where none is named.
///
/// Errors:    HW_STATUS_INVALID (no such address, certificates that cannot be, or several clusters, with their names),
///            HW_STATUS_NOT_FOUND (nobody is there, the node is in no cluster, or a file is not there), HW_STATUS_IO,
///            HW_STATUS_UNSUPPORTED (the library was built without the mesh).
/// Ownership: `config` is borrowed for the call; `*client` is yours, free with hw_entities_client_free.
/// Threads:   any. The client has a thread of its own for the connection.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_client_connect(
    config: *const hw_entities_client_config,
    client: *mut *mut hw_entities_client,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let from = raw::required("config", config)?;
        let out = Out::required("client", client)?;
        out.give(hw_entities_client { client: meshed::connect(&from)?, guard: Guard::new() });
        Ok(())
    })
}

/// Asks an entity; the answer comes to `*reply`, as with hw_entities_request. A token of a turn in the message is not
/// looked at.
///
/// Errors:    HW_STATUS_INVALID (a text is not UTF-8, or too long).
/// Ownership: `message` is borrowed for the call; `*reply` is yours, free with hw_reply_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_client_request(
    client: Option<&hw_entities_client>,
    message: *const hw_entity_message,
    reply: *mut *mut hw_reply,
    error: *mut *mut hw_error,
) -> hw_status {
    on(client, error, |client| {
        let message = raw::required("message", message)?;
        let out = Out::required("reply", reply)?;
        let timeout = Duration::from_millis(message.timeout_ms);
        let options = RequestOptions { timeout, ..RequestOptions::default() };
        let (name, payload) = (message.name.text("name")?, message.payload.bytes("payload")?);
        out.give(hw_reply::new(&client.guard, client.client.request(message.id()?, name, payload, options)));
        Ok(())
    })
}

/// Tells an entity something, and does not wait for it. An empty answer comes to `*reply` when the message is in its
/// mailbox; with `reply` NULL the call waits for that.
///
/// Errors:    as hw_entities_client_request, as far as they are known then.
/// Ownership: `message` is borrowed for the call; `*reply` is yours, free with hw_reply_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_client_notify(
    client: Option<&hw_entities_client>,
    message: *const hw_entity_message,
    reply: *mut *mut hw_reply,
    error: *mut *mut hw_error,
) -> hw_status {
    on(client, error, |client| {
        let message = raw::required("message", message)?;
        let (name, payload) = (message.name.text("name")?, message.payload.bytes("payload")?);
        let told = client.client.notify(message.id()?, name, payload);
        match Out::optional(reply) {
            Some(out) => out.give(hw_reply::new(&client.guard, told.map(|()| Vec::new()))),
            None => told.wait()?,
        }
        Ok(())
    })
}

/// Which entities of a kind are there on all nodes, or of all kinds when it is empty: `*list` gets what
/// hw_entities_list gives, of all nodes as far as 4 MiB reach.
///
/// Errors:    HW_STATUS_NOT_FOUND (the node is not there), HW_STATUS_TIMEOUT, HW_STATUS_IO.
/// Ownership: `*list` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_client_list(
    client: Option<&hw_entities_client>,
    kind: *const c_char,
    kind_len: usize,
    list: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(client, error, |client| {
        let out = Out::required("list", list)?;
        out.give(json(&client.client.list(raw::text("kind", kind, kind_len)?).wait()?)?);
        Ok(())
    })
}

/// The nodes of the cluster, as the one that is called knows them: `*nodes` gets what hw_entities_nodes gives.
///
/// Errors:    HW_STATUS_NOT_FOUND (the node is not there), HW_STATUS_TIMEOUT, HW_STATUS_IO.
/// Ownership: `*nodes` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_client_nodes(
    client: Option<&hw_entities_client>,
    nodes: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(client, error, |client| {
        let out = Out::required("nodes", nodes)?;
        out.give(json(&client.client.nodes().wait()?)?);
        Ok(())
    })
}

/// Where an entity is: `place` gets its shard, and is never here; `*node`, when not NULL, gets the name of its node,
/// empty while it is on none.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_NOT_FOUND (the node is not there), HW_STATUS_TIMEOUT, HW_STATUS_IO.
/// Ownership: `*node` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_client_where(
    client: Option<&hw_entities_client>,
    kind: *const c_char,
    kind_len: usize,
    key: *const c_char,
    key_len: usize,
    place: *mut hw_entity_place,
    node: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(client, error, |client| {
        let id = Id(kind, kind_len, key, key_len).id()?;
        let out = OutStruct::required("place", place)?;
        let (shard, found) = client.client.where_is(id).wait()?;
        out.set(hw_entity_place { struct_size: 0, epoch: 0, shard, is_here: 0 });
        if let Some(node) = Out::optional(node) {
            node.give(hw_blob(found.unwrap_or_default().into_bytes()));
        }
        Ok(())
    })
}

/// Ends the connection and frees the client; NULL is nothing. No other thread may be using it. Answers that are on
/// their way may still come.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_client_free(client: Option<Box<hw_entities_client>>) {
    release_handle(client);
}
