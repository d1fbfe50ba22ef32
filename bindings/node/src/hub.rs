//! What one JavaScript environment waits for: a [`Hub`] with its signal, its waits and the slots that answers go to.
//!
//! Everything here belongs to one thread: a worker has its own, and they meet in core only.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use napi::bindgen_prelude::{Function, JsValue, Unknown, retain_current_module_for_unload_safety};
use napi::{Env, Status, sys};
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::error::{Result, fault, released};
use crate::handles::release_all;
use crate::jobs::Progress;
use crate::signal::{Signal, TokenWaker};
use crate::slab::Slab;

/// Slots that JavaScript reads answers from, as indices of 32-bit words; the sequence takes two.
pub(crate) const SLOT_SEQ: usize = 0;
pub(crate) const SLOT_COUNT: usize = 2;
pub(crate) const SLOT_DUPLICATE: usize = 3;
pub(crate) const SLOT_DURABILITY: usize = 4;
const SLOT_TOKEN: usize = 5;
const SLOT_LEFT: usize = 6;
const SLOTS: usize = 8;
/// Room after the slots for short packed bytes.
const SHORT_BYTES: usize = 2048;
/// The token of no wait.
const NO_TOKEN: u32 = u32::MAX;

type Parked = Pin<Box<dyn Future<Output = headwater::Result<Answer>>>>;

/// The waits and the wake-up of one load of the JavaScript half.
pub(crate) struct Hub {
    signal: Arc<Signal>,
    slots: *mut u32,
    waits: RefCell<Slab<Wait>>,
    /// What was taken from the signal and is not polled yet.
    ready: RefCell<VecDeque<u32>>,
    /// Where the long work ended that was answered last: done and in all.
    ended: Cell<[u64; 2]>,
}

struct Wait {
    future: Parked,
    waker: Arc<TokenWaker>,
    progress: Option<Arc<Progress>>,
}

impl Hub {
    /// Writes 32-bit words that JavaScript reads right after the call.
    pub(crate) fn put_slot(&self, index: usize, value: u32) {
        debug_assert!(index < SLOTS);
        // SAFETY: `slots` points to SLOTS words of an ArrayBuffer that a reference keeps alive as long as the
        // environment, and only the thread of the environment runs this.
        unsafe { self.slots.add(index).write(value) }
    }

    /// Writes packed bytes that JavaScript copies right after the call; false when they are too many.
    pub(crate) fn put_bytes(&self, bytes: &[u8]) -> bool {
        if bytes.len() > SHORT_BYTES {
            return false;
        }
        // SAFETY: as in `put_slot`; SHORT_BYTES bytes lie after the slots.
        unsafe {
            let room = self.slots.add(SLOTS).cast::<u8>();
            room.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        true
    }

    /// What becomes ready from now on rings no bell: JavaScript looks for it by itself, with `waits.js` `look`.
    pub(crate) fn hush(&self) {
        self.signal.hush();
    }

    /// The answer if it is there now, else `undefined` with a token in the slots.
    pub(crate) fn settle<F>(self: &Rc<Self>, env: Env, mut future: F) -> Result<Raw>
    where
        F: Future<Output = headwater::Result<Answer>> + Unpin + 'static,
    {
        // Most are there at once: they need neither a token nor a waker of their own.
        match Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result.map_err(fault)?.into_js(env, self),
            Poll::Pending => self.park(env, Box::pin(future), None),
        }
    }

    /// As [`Hub::settle`] for work that is never done at once; long work has a progress.
    pub(crate) fn park(self: &Rc<Self>, env: Env, future: Parked, progress: Option<Arc<Progress>>) -> Result<Raw> {
        let token = {
            let mut waits = self.waits.borrow_mut();
            waits.insert(|token| Wait { future, waker: TokenWaker::new(self.signal.clone(), token), progress })
        };
        self.poll(env, token)
    }

    /// The answer of a token, after which it is free; `undefined` while it has none. The token itself is in the slots.
    fn poll(self: &Rc<Self>, env: Env, token: u32) -> Result<Raw> {
        self.put_slot(SLOT_TOKEN, token);
        let result = {
            let mut waits = self.waits.borrow_mut();
            let Some(wait) = waits.get_mut(token) else { return Raw::undefined(env) };
            wait.waker.rearm();
            let waker = Waker::from(wait.waker.clone());
            match wait.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Pending => return Raw::undefined(env),
                Poll::Ready(result) => {
                    let wait = waits.remove(token);
                    if let Some(progress) = wait.as_ref().and_then(|wait| wait.progress.as_ref()) {
                        self.ended.set(progress.read());
                    }
                    result
                }
            }
        };
        result.map_err(fault)?.into_js(env, self)
    }

    /// As [`Hub::poll`] for the next token that is worth it; how many are left is in the slots.
    fn poll_next(self: &Rc<Self>, env: Env) -> Result<Raw> {
        let (token, left) = {
            let mut ready = self.ready.borrow_mut();
            if ready.is_empty() {
                self.signal.take_into(&mut ready);
            }
            (ready.pop_front(), ready.len())
        };
        self.put_slot(SLOT_LEFT, left as u32);
        self.poll(env, token.unwrap_or(NO_TOKEN))
    }
}

