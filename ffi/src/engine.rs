//! An engine: a directory of streams, or one in memory.

use std::ffi::c_char;
use std::sync::Arc;

use headwater::{Engine, EngineOptions, ManualClock, NodeUse, Result};

use crate::bytes::hw_str;
use crate::error::hw_error;
use crate::gate::Waitable;
use crate::guard::{Guard, Handle, Root, free_standing, on, release_handle};
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;

/// An open engine. `const`: safe from many threads at once.
pub struct hw_engine {
    pub(crate) root: Arc<Root>,
    /// The engine as the queue of its log.
    pub(crate) logs: Waitable<Engine>,
    dir: String,
    /// The clock that hw_engine_advance moves, where it goes by one.
    clock: Option<ManualClock>,
}

impl Handle for hw_engine {
    const NOUN: &'static str = "engine";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

/// Whether a directory may be reached through the node that has it open, such as headwater serve.
#[repr(i32)]
pub enum hw_node_use {
    /// Where a node has it open; the files themselves where nobody has.
    Auto = 0,
    /// Never: a directory that is in use is HW_STATUS_BUSY.
    Never = 1,
    /// Always: without a node it is HW_STATUS_NOT_FOUND.
    Only = 2,
}

/// How an engine is opened. Zero is the default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_engine_options {
    /// sizeof(hw_engine_options)
    pub struct_size: usize,
    /// Not 0: opens without a lock, follows the files of the process that writes, and refuses every change.
    pub read_only: u8,
    /// Not 0: a directory that is not there is HW_STATUS_NOT_FOUND, instead of being made.
    pub must_exist: u8,
    /// Not 0: no thread does timers, interval sync and cleaning; call hw_engine_step instead.
    pub no_worker: u8,
    /// The most bytes of segment files that are kept in memory to read single records from, over all streams; 0 is
    /// 16 MiB, and 1 keeps none. It is taken as it fills.
    pub cache_bytes: u64,
    /// An hw_node_use. A read-only open always looks at the files.
    pub node: i32,
}

versioned!(hw_engine_options);

pub(crate) fn give(engine: Engine, out: Out<*mut hw_engine>) {
    give_by(None, engine, out);
}

fn give_by(clock: Option<ManualClock>, engine: Engine, out: Out<*mut hw_engine>) {
    let dir = engine.dir().map_or_else(String::new, |d| d.to_string_lossy().into_owned());
    out.give(hw_engine { logs: Waitable::new(engine.clone()), root: Root::new(engine), dir, clock });
}

fn open(dir: &str, options: &hw_engine_options) -> Result<Engine> {
    let defaults = EngineOptions::default();
    let node = match options.node {
        0 => NodeUse::Auto,
        1 => NodeUse::Never,
        2 => NodeUse::Only,
        n => return Err(crate::error::invalid(format!("node is {n}, which is no hw_node_use"))),
    };
    let options = EngineOptions {
        read_only: options.read_only != 0,
        create: options.must_exist == 0,
        worker: options.no_worker == 0,
        cache_bytes: if options.cache_bytes == 0 { defaults.cache_bytes } else { options.cache_bytes },
        node,
        ..defaults
    };
    Engine::open_with(dir, options)
}

/// Opens a directory. `options` may be NULL. Where a node has it open, it works through that one: see
/// hw_engine_is_through_node.
///
/// Errors:    HW_STATUS_BUSY (another process writes to it, and is no node), HW_STATUS_NOT_FOUND, HW_STATUS_CORRUPT,
///            HW_STATUS_UNSUPPORTED (of a newer format, or a node of another release), HW_STATUS_IO.
/// Ownership: `*engine` is yours, free with hw_engine_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_open(
    dir: *const c_char,
    dir_len: usize,
    options: *const hw_engine_options,
    engine: *mut *mut hw_engine,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let dir = raw::text("dir", dir, dir_len)?;
        let options = raw::options(options)?;
        let out = Out::required("engine", engine)?;
        if dir.is_empty() || dir.contains('\0') {
            return Err(crate::error::invalid("dir is empty or holds a NUL byte"));
        }
        give(open(dir, &options)?, out);
        Ok(())
    })
}

/// Makes an engine in memory, gone when it is closed, or freed with all its children.
///
/// Ownership: `*engine` is yours, free with hw_engine_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_memory(engine: *mut *mut hw_engine, error: *mut *mut hw_error) -> hw_status {
    free_standing(error, || {
        let out = Out::required("engine", engine)?;
        give(Engine::memory()?, out);
        Ok(())
    })
}

