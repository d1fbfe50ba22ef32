//! An engine as a configuration file says: the directory, its streams, its hub, its links and its mesh.
//!
//! A build without the feature `hub` has it too, and answers `HW_STATUS_UNSUPPORTED`.

use std::ffi::c_char;

use headwater::{Engine, Result};

use crate::engine::{give, hw_engine};
use crate::error::hw_error;
use crate::guard::free_standing;
use crate::raw::{self, Out};
use crate::status::hw_status;

/// Opens what a configuration file says (`headwater.toml`, docs/links.md): its directory for writing, its streams made
/// or changed, its links at work, its part in a mesh begun. `${VARIABLE}` in it is of the environment of this process.
/// The hub is not waited for: its state and the links' status say how far they are; nor are other nodes of the mesh.
///
/// Errors:    HW_STATUS_INVALID (with file, line, column and key), HW_STATUS_NOT_FOUND, HW_STATUS_CONFLICT (a stream
///            that cannot become what is configured; a SQLite file that this process has open otherwise, which is
///            seen on Linux), HW_STATUS_UNSUPPORTED (a library that was built without the
///            hub), and those of hw_engine_open.
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
        give(open(path)?, out);
        Ok(())
    })
}

#[cfg(feature = "hub")]
fn open(path: &str) -> Result<Engine> {
    let config = headwater::Config::load(path, &|name| std::env::var(name).ok())?;
    config.refuse_opened()?;
    Engine::open_config(&config)
}

#[cfg(not(feature = "hub"))]
fn open(_: &str) -> Result<Engine> {
    let message = "this library was built without the hub, which a configuration file is for";
    Err(headwater::Error::new(headwater::ErrorKind::Unsupported, message))
}
