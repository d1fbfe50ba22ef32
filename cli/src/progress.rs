//! A bar on standard error for long work, when that is a terminal; nothing otherwise. It also tells the work when to
//! stop.

use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt::Interrupt;

const STYLE: &str = "{msg} {bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
const STYLE_COUNT: &str = "{msg} {bar:32} {human_pos}/{human_len} {per_sec} {eta}";
const STYLE_OPEN_END: &str = "{msg} {spinner} {bytes} {bytes_per_sec}";

/// How far work on a number of bytes has come. The bar goes when this is dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    interrupt: Option<Interrupt>,
}

impl Progress {
    /// A bar for `total` bytes; with `None` it only counts.
    pub(crate) fn bytes(doing: &'static str, total: Option<u64>) -> Self {
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let template = if total.is_some() { STYLE } else { STYLE_OPEN_END };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_message(doing);
        Progress { bar, interrupt: None }
    }

    /// A bar for a number of things, which grows as more come up.
    pub(crate) fn count(doing: &'static str) -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template(STYLE_COUNT) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_message(doing);
        Progress { bar, interrupt: None }
    }

    /// The same for work that Ctrl-C stops.
    pub(crate) fn interruptible(mut self) -> Self {
        self.interrupt = Some(Interrupt::listen());
        self
    }

    /// `done` bytes are done; breaks when the work shall stop.
    pub(crate) fn at(&self, done: u64) -> ControlFlow<()> {
        self.bar.set_position(done);
        self.interrupt.as_ref().map_or(ControlFlow::Continue(()), Interrupt::flow)
    }

    /// `done` bytes of `total` are done; breaks when the work shall stop.
    pub(crate) fn at_of(&self, done: u64, total: u64) -> ControlFlow<()> {
        self.bar.set_length(total);
        self.at(done)
    }

    /// Prints what comes up meanwhile where the bar is not in its way.
    pub(crate) fn beside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
