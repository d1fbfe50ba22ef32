//! One wake-up for any number of waits: a list of ready tokens, and one file descriptor or one callback that says so.
//!
//! The signal is given when the list goes from empty to not empty, and taken back when it is drained, so ten thousand
//! waits that come true at once cost one signal.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use headwater::{Error, ErrorKind, Result};

use crate::error::{hw_error, invalid, missing};
use crate::gate::lock;
use crate::guard::{free_standing, release};
use crate::raw::{Out, array_mut};
use crate::status::hw_status;

/// One wake-up for any number of waits. `const`: safe from many threads at once.
pub struct hw_waker {
    core: Arc<WakerCore>,
}

/// Says that the list of a waker is no longer empty. It may be called on any thread, also within the call that arms
/// a wait; it must return at once and call nothing of this library: set a flag, write to a pipe, post to an event
/// loop.
pub type hw_signal = Option<extern "C" fn(user_data: *mut c_void)>;

/// What an armed wait holds: it outlives the handle, and then does nothing.
pub(crate) struct WakerCore {
    state: Mutex<State>,
    signal: Signal,
}

#[derive(Default)]
struct State {
    ready: VecDeque<u64>,
    freed: bool,
}

enum Signal {
    /// Ours to write to, the caller's to wait for.
    Pair {
        ours: UnixStream,
        theirs: UnixStream,
    },
    Callback {
        function: extern "C" fn(*mut c_void),
        user_data: UserData,
    },
}

struct UserData(*mut c_void);

// SAFETY: it is never looked into, only passed back; the contract of `hw_signal` lets that be on any thread.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl WakerCore {
    fn new(signal: Signal) -> Arc<Self> {
        Arc::new(WakerCore { state: Mutex::default(), signal })
    }

    /// Puts a token on the list.
    pub(crate) fn push(&self, token: u64) {
        // The lock is held over the signal, so that no callback begins after the waker was freed.
        let mut state = lock(&self.state);
        if state.freed {
            return;
        }
        state.ready.push_back(token);
        if state.ready.len() == 1 {
            self.raise();
        }
    }

    fn raise(&self) {
        match &self.signal {
            // A full pipe is readable already, which is all that is wanted.
            Signal::Pair { ours, .. } => drop((&*ours).write(&[1])),
            Signal::Callback { function, user_data } => function(user_data.0),
        }
    }

    fn take(&self, tokens: &mut [u64]) -> usize {
        let mut state = lock(&self.state);
        let count = tokens.len().min(state.ready.len());
        for (place, token) in tokens.iter_mut().zip(state.ready.drain(..count)) {
            *place = token;
        }
        if state.ready.is_empty()
            && count > 0
            && let Signal::Pair { theirs, .. } = &self.signal
        {
            // One byte was written when the list became not empty; whoever read it was the caller, which is no harm.
            drop((&*theirs).read(&mut [0; 16]));
        }
        count
    }
}

impl hw_waker {
    pub(crate) fn core(&self) -> Arc<WakerCore> {
        self.core.clone()
    }
}

fn pair() -> Result<Signal> {
    let opened = UnixStream::pair().and_then(|(ours, theirs)| {
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        Ok(Signal::Pair { ours, theirs })
    });
    opened.map_err(|e| Error::new(ErrorKind::Io, format!("making the waker's file descriptor: {e}")))
}

/// Makes a waker whose hw_waker_fd becomes readable.
///
/// Errors:    HW_STATUS_IO (too many open files).
/// Ownership: `*waker` is yours, free with hw_waker_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_waker_new(waker: *mut *mut hw_waker, error: *mut *mut hw_error) -> hw_status {
    free_standing(error, || {
        let out = Out::required("waker", waker)?;
        out.give(hw_waker { core: WakerCore::new(pair()?) });
        Ok(())
    })
}

/// Makes a waker that calls `signal` with `user_data` whenever its list goes from empty to not empty: take until
/// fewer come than there is room for, else it will not call again.
///
/// Ownership: `user_data` stays yours, and must live until hw_waker_free returns; no call begins after that.
///            `*waker` is yours, free with hw_waker_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_waker_new_callback(
    signal: hw_signal,
    user_data: *mut c_void,
    waker: *mut *mut hw_waker,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let function = signal.ok_or_else(|| missing("signal"))?;
        let out = Out::required("waker", waker)?;
        let signal = Signal::Callback { function, user_data: UserData(user_data) };
        out.give(hw_waker { core: WakerCore::new(signal) });
        Ok(())
    })
}

/// The file descriptor, for poll, epoll, kqueue or an event loop: readable while the list is not empty. Do not
/// read, write or close it.
///
/// Errors:    HW_STATUS_INVALID (the waker has a callback).
/// Ownership: borrowed until the waker is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_waker_fd(waker: Option<&hw_waker>, fd: *mut i32, error: *mut *mut hw_error) -> hw_status {
    free_standing(error, || {
        let waker = waker.ok_or_else(|| missing("waker"))?;
        let out = Out::required("fd", fd)?;
        let Signal::Pair { theirs, .. } = &waker.core.signal else {
            return Err(invalid("the waker has a callback and no file descriptor"));
        };
        out.set(theirs.as_raw_fd());
        Ok(())
    })
}

/// Takes up to `tokens_cap` ready tokens, oldest first, and writes how many to `*tokens_len`; it never waits. A
/// token says that its wait is worth trying again, not that something is still there: another thread may have been
/// faster.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any; each token goes to one taker.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_waker_take(
    waker: Option<&hw_waker>,
    tokens: *mut u64,
    tokens_cap: usize,
    tokens_len: *mut usize,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let waker = waker.ok_or_else(|| missing("waker"))?;
        let tokens = array_mut("tokens", tokens, tokens_cap)?;
        let out = Out::required("tokens_len", tokens_len)?;
        out.set(waker.core.take(tokens));
        Ok(())
    })
}

/// Frees it; NULL is nothing. Waits that are armed with it do nothing then.
///
/// Threads:   must not be called from its own callback.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_waker_free(waker: Option<Box<hw_waker>>) {
    if let Some(waker) = &waker {
        lock(&waker.core.state).freed = true;
    }
    release(waker);
}
