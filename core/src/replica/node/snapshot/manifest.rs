//! The manifest of a snapshot.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::store::{Store, pieces};
use crate::error::{Error, ErrorKind, Result};

/// The form of what is written here.
const FORMAT: u32 = 1;
/// What the name of a manifest ends with.
const ENDING: &str = ".json";

/// A snapshot, as whoever lists them sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    /// Its name: when it was made and by which node, so that names are in the order of time.
    pub id: String,
    /// What people call the node that made it.
    pub node_id: String,
    /// When, milliseconds since the epoch.
    pub created_ms: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes that it takes where it is kept.
    pub stored_bytes: u64,
}

/// One part: a piece of the file, compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Bytes of the file in it.
    pub(super) bytes: u64,
    /// Bytes that it takes.
    pub(super) stored_bytes: u64,
    /// SHA-256 of what is stored, in hex.
    pub(super) sha256: String,
}

/// What a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(super) format: u32,
    pub(super) database: String,
    #[serde(flatten)]
    pub(crate) info: SnapshotInfo,
    pub(super) parts: Vec<Part>,
}

impl Manifest {
    pub(super) fn new(database: &str, info: SnapshotInfo) -> Manifest {
        Manifest { format: FORMAT, database: database.to_owned(), info, parts: Vec::new() }
    }

    /// What a snapshot that begins now is called.
    pub(crate) fn id(now_ms: u64, node: u64) -> String {
        format!("{now_ms:016}-{node:016x}")
    }

    /// Where its part of this number is.
    pub(super) fn part_name(id: &str, number: usize) -> String {
        format!("{id}.{number:06}")
    }

    /// Where it is itself.
    pub(super) fn name(id: &str) -> String {
        format!("{id}{ENDING}")
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("a manifest has no JSON: {error}")))
    }

    fn decode(name: &str, bytes: &[u8], database: &str) -> Result<Manifest> {
        let broken = |what: String| Error::corrupt(format!("snapshot manifest {name}: {what}"));
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
        if manifest.format > FORMAT {
            let message = format!("snapshot manifest {name} has form {}, this build reads {FORMAT}", manifest.format);
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        if Manifest::name(&manifest.info.id) != name {
            return Err(broken(format!("it is of snapshot '{}'", manifest.info.id.escape_debug())));
        }
        if manifest.database != database {
            return Err(broken(format!("it is of database '{}', not of '{database}'", manifest.database)));
        }
        Ok(manifest)
    }
}

/// Whether a piece of snapshots may have this name: that of a snapshot, and which piece it is.
pub(super) fn is_piece(name: &str) -> bool {
    let Some((id, end)) = name.split_once('.') else { return false };
    let is_id = id.len() == 33 && id.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_id && (end == &ENDING[1..] || end.len() >= 6 && end.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a piece of this name is a manifest.
#[allow(clippy::case_sensitive_file_extension_comparisons, reason = "names are ours, and in lower case")]
pub(super) fn is_manifest(name: &str) -> bool {
    name.ends_with(ENDING)
}

/// The manifests that there are, the newest first.
pub(super) fn manifests(store: &dyn Store) -> Result<Vec<String>> {
    let mut names: Vec<String> = pieces(store)?.into_iter().filter(|name| is_manifest(name)).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

/// The newest snapshot that has a good manifest, or the one of this name.
pub(crate) fn find(store: &dyn Store, database: &str, id: Option<&str>) -> Result<Manifest> {
    let mut last = None;
    for name in manifests(store)? {
        if id.is_some_and(|id| name != Manifest::name(id)) {
            continue;
        }
        let Some(bytes) = store.get(&name)? else { continue };
        match Manifest::decode(&name, &bytes, database) {
            Ok(manifest) => return Ok(manifest),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        Error::not_found(format!("there is no snapshot of database '{database}' at {}", store.place()))
    }))
}

/// The snapshots that have a good manifest, the newest first.
pub(crate) fn list(store: &dyn Store, database: &str) -> Result<Vec<SnapshotInfo>> {
    let mut infos = Vec::new();
    for name in manifests(store)? {
        let manifest = store.get(&name)?.and_then(|bytes| Manifest::decode(&name, &bytes, database).ok());
        infos.extend(manifest.map(|manifest| manifest.info));
    }
    Ok(infos)
}

/// SHA-256 in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    crate::replica::peers::hex(&Sha256::digest(bytes))
}
