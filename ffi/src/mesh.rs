//! A mesh: peers whose stores of state that merges are kept in step without a hub.
//!
//! A build without the feature `mesh` has all of this too, and answers `HW_STATUS_UNSUPPORTED` to who wants to join.

use std::time::Duration;

use headwater::{Engine, Error, ErrorKind, Result};

use crate::bytes::{hw_blob, hw_str};
use crate::engine::hw_engine;
use crate::error::hw_error;
use crate::guard::on;
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;

/// How fast a mesh notices what happens, and what that costs.
#[repr(i32)]
pub enum hw_mesh_preset {
    /// Nodes that are milliseconds apart: one that does not answer is down after about 5 s.
    Lan = 0,
    /// Nodes that are far apart: down after about 30 s.
    Wan = 1,
    /// Nodes that shall say little: gossip each 2 s, down by 10 s, compared each 60 s.
    Seed = 2,
}

/// A node of a mesh. Zero is the default of every field but `bind`, `ca`, `cert` and `key`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_mesh_config {
    /// sizeof(hw_mesh_config)
    pub struct_size: usize,
    /// What people call this node; its address when empty.
    pub name: hw_str,
    /// Where it listens, host:port; port 0 is a free one.
    pub bind: hw_str,
    /// Where others reach it, host:port; `bind` when empty.
    pub advertise: hw_str,
    /// Nodes to join by, host:port with a name or an address. They are called until each is connected.
    pub seeds: *const hw_str,
    /// How many.
    pub seeds_len: usize,
    /// The file with the certificate of the authority that signed those of all nodes, in PEM.
    pub ca: hw_str,
    /// The file with this node's certificate, in PEM.
    pub cert: hw_str,
    /// The file with its key, in PEM.
    pub key: hw_str,
    /// The name that the certificates of nodes have; the host that is called when empty.
    pub server_name: hw_str,
    /// The stores that this node keeps in step; all there are, here and elsewhere, when there is none.
    pub stores: *const hw_str,
    /// How many.
    pub stores_len: usize,
    /// An hw_mesh_preset.
    pub preset: i32,
    /// After so long without a word of a node, the others no longer wait for it with forgetting what was removed,
    /// nanoseconds; 0 is 30 days.
    pub horizon_ns: u64,
}

versioned!(hw_mesh_config);

#[cfg(feature = "mesh")]
fn join(engine: &Engine, from: &hw_mesh_config) -> Result<()> {
    use headwater::{CertFiles, MeshConfig, Preset};

    let file = |what: &str, path: &hw_str| path.text(what).map(std::path::PathBuf::from);
    engine.join_mesh(MeshConfig {
        name: from.name.owned("name")?,
        bind: from.bind.owned("bind")?,
        advertise: from.advertise.owned("advertise")?,
        seeds: raw::strings("seeds", from.seeds, from.seeds_len)?,
        certs: CertFiles { ca: file("ca", &from.ca)?, cert: file("cert", &from.cert)?, key: file("key", &from.key)? },
        server_name: from.server_name.owned("server_name")?,
        stores: raw::strings("stores", from.stores, from.stores_len)?,
        preset: match from.preset {
            0 => Preset::Lan,
            1 => Preset::Wan,
            2 => Preset::Seed,
            n => return Err(crate::error::invalid(format!("preset is {n}, which is no hw_mesh_preset"))),
        },
        horizon: std::time::Duration::from_nanos(from.horizon_ns),
    })
}

#[cfg(not(feature = "mesh"))]
fn join(_: &Engine, _: &hw_mesh_config) -> Result<()> {
    Err(Error::new(ErrorKind::Unsupported, "this library was built without the mesh"))
}

/// Joins a mesh (docs/mesh.md), and is part of it until it leaves or is closed. It does not wait for any other node.
/// CRDT stores of this engine and of the other nodes are from then on the same at all of them; every write stays
/// local. An engine that is part of a mesh stays open until hw_engine_close.
///
/// Errors:    HW_STATUS_INVALID (a configuration or certificates that cannot be), HW_STATUS_NOT_FOUND (a file is not
///            there), HW_STATUS_IO (the address cannot be listened at), HW_STATUS_CONFLICT (it is part of one already),
///            HW_STATUS_UNSUPPORTED (`engine` cannot be written to, is on a hub or through a node, or the library was
///            built without the mesh).
/// Ownership: inputs are borrowed for the call.
/// Threads:   any. The engine has threads of its own for the connections.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_join_mesh(
    engine: Option<&hw_engine>,
    config: *const hw_mesh_config,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| join(&engine.root.engine, &raw::required("config", config)?))
}

/// Says good-bye to the other nodes of the mesh, which tell it from one that does not answer; 5 s at the most. Nothing
/// if it is part of none.
///
/// Errors:    HW_STATUS_CLOSED (after a fork).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_leave_mesh(engine: Option<&hw_engine>, error: *mut *mut hw_error) -> hw_status {
    on(engine, error, |engine| {
        engine.root.engine.leave_mesh();
        Ok(())
    })
}

/// Who is in the mesh that this engine is part of, through a node too, and how far its stores are. `*status` gets one
/// object in JSON, or no bytes if it is part of none: `own`, this node, and `members`, the others, each with `name`,
/// `engine` (its hw_engine_id in 16 hex digits), `address`, `state` ("alive", "suspect", "down" or "left"), `since`
/// (nanoseconds since the epoch), `connected` and `stores`, each with `store`, `behind`, `unacked` and `repairs`;
/// beside them `refused`, `faults`, `sent_bytes`, `received_bytes`, `last_error` and `local_health`, as docs/mesh.md
/// has them. Waits at most `timeout_ms` milliseconds; -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT, HW_STATUS_CLOSED.
/// Ownership: `*status` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_mesh(
    engine: Option<&hw_engine>,
    timeout_ms: i64,
    status: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("status", status)?;
        let mut pending = engine.root.engine.mesh();
        let mesh = match u64::try_from(timeout_ms) {
            Ok(ms) => pending.wait_timeout(Duration::from_millis(ms))?,
            Err(_) => pending.wait()?,
        };
        let json = mesh.map_or_else(|| Ok(Vec::new()), |mesh| serde_json::to_vec(&mesh));
        let json = json.map_err(|e| Error::new(ErrorKind::Internal, format!("the status has no JSON: {e}")))?;
        out.give(hw_blob(json));
        Ok(())
    })
}

#[cfg(all(test, not(feature = "mesh")))]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_the_mesh_says_so() -> Result<()> {
        let config = hw_mesh_config { struct_size: size_of::<hw_mesh_config>(), ..raw::zeroed() };
        let refused = join(&Engine::memory()?, &config).map_err(|e| e.kind());
        assert_eq!(refused, Err(ErrorKind::Unsupported));
        Ok(())
    }
}
