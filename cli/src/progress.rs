//! A bar on standard error for long work, when that is a terminal; nothing otherwise.

use indicatif::{ProgressBar, ProgressStyle};

const STYLE: &str = "{msg} {bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
const STYLE_OPEN_END: &str = "{msg} {spinner} {bytes} {bytes_per_sec}";

/// How far work on a number of bytes has come. The bar goes when this is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar for `total` bytes; with `None` it only counts.
    pub(crate) fn bytes(doing: &'static str, total: Option<u64>) -> Self {
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let template = if total.is_some() { STYLE } else { STYLE_OPEN_END };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_message(doing);
        Progress(bar)
    }

    /// `done` bytes are done.
    pub(crate) fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// `done` bytes of `total` are done.
    pub(crate) fn at_of(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
