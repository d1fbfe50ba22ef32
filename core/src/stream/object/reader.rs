//! Getting an object: its chunks in order, checked against what the record about it says.
//!
//! The last bytes come out only when size, number of chunks and digest hold, so what was read to its end is whole. An
//! object that fits one read of the stream comes out checked or not at all.

use std::io::{Read, Write};
use std::ops::ControlFlow;

use sha2::{Digest, Sha256};

use super::info::{ObjectInfo, ObjectLink};
use super::writer::{DIGEST_PREFIX, digest};
use super::{LINKS_MAX, ObjectStore, name, open};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Batch;
use crate::stream::options::ReadOptions;

/// How many bytes of chunks are read at a time, but at least one chunk.
const READ_BYTES: usize = 1 << 20;

/// An object that is being read.
pub struct ObjectReader {
    store: ObjectStore,
    info: ObjectInfo,
    subject: String,
    from_seq: u64,
    batch: Batch,
    /// The chunk of the batch that comes next, and how many of its bytes [`Read`] took.
    at: usize,
    taken: usize,
    size: u64,
    chunks: u64,
    hash: Sha256,
    is_checked: bool,
}

impl ObjectStore {
    /// Opens an object to read it. A link is followed, to other stores too.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it, or what it leads to, is not there; [`ErrorKind::Invalid`] when it is a link to
    /// a store as a whole.
    pub fn get(&self, name: &str) -> Result<ObjectReader> {
        let (mut store, mut wanted) = (self.clone(), name.to_owned());
        for _ in 0..=LINKS_MAX {
            let info = store.info(&wanted).wait()?.ok_or_else(|| self.missing_at(name, &store, &wanted))?;
            let Some(ObjectLink { bucket, name: target }) = info.link.clone() else {
                return Ok(ObjectReader::new(store, info));
            };
            let Some(target) = target else {
                let message = format!("{} is a link to the store '{bucket}', not to an object", store.called(&wanted));
                return Err(Error::invalid(message));
            };
            if bucket != store.bucket {
                let context = format!("{} is a link", store.called(&wanted));
                store = open(&store.engine, &bucket).wait().map_err(|e| e.context(context))?;
            }
            wanted = target;
        }
        Err(Error::invalid(format!("{} is a link, and so are the {LINKS_MAX} that follow", self.called(name))))
    }

    fn missing_at(&self, name: &str, store: &ObjectStore, wanted: &str) -> Error {
        let error = store.missing(wanted);
        let is_link = store.bucket != self.bucket || wanted != name;
        if is_link { error.context(format_args!("{} is a link", self.called(name))) } else { error }
    }
}

impl ObjectReader {
    fn new(store: ObjectStore, info: ObjectInfo) -> Self {
        ObjectReader {
            subject: name::chunk_subject(&store.bucket, &info.nuid),
            store,
            info,
            from_seq: 1,
            batch: Batch::default(),
            at: 0,
            taken: 0,
            size: 0,
            chunks: 0,
            hash: Sha256::new(),
            is_checked: false,
        }
    }

