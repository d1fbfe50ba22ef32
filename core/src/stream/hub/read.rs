//! Reading a hub's stream: one record, the newest of a filter, and stretches forward and backward.
//!
//! Every read sees what was acknowledged before it began: a record by its sequence comes from the leader, and
//! `fetch.rs` chooses a way that holds it for the rest. Bounds of time become bounds of sequence first, because times
//! never decrease along a stream.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::fetch::{Fetched, PAGE_RECORDS, Pager, direct, for_server, from_leader, last_of, may_be_direct};
use super::records::{Gather, Raw};
use super::stamp;
use super::stream::Remote;
use crate::clock::Nanos;
use crate::error::Result;
use crate::record::{Batch, Record};
use crate::stream::local::read::Plan;
use crate::stream::options::ReadOptions;

/// Sequences of the first window of a backward read, and the most of a later one.
const WINDOW_FIRST: u64 = 256;
const WINDOW_MOST: u64 = 1 << 22;
/// Records and bytes of one window that are held at a time; a window with more is made narrower.
const WINDOW_RECORDS_MAX: usize = 8192;
const WINDOW_BYTES_MAX: usize = 32 << 20;

/// One record, from the leader.
pub(super) async fn leader_get(remote: &Remote, body: &Value) -> Result<Option<Record>> {
    Ok(from_leader(remote, body).await?.map(|r| Fetched::Leader(r).raw().to_record()))
}

/// The newest record that a filter takes.
pub(super) async fn last(remote: &Arc<Remote>, filter: &str) -> Result<Option<Record>> {
    let found = last_of(remote, filter).await?;
    if found.is_some() || filter != ">" {
        return Ok(found.map(|fetched| fetched.raw().to_record()));
    }
    // Asked for all subjects a server looks at its last sequence alone, whose record may have been removed.
    let plan = ReadOptions::default().backward().max_records(1).plan()?;
    Ok(Box::pin(read(remote, plan)).await?.get(0).map(|r| r.to_record()))
}

/// The last sequence among all subjects that a filter takes; 0 when there is none.
pub(super) async fn tip(remote: &Arc<Remote>, filter: &str) -> Result<u64> {
    Ok(last(remote, filter).await?.map_or(0, |r| r.seq))
}

/// What a read is after: bounds by sequence, and what each record has to be.
struct Wanted {
    plan: Plan,
    low: u64,
    high: u64,
    server_filters: Vec<String>,
    /// Whether the server cannot look at the filters.
    by_us: bool,
}

impl Wanted {
    fn takes(&self, raw: &Raw<'_>) -> bool {
        (self.plan.min_time..self.plan.max_time).contains(&raw.time)
            && self.plan.event_range.is_none_or(|(from, to)| (from..to).contains(&raw.event()))
            && (!self.by_us || self.plan.filters.matches(raw.subject))
    }

    /// Whether a record that the server sends may be none that is wanted.
    fn is_loose(&self) -> bool {
        self.by_us || self.plan.event_range.is_some()
    }

    fn is_full(&self, records: usize, bytes: usize) -> bool {
        records >= self.plan.max_records || bytes >= self.plan.max_bytes
    }
}

/// Reads as planned.
pub(super) async fn read(remote: &Arc<Remote>, plan: Plan) -> Result<Batch> {
    let state = remote.look(&Value::Null).await?["state"].take();
    let first = state["first_seq"].as_u64().unwrap_or(0).max(1);
    let last = state["last_seq"].as_u64().unwrap_or(0);
    if state["messages"].as_u64() == Some(0) || plan.max_records == 0 {
        return Ok(Batch::default());
    }
    let mut low = plan.min_seq.max(first);
    let mut high = plan.max_seq.min(last);
    if plan.min_time > 0 {
        low = low.max(seq_at(remote, plan.min_time, first, last).await?);
    }
    if plan.max_time < Nanos::MAX {
        high = high.min(seq_at(remote, plan.max_time, first, last).await? - 1);
    }
    if low > high {
        return Ok(Batch::default());
    }
    let (server_filters, by_us) = for_server(plan.filters.as_slice());
    let wanted = Wanted { plan, low, high, server_filters, by_us };
    if wanted.plan.backward { backward(remote, &wanted).await } else { forward(remote, &wanted).await }
}

