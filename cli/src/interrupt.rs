//! Ctrl-C while long work runs: the first one asks the work to end in good order, the next one ends the process.
//!
//! Once the work is over, Ctrl-C does what it always does.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag::{register, register_conditional_default};

/// Listens to Ctrl-C until it is dropped.
pub(crate) struct Interrupt {
    heard: Arc<AtomicBool>,
    /// The next Ctrl-C ends the process.
    ends: Arc<AtomicBool>,
}

impl Interrupt {
    /// Begins to listen. Where the system does not allow that, Ctrl-C ends the process as ever.
    pub(crate) fn listen() -> Self {
        let interrupt = Interrupt { heard: Arc::default(), ends: Arc::default() };
        // In this order: the first Ctrl-C finds `ends` unset and sets it.
        let _ = register_conditional_default(SIGINT, interrupt.ends.clone())
            .and_then(|_| register(SIGINT, interrupt.ends.clone()))
            .and_then(|_| register(SIGINT, interrupt.heard.clone()));
        interrupt
    }

    /// Breaks once Ctrl-C was heard.
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        if self.heard.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}
