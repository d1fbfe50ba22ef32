//! The bytes of objects, in and out, on the threads of `jobs.rs`: in pieces that JavaScript brings or takes one after
//! another, or from and to files.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::{Arc, Mutex};

use headwater::{Error, ErrorKind, ObjectReader, ObjectStore, ObjectWriter};
use napi::Env;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::ObjectRequest;
use crate::error::Result;
use crate::handles::Held;
use crate::jobs;
use crate::object::described;
use crate::signal::lock;
use crate::transfer::io_error;

/// How much of an object crosses at a time.
const PIECE_BYTES: u64 = 1 << 20;

/// An object that is being put; nothing when that is over.
pub(crate) struct Writing(Arc<Mutex<Option<ObjectWriter>>>);

/// An object that is being read; nothing when that is over.
pub(crate) struct Reading(Arc<Mutex<Option<ObjectReader>>>);

fn over() -> Error {
    Error::new(ErrorKind::Closed, "the object is closed")
}

/// Begins to put an object; answers the number of its writer.
#[napi(catch_unwind)]
pub fn object_writer(env: Env, store: u32, name: String, request: ObjectRequest) -> Result<Raw> {
    let options = request.into_options()?;
    ObjectStore::with(store, |store, hub| {
        let store = store.clone();
        jobs::run(env, hub, move || {
            let writer = store.writer(&name, &options)?;
            Ok(Answer::handle(Writing(Arc::new(Mutex::new(Some(writer))))))
        })
    })
}

/// Takes the next bytes.
#[napi(catch_unwind)]
pub fn object_writer_write(env: Env, writer: u32, bytes: &[u8]) -> Result<Raw> {
    let bytes = bytes.to_vec();
    Writing::with(writer, |writer, hub| {
        let writer = writer.0.clone();
        jobs::run(env, hub, move || lock(&writer).as_mut().ok_or_else(over)?.write_bytes(&bytes).map(|()| Answer::Done))
    })
}

/// Commits the object.
#[napi(catch_unwind)]
pub fn object_writer_finish(env: Env, writer: u32) -> Result<Raw> {
    Writing::with(writer, |writer, hub| {
        let writer = writer.0.clone();
        jobs::run(env, hub, move || {
            let taken = lock(&writer).take();
            taken.ok_or_else(over)?.finish().map(described)
        })
    })
}

/// Gives the put up.
#[napi(catch_unwind)]
pub fn object_writer_abort(env: Env, writer: u32) -> Result<Raw> {
    Writing::with(writer, |writer, hub| {
        let writer = writer.0.clone();
        jobs::run(env, hub, move || {
            let taken = lock(&writer).take();
            taken.map_or(Ok(()), ObjectWriter::abort).map(|()| Answer::Done)
        })
    })
}

/// Opens an object; answers the number of its reader.
#[napi(catch_unwind)]
pub fn object_reader(env: Env, store: u32, name: String) -> Result<Raw> {
    ObjectStore::with(store, |store, hub| {
        let store = store.clone();
        jobs::run(env, hub, move || {
            let reader = store.get(&name)?;
            Ok(Answer::handle(Reading(Arc::new(Mutex::new(Some(reader))))))
        })
    })
}

/// What is known of the object that is read.
#[napi(catch_unwind)]
pub fn object_reader_info(env: Env, reader: u32) -> Result<Raw> {
    Reading::with(reader, |reader, hub| {
        let reader = reader.0.clone();
        jobs::run(env, hub, move || lock(&reader).as_ref().map(|r| described(r.info().clone())).ok_or_else(over))
    })
}

/// The next bytes, or null at the end.
#[napi(catch_unwind)]
pub fn object_reader_next(env: Env, reader: u32) -> Result<Raw> {
    Reading::with(reader, |reader, hub| {
        let reader = reader.0.clone();
        jobs::run(env, hub, move || {
            let mut reader = lock(&reader);
            let reader = reader.as_mut().ok_or_else(over)?;
            let mut bytes = vec![0; reader.info().size.clamp(1, PIECE_BYTES) as usize];
            let len = reader.read_into(&mut bytes)?;
            bytes.truncate(len);
            Ok(if len == 0 { Answer::Done } else { Answer::Bytes(bytes) })
        })
    })
}

/// Ends the reading.
#[napi(catch_unwind)]
pub fn object_reader_close(reader: u32) -> Result<()> {
    Reading::with(reader, |reader, _| {
        drop(lock(&reader.0).take());
        Ok(())
    })
}

/// Puts the file at `path`.
#[napi(catch_unwind)]
pub fn object_put_file(env: Env, store: u32, name: String, path: String, request: ObjectRequest) -> Result<Raw> {
    let options = request.into_options()?;
    ObjectStore::with(store, |store, hub| {
        let store = store.clone();
        jobs::run_long(env, hub, move |progress| {
            let mut file = File::open(&path).map_err(|e| io_error("opening", &path, &e))?;
            let total = file.metadata().map_or(0, |m| m.len());
            store.put(&name, &mut file, &options, &mut |done| progress.report(done, total)).map(described)
        })
    })
}

/// Writes an object to the file at `path`.
#[napi(catch_unwind)]
pub fn object_get_file(env: Env, store: u32, name: String, path: String) -> Result<Raw> {
    ObjectStore::with(store, |store, hub| {
        let store = store.clone();
        jobs::run_long(env, hub, move |progress| {
            let mut reader = store.get(&name)?;
            let mut file = BufWriter::new(File::create(&path).map_err(|e| io_error("creating", &path, &e))?);
            reader.write_to(&mut file, &mut |done, total| progress.report(done, total))?;
            file.flush().map_err(|e| io_error("writing", &path, &e))?;
            Ok(described(reader.info().clone()))
        })
    })
}
