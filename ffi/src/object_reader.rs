//! Getting an object: into a file, or in pieces.

use std::ffi::{c_char, c_void};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::{Arc, Mutex, TryLockError};

use headwater::{Error, ErrorKind, ObjectReader, Result};

use crate::error::hw_error;
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::object::hw_object_infos;
use crate::object_store::hw_object_store;
use crate::progress::{hw_progress, tell};
use crate::raw::{self, Out};
use crate::status::hw_status;
use crate::transfer::io;

/// An object that is being read. For one thread at a time.
pub struct hw_object_reader {
    pub(crate) root: Arc<Root>,
    reader: Mutex<ObjectReader>,
}

impl Handle for hw_object_reader {
    const NOUN: &'static str = "object reader";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

impl hw_object_reader {
    /// Runs `body` as the only user of the reader.
    fn exclusive<T>(&self, body: impl FnOnce(&mut ObjectReader) -> Result<T>) -> Result<T> {
        match self.reader.try_lock() {
            Ok(mut reader) => body(&mut reader),
            Err(TryLockError::Poisoned(reader)) => body(&mut reader.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(ErrorKind::Misuse, "the object reader is in use on another thread"))
            }
        }
    }
}

/// Opens an object to read it in pieces. A link is followed, to other stores too.
///
/// Errors:    HW_STATUS_NOT_FOUND (it, or what it leads to, is not there), HW_STATUS_INVALID (it is a link to a store
///            as a whole), HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: `*reader` is yours, free with hw_object_reader_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_get(
    store: Option<&hw_object_store>,
    name: *const c_char,
    name_len: usize,
    reader: *mut *mut hw_object_reader,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let name = raw::text("name", name, name_len)?;
        let out = Out::required("reader", reader)?;
        let reader = Mutex::new(store.store.get(name)?);
        out.give(hw_object_reader { root: store.root.clone(), reader });
        Ok(())
    })
}

/// Writes an object to a file, which is made, or emptied first. `progress` and `infos` may be NULL; `*infos` gets a
/// list of one.
///
/// Errors:    HW_STATUS_TIMEOUT (cancelled with hw_progress_cancel), and as hw_object_store_get and
///            hw_object_reader_read. What was written up to then is left in the file.
/// Ownership: inputs are borrowed for the call; `*infos` is yours, free with hw_object_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_get_file(
    store: Option<&hw_object_store>,
    name: *const c_char,
    name_len: usize,
    path: *const c_char,
    path_len: usize,
    progress: Option<&hw_progress>,
    infos: *mut *mut hw_object_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let name = raw::text("name", name, name_len)?;
        let path = raw::text("path", path, path_len)?;
        let mut reader = store.store.get(name)?;
        let mut file = BufWriter::new(File::create(path).map_err(|e| io("creating", path, &e))?);
        reader.write_to(&mut file, &mut |done, total| tell(progress, done, total))?;
        file.flush().map_err(|e| io("writing", path, &e))?;
        if let Some(out) = Out::optional(infos) {
            out.give(hw_object_infos::new(vec![reader.info().clone()]));
        }
        Ok(())
    })
}

/// What is known of the object that is read, the one that a link leads to: a list of one.
///
/// Errors:    HW_STATUS_MISUSE (in use on another thread).
/// Ownership: `*infos` is yours, free with hw_object_infos_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_reader_info(
    reader: *mut hw_object_reader,
    infos: *mut *mut hw_object_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(raw::exclusive(reader), error, |reader| {
        let out = Out::required("infos", infos)?;
        out.give(hw_object_infos::new(vec![reader.exclusive(|reader| Ok(reader.info().clone()))?]));
        Ok(())
    })
}

/// Reads the next bytes into `buffer`, as many as there are and fit; `*read` gets how many, 0 at the end. The last
/// bytes come only when size, chunks and digest hold.
///
/// Errors:    HW_STATUS_CORRUPT (what is stored is not what was put), HW_STATUS_CONFLICT (it was replaced or deleted
///            meanwhile; get it again), HW_STATUS_MISUSE (in use on another thread), HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: `buffer` is borrowed for the call.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_reader_read(
    reader: *mut hw_object_reader,
    buffer: *mut c_void,
    buffer_len: usize,
    read: *mut usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(raw::exclusive(reader), error, |reader| {
        let buffer = raw::bytes_mut("buffer", buffer, buffer_len)?;
        let out = Out::required("read", read)?;
        out.set(reader.exclusive(|reader| reader.read_into(buffer))?);
        Ok(())
    })
}

/// Frees it; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_reader_free(reader: Option<Box<hw_object_reader>>) {
    release_handle(reader);
}
