//! An engine as a configuration file says: the directory, its streams, its hub and its links.

use std::ffi::c_char;

use headwater::{Config, Engine};

use crate::engine::{give, hw_engine};
use crate::error::hw_error;
use crate::guard::free_standing;
use crate::raw::{self, Out};
use crate::status::hw_status;

/// Opens what a configuration file says (`headwater.toml`, docs/links.md): its directory for writing, its streams made
/// or changed, its links at work. `${VARIABLE}` in it is of the environment of this process. The hub is not waited for:
/// its state and the links' status say how far they are.
///
/// Errors:    HW_STATUS_INVALID (with file, line, column and key), HW_STATUS_NOT_FOUND, HW_STATUS_CONFLICT (a stream
///            that cannot become what is configured), and those of hw_engine_open.
/// Ownership: `*engine` is yours, free with hw_engine_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_open_config(
    path: *const c_char,
    path_len: usize,
    engine: *mut *mut hw_engine,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let path = raw::text("path", path, path_len)?;
        let out = Out::required("engine", engine)?;
        if path.is_empty() || path.contains('\0') {
            return Err(crate::error::invalid("path is empty or holds a NUL byte"));
        }
        let config = Config::load(path, &|name| std::env::var(name).ok())?;
        give(Engine::open_config(&config)?, out);
        Ok(())
    })
}
