//! The record about an object as JSON, the way that the clients of NATS write and read it.
//!
//! Clients differ: what one leaves out another writes as `null`. When an object was changed is what the stream says;
//! `mtime` is written for those clients that take it from here, and never read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::info::{ObjectInfo, ObjectLink};
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::record::RecordView;
use crate::time::format_time;

#[derive(Serialize, Deserialize)]
struct Wire {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    options: Option<WireOptions>,
    bucket: String,
    #[serde(default)]
    nuid: Option<String>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default, skip_deserializing)]
    mtime: String,
    #[serde(default)]
    chunks: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct WireOptions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<WireLink>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_chunk_size: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct WireLink {
    bucket: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// The payload of the record about `info`, as of `now`.
pub(super) fn encode(info: &ObjectInfo, now: Nanos) -> Result<Vec<u8>> {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &info.headers {
        headers.entry(name.clone()).or_default().push(value.clone());
    }
    let link = info.link.clone().map(|link| WireLink { bucket: link.bucket, name: link.name });
    let max_chunk_size = (info.max_chunk_size > 0).then_some(info.max_chunk_size);
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let wire = Wire {
        name: info.name.clone(),
        description: said(&info.description),
        headers: (!headers.is_empty()).then_some(headers),
        metadata: (!info.metadata.is_empty()).then(|| info.metadata.clone()),
        options: (link.is_some() || max_chunk_size.is_some()).then_some(WireOptions { link, max_chunk_size }),
        bucket: info.bucket.clone(),
        nuid: Some(info.nuid.clone()),
        size: Some(info.size),
        mtime: format_time(i64::try_from(now).unwrap_or(i64::MAX)),
        chunks: Some(info.chunks),
        digest: said(&info.digest),
        deleted: info.deleted.then_some(true),
    };
    serde_json::to_vec(&wire)
        .map_err(|e| Error::new(ErrorKind::Internal, format!("what is known of an object is no JSON: {e}")))
}

/// What a record says of an object.
pub(super) fn decode(record: &RecordView<'_>) -> Result<ObjectInfo> {
    let wire: Wire = serde_json::from_slice(record.payload).map_err(|e| {
        Error::corrupt(format!("record {} on '{}' is not about an object: {e}", record.seq, record.subject))
    })?;
    let options = wire.options.unwrap_or(WireOptions { link: None, max_chunk_size: None });
    let name_of = |name: Option<String>| name.filter(|n| !n.is_empty());
    let link = options.link.map(|link| ObjectLink { bucket: link.bucket, name: name_of(link.name) });
    let headers = wire.headers.unwrap_or_default().into_iter();
    Ok(ObjectInfo {
        name: wire.name,
        description: wire.description.unwrap_or_default(),
        headers: headers.flat_map(|(name, values)| values.into_iter().map(move |v| (name.clone(), v))).collect(),
        metadata: wire.metadata.unwrap_or_default(),
        bucket: wire.bucket,
        nuid: wire.nuid.unwrap_or_default(),
        size: wire.size.unwrap_or_default(),
        chunks: wire.chunks.unwrap_or_default(),
        max_chunk_size: options.max_chunk_size.unwrap_or_default(),
        modified: record.time,
        digest: wire.digest.unwrap_or_default(),
        deleted: wire.deleted.unwrap_or_default(),
        link,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Append;

    fn read(json: &str) -> Result<ObjectInfo> {
        let append = Append::new("$O.b.M.YQ==", json.as_bytes());
        decode(&RecordView::of_append(&append, 7, 1_000))
    }

    #[test]
    fn what_the_clients_of_nats_write_is_read() {
        // Go, Rust and Python, in this order.
        let go = r#"{"name":"a","headers":{"k":["1","2"]},"options":{"max_chunk_size":131072},"bucket":"b",
            "nuid":"CkuyLEX4z2hbyjj1aWCfiH","size":5,"mtime":"0001-01-01T00:00:00Z","chunks":1,
            "digest":"SHA-256=abc="}"#;
        let info = read(go).expect("Go's");
        assert_eq!((info.size, info.chunks, info.max_chunk_size, info.modified), (5, 1, 131_072, 1_000));
        assert_eq!(info.headers, [("k".to_owned(), "1".to_owned()), ("k".to_owned(), "2".to_owned())]);
        let rust = r#"{"name":"a","description":null,"metadata":{"x":"y"},"headers":null,"options":{"link":{"name":null,
            "bucket":"c"},"max_chunk_size":null},"bucket":"b","nuid":"n","size":0,"chunks":0,"mtime":null,
            "deleted":true}"#;
        let info = read(rust).expect("Rust's");
        assert_eq!(info.link, Some(ObjectLink { bucket: "c".into(), name: None }));
        assert!(info.deleted && info.digest.is_empty() && info.metadata["x"] == "y");
        let python = r#"{"name":"a","bucket":"b","nuid":"n","size":3,"chunks":1,"digest":"SHA-256=x","deleted":false,
            "mtime":"2026-01-01T00:00:00+00:00","options":{"max_chunk_size":131072}}"#;
        assert_eq!(read(python).expect("Python's").size, 3);
    }

    #[test]
    fn what_is_written_is_read_the_same() {
        let info = ObjectInfo {
            name: "a".into(),
            description: "d".into(),
            headers: vec![("k".into(), "1".into()), ("k".into(), "2".into())],
            metadata: BTreeMap::from([("x".into(), "y".into())]),
            bucket: "b".into(),
            nuid: "n".into(),
            size: 5,
            chunks: 1,
            max_chunk_size: 9,
            modified: 1_000,
            digest: "SHA-256=abc=".into(),
            deleted: true,
            link: Some(ObjectLink { bucket: "c".into(), name: Some("t".into()) }),
        };
        let json = String::from_utf8(encode(&info, 0).expect("JSON")).expect("text");
        assert!(json.contains(r#""mtime":"1970-01-01T00:00:00Z""#), "{json}");
        assert_eq!(read(&json).expect("ours"), info);
    }

    #[test]
    fn what_is_not_about_an_object_says_which_record() {
        let error = read("{}").expect_err("no object");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("record 7 on '$O.b.M.YQ=='"), "{error}");
    }
}
