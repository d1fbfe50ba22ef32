//! What is known of an object, and what a caller says of it.

use std::collections::BTreeMap;

use crate::clock::Nanos;

/// What is known of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its name: any text.
    pub name: String,
    /// For people.
    pub description: String,
    /// Names and values, by name; the values of one name in order.
    pub headers: Vec<(String, String)>,
    /// What its owner says of it.
    pub metadata: BTreeMap<String, String>,
    /// The object store that it is in.
    pub bucket: String,
    /// The id that its chunks are stored under: another one after every put.
    pub nuid: String,
    /// How many bytes; 0 for a link.
    pub size: u64,
    /// How many chunks they are in.
    pub chunks: u64,
    /// The most bytes of a chunk; 0 where that was not said.
    pub max_chunk_size: u64,
    /// When it was put or changed last, in nanoseconds since the epoch.
    pub modified: Nanos,
    /// `SHA-256=` and the digest of its bytes in base64; empty for a link.
    pub digest: String,
    /// Whether it was deleted; only a watcher sees such a one.
    pub deleted: bool,
    /// What it leads to, if it is a link.
    pub link: Option<ObjectLink>,
}

/// What a link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectLink {
    /// The object store.
    pub bucket: String,
    /// The object; `None` is the store as a whole.
    pub name: Option<String>,
}

/// What a put says of its object, besides the name. The default says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectOptions {
    /// For people.
    pub description: String,
    /// Names and values; a name may repeat.
    pub headers: Vec<(String, String)>,
    /// What its owner says of it.
    pub metadata: BTreeMap<String, String>,
    /// The most bytes of a chunk, up to the stream's largest payload; 0 is 128 KiB.
    pub max_chunk_size: u64,
}

/// What an update changes; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectUpdate {
    /// Another name, which no object has.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Names and values; a name may repeat.
    pub headers: Option<Vec<(String, String)>>,
    /// What its owner says of it.
    pub metadata: Option<BTreeMap<String, String>>,
}

impl ObjectUpdate {
    /// Changes `info`.
    pub(super) fn apply(&self, info: &mut ObjectInfo) {
        fn set<T: Clone>(field: &mut T, to: Option<&T>) {
            if let Some(to) = to {
                field.clone_from(to);
            }
        }
        set(&mut info.name, self.name.as_ref());
        set(&mut info.description, self.description.as_ref());
        set(&mut info.headers, self.headers.as_ref());
        set(&mut info.metadata, self.metadata.as_ref());
        sort_headers(&mut info.headers);
    }
}

/// By name, as they are stored; the values of one name stay in order.
pub(super) fn sort_headers(headers: &mut [(String, String)]) {
    headers.sort_by(|a, b| a.0.cmp(&b.0));
}
