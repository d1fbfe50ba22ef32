//! What is there by subject: which subjects have a record, and the newest record of each.
//!
//! The leader counts subjects, page by page. Newest records come many at once where one server keeps the stream: by
//! `multi_last`, which takes up to 1,024 subjects, or by a consumer; with several replicas from the leader, one by one.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::fetch::{Fetched, PAGE_RECORDS, direct, for_server, many_from_leader, may_be_direct};
use super::pull::{Ephemeral, Start};
use super::records::Gather;
use super::stream::Remote;
use crate::error::{ErrorKind, Result};
use crate::record::Batch;
use crate::subject::Filters;

/// Subjects that one `multi_last` may name or find, with room to spare below the server's 1,024.
const SUBJECTS_AT_ONCE: usize = 1000;

/// The subjects that a filter takes, with how many records each has, in order.
pub(super) async fn list(remote: &Remote, filter: &str) -> Result<Vec<(String, u64)>> {
    let mut all: Vec<(String, u64)> = Vec::new();
    loop {
        let answer = remote.look(&json!({ "subjects_filter": filter, "offset": all.len() })).await?;
        let page = answer["state"]["subjects"].as_object();
        let before = all.len();
        all.extend(page.into_iter().flatten().map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0))));
        let total = answer["total"].as_u64().unwrap_or(0) as usize;
        if all.len() == before || all.len() >= total {
            break;
        }
    }
    all.sort_unstable();
    all.dedup_by(|a, b| a.0 == b.0);
    Ok(all)
}

/// The newest record of every subject that filters take, by sequence, at most `max` after sequence `after`.
pub(super) async fn last_many(remote: &Arc<Remote>, filters: &[String], after: u64, max: usize) -> Result<Batch> {
    let checked = Filters::new(filters)?;
    // Filters may overlap here, so what comes is looked at again where the server was told none.
    let (server_filters, by_us) = for_server(checked.as_slice());
    let known = remote.known_now().await?;
    let mut found = if known.replicas > 1 {
        newest_from_leader(remote, &server_filters).await?
    } else if may_be_direct(remote, &known) {
        match multi_last(remote, &server_filters).await? {
            Some(found) => found,
            None => newest_from_leader(remote, &server_filters).await?,
        }
    } else {
        let mut consumer = Ephemeral::create(remote, &server_filters, Start::LastPerSubject).await?;
        consumer.take_all().await?
    };
    found.retain(|f| f.seq() > after && (!by_us || checked.matches(f.raw().subject)));
    found.sort_unstable_by_key(Fetched::seq);
    found.dedup_by_key(|f| f.seq());
    found.truncate(max);
    let mut gather = Gather::default();
    for fetched in &found {
        gather.push(&fetched.raw(), 0);
    }
    Ok(gather.finish())
}

fn or_all(filters: &[String]) -> Vec<String> {
    if filters.is_empty() { vec![">".to_owned()] } else { filters.to_vec() }
}

async fn names(remote: &Remote, filters: &[String]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for filter in or_all(filters) {
        names.extend(list(remote, &filter).await?.into_iter().map(|s| s.0));
    }
    Ok(names)
}

async fn newest_from_leader(remote: &Arc<Remote>, filters: &[String]) -> Result<Vec<Fetched>> {
    let names = names(remote, filters).await?;
    let bodies: Vec<Value> = names.iter().map(|name| json!({ "last_by_subj": name })).collect();
    many_from_leader(remote, bodies).await
}

/// Everything by `multi_last`; `None` when a mirror answered.
async fn multi_last(remote: &Arc<Remote>, filters: &[String]) -> Result<Option<Vec<Fetched>>> {
    let whole = or_all(filters);
    if whole.len() <= SUBJECTS_AT_ONCE {
        match slice(remote, &whole).await {
            Err(error) if error.kind() == ErrorKind::Limit => {}
            other => return other,
        }
    }
    let mut found = Vec::new();
    for some in names(remote, filters).await?.chunks(SUBJECTS_AT_ONCE) {
        match slice(remote, some).await? {
            Some(page) => found.extend(page),
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// The newest records of a few subjects, however many answers it takes.
async fn slice(remote: &Arc<Remote>, subjects: &[String]) -> Result<Option<Vec<Fetched>>> {
    let mut all: Vec<Fetched> = Vec::new();
    loop {
        let mut body = Map::new();
        body.insert("multi_last".into(), json!(subjects));
        if let Some(last) = all.last() {
            body.insert("seq".into(), Value::from(last.seq() + 1));
        }
        let Some((page, pending)) = direct(remote, body, PAGE_RECORDS).await? else { return Ok(None) };
        let more = pending > 0 && !page.is_empty();
        all.extend(page);
        if !more {
            return Ok(Some(all));
        }
    }
}
