//! The threads that serve connections of a kind: of a hub, a mesh, or a door. All but the HTTP door have one.

use nix::sys::signal::{SigSet, Signal};
use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};

/// The most threads that wait for a disk, a lock or a name. Who waits for the same sync shares it.
const WAITING_THREADS_MAX: usize = 64;

/// A runtime with one thread of this name that serves, and others that wait.
#[allow(dead_code, reason = "what has one thread has a feature")]
pub(crate) fn runtime(name: &'static str) -> Result<Runtime> {
    runtime_of(name, 1)
}

/// A runtime with so many threads of this name that serve, and others that wait.
pub(crate) fn runtime_of(name: &'static str, threads: usize) -> Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(threads)
        .max_blocking_threads(WAITING_THREADS_MAX)
        .thread_name(name)
        .on_thread_start(ignore_broken_pipes)
        .enable_io()
        .enable_time();
    builder.build().map_err(|e| Error::io(format_args!("start the thread {name}"), &e))
}

/// Lets a write to somebody who hung up fail on this thread, as anywhere in a Rust program.
///
/// Writing several buffers at once raises SIGPIPE, and in a C or Go program that ends the process.
fn ignore_broken_pipes() {
    let mut pipe = SigSet::empty();
    pipe.add(Signal::SIGPIPE);
    // It cannot fail: the set is a valid one.
    let _ = pipe.thread_block();
}