/// Makes an engine in memory whose time stands at `now` (nanoseconds since the epoch) and moves with hw_engine_advance
/// only, for tests; its random bits are the same in every run.
///
/// Ownership: `*engine` is yours, free with hw_engine_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_memory_at(now: u64, engine: *mut *mut hw_engine, error: *mut *mut hw_error) -> hw_status {
    free_standing(error, || {
        let out = Out::required("engine", engine)?;
        let clock = ManualClock::new(now, now);
        let options = EngineOptions { clock: Arc::new(clock.clone()), worker: false, ..EngineOptions::default() };
        give_by(Some(clock), Engine::memory_with(options)?, out);
        Ok(())
    })
}

/// Moves the time of an engine that hw_engine_memory_at made forward, and does what is due by then.
///
/// Errors:    HW_STATUS_UNSUPPORTED (it goes by the machine's clock).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_advance(engine: Option<&hw_engine>, by_ns: u64, error: *mut *mut hw_error) -> hw_status {
    on(engine, error, |engine| {
        let Some(clock) = &engine.clock else {
            let message = "the engine goes by the machine's clock: hw_engine_memory_at makes one whose time is moved";
            return Err(headwater::Error::new(headwater::ErrorKind::Unsupported, message));
        };
        clock.advance(std::time::Duration::from_nanos(by_ns));
        engine.root.engine.step();
        Ok(())
    })
}

/// Makes an engine in a temporary directory, removed when it is closed, or freed with all its children.
///
/// Errors:    HW_STATUS_IO.
/// Ownership: `*engine` is yours, free with hw_engine_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_temporary(engine: *mut *mut hw_engine, error: *mut *mut hw_error) -> hw_status {
    free_standing(error, || {
        let out = Out::required("engine", engine)?;
        give(Engine::temporary()?, out);
        Ok(())
    })
}

/// Its directory; empty in memory.
///
/// Errors:    HW_STATUS_CLOSED (after a fork).
/// Ownership: `*dir` is borrowed until the engine is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_dir(engine: Option<&hw_engine>, dir: *mut hw_str, error: *mut *mut hw_error) -> hw_status {
    on(engine, error, |engine| {
        Out::required("dir", dir)?.set(hw_str::of(&engine.dir));
        Ok(())
    })
}

/// Its id: 64 random bits drawn when the directory was made.
///
/// Errors:    HW_STATUS_CLOSED (after a fork).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_id(engine: Option<&hw_engine>, id: *mut u64, error: *mut *mut hw_error) -> hw_status {
    on(engine, error, |engine| {
        Out::required("id", id)?.set(engine.root.engine.id());
        Ok(())
    })
}

/// Its epoch: 64 random bits drawn at this open for writing; 0 when it is read-only.
///
/// Errors:    HW_STATUS_CLOSED (after a fork).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_epoch(engine: Option<&hw_engine>, epoch: *mut u64, error: *mut *mut hw_error) -> hw_status {
    on(engine, error, |engine| {
        Out::required("epoch", epoch)?.set(engine.root.engine.epoch());
        Ok(())
    })
}

/// Whether it works through the node that has its directory open. Everything means the same then, but what needs
/// the files themselves is HW_STATUS_UNSUPPORTED; when the node goes away, every call is HW_STATUS_CLOSED.
///
/// Errors:    HW_STATUS_CLOSED (after a fork).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_is_through_node(
    engine: Option<&hw_engine>,
    is_through_node: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        Out::required("is_through_node", is_through_node)?.set(engine.root.engine.is_through_node());
        Ok(())
    })
}

/// Does what is due now (timers, interval sync, cleaning). `next_time`, when not NULL, gets when the next thing is
/// due, in nanoseconds since the epoch; UINT64_MAX when nothing is. Only an engine opened with `no_worker` needs
/// it.
///
/// Errors:    HW_STATUS_CLOSED (after a fork).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_step(
    engine: Option<&hw_engine>,
    next_time: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let next = engine.root.engine.step();
        if let Some(out) = Out::optional(next_time) {
            out.set(next.unwrap_or(u64::MAX));
        }
        Ok(())
    })
}

/// Syncs and closes everything. Later calls on it or its children return HW_STATUS_CLOSED; closing twice is
/// nothing. The handle must still be freed.
///
/// Errors:    HW_STATUS_IO (the last sync failed; it is closed all the same).
/// Threads:   any; it ends the waits of all others.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_close(engine: Option<&hw_engine>, error: *mut *mut hw_error) -> hw_status {
    on(engine, error, |engine| engine.root.engine.close())
}

/// Frees the handle; NULL is nothing. The engine itself goes with the last of its children, and is closed then if
/// it was not before; an error of that has no one to go to, so call hw_engine_close first.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_free(engine: Option<Box<hw_engine>>) {
    release_handle(engine);
}
