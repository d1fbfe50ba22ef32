//! Work that blocks (opening, copying, importing) on a few threads of its own, awaited like everything else.
//!
//! Threads are started when there is work and end when there is none, so that an idle process has none of them. A panic
//! in the work becomes an error of kind `internal`. Long work says how far it is, and hears there that it shall stop.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use headwater::{Error, ErrorKind};
use napi::Env;

use crate::answer::{Answer, Raw};
use crate::error::Result;
use crate::hub::Hub;
use crate::signal::lock;

const THREADS_MAX: usize = 4;
const REPORT_EVERY: Duration = Duration::from_millis(50);

/// Work, ready to be done.
pub(crate) type Work = Box<dyn FnOnce() + Send>;

struct Queue {
    waiting: VecDeque<Work>,
    threads: usize,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { waiting: VecDeque::new(), threads: 0 });

/// How far a long job is, and whether it shall stop.
pub(crate) struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    result: Option<headwater::Result<Answer>>,
    waker: Option<Waker>,
    reported: Option<Instant>,
    begun: bool,
    stopped: bool,
}

impl Progress {
    /// Done and in all.
    pub(crate) fn read(&self) -> [u64; 2] {
        [self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed)]
    }

    /// Asks the work to stop. Its answer still comes: at once when it has not begun.
    pub(crate) fn stop(&self) {
        let mut slot = lock(&self.slot);
        slot.stopped = true;
        if !slot.begun {
            slot.finish(Err(Error::new(ErrorKind::Timeout, "it was stopped before it began")));
        }
    }

    /// Says how far it is; JavaScript hears of it a few times a second. Breaks when the work shall stop.
    #[allow(clippy::disallowed_methods, reason = "paces what a person sees; no simulation runs this")]
    pub(crate) fn report(&self, done: u64, total: u64) -> ControlFlow<()> {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        let mut slot = lock(&self.slot);
        if slot.reported.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
            slot.reported = Some(Instant::now());
            if let Some(waker) = &slot.waker {
                waker.wake_by_ref();
            }
        }
        if slot.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Slot {
    fn finish(&mut self, result: headwater::Result<Answer>) {
        self.result = Some(result);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The result of a job, to be awaited.
struct Job(Arc<Progress>);

impl Future for Job {
    type Output = headwater::Result<Answer>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = lock(&self.0.slot);
        match slot.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                slot.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Runs `work` on a thread of its own and answers when it is done.
pub(crate) fn run(
    env: Env,
    hub: &Rc<Hub>,
    work: impl FnOnce() -> headwater::Result<Answer> + Send + 'static,
) -> Result<Raw> {
    run_by(env, hub, submit, work)
}

/// As [`run`], on the thread that `submit` gives the work to.
pub(crate) fn run_by(
    env: Env,
    hub: &Rc<Hub>,
    submit: impl FnOnce(Work),
    work: impl FnOnce() -> headwater::Result<Answer> + Send + 'static,
) -> Result<Raw> {
    hub.park(env, Box::pin(Job(start(submit, |_| work()))), None)
}

/// As [`run`] for long work, which says how far it is and can be stopped.
pub(crate) fn run_long(
    env: Env,
    hub: &Rc<Hub>,
    work: impl FnOnce(&Progress) -> headwater::Result<Answer> + Send + 'static,
) -> Result<Raw> {
    let progress = start(submit, work);
    hub.park(env, Box::pin(Job(progress.clone())), Some(progress))
}

fn start(
    submit: impl FnOnce(Work),
    work: impl FnOnce(&Progress) -> headwater::Result<Answer> + Send + 'static,
) -> Arc<Progress> {
    let progress = Arc::new(Progress { done: AtomicU64::new(0), total: AtomicU64::new(0), slot: Mutex::default() });
    let shared = progress.clone();
    submit(Box::new(move || {
        {
            let mut slot = lock(&shared.slot);
            if slot.stopped {
                return;
            }
            slot.begun = true;
        }
        let result = catch_unwind(AssertUnwindSafe(|| work(&shared)))
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "a panic was caught in the native half")));
        lock(&shared.slot).finish(result);
    }));
    progress
}

#[allow(clippy::disallowed_methods, reason = "a call that blocks must not block the event loop")]
fn submit(work: Work) {
    let mut queue = lock(&QUEUE);
    queue.waiting.push_back(work);
    if queue.threads < THREADS_MAX {
        queue.threads += 1;
        drop(queue);
        // Without a thread to be had the work is done here: late is better than never.
        if thread::Builder::new().name("headwater-job".to_owned()).spawn(work_off).is_err() {
            work_off();
        }
    }
}

fn work_off() {
    loop {
        let work = {
            let mut queue = lock(&QUEUE);
            match queue.waiting.pop_front() {
                Some(work) => work,
                None => {
                    queue.threads -= 1;
                    return;
                }
            }
        };
        work();
    }
}
