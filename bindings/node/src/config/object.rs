//! What an object store is told to be and holds, and what is known of an object.

use headwater::{ObjectConfig, ObjectInfo, ObjectOptions, ObjectStatus, ObjectUpdate};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use super::stream::COMPRESSION;
use super::{choice, name_of, set, set_durability, set_millis, set_u64};
use crate::error::Result;
use crate::values::to_millis;

/// An object store's configuration.
#[napi(object)]
pub struct ObjectStoreOptions {
    pub bucket: Option<String>,
    pub description: Option<String>,
    pub ttl_ms: Option<f64>,
    pub max_bytes: Option<BigInt>,
    pub durability: Option<String>,
    pub compression: Option<String>,
}

impl ObjectStoreOptions {
    /// As core wants it.
    pub(crate) fn into_core(self) -> Result<ObjectConfig> {
        let mut c = ObjectConfig::default();
        set(&mut c.bucket, self.bucket);
        set(&mut c.description, self.description);
        set_millis(&mut c.ttl, "ttlMs", self.ttl_ms)?;
        set_u64(&mut c.max_bytes, "maxBytes", self.max_bytes.as_ref())?;
        set_durability(&mut c.durability, self.durability.as_deref())?;
        set(&mut c.compression, self.compression.map(|n| choice("compression", &COMPRESSION, &n)).transpose()?);
        Ok(c)
    }
}

/// What an object store holds.
#[napi(object, object_from_js = false)]
pub struct ObjectStoreDescription {
    pub config: ObjectStoreOptions,
    pub bytes: u64,
}

impl From<ObjectStatus> for ObjectStoreDescription {
    fn from(status: ObjectStatus) -> Self {
        let c = status.config;
        ObjectStoreDescription {
            config: ObjectStoreOptions {
                bucket: Some(c.bucket),
                description: Some(c.description),
                ttl_ms: Some(to_millis(c.ttl)),
                max_bytes: Some(c.max_bytes.into()),
                durability: Some(c.durability.name().to_owned()),
                compression: Some(name_of(&COMPRESSION, &c.compression)),
            },
            bytes: status.bytes,
        }
    }
}

/// What a put or an update says of an object; `name` is for an update only.
#[napi(object, object_to_js = false)]
pub struct ObjectRequest {
    pub name: Option<String>,
    pub description: Option<String>,
    pub headers: Option<Vec<Vec<String>>>,
    pub metadata: Option<Vec<Vec<String>>>,
    pub max_chunk_size: Option<BigInt>,
}

/// Names and values; `lib/objects.js` has made pairs of them.
fn pairs<T: FromIterator<(String, String)>>(list: Vec<Vec<String>>) -> T {
    let pair = |pair: Vec<String>| <[String; 2]>::try_from(pair).ok().map(|[name, value]| (name, value));
    list.into_iter().filter_map(pair).collect()
}

impl ObjectRequest {
    pub(crate) fn into_options(self) -> Result<ObjectOptions> {
        let mut o = ObjectOptions::default();
        set(&mut o.description, self.description);
        set(&mut o.headers, self.headers.map(pairs));
        set(&mut o.metadata, self.metadata.map(pairs));
        set_u64(&mut o.max_chunk_size, "maxChunkSize", self.max_chunk_size.as_ref())?;
        Ok(o)
    }

    pub(crate) fn into_update(self) -> ObjectUpdate {
        ObjectUpdate {
            name: self.name,
            description: self.description,
            headers: self.headers.map(pairs),
            metadata: self.metadata.map(pairs),
        }
    }
}

/// What is known of an object.
#[napi(object, object_from_js = false)]
pub struct ObjectDescription {
    pub name: String,
    pub description: String,
    pub headers: Vec<Vec<String>>,
    pub metadata: Vec<Vec<String>>,
    pub bucket: String,
    pub nuid: String,
    pub size: u64,
    pub chunks: u64,
    pub max_chunk_size: u64,
    pub modified: u64,
    pub digest: String,
    pub deleted: bool,
    pub link_bucket: Option<String>,
    pub link_name: Option<String>,
}

impl From<ObjectInfo> for ObjectDescription {
    fn from(info: ObjectInfo) -> Self {
        let (link_bucket, link_name) = info.link.map_or((None, None), |link| (Some(link.bucket), link.name));
        ObjectDescription {
            name: info.name,
            description: info.description,
            headers: info.headers.into_iter().map(|(name, value)| vec![name, value]).collect(),
            metadata: info.metadata.into_iter().map(|(name, value)| vec![name, value]).collect(),
            bucket: info.bucket,
            nuid: info.nuid,
            size: info.size,
            chunks: info.chunks,
            max_chunk_size: info.max_chunk_size,
            modified: info.modified,
            digest: info.digest,
            deleted: info.deleted,
            link_bucket,
            link_name,
        }
    }
}
