//! Putting an object: its bytes come in pieces, go out in chunks, and the record about it comes last.
//!
//! A bounded number of bytes is on the way at a time, so memory does not grow with the object. Whatever ends a put
//! before its record is written leaves the object that was there, and purges the chunks.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use sha2::{Digest, Sha256};

use super::info::{ObjectInfo, ObjectOptions, sort_headers};
use super::{ObjectStore, name};
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::record::{Ack, Append};

/// The most bytes of a chunk when a put does not say, as in the clients of NATS.
pub const OBJECT_CHUNK_BYTES: usize = 128 << 10;
/// The most bytes of chunks that are on the way and not acknowledged, but at least one chunk.
const WINDOW_BYTES: usize = 4 << 20;
/// And the most chunks: of small ones, what surrounds each counts for more than its bytes.
const WINDOW_CHUNKS: usize = 4096;
/// What the digest of an object begins with.
pub(super) const DIGEST_PREFIX: &str = "SHA-256=";

/// An object that is being put. Dropping it gives the put up, and purges its chunks.
pub struct ObjectWriter {
    store: ObjectStore,
    info: ObjectInfo,
    subject: String,
    /// What has come in and does not fill a chunk yet.
    chunk: Vec<u8>,
    chunk_bytes: usize,
    in_flight: VecDeque<Pending<Ack>>,
    hash: Sha256,
    end: End,
}

/// Whether there is more to come, and what became of it.
enum End {
    Open,
    Failed(Error),
    Committed,
}

impl ObjectStore {
    /// Puts an object: reads `from` to its end, in place of the object that had the name. `progress` hears the bytes
    /// that were read, chunk by chunk, and stops the put when it breaks.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] when `progress` stopped it; [`ErrorKind::Limit`] when there is no room;
    /// [`ErrorKind::Io`] when `from` cannot be read. Whatever it is, nothing of this put is left, and the object
    /// before it is as it was.
    pub fn put(
        &self,
        name: &str,
        from: &mut dyn Read,
        options: &ObjectOptions,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ObjectInfo> {
        let mut writer = self.writer(name, options)?;
        let mut piece = vec![0; writer.chunk_bytes.min(WINDOW_BYTES)];
        loop {
            let len = match from.read(&mut piece) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read.map_err(|e| Error::io(format_args!("reading the bytes of {}", self.called(name)), &e))?,
            };
            if len == 0 {
                return writer.finish();
            }
            writer.write_bytes(&piece[..len])?;
            if progress(writer.written()).is_break() {
                return Err(Error::stopped("the put was stopped, and nothing of it is left"));
            }
        }
    }

    /// Begins to put an object whose bytes come in pieces. It is there once [`ObjectWriter::finish`] has returned.
    pub fn writer(&self, name: &str, options: &ObjectOptions) -> Result<ObjectWriter> {
        name::info_subject(&self.bucket, name)?;
        let most = self.stream.config().payload_bytes_max();
        let chunk_bytes = match options.max_chunk_size {
            0 => OBJECT_CHUNK_BYTES.min(most),
            asked => usize::try_from(asked).ok().filter(|asked| *asked <= most).ok_or_else(|| {
                Error::invalid(format!("max_chunk_size is {asked} bytes, the most in '{}' is {most}", self.bucket))
            })?,
        };
        let nuid = name::nuid(self.engine.clock());
        let mut headers = options.headers.clone();
        sort_headers(&mut headers);
        let info = ObjectInfo {
            name: name.to_owned(),
            description: options.description.clone(),
            headers,
            metadata: options.metadata.clone(),
            bucket: self.bucket.clone(),
            max_chunk_size: chunk_bytes as u64,
            nuid,
            ..ObjectInfo::default()
        };
        Ok(ObjectWriter {
            subject: name::chunk_subject(&self.bucket, &info.nuid),
            store: self.clone(),
            info,
            chunk: Vec::new(),
            chunk_bytes,
            in_flight: VecDeque::new(),
            hash: Sha256::new(),
            end: End::Open,
        })
    }
}

