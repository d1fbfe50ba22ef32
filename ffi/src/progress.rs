//! How far a long call has come, for another thread to ask, and the way to stop it: the library calls no handler of the
//! host.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{hw_error, missing};
use crate::guard::{free_standing, release};
use crate::raw::Out;
use crate::status::hw_status;

/// How far a long call has come, and the way to stop it. It serves one call at a time.
pub struct hw_progress {
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
}

/// Tells a progress, if there is one; it breaks when that was cancelled.
pub(crate) fn tell(progress: Option<&hw_progress>, done: u64, total: u64) -> ControlFlow<()> {
    let Some(progress) = progress else { return ControlFlow::Continue(()) };
    progress.done.store(done, Ordering::Relaxed);
    progress.total.store(total, Ordering::Relaxed);
    if progress.cancelled.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Makes one, at 0 of 0. Pass it to a long call, and ask it from another thread.
///
/// Ownership: `*progress` is yours, free with hw_progress_free after the call returned.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_progress_new(progress: *mut *mut hw_progress, error: *mut *mut hw_error) -> hw_status {
    free_standing(error, || {
        let out = Out::required("progress", progress)?;
        out.give(hw_progress { done: AtomicU64::new(0), total: AtomicU64::new(0), cancelled: AtomicBool::new(false) });
        Ok(())
    })
}

/// How many bytes are done, and of how many (keys of a merge); 0 in all means that it is not known yet.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any, while the call runs.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_progress_get(
    progress: Option<&hw_progress>,
    done_bytes: *mut u64,
    total_bytes: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let progress = progress.ok_or_else(|| missing("progress"))?;
        let (done, total) = (Out::required("done_bytes", done_bytes)?, Out::required("total_bytes", total_bytes)?);
        done.set(progress.done.load(Ordering::Relaxed));
        total.set(progress.total.load(Ordering::Relaxed));
        Ok(())
    })
}

/// Stops the call that it was passed to, or will be: that returns HW_STATUS_TIMEOUT as soon as it tells how far it has
/// come, which is about every mebibyte or 500 keys, and has stopped then. What it leaves is said where the call is.
/// Cancelling again is nothing; for another call, make another progress.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any, while the call runs.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_progress_cancel(progress: Option<&hw_progress>, error: *mut *mut hw_error) -> hw_status {
    free_standing(error, || {
        progress.ok_or_else(|| missing("progress"))?.cancelled.store(true, Ordering::Relaxed);
        Ok(())
    })
}

/// Frees it; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_progress_free(progress: Option<Box<hw_progress>>) {
    release(progress);
}
