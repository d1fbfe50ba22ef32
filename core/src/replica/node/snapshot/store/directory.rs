//! Pieces as files of a directory.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Store, UNFINISHED};
use crate::error::{Error, Result};

pub(super) struct Directory(PathBuf);

fn at<'a>(what: &'a str, path: &'a Path) -> impl Fn(std::io::Error) -> Error + 'a {
    move |error| Error::io(format_args!("{what} {}", path.display()), &error)
}

impl Directory {
    pub(super) fn open(dir: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&dir).map_err(at("make", &dir))?;
        Ok(Directory(dir))
    }
}

impl Store for Directory {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.0.join(name);
        let unfinished = self.0.join(format!("{name}{UNFINISHED}"));
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
        let path = self.0.join(name);
        match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(at("read", &path)),
        }
    }

    fn list(&self) -> Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.0).map_err(at("list", &self.0))?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        names.collect::<std::io::Result<Vec<_>>>().map_err(at("list", &self.0))
    }

    fn delete(&self, name: &str) -> Result<()> {
        super::super::remove(&self.0.join(name))
    }

    fn place(&self) -> String {
        self.0.display().to_string()
    }
}
