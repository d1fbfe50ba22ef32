//! A CRDT store: state that merges, kept in a stream of an engine.

use std::ffi::c_char;
use std::sync::Arc;

use headwater::crdt::{CrdtConfig, CrdtStore};
use headwater::{Result, Writer};

use crate::bytes::{hw_str, hw_strings};
use crate::engine::hw_engine;
use crate::error::{hw_error, missing};
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::progress::{hw_progress, tell};
use crate::raw::{self, Out, OutStruct, versioned};
use crate::status::hw_status;
use crate::stream::hw_stream;
use crate::stream_config::{durability, durability_number};

/// What a CRDT store is told. Zero is the default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_crdt_config {
    /// sizeof(hw_crdt_config)
    pub struct_size: usize,
    /// Its name: letters, digits, `-` and `_`.
    pub name: hw_str,
    /// A snapshot is written every so many records of the log, or as many as there are keys if that is more; 0 is
    /// 100,000.
    pub snapshot_records: u64,
    /// An hw_durability.
    pub durability: i32,
}

/// How a handle of a CRDT store stands.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_crdt_state {
    /// sizeof(hw_crdt_state), set by the caller.
    pub struct_size: usize,
    /// The last sequence of the log that was taken in.
    pub seq: u64,
    /// The last sequence that the newest snapshot known here covers; 0 is none.
    pub snapshot_seq: u64,
    /// How many fragments are held, as their clocks are too far ahead.
    pub held: u64,
    /// Actors of whose operations some are here.
    pub actors: u64,
    /// Operations that are known to have been made, as later ones of their actors are here, and that are not here: on
    /// their way, held, or lost to a limit of a stream in the middle. hw_crdt_merge mends what stays.
    pub behind: u64,
}

/// What a merge did.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_crdt_merged {
    /// sizeof(hw_crdt_merged), set by the caller.
    pub struct_size: usize,
    /// Keys that were compared; 0 where the other store had seen nothing that this one has not.
    pub keys: u64,
    /// Of those, the keys that changed here or know more now.
    pub changed: u64,
    /// Bytes that the log got for it.
    pub bytes: u64,
}

versioned!(hw_crdt_config, hw_crdt_state, hw_crdt_merged);

/// Whose operations they are: an engine in one of its epochs.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_actor {
    /// The id of the engine.
    pub engine: u64,
    /// Its epoch.
    pub epoch: u64,
}

impl From<Writer> for hw_actor {
    fn from(actor: Writer) -> Self {
        hw_actor { engine: actor.engine, epoch: actor.epoch }
    }
}

impl From<hw_actor> for Writer {
    fn from(actor: hw_actor) -> Self {
        Writer { engine: actor.engine, epoch: actor.epoch }
    }
}

/// A CRDT store. `const`: safe from many threads at once. Handles that are opened apart see each other's writes.
pub struct hw_crdt {
    pub(crate) root: Arc<Root>,
    pub(crate) store: CrdtStore,
    pub(crate) durability: i32,
}

impl hw_crdt {
    fn new(root: &Arc<Root>, store: CrdtStore) -> Self {
        let durability = durability_number(store.stream().config().durability);
        hw_crdt { root: root.clone(), store, durability }
    }
}

impl Handle for hw_crdt {
    const NOUN: &'static str = "crdt";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

fn config(from: &hw_crdt_config) -> Result<CrdtConfig> {
    Ok(CrdtConfig {
        name: from.name.owned("name")?,
        durability: durability(from.durability)?,
        snapshot_records: from.snapshot_records,
    })
}

/// Opens a CRDT store, and makes its stream if it is not there. It reads the newest snapshot and the log behind it, and
/// returns when it has.
///
/// Errors:    HW_STATUS_CONFLICT (it is there with another durability), HW_STATUS_CORRUPT (the log has a record that is
///            no fragment, or begins behind what snapshots have), HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call; `*crdt` is yours, free with hw_crdt_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_create_crdt(
    engine: Option<&hw_engine>,
    config: *const hw_crdt_config,
    crdt: *mut *mut hw_crdt,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let config = self::config(&raw::required("config", config)?)?;
        let out = Out::required("crdt", crdt)?;
        out.give(hw_crdt::new(&engine.root, engine.root.engine.crdt(config)?));
        Ok(())
    })
}

