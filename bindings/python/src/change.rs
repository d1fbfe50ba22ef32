//! What changes a stream: appends, batches, deletes, purges, syncs, each to wait for and to await.

use headwater as hw;
use headwater::PurgeOptions;
use pyo3::prelude::*;

use crate::append::{Batch, Extras, HeaderList};
use crate::call::block;
use crate::convert::Whole;
use crate::payload::Payload;
use crate::record::Ack;
use crate::stream::Stream;
use crate::time::{Moment, Seconds};
use crate::wait::{self, Wait};

#[pymethods]
impl Stream {
    /// Appends one record, and returns when the stream's durability is reached.
    #[pyo3(signature = (subject, payload, *, headers=None, event_time=None, ttl=None, msg_id=None,
        expect_last_seq=None, expect_subject_last_seq=None, expect_filter=None, rollup=None, timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "all but two are keywords")]
    fn append(
        &self,
        py: Python<'_>,
        subject: &str,
        payload: Payload<'_>,
        headers: Option<HeaderList>,
        event_time: Option<Moment>,
        ttl: Option<Seconds>,
        msg_id: Option<String>,
        expect_last_seq: Option<Whole>,
        expect_subject_last_seq: Option<Whole>,
        expect_filter: Option<String>,
        rollup: Option<&str>,
        timeout: Option<Seconds>,
    ) -> PyResult<Ack> {
        let extras = Extras::new(
            py,
            headers,
            event_time,
            ttl,
            msg_id,
            expect_last_seq,
            expect_subject_last_seq,
            expect_filter,
            rollup,
        )?;
        let append = extras.append(subject, payload.as_slice());
        let ack = block(py, timeout.map(|timeout| timeout.0), || Ok(self.inner()?.append(&append)))?;
        Ok(Ack::from(ack))
    }

    /// As `append`: begins now, and is awaited for its acknowledgement.
    #[pyo3(signature = (subject, payload, *, headers=None, event_time=None, ttl=None, msg_id=None,
        expect_last_seq=None, expect_subject_last_seq=None, expect_filter=None, rollup=None))]
    #[expect(clippy::too_many_arguments, reason = "all but two are keywords")]
    fn append_async(
        &self,
        py: Python<'_>,
        subject: &str,
        payload: Payload<'_>,
        headers: Option<HeaderList>,
        event_time: Option<Moment>,
        ttl: Option<Seconds>,
        msg_id: Option<String>,
        expect_last_seq: Option<Whole>,
        expect_subject_last_seq: Option<Whole>,
        expect_filter: Option<String>,
        rollup: Option<&str>,
    ) -> PyResult<Wait> {
        let extras = Extras::new(
            py,
            headers,
            event_time,
            ttl,
            msg_id,
            expect_last_seq,
            expect_subject_last_seq,
            expect_filter,
            rollup,
        )?;
        let append = extras.append(subject, payload.as_slice());
        Wait::begin(py, self.held(), |stream| stream.append(&append), wait::ack)
    }

    /// Appends up to 1,000 records, all or nothing: tuples of subject and payload, or `Append` objects.
    #[pyo3(signature = (items, *, timeout=None))]
    fn append_batch(&self, py: Python<'_>, items: &Bound<'_, PyAny>, timeout: Option<Seconds>) -> PyResult<Ack> {
        let batch = Batch::new(items)?;
        let appends = batch.appends()?;
        let ack = block(py, timeout.map(|timeout| timeout.0), || Ok(self.inner()?.append_batch(&appends)))?;
        Ok(Ack::from(ack))
    }

    /// As `append_batch`: begins now, and is awaited for its acknowledgement.
    #[pyo3(signature = (items))]
    fn append_batch_async(&self, py: Python<'_>, items: &Bound<'_, PyAny>) -> PyResult<Wait> {
        let batch = Batch::new(items)?;
        let appends = batch.appends()?;
        Wait::begin(py, self.held(), |stream| stream.append_batch(&appends), wait::ack)
    }

    /// Removes one record; false when it was not there.
    #[pyo3(signature = (seq, *, timeout=None))]
    fn delete(&self, py: Python<'_>, seq: Whole, timeout: Option<Seconds>) -> PyResult<bool> {
        block(py, timeout.map(|timeout| timeout.0), || Ok(self.inner()?.delete(seq.0)))
    }

    /// As `delete`, to await.
    #[pyo3(signature = (seq))]
    fn delete_async(&self, py: Python<'_>, seq: Whole) -> PyResult<Wait> {
        Wait::begin(py, self.held(), |stream| stream.delete(seq.0), wait::plain)
    }

    /// Removes records and gives back their space; returns how many. Without arguments it removes all.
    #[pyo3(signature = (filter=None, *, before_seq=None, keep=Whole(0), timeout=None),
        text_signature = "($self, filter=None, *, before_seq=None, keep=0, timeout=None)")]
    fn purge(
        &self,
        py: Python<'_>,
        filter: Option<String>,
        before_seq: Option<Whole>,
        keep: Whole,
        timeout: Option<Seconds>,
    ) -> PyResult<u64> {
        let options = PurgeOptions { filter, before_seq: before_seq.map(|seq| seq.0), keep: keep.0 };
        block(py, timeout.map(|timeout| timeout.0), || Ok(self.inner()?.purge(&options)))
    }

    /// As `purge`, to await.
    #[pyo3(signature = (filter=None, *, before_seq=None, keep=Whole(0)),
        text_signature = "($self, filter=None, *, before_seq=None, keep=0)")]
    fn purge_async(
        &self,
        py: Python<'_>,
        filter: Option<String>,
        before_seq: Option<Whole>,
        keep: Whole,
    ) -> PyResult<Wait> {
        let options = PurgeOptions { filter, before_seq: before_seq.map(|seq| seq.0), keep: keep.0 };
        Wait::begin(py, self.held(), |stream| stream.purge(&options), wait::plain)
    }

    /// Returns when everything appended so far is on disk.
    #[pyo3(signature = (*, timeout=None))]
    fn sync(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<()> {
        block(py, timeout.map(|timeout| timeout.0), || Ok(self.inner()?.sync()))
    }

    /// As `sync`, to await.
    fn sync_async(&self, py: Python<'_>) -> PyResult<Wait> {
        Wait::begin(py, self.held(), hw::Stream::sync, |py, ()| Ok(py.None()))
    }
}
