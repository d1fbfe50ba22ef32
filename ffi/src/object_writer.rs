//! Putting an object: from memory, from a file, or in pieces.

use std::ffi::{c_char, c_void};
use std::fs::File;
use std::sync::{Arc, Mutex, TryLockError};

use headwater::{Error, ErrorKind, ObjectInfo, ObjectOptions, ObjectWriter, Result};

use crate::bytes::{hw_header, hw_str};
use crate::error::hw_error;
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::object::hw_object_infos;
use crate::object_change::{headers, metadata};
use crate::object_store::hw_object_store;
use crate::progress::{hw_progress, tell};
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;
use crate::transfer::io;

/// What a put says of its object, besides the name. Zero is the default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_object_options {
    /// sizeof(hw_object_options)
    pub struct_size: usize,
    /// For people.
    pub description: hw_str,
    /// Names and values; a name may repeat.
    pub headers: *const hw_header,
    /// How many.
    pub headers_len: usize,
    /// What its owner says of it: names, each once, and values.
    pub metadata: *const hw_header,
    /// How many.
    pub metadata_len: usize,
    /// The most bytes of a chunk, up to the stream's largest payload; 0 is 128 KiB.
    pub max_chunk_size: u64,
}

versioned!(hw_object_options);

/// An object that is being put in pieces. For one thread at a time.
pub struct hw_object_writer {
    pub(crate) root: Arc<Root>,
    writer: Mutex<Option<ObjectWriter>>,
}

impl Handle for hw_object_writer {
    const NOUN: &'static str = "object writer";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

impl hw_object_writer {
    /// Runs `body` as the only user of the writer.
    fn exclusive<T>(&self, body: impl FnOnce(&mut Option<ObjectWriter>) -> Result<T>) -> Result<T> {
        match self.writer.try_lock() {
            Ok(mut writer) => body(&mut writer),
            Err(TryLockError::Poisoned(writer)) => body(&mut writer.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(ErrorKind::Misuse, "the object writer is in use on another thread"))
            }
        }
    }
}

fn over() -> Error {
    Error::new(ErrorKind::Closed, "the put is over: it was finished, or given up")
}

fn options(from: *const hw_object_options) -> Result<ObjectOptions> {
    let from = raw::options(from)?;
    Ok(ObjectOptions {
        description: from.description.owned("description")?,
        headers: headers(from.headers, from.headers_len)?,
        metadata: metadata(from.metadata, from.metadata_len)?,
        max_chunk_size: from.max_chunk_size,
    })
}

fn give(infos: *mut *mut hw_object_infos, info: ObjectInfo) {
    if let Some(out) = Out::optional(infos) {
        out.give(hw_object_infos::new(vec![info]));
    }
}

/// Puts an object whose bytes are in memory, in place of the object that had the name, and returns when the store's
/// durability is reached. `options` and `infos` may be NULL; `*infos` gets a list of one.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED. Nothing of it is left then, and
///            the object before it is as it was.
/// Ownership: inputs are borrowed for the call; `*infos` is yours, free with hw_object_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_put(
    store: Option<&hw_object_store>,
    name: *const c_char,
    name_len: usize,
    data: *const c_void,
    data_len: usize,
    options: *const hw_object_options,
    infos: *mut *mut hw_object_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let name = raw::text("name", name, name_len)?;
        let data = raw::bytes("data", data, data_len)?;
        let mut writer = store.store.writer(name, &self::options(options)?)?;
        writer.write_bytes(data)?;
        give(infos, writer.finish()?);
        Ok(())
    })
}

/// Puts the file at `path` as an object. `options`, `progress` and `infos` may be NULL; `*infos` gets a list of one.
///
/// Errors:    HW_STATUS_NOT_FOUND (no such file), HW_STATUS_TIMEOUT (cancelled with hw_progress_cancel), and as
///            hw_object_store_put. Nothing of it is left then, and the object before it is as it was.
/// Ownership: inputs are borrowed for the call; `*infos` is yours, free with hw_object_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_put_file(
    store: Option<&hw_object_store>,
    name: *const c_char,
    name_len: usize,
    path: *const c_char,
    path_len: usize,
    options: *const hw_object_options,
    progress: Option<&hw_progress>,
    infos: *mut *mut hw_object_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let name = raw::text("name", name, name_len)?;
        let path = raw::text("path", path, path_len)?;
        let options = self::options(options)?;
        let mut file = File::open(path).map_err(|e| io("opening", path, &e))?;
        let total = file.metadata().map_err(|e| io("reading", path, &e))?.len();
        give(infos, store.store.put(name, &mut file, &options, &mut |done| tell(progress, done, total))?);
        Ok(())
    })
}

/// Begins to put an object whose bytes come in pieces. It is there once hw_object_writer_finish has returned.
/// `options` may be NULL.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call; `*writer` is yours, free with hw_object_writer_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_writer(
    store: Option<&hw_object_store>,
    name: *const c_char,
    name_len: usize,
    options: *const hw_object_options,
    writer: *mut *mut hw_object_writer,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let name = raw::text("name", name, name_len)?;
        let out = Out::required("writer", writer)?;
        let writer = Mutex::new(Some(store.store.writer(name, &self::options(options)?)?));
        out.give(hw_object_writer { root: store.root.clone(), writer });
        Ok(())
    })
}

/// Takes the next bytes, all of them. A bounded number of bytes is kept in memory, so it may wait.
///
/// Errors:    HW_STATUS_MISUSE (in use on another thread), HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED. The put is
///            over then, and nothing of it is left.
/// Ownership: inputs are borrowed for the call.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_writer_write(
    writer: *mut hw_object_writer,
    data: *const c_void,
    data_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(raw::exclusive(writer), error, |writer| {
        let data = raw::bytes("data", data, data_len)?;
        writer.exclusive(|writer| writer.as_mut().ok_or_else(over)?.write_bytes(data))
    })
}

/// Commits the object, in place of the one that had its name, and returns when the store's durability is reached.
/// `infos` may be NULL; `*infos` gets a list of one. The handle must still be freed.
///
/// Errors:    as hw_object_writer_write.
/// Ownership: `*infos` is yours, free with hw_object_infos_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_writer_finish(
    writer: *mut hw_object_writer,
    infos: *mut *mut hw_object_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(raw::exclusive(writer), error, |writer| {
        give(infos, writer.exclusive(|writer| writer.take().ok_or_else(over)?.finish())?);
        Ok(())
    })
}

/// Frees it; NULL is nothing. A put that was not finished is given up, and nothing of it is left.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_writer_free(writer: Option<Box<hw_object_writer>>) {
    release_handle(writer);
}
