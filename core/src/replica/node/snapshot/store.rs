//! Where snapshots are kept: a directory, or an object store of a hub or of the engine.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::stream::object::{ObjectConfig, ObjectOptions, ObjectStore};

/// What says that an object store keeps them.
pub(crate) const OBJECTS: &str = "nats";

/// Named pieces of bytes. A piece is there whole or not at all.
pub(crate) trait Store {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()>;
    /// `None` when it is not there.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>>;
    /// The names of all, in any order.
    fn list(&self) -> Result<Vec<String>>;
    /// Nothing when it is not there.
    fn delete(&self, name: &str) -> Result<()>;
}

/// Opens the place that a text names: `nats` for the object store of the database on `objects`, or a directory.
pub(crate) fn open(place: &str, database: &str, objects: &Engine) -> Result<Box<dyn Store>> {
    if place.is_empty() || place == OBJECTS {
        let bucket = format!("REPLICA_{database}_SNAPSHOTS");
        let store = match objects.object_store(&bucket).wait() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                objects.create_object_store(ObjectConfig::new(bucket)).wait()?
            }
            opened => opened?,
        };
        return Ok(Box::new(Objects(store)));
    }
    if let Some((scheme, _)) = place.split_once("://") {
        let message = format!("snapshots can't be kept at {scheme}: give a directory, or nats");
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let dir = PathBuf::from(place).join(database);
    std::fs::create_dir_all(&dir).map_err(|e| Error::io(format_args!("make {}", dir.display()), &e))?;
    Ok(Box::new(Directory(dir)))
}

struct Directory(PathBuf);

/// What the name of a piece ends with that is being written.
const UNFINISHED: &str = ".part";

impl Directory {
    fn path(&self, name: &str) -> Result<PathBuf> {
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(Error::invalid(format!("'{}' is no name of a piece of a snapshot", name.escape_debug())));
        }
        Ok(self.0.join(name))
    }
}

fn at<'a>(what: &'a str, path: &'a Path) -> impl Fn(std::io::Error) -> Error + 'a {
    move |error| Error::io(format_args!("{what} {}", path.display()), &error)
}

impl Store for Directory {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(name)?;
        let unfinished = self.path(&format!("{name}{UNFINISHED}"))?;
        let write = || {
            let mut file = std::fs::File::create(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)?;
            std::fs::File::open(&self.0)?.sync_all()
        };
        write().map_err(at("write", &path))
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name)?;
        match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(at("read", &path)),
        }
    }

    fn list(&self) -> Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.0).map_err(at("list", &self.0))?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        let names = names.collect::<std::io::Result<Vec<_>>>().map_err(at("list", &self.0))?;
        Ok(names.into_iter().filter(|name| !name.ends_with(UNFINISHED)).collect())
    }

    fn delete(&self, name: &str) -> Result<()> {
        super::remove(&self.path(name)?)
    }
}

struct Objects(ObjectStore);

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
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_directory_and_an_object_store_keep_pieces_alike() {
        let engine = Engine::memory().unwrap();
        let dir = std::env::temp_dir().join(format!("headwater-snapshots-{}", std::process::id()));
        for place in ["nats".to_owned(), dir.display().to_string()] {
            let store = open(&place, "app", &engine).unwrap();
            assert_eq!(store.list().unwrap(), Vec::<String>::new(), "{place}");
            store.put("a.000001", b"one").unwrap();
            store.put("a.json", b"{}").unwrap();
            store.put("a.000001", b"two").unwrap();
            let mut names = store.list().unwrap();
            names.sort();
            assert_eq!(names, ["a.000001", "a.json"], "{place}");
            assert_eq!(store.get("a.000001").unwrap().as_deref(), Some(&b"two"[..]));
            store.delete("a.000001").unwrap();
            store.delete("a.000001").unwrap();
            assert_eq!(store.get("a.000001").unwrap(), None);
        }
        std::fs::remove_dir_all(dir).unwrap();
        assert_eq!(open("gopher://x", "app", &engine).err().map(|e| e.kind()), Some(ErrorKind::Unsupported));
    }
}
