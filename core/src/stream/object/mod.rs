//! Objects of any size on a stream, in NATS's own layout (its ADR-20), so that any tool that knows that reads ours:
//! stream `OBJ_<bucket>`, chunks under `$O.<bucket>.C.<nuid>`, one record about each object under
//! `$O.<bucket>.M.<name in base64>`, which replaces the one before it.
//!
//! An object is there when its record is: chunks come first, under an id of their own, so a put that breaks off leaves
//! the object before it. It stands on the handles, and knows nothing of who keeps the records.

mod change;
mod config;
mod info;
mod name;
mod reader;
#[cfg(test)]
mod tests;
mod watch;
mod wire;
mod writer;

use std::future::Future;

use super::Stream;
use super::bucket::check_bucket;
use super::options::PurgeOptions;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
pub use config::{ObjectConfig, ObjectStatus};
pub use info::{ObjectInfo, ObjectLink, ObjectOptions, ObjectUpdate};
pub use reader::ObjectReader;
pub use watch::{ObjectWatchOptions, ObjectWatcher};
pub use writer::{OBJECT_CHUNK_BYTES, ObjectWriter};

/// What the names of all object stores' streams begin with.
const STREAM_PREFIX: &str = "OBJ_";
/// Records about objects that are read at a time while listing them.
const INFOS_AT_ONCE: usize = 10_000;
/// The most links that are followed from one object to the next; ours never lead to a link.
const LINKS_MAX: usize = 8;

/// Files of any size on a stream. Cheap to clone: clones share it, and keep the engine open.
///
/// ```
/// use std::io::Read;
/// use std::ops::ControlFlow;
/// use headwater::{Engine, ObjectConfig, ObjectOptions};
/// # fn main() -> headwater::Result<()> {
/// let engine = Engine::memory()?;
/// let files = engine.create_object_store(ObjectConfig::new("files")).wait()?;
/// let options = ObjectOptions::default();
/// let info = files.put("hello.txt", &mut &b"hello"[..], &options, &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!(info.size, 5);
/// let mut text = String::new();
/// files.get("hello.txt")?.read_to_string(&mut text).expect("the bytes, whose digest holds");
/// assert_eq!(text, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ObjectStore {
    bucket: String,
    stream: Stream,
    engine: Engine,
}

pub(crate) fn create(engine: &Engine, config: &ObjectConfig) -> Pending<ObjectStore> {
    let (engine, bucket, stream_config) = (engine.clone(), config.bucket.clone(), config.stream_config());
    Pending::of(async move {
        let stream_config = stream_config?;
        let name = stream_config.name.clone();
        match engine.create_stream(stream_config).await {
            Ok(stream) => Ok(ObjectStore { bucket, stream, engine }),
            Err(error) if error.kind() == ErrorKind::Conflict && engine.stream(&name).await.is_ok() => {
                let message = format!("object store '{bucket}' is there with another configuration");
                Err(Error::new(ErrorKind::Conflict, message))
            }
            Err(error) => Err(error),
        }
    })
}

pub(crate) fn open(engine: &Engine, name: &str) -> Pending<ObjectStore> {
    let (bucket, wanted, engine) = (name.to_owned(), name.to_owned(), engine.clone());
    let missing = move |error: Error| match error.kind() {
        ErrorKind::NotFound => Error::not_found(format!("there is no object store '{wanted}'")),
        _ => error,
    };
    let stream = Pending::after(check_bucket(name), |()| engine.stream(&stream_name(name)));
    stream.map_err(missing).map(move |stream| ObjectStore { bucket, stream, engine })
}

fn stream_name(bucket: &str) -> String {
    format!("{STREAM_PREFIX}{bucket}")
}

/// The object store whose stream has this name.
pub(crate) fn of_stream(name: &str) -> Option<&str> {
    name.strip_prefix(STREAM_PREFIX)
}

/// The record about an object as it is now, and its sequence, on which the next write is conditioned.
struct Newest {
    info: ObjectInfo,
    seq: u64,
}

impl ObjectStore {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.bucket
    }

    /// The stream that it is a view of.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// What it holds.
    pub fn status(&self) -> Pending<ObjectStatus> {
        let bucket = self.bucket.clone();
        self.stream.info().map(move |info| ObjectStatus::of(bucket, info))
    }

    /// What is known of an object; `None` when there is none of this name. A link is not followed.
    pub fn info(&self, name: &str) -> Pending<Option<ObjectInfo>> {
        self.newest(name).map(|newest| newest.map(|n| n.info).filter(|info| !info.deleted))
    }

    /// The objects that are there, links too, by name.
    pub fn list(&self) -> Pending<Vec<ObjectInfo>> {
        let store = self.clone();
        Pending::of(async move {
            let filter = name::all_infos(&store.bucket);
            let (mut infos, mut after) = (Vec::new(), 0);
            loop {
                let batch = store.stream.last_many(&[&filter], after, INFOS_AT_ONCE).await?;
                let Some(last) = batch.last_seq() else { break };
                after = last;
                for record in batch.iter() {
                    let info = wire::decode(&record)?;
                    if !info.deleted {
                        infos.push(info);
                    }
                }
            }
            infos.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            Ok(infos)
        })
    }

    /// The record about an object, a deleted one too.
    fn newest(&self, name: &str) -> Pending<Option<Newest>> {
        let subject = name::info_subject(&self.bucket, name);
        let record = Pending::after(subject, |subject| self.stream.last_many(&[&subject], 0, 1));
        let decode = |record: &crate::record::RecordView<'_>| -> Result<Newest> {
            Ok(Newest { info: wire::decode(record)?, seq: record.seq })
        };
        record.and_then(move |batch| Pending::ready(batch.get(0).as_ref().map(decode).transpose()))
    }

    /// Removes the chunks of one put.
    fn purge_chunks(&self, nuid: &str) -> Pending<()> {
        let filter = Some(name::chunk_subject(&self.bucket, nuid));
        self.stream.purge(&PurgeOptions { filter, ..PurgeOptions::default() }).map(drop)
    }

    /// How a message calls an object of this store.
    fn called(&self, name: &str) -> String {
        format!("object '{}' of store '{}'", name.escape_debug(), self.bucket)
    }

    fn missing(&self, name: &str) -> Error {
        Error::not_found(format!("there is no {}", self.called(name)))
    }

    /// Runs work of several steps on a clone of it.
    fn steps<T: Send + 'static, F: Future<Output = Result<T>> + Send + 'static>(
        &self,
        work: impl FnOnce(ObjectStore) -> F,
    ) -> Pending<T> {
        Pending::of(work(self.clone()))
    }
}
