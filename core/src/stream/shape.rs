//! What every engine refuses of an append before it looks at the stream: bad subjects, headers and conditions, what
//! is too large, and what the stream's configuration does not take. The same mistake is the same error everywhere.

use std::time::Duration;

use super::config::StreamConfig;
use crate::error::{Error, Result};
use crate::journal::frame::BODY_BYTES_MAX;
use crate::origin::{HEADER_ORIGIN, Origin};
use crate::record::{Append, BATCH_BYTES_MAX, BATCH_RECORDS_MAX, HEADERS_BYTES_MAX, Rollup};
use crate::subject::{check_filter, check_subject, matches};

/// What a frame adds to subject, headers and payload at the most, with room to spare.
const FRAME_SLACK: usize = 64;

/// Checks what can be checked without the stream; returns the bytes of all.
pub(crate) fn check(appends: &[Append<'_>]) -> Result<usize> {
    let mut bytes = 0;
    for (i, append) in appends.iter().enumerate() {
        let size = check_one(append)
            .map_err(|e| if appends.len() > 1 { e.context(format_args!("record {i} of the batch")) } else { e })?;
        bytes += size;
        if i > 0 && append.expect_last_seq.is_some() {
            return Err(Error::invalid(format!(
                "record {i} of the batch: expect_last_seq goes with the first record only"
            )));
        }
        if append.expect_subject_last_seq.is_some() {
            let filter = append.expect_filter.unwrap_or(append.subject);
            if let Some(written) = appends[..i].iter().find(|a| matches(filter, a.subject)) {
                return Err(Error::invalid(format!(
                    "record {i} of the batch: a condition on '{filter}', but the batch itself writes '{}'",
                    written.subject
                )));
            }
        }
    }
    if appends.is_empty() {
        return Err(Error::invalid("the batch is empty"));
    }
    if appends.len() > BATCH_RECORDS_MAX {
        return Err(Error::invalid(format!(
            "the batch has {} records, the most is {BATCH_RECORDS_MAX}",
            appends.len()
        )));
    }
    if appends.len() > 1 && bytes > BATCH_BYTES_MAX {
        return Err(Error::invalid(format!("the batch has {bytes} bytes, the most is {BATCH_BYTES_MAX}")));
    }
    Ok(bytes)
}

fn check_one(append: &Append<'_>) -> Result<usize> {
    check_subject(append.subject)?;
    let mut headers = 0;
    for (name, value) in &append.headers {
        let bad = |c: char| c.is_control() || c == ':' || c == ' ';
        // Most are plain, which is seen faster.
        let is_plain = name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        if name.is_empty() || !is_plain && name.contains(bad) {
            return Err(Error::invalid(format!(
                "header name '{}' is empty or has ':', a space or a control character",
                name.escape_debug()
            )));
        }
        if value.bytes().any(|b| matches!(b, b'\r' | b'\n')) {
            return Err(Error::invalid(format!("the value of header '{name}' has a line break")));
        }
        if name.len() >= 5 && name.as_bytes()[..5].eq_ignore_ascii_case(b"nats-") {
            return Err(Error::invalid(format!("header '{name}' is reserved: use the option of the append instead")));
        }
        if *name == HEADER_ORIGIN && Origin::parse(value).is_none() {
            return Err(Error::invalid(format!(
                "the value of header '{name}' is no origin: '{}'",
                value.escape_debug()
            )));
        }
        headers += name.len() + value.len() + 4;
    }
    if let Some(id) = append.msg_id {
        if id.is_empty() || id.contains(char::is_control) {
            return Err(Error::invalid("msg_id is empty or has a control character"));
        }
        headers += id.len();
    }
    if headers > HEADERS_BYTES_MAX {
        return Err(Error::invalid(format!("headers take {headers} bytes, the most is {HEADERS_BYTES_MAX}")));
    }
    if let Some(ttl) = append.ttl
        && (ttl < Duration::from_secs(1) || ttl.subsec_nanos() != 0)
    {
        return Err(Error::invalid(format!("ttl is {ttl:?}, must be whole seconds, at least one")));
    }
    if let Some(filter) = append.expect_filter {
        check_filter(filter)?;
        if append.expect_subject_last_seq.is_none() {
            return Err(Error::invalid("expect_filter goes with expect_subject_last_seq"));
        }
    }
    let size = append.subject.len() + headers + append.payload.len();
    if size + FRAME_SLACK > BODY_BYTES_MAX {
        return Err(Error::invalid(format!("the record takes {size} bytes, the most is {BODY_BYTES_MAX}")));
    }
    Ok(size)
}

/// Checks what a stream's configuration says of one append.
pub(crate) fn check_for(config: &StreamConfig, append: &Append<'_>) -> Result<()> {
    if !config.subjects.iter().any(|s| matches(s, append.subject)) {
        return Err(Error::invalid(format!(
            "stream '{}' does not take subject '{}' (it takes {})",
            config.name,
            append.subject,
            config.subjects.join(", ")
        )));
    }
    let most = config.payload_bytes_max();
    if append.payload.len() > most {
        return Err(Error::invalid(format!("the payload has {} bytes, the most is {most}", append.payload.len())));
    }
    if append.rollup != Rollup::None && (!config.allow_rollup || config.deny_purge) {
        return Err(Error::invalid(format!("stream '{}' does not allow rollup", config.name)));
    }
    Ok(())
}
