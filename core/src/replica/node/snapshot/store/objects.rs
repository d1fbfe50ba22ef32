//! Pieces as objects of a store of ours, which is one of NATS.

use super::Store;
use crate::engine::Engine;
use crate::error::{ErrorKind, Result};
use crate::stream::object::{ObjectConfig, ObjectOptions, ObjectStore};

pub(super) struct Objects(ObjectStore, String);

impl Objects {
    pub(super) fn open(database: &str, engine: &Engine) -> Result<Self> {
        let bucket = format!("REPLICA_{database}_SNAPSHOTS");
        let store = match engine.object_store(&bucket).wait() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                engine.create_object_store(ObjectConfig::new(bucket.clone())).wait()?
            }
            opened => opened?,
        };
        Ok(Objects(store, bucket))
    }
}

impl Store for Objects {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut writer = self.0.writer(name, &ObjectOptions::default())?;
        writer.write_bytes(bytes)?;
        writer.finish().map(drop)
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let mut reader = match self.0.get(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        while let Some(chunk) = reader.next_chunk()? {
            bytes.extend_from_slice(chunk);
        }
        Ok(Some(bytes))
    }

    fn list(&self) -> Result<Vec<String>> {
        Ok(self.0.list().wait()?.into_iter().map(|info| info.name).collect())
    }

    fn delete(&self, name: &str) -> Result<()> {
        match self.0.delete(name).wait() {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn place(&self) -> String {
        format!("object store {}", self.1)
    }
}