    /// What is known of the object: of the one that a link leads to.
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when what is stored is not what was put; [`ErrorKind::Conflict`] when the object was
    /// replaced or deleted meanwhile.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>> {
        if self.at >= self.batch.len() && !self.load()? {
            return Ok(None);
        }
        let chunk = self.batch.get(self.at).map(|record| &record.payload[self.taken.min(record.payload.len())..]);
        (self.at, self.taken) = (self.at + 1, 0);
        Ok(chunk)
    }

    /// Reads the next bytes, as many as there are and fit; 0 at the end. [`Read`] does the same, with the error inside
    /// its own.
    ///
    /// # Errors
    /// As [`ObjectReader::next_chunk`].
    pub fn read_into(&mut self, into: &mut [u8]) -> Result<usize> {
        loop {
            if into.is_empty() || (self.at >= self.batch.len() && !self.load()?) {
                return Ok(0);
            }
            let record = self.batch.get(self.at);
            let chunk = record.as_ref().map_or(&[][..], |record| &record.payload[self.taken..]);
            let len = chunk.len().min(into.len());
            into[..len].copy_from_slice(&chunk[..len]);
            if len == chunk.len() {
                (self.at, self.taken) = (self.at + 1, 0);
            } else {
                self.taken += len;
            }
            if len > 0 {
                return Ok(len);
            }
        }
    }

    /// Writes what is left of it to `to`; returns how many bytes. `progress` hears the bytes written and the bytes in
    /// all, chunk by chunk, and stops it when it breaks: then it ends with [`ErrorKind::Timeout`].
    pub fn write_to(
        &mut self,
        to: &mut dyn Write,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<u64> {
        let (total, called) = (self.info.size, self.store.called(&self.info.name));
        let mut written = 0;
        while let Some(chunk) = self.next_chunk()? {
            to.write_all(chunk).map_err(|e| Error::io(format_args!("writing the bytes of {called}"), &e))?;
            written += chunk.len() as u64;
            if progress(written, total).is_break() {
                return Err(Error::stopped("the read of the object was stopped before its end"));
            }
        }
        Ok(written)
    }

    /// Reads chunks, and checks them when they are the last; false when there are none left.
    fn load(&mut self) -> Result<bool> {
        (self.at, self.taken) = (0, 0);
        self.batch = Batch::default();
        if self.is_checked {
            return Ok(false);
        }
        let mut batch = Batch::default();
        if self.size < self.info.size || self.chunks < self.info.chunks {
            let options = ReadOptions { max_bytes: READ_BYTES, ..ReadOptions::default() };
            batch = self.store.stream.read(&options.filter(&self.subject).from_seq(self.from_seq)).wait()?;
            for record in batch.iter() {
                self.from_seq = record.seq + 1;
                self.size += record.payload.len() as u64;
                self.chunks += 1;
                self.hash.update(record.payload);
            }
        }
        let is_last = batch.is_empty() || (self.size >= self.info.size && self.chunks >= self.info.chunks);
        if is_last {
            self.check()?;
            self.is_checked = true;
        }
        self.batch = batch;
        Ok(!self.batch.is_empty())
    }

    fn check(&mut self) -> Result<()> {
        let (info, found) = (&self.info, digest(self.hash.clone().finalize().as_slice()));
        let fault = if self.chunks != info.chunks {
            format!("has {} chunks where its record says {}", self.chunks, info.chunks)
        } else if self.size != info.size {
            format!("has {} bytes where its record says {}", self.size, info.size)
        } else if !is_same(&info.digest, &found)? {
            format!("has the digest {found} where its record says {}", info.digest)
        } else {
            return Ok(());
        };
        let called = self.store.called(&info.name);
        let now = self.store.info(&info.name).wait()?;
        if now.is_none_or(|now| now.nuid != info.nuid) {
            let message = format!("{called} was replaced or deleted while it was read: get it again");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Err(Error::corrupt(format!("{called} {fault} (its chunks are on '{}')", self.subject)))
    }
}

/// Whether a digest that was written down is `found`; one that was not written down says nothing.
fn is_same(said: &str, found: &str) -> Result<bool> {
    let prefix = said.get(..DIGEST_PREFIX.len()).unwrap_or(said);
    if said.is_empty() {
        return Ok(true);
    }
    if !prefix.eq_ignore_ascii_case(DIGEST_PREFIX) {
        let message = format!("the digest '{}' is not one of SHA-256", said.escape_debug());
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    // Some clients leave out the padding.
    let plain = |digest: &str| digest[DIGEST_PREFIX.len()..].trim_end_matches('=').to_owned();
    Ok(plain(said) == plain(found))
}

impl Read for ObjectReader {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.read_into(into).map_err(std::io::Error::other)
    }
}
