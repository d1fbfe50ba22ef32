//! All records that filters take of a stream, page by page.

use crate::error::Result;
use crate::record::Batch;
use crate::stream::Stream;
use crate::stream::options::ReadOptions;

/// Where a reader is in a stream.
pub(super) struct Pages<'s> {
    stream: &'s Stream,
    options: ReadOptions,
}

impl<'s> Pages<'s> {
    /// From the first record on.
    pub(super) fn of(stream: &'s Stream, options: ReadOptions) -> Self {
        Pages { stream, options: options.from_seq(1) }
    }

    /// The next records; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Batch>> {
        let batch = self.stream.read(&self.options).await?;
        let Some(last) = batch.last_seq() else { return Ok(None) };
        self.options = std::mem::take(&mut self.options).from_seq(last + 1);
        Ok(Some(batch))
    }
}