/// Opens the CRDT store of this name.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_CORRUPT (as hw_engine_create_crdt), HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: `*crdt` is yours, free with hw_crdt_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_crdt(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    crdt: *mut *mut hw_crdt,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let name = raw::text("name", name, name_len)?;
        let out = Out::required("crdt", crdt)?;
        out.give(hw_crdt::new(&engine.root, engine.root.engine.open_crdt(name)?));
        Ok(())
    })
}

/// The names of all CRDT stores, in order.
///
/// Ownership: `*names` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_crdts(
    engine: Option<&hw_engine>,
    names: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("names", names)?;
        out.give(hw_strings::plain(engine.root.engine.crdts().wait()?));
        Ok(())
    })
}

/// Its name.
///
/// Ownership: `*name` is borrowed until the handle is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_name(crdt: Option<&hw_crdt>, name: *mut hw_str, error: *mut *mut hw_error) -> hw_status {
    on(crdt, error, |crdt| {
        Out::required("name", name)?.set(hw_str::of(crdt.store.name()));
        Ok(())
    })
}

/// The log: the stream that it is kept in.
///
/// Ownership: `*stream` is yours, free with hw_stream_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_stream(
    crdt: Option<&hw_crdt>,
    stream: *mut *mut hw_stream,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let out = Out::required("stream", stream)?;
        out.give(hw_stream::new(&crdt.root, crdt.store.stream().clone()));
        Ok(())
    })
}

/// Whose operations are made here, by this handle alone: what others give rights of bounded counters to.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_actor(crdt: Option<&hw_crdt>, actor: *mut hw_actor, error: *mut *mut hw_error) -> hw_status {
    on(crdt, error, |crdt| {
        Out::required("actor", actor)?.set(crdt.store.actor().into());
        Ok(())
    })
}

/// How this handle stands.
///
/// Errors:    as hw_crdt_read.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_status(
    crdt: Option<&hw_crdt>,
    state: *mut hw_crdt_state,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let out = OutStruct::required("state", state)?;
        let status = crdt.store.status()?;
        out.set(hw_crdt_state {
            struct_size: 0,
            seq: status.seq,
            snapshot_seq: status.snapshot_seq,
            held: status.held.len() as u64,
            actors: status.actors as u64,
            behind: status.behind,
        });
        Ok(())
    })
}

/// Lets in what is held because its clock is too far ahead, in this handle. `count` gets how many fragments there were,
/// and may be NULL.
///
/// Errors:    as hw_crdt_read.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_release_held(
    crdt: Option<&hw_crdt>,
    count: *mut usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let held = crdt.store.release_held()?;
        if let Some(out) = Out::optional(count) {
            out.set(held);
        }
        Ok(())
    })
}

/// Takes in all that another store has and this one has not: a backup's, a hub's, another node's. Both may be written
/// meanwhile. It blocks until that is on disk as the stream promises: about two seconds for a million keys that are
/// equal, and some more where they differ. A merge that failed or was cancelled did no harm, and another one goes on.
/// `progress`, which counts keys, and `merged` may be NULL.
///
/// Errors:    HW_STATUS_CONFLICT (`other` has operations of this handle that it did not make, or some of what it has is
///            held here: hw_crdt_release_held, then merge again), HW_STATUS_LIMIT (a key is larger than a record; all
///            others are here then), HW_STATUS_TIMEOUT (cancelled with hw_progress_cancel), else as hw_crdt_read and
///            hw_crdt_write.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_merge(
    crdt: Option<&hw_crdt>,
    other: Option<&hw_crdt>,
    progress: Option<&hw_progress>,
    merged: *mut hw_crdt_merged,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let other = other.ok_or_else(|| missing("other"))?;
        let out = OutStruct::optional(merged)?;
        let done = crdt.store.merge_with(&other.store, &mut |done, total| tell(progress, done, total))?;
        if let Some(out) = out {
            out.set(hw_crdt_merged { struct_size: 0, keys: done.keys, changed: done.changed, bytes: done.bytes });
        }
        Ok(())
    })
}

/// Ends the handle: later calls return HW_STATUS_CLOSED, while its watchers go on. What was acknowledged is kept
/// without it too. If it wrote, and the log grew by a tenth of the records between two snapshots, it writes one first.
/// Closing twice is nothing. The handle must still be freed; freeing alone writes no snapshot.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_close(crdt: Option<&hw_crdt>, error: *mut *mut hw_error) -> hw_status {
    on(crdt, error, |crdt| {
        crdt.store.close();
        Ok(())
    })
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_free(crdt: Option<Box<hw_crdt>>) {
    release_handle(crdt);
}