impl ObjectWriter {
    /// Takes the next bytes, all of them. After an error the put is over, and every later call answers the same.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if let End::Failed(error) = &self.end {
            return Err(error.clone());
        }
        self.take(bytes).inspect_err(|error| self.fail(error))
    }

    /// How many bytes have been written.
    pub fn written(&self) -> u64 {
        self.info.size + self.chunk.len() as u64
    }

    /// Commits the object, in place of the one that had its name, whose chunks go.
    ///
    /// # Errors
    /// As [`ObjectStore::put`]. A message that the old chunks were not purged means that the object itself is there.
    pub fn finish(mut self) -> Result<ObjectInfo> {
        if let End::Failed(error) = &self.end {
            return Err(error.clone());
        }
        let committed = self.commit().inspect_err(|error| self.fail(error))?;
        self.end = End::Committed;
        let (info, before) = committed;
        let (store, nuid) = (self.store.clone(), info.nuid.clone());
        Pending::of(async move { store.purge_replaced(before.as_ref(), &nuid).await }).wait()?;
        Ok(info)
    }

    /// Gives the put up and purges its chunks, as dropping it does, and says when that failed.
    pub fn abort(mut self) -> Result<()> {
        match self.end {
            End::Open => self.undo(),
            _ => Ok(()),
        }
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.chunk.is_empty() && bytes.len() >= self.chunk_bytes {
                let (chunk, rest) = bytes.split_at(self.chunk_bytes);
                self.send(chunk)?;
                bytes = rest;
                continue;
            }
            let (piece, rest) = bytes.split_at(bytes.len().min(self.chunk_bytes - self.chunk.len()));
            self.chunk.extend_from_slice(piece);
            bytes = rest;
            if self.chunk.len() == self.chunk_bytes {
                self.send_kept()?;
            }
        }
        Ok(())
    }

    fn send_kept(&mut self) -> Result<()> {
        let mut chunk = std::mem::take(&mut self.chunk);
        self.send(&chunk)?;
        chunk.clear();
        self.chunk = chunk;
        Ok(())
    }

    /// Appends a chunk, and waits for the oldest ones while too much is on the way.
    fn send(&mut self, chunk: &[u8]) -> Result<()> {
        while self.in_flight.len() >= WINDOW_CHUNKS.min(WINDOW_BYTES / self.chunk_bytes) {
            let Some(oldest) = self.in_flight.pop_front() else { break };
            oldest.wait()?;
        }
        self.hash.update(chunk);
        self.info.size += chunk.len() as u64;
        self.info.chunks += 1;
        self.in_flight.push_back(self.store.stream.append(&Append::new(&self.subject, chunk)));
        Ok(())
    }

    fn commit(&mut self) -> Result<(ObjectInfo, Option<ObjectInfo>)> {
        if !self.chunk.is_empty() {
            self.send_kept()?;
        }
        // One by one: when one fails, the rest is still on the way, and `undo` waits for it.
        while let Some(pending) = self.in_flight.pop_front() {
            pending.wait()?;
        }
        self.info.digest = digest(self.hash.finalize_reset().as_slice());
        let (store, info) = (self.store.clone(), self.info.clone());
        Pending::of(async move { store.replace(&info.name, |_| Ok(info.clone())).await }).wait()
    }

    fn fail(&mut self, error: &Error) {
        // What the caller is told is why the put failed; that its chunks are left too follows from the same cause.
        let _ = self.undo();
        self.end = End::Failed(error.clone());
    }

    fn undo(&mut self) -> Result<()> {
        self.end = End::Failed(Error::new(ErrorKind::Closed, "the put was given up"));
        // Those on the way must have arrived before they can be purged.
        for pending in self.in_flight.drain(..) {
            let _ = pending.wait();
        }
        if self.info.chunks == 0 { Ok(()) } else { self.store.purge_chunks(&self.info.nuid).wait() }
    }
}

/// Waits for the chunks on the way, and for the purge of all.
impl Drop for ObjectWriter {
    fn drop(&mut self) {
        if matches!(self.end, End::Open) {
            let _ = self.undo();
        }
    }
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.write_bytes(bytes).map(|()| bytes.len()).map_err(std::io::Error::other)
    }

    /// Nothing: the bytes count once [`ObjectWriter::finish`] has returned.
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A digest as it is written down.
pub(super) fn digest(sha256: &[u8]) -> String {
    format!("{DIGEST_PREFIX}{}", URL_SAFE.encode(sha256))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, ObjectConfig};

    #[test]
    fn what_is_on_the_way_is_bounded_whatever_the_chunks() {
        let engine = Engine::memory().expect("an engine");
        let files = engine.create_object_store(ObjectConfig::new("files")).wait().expect("a store");
        for (max_chunk_size, most) in [(1, WINDOW_CHUNKS), (1 << 20, 4), (5 << 20, 1)] {
            let options = ObjectOptions { max_chunk_size, ..ObjectOptions::default() };
            let mut writer = files.writer("a", &options).expect("a writer");
            writer.write_bytes(&vec![7; max_chunk_size as usize * (most + 2)]).expect("what was written");
            assert_eq!(writer.in_flight.len(), most, "{max_chunk_size}");
            writer.finish().expect("an end");
        }
    }
}
