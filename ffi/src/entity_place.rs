//! Where entities are: lists, nodes, shards.

use std::ffi::c_char;

use headwater::entities::{EntityId, SHARDS, owner_of, shard_of};
use headwater::{Error, ErrorKind, Result};

use crate::bytes::{hw_blob, hw_str};
use crate::database_status::json;
use crate::entities::{Id, hw_entities};
use crate::error::hw_error;
use crate::guard::{free_standing, on};
use crate::raw::{self, Out, OutStruct, versioned};
use crate::status::hw_status;

/// Where an entity is.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_entity_place {
    /// sizeof(hw_entity_place), set by the caller.
    pub struct_size: usize,
    /// Where `is_here`: the epoch in which this node has its shard, higher than that of any node before it; 0 without a
    /// cluster.
    pub epoch: u64,
    /// Its shard.
    pub shard: u32,
    /// Not 0: this node has it, and may be sure of that.
    pub is_here: u8,
}

/// A node that has shards.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_shard_node {
    /// Its name.
    pub name: hw_str,
    /// How many shards it gets beside the others.
    pub weight: u32,
}

versioned!(hw_entity_place);

/// Which entities of a kind are there on all nodes, or of all kinds when it is empty. `*list` gets a list in JSON, by
/// kind and key, each with `kind`, `key`, `shard`, `node` (empty without a cluster), `state` (`idle`, `ready`,
/// `running`, `resting` or `paused`) and `waiting`, the number of messages; the first of each node as far as 512 KiB
/// reach. A node that does not answer has none to show.
///
/// Errors:    HW_STATUS_CLOSED, HW_STATUS_IO.
/// Ownership: `*list` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_list(
    entities: Option<&hw_entities>,
    kind: *const c_char,
    kind_len: usize,
    list: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        let out = Out::required("list", list)?;
        out.give(json(&entities.core().list(raw::text("kind", kind, kind_len)?).wait()?)?);
        Ok(())
    })
}

/// The nodes of the cluster. `*nodes` gets a list in JSON, by name, each with `name`, `is_alive`, `weight` and
/// `shards`, the number that it has; an empty one without a cluster.
///
/// Ownership: `*nodes` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_nodes(
    entities: Option<&hw_entities>,
    nodes: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        let out = Out::required("nodes", nodes)?;
        out.give(json(&entities.core().nodes())?);
        Ok(())
    })
}

/// Where an entity is: `*node`, when not NULL, gets the name of its node, empty while it is on none and without a
/// cluster.
///
/// Errors:    HW_STATUS_INVALID.
/// Ownership: `*node` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_where(
    entities: Option<&hw_entities>,
    kind: *const c_char,
    kind_len: usize,
    key: *const c_char,
    key_len: usize,
    place: *mut hw_entity_place,
    node: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        let (id, core) = (Id(kind, kind_len, key, key_len).id()?, entities.core());
        let out = OutStruct::required("place", place)?;
        id.check()?;
        let epoch = core.epoch_of(id);
        let (shard, is_here) = (core.shard_of(id), u8::from(epoch.is_some()));
        out.set(hw_entity_place { struct_size: 0, epoch: epoch.unwrap_or(0), shard, is_here });
        if let Some(node) = Out::optional(node) {
            node.give(hw_blob(core.where_is(id).unwrap_or_default().into_bytes()));
        }
        Ok(())
    })
}

/// The shard of an entity where keys are spread over so many of them; 0 is 256.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_shard_of(
    kind: *const c_char,
    kind_len: usize,
    key: *const c_char,
    key_len: usize,
    shards: u32,
    shard: *mut u32,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let id = Id(kind, kind_len, key, key_len).id()?;
        id.check()?;
        let EntityId { kind, key } = id;
        let shards = if shards == 0 { SHARDS } else { shards };
        Out::required("shard", shard)?.set(shard_of(kind, key, shards));
        Ok(())
    })
}

/// Which of these nodes a shard belongs on: `*owner` is its index.
///
/// Errors:    HW_STATUS_NOT_FOUND (no node has a weight), HW_STATUS_INVALID.
/// Ownership: `nodes` is borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_shard_owner(
    shard: u32,
    nodes: *const hw_shard_node,
    nodes_len: usize,
    owner: *mut usize,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let nodes = raw::array("nodes", nodes, nodes_len)?;
        let named = nodes.iter().map(|node| Ok((node.name.text("name")?, node.weight)));
        let named = named.collect::<Result<Vec<(&str, u32)>>>()?;
        let found = owner_of(shard, &named).and_then(|name| named.iter().position(|node| node.0 == name));
        let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, "no node has a weight"))?;
        Out::required("owner", owner)?.set(found);
        Ok(())
    })
}
