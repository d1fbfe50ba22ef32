//! Copies of a directory, and the check of every byte of one.

use std::ffi::c_char;

use headwater::Engine;

use crate::bytes::hw_strings;
use crate::engine::hw_engine;
use crate::error::hw_error;
use crate::guard::{free_standing, on};
use crate::progress::{hw_progress, tell};
use crate::raw::{self, Out, OutStruct, versioned};
use crate::status::hw_status;

/// What hw_verify looked at.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_verify_report {
    /// sizeof(hw_verify_report), set by the caller.
    pub struct_size: usize,
    /// Streams checked.
    pub streams: u64,
    /// Segments checked.
    pub segments: u64,
    /// Records checked.
    pub records: u64,
    /// Bytes checked.
    pub bytes: u64,
    /// Torn tails that an open would cut.
    pub torn_len: u64,
    /// Damage found.
    pub damage_len: u64,
}

versioned!(hw_verify_report);

/// Copies the live directory to `to`, consistent by stream, while writers go on. `progress` and `bytes` may be
/// NULL; `*bytes` gets how many were copied. A copy that fails or is cancelled leaves nothing at `to`.
///
/// Errors:    HW_STATUS_CONFLICT (`to` is there and not empty), HW_STATUS_TIMEOUT (cancelled with
///            hw_progress_cancel), HW_STATUS_LIMIT (the disk is full), HW_STATUS_IO, HW_STATUS_CLOSED.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_backup(
    engine: Option<&hw_engine>,
    to: *const c_char,
    to_len: usize,
    progress: Option<&hw_progress>,
    bytes: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let to = raw::text("to", to, to_len)?;
        let copied = engine.root.engine.backup(to, &mut |done, total| tell(progress, done, total))?;
        if let Some(out) = Out::optional(bytes) {
            out.set(copied);
        }
        Ok(())
    })
}

/// Copies a backup to a new directory, after checking every byte. `progress` and `bytes` may be NULL; `progress`
/// counts the bytes checked and those copied, `*bytes` gets how many were copied. What fails or is cancelled leaves
/// nothing at `to`.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_CONFLICT (`to` is there and not empty), HW_STATUS_CORRUPT,
///            HW_STATUS_TIMEOUT (cancelled with hw_progress_cancel), HW_STATUS_LIMIT (the disk is full), HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_restore(
    from: *const c_char,
    from_len: usize,
    to: *const c_char,
    to_len: usize,
    progress: Option<&hw_progress>,
    bytes: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let from = raw::text("from", from, from_len)?;
        let to = raw::text("to", to, to_len)?;
        let copied = Engine::restore(from, to, &mut |done, total| tell(progress, done, total))?;
        if let Some(out) = Out::optional(bytes) {
            out.set(copied);
        }
        Ok(())
    })
}

/// Checks every byte of a directory without changing it. Damage is in the report, not an error: the directory is
/// sound when `damage_len` is 0. `progress`, `torn` and `damage` may be NULL; each text is a sentence, and that of
/// damage names file, offset and missing sequences.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_UNSUPPORTED (a newer format), HW_STATUS_TIMEOUT (cancelled with
///            hw_progress_cancel; there is no report then), HW_STATUS_IO.
/// Ownership: `*torn` and `*damage` are yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_verify(
    dir: *const c_char,
    dir_len: usize,
    progress: Option<&hw_progress>,
    report: *mut hw_verify_report,
    torn: *mut *mut hw_strings,
    damage: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let dir = raw::text("dir", dir, dir_len)?;
        let out = OutStruct::required("report", report)?;
        let found = Engine::verify(dir, &mut |done, total| tell(progress, done, total))?;
        out.set(hw_verify_report {
            struct_size: 0,
            streams: found.streams,
            segments: found.segments,
            records: found.records,
            bytes: found.bytes,
            torn_len: found.torn.len() as u64,
            damage_len: found.damage.len() as u64,
        });
        if let Some(out) = Out::optional(torn) {
            out.give(hw_strings::plain(found.torn));
        }
        if let Some(out) = Out::optional(damage) {
            out.give(hw_strings::plain(found.damage));
        }
        Ok(())
    })
}