async fn forward(remote: &Arc<Remote>, wanted: &Wanted) -> Result<Batch> {
    let mut pager = Pager::open(remote, &wanted.server_filters, wanted.low).await?;
    let mut gather = Gather::default();
    let mut bytes = 0;
    while !wanted.is_full(gather.len(), bytes) {
        let want = if wanted.is_loose() { PAGE_RECORDS } else { wanted.plan.max_records - gather.len() };
        let page = pager.page(want).await?;
        if page.is_empty() {
            break;
        }
        for fetched in &page {
            let raw = fetched.raw();
            if raw.seq > wanted.high || wanted.is_full(gather.len(), bytes) {
                return Ok(gather.finish());
            }
            if wanted.takes(&raw) {
                bytes += raw.size();
                gather.push(&raw, 0);
            }
        }
    }
    Ok(gather.finish())
}

/// Windows of sequences, each read forward and taken from its end.
async fn backward(remote: &Arc<Remote>, wanted: &Wanted) -> Result<Batch> {
    let mut high = wanted.high;
    if !wanted.server_filters.is_empty() {
        let mut newest = 0;
        for filter in &wanted.server_filters {
            newest = tip(remote, filter).await?.max(newest);
        }
        high = high.min(newest);
    }
    let mut gather = Gather::default();
    let (mut bytes, mut width) = (0, WINDOW_FIRST);
    while high >= wanted.low && high > 0 && !wanted.is_full(gather.len(), bytes) {
        let from = wanted.low.max(high.saturating_sub(width - 1)).max(1);
        let Some(found) = window(remote, wanted, from, high, width > 1).await? else {
            width = (width / 8).max(1);
            continue;
        };
        for fetched in found.iter().rev() {
            let raw = fetched.raw();
            if wanted.is_full(gather.len(), bytes) {
                break;
            }
            bytes += raw.size();
            gather.push(&raw, 0);
        }
        high = from - 1;
        width = (width * 4).min(WINDOW_MOST);
    }
    Ok(gather.finish())
}

/// What is wanted of a window; `None` when that is too much to hold and the window can be made narrower.
async fn window(
    remote: &Arc<Remote>,
    wanted: &Wanted,
    from: u64,
    high: u64,
    narrower: bool,
) -> Result<Option<Vec<Fetched>>> {
    let mut pager = Pager::open(remote, &wanted.server_filters, from).await?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    loop {
        let page = pager.page(PAGE_RECORDS.min((high + 1 - from) as usize)).await?;
        if page.is_empty() {
            return Ok(Some(found));
        }
        for fetched in page {
            if fetched.seq() > high {
                return Ok(Some(found));
            }
            let raw = fetched.raw();
            if wanted.takes(&raw) {
                bytes += raw.size();
                found.push(fetched);
            }
        }
        if found.last().is_some_and(|f| f.seq() == high) {
            return Ok(Some(found));
        }
        if narrower && (found.len() > WINDOW_RECORDS_MAX || bytes > WINDOW_BYTES_MAX) {
            return Ok(None);
        }
    }
}

/// The first sequence whose record was committed at or after `time`; one past the last when there is none.
async fn seq_at(remote: &Arc<Remote>, time: Nanos, first: u64, last: u64) -> Result<u64> {
    if may_be_direct(remote, &remote.known()) {
        let mut body = Map::new();
        body.insert("start_time".into(), json!(stamp::format(time)));
        if let Some((page, _)) = direct(remote, body, 1).await? {
            return Ok(page.first().map_or(last + 1, Fetched::seq));
        }
    }
    let (mut low, mut high) = (first, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match from_leader(remote, &json!({ "seq": middle, "next_by_subj": ">" })).await? {
            Some(record) => {
                let (seq, at) = {
                    let f = Fetched::Leader(record);
                    let raw = f.raw();
                    (raw.seq, raw.time)
                };
                if at >= time { high = middle } else { low = seq + 1 }
            }
            None => high = middle,
        }
    }
    Ok(low)
}
