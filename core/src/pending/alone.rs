//! Work that nobody waits for: it goes on whenever something wakes it, on the thread that does.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use crate::locks::lock;

/// Work under way. It goes on without this; [`Alone::end`] lets it go.
#[derive(Clone)]
pub(crate) struct Alone(Arc<Task>);

struct Task(Mutex<State>);

struct State {
    /// None while it is polled, and once it is done.
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    is_polled: bool,
    /// It was woken while it was polled.
    again: bool,
    is_over: bool,
}

impl Alone {
    /// Begins it, on this thread.
    pub(crate) fn begin(work: impl Future<Output = ()> + Send + 'static) -> Self {
        let state = State { work: Some(Box::pin(work)), is_polled: false, again: false, is_over: false };
        let task = Arc::new(Task(Mutex::new(state)));
        Arc::clone(&task).wake();
        Alone(task)
    }

    /// Lets it go where it stands.
    pub(crate) fn end(&self) {
        let mut state = lock(&self.0.0);
        state.is_over = true;
        let work = state.work.take();
        drop(state);
        drop(work);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let mut state = lock(&self.0);
        if state.is_polled {
            state.again = true;
            return;
        }
        let waker = Waker::from(Arc::clone(&self));
        let mut cx = Context::from_waker(&waker);
        state.is_polled = true;
        while let Some(mut work) = state.work.take() {
            state.again = false;
            drop(state);
            let is_done = work.as_mut().poll(&mut cx).is_ready();
            state = lock(&self.0);
            if is_done || state.is_over {
                drop(state);
                drop(work);
                return;
            }
            state.work = Some(work);
            if !state.again {
                state.is_polled = false;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Poll;

    use super::*;

    #[test]
    fn it_goes_on_where_it_is_woken_also_from_within() {
        let polls = Arc::new(AtomicU32::new(0));
        let (kept, counted) = (Arc::new(Mutex::new(None::<Waker>)), Arc::clone(&polls));
        let left = Arc::clone(&kept);
        let work = std::future::poll_fn(move |cx| match counted.fetch_add(1, Ordering::Relaxed) {
            0 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            1 => {
                *lock(&left) = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        });
        let alone = Alone::begin(work);
        assert_eq!(polls.load(Ordering::Relaxed), 2, "it woke itself");
        let waker = lock(&kept).take().expect("it waits");
        waker.wake_by_ref();
        waker.wake();
        assert_eq!(polls.load(Ordering::Relaxed), 3, "it is done, and not polled again");
        alone.end();
    }

    #[test]
    fn one_that_is_let_go_is_not_polled_again() {
        let (kept, owned) = (Arc::new(Mutex::new(None::<Waker>)), Arc::new(()));
        let (left, held) = (Arc::clone(&kept), Arc::clone(&owned));
        let alone = Alone::begin(std::future::poll_fn(move |cx| {
            assert_eq!(Arc::strong_count(&held), 2);
            *lock(&left) = Some(cx.waker().clone());
            Poll::Pending
        }));
        alone.end();
        assert_eq!(Arc::strong_count(&owned), 1);
        lock(&kept).take().expect("it waited").wake();
    }
}