thread_local! {
    static HUBS: RefCell<Vec<Rc<Hub>>> = const { RefCell::new(Vec::new()) };
}

/// The hub of this number on this thread.
pub(crate) fn hub(number: u32) -> Result<Rc<Hub>> {
    HUBS.with(|hubs| hubs.borrow().get(number as usize).cloned()).ok_or_else(|| released("environment"))
}

/// Makes a hub: `slots` is where answers go, `wake` is called when tokens are worth polling. Returns its number.
#[napi(catch_unwind)]
pub fn setup(env: Env, slots: Unknown, wake: Function<(), ()>) -> Result<u32> {
    let words = slots_of(env, &slots)?;
    // Wakers and jobs may outlive the environment, and Node unloads an addon that only an ended worker had loaded.
    retain_current_module_for_unload_safety();
    let mut name = ptr::null_mut();
    let mut bell = ptr::null_mut();
    // SAFETY: plain Node-API calls with live values of this environment.
    unsafe {
        check(sys::napi_create_string_utf8(env.raw(), c"headwater".as_ptr(), 9, &raw mut name))?;
        check(sys::napi_create_threadsafe_function(
            env.raw(),
            wake.raw(),
            ptr::null_mut(),
            name,
            0,
            1,
            ptr::null_mut(),
            None,
            ptr::null_mut(),
            None,
            &raw mut bell,
        ))?;
        check(sys::napi_unref_threadsafe_function(env.raw(), bell))?;
    }
    let hub = Rc::new(Hub {
        signal: Signal::new(bell),
        slots: words,
        waits: RefCell::new(Slab::new()),
        ready: RefCell::default(),
        ended: Cell::default(),
    });
    let number = HUBS.with(|hubs| {
        let mut hubs = hubs.borrow_mut();
        hubs.push(hub);
        hubs.len() as u32 - 1
    });
    // SAFETY: the hook takes no argument, and hooks run in reverse: before the thread-safe function goes.
    check(unsafe { sys::napi_add_env_cleanup_hook(env.raw(), Some(tear_down), ptr::null_mut()) })?;
    Ok(number)
}

/// Where the words of `slots` lie; a reference that is never given back keeps them there.
fn slots_of(env: Env, slots: &Unknown) -> Result<*mut u32> {
    let (mut data, mut bytes, mut keep) = (ptr::null_mut(), 0, ptr::null_mut());
    // SAFETY: plain Node-API calls with a live value of this environment.
    unsafe {
        check(sys::napi_get_arraybuffer_info(env.raw(), slots.raw(), &raw mut data, &raw mut bytes))?;
        check(sys::napi_create_reference(env.raw(), slots.raw(), 1, &raw mut keep))?;
    }
    if bytes == SLOTS * 4 + SHORT_BYTES {
        Ok(data.cast())
    } else {
        Err(crate::error::invalid("the slots have the wrong size"))
    }
}

fn check(status: sys::napi_status) -> Result<()> {
    if status == sys::Status::napi_ok { Ok(()) } else { Err(napi::Error::from_status(Status::from(status))) }
}

/// The environment is going: silences every bell, then drops waits and handles.
unsafe extern "C" fn tear_down(_: *mut std::ffi::c_void) {
    // A panic must not cross into Node, and there is nobody left to tell.
    let _ = std::panic::catch_unwind(|| {
        for hub in HUBS.take() {
            hub.signal.silence();
            drop(hub.waits.replace(Slab::new()));
        }
        release_all();
    });
}

/// The answer of the next token that is worth polling, after which it is free; `undefined` while it has none. The token
/// and how many more there are come in the slots.
#[napi(catch_unwind)]
pub fn poll_next(env: Env, number: u32) -> Result<Raw> {
    hub(number)?.poll_next(env)
}

/// The answer of a token, after which it is free; `undefined` while it has none.
#[napi(catch_unwind)]
pub fn poll(env: Env, number: u32, token: u32) -> Result<Raw> {
    hub(number)?.poll(env, token)
}

/// How far the work of a token is: done and in all. Without a token: where the work ended that was answered last.
#[napi(catch_unwind)]
pub fn progress(number: u32, token: Option<u32>) -> Result<Vec<f64>> {
    let hub = hub(number)?;
    let read = match token {
        Some(token) => hub.waits.borrow().get(token).and_then(|wait| Some(wait.progress.as_ref()?.read())),
        None => Some(hub.ended.get()),
    };
    Ok(read.unwrap_or_default().map(|n| n as f64).to_vec())
}

/// Gives up the wait of a token, not the work; but long work is asked to stop, and stays waited for: then true.
#[napi(catch_unwind)]
pub fn cancel(number: u32, token: u32) -> Result<bool> {
    let hub = hub(number)?;
    let progress = hub.waits.borrow().get(token).and_then(|wait| wait.progress.clone());
    if let Some(progress) = progress {
        progress.stop();
        return Ok(true);
    }
    let taken = hub.waits.borrow_mut().remove(token);
    drop(taken);
    Ok(false)
}

/// Whether waits keep the event loop running.
#[napi(catch_unwind)]
pub fn hold(env: Env, number: u32, on: bool) -> Result<()> {
    hub(number)?.signal.hold(env.raw(), on);
    Ok(())
}
