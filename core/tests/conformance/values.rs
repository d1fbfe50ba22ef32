//! What an operation answers, as the vectors write it.

use headwater::points::{Point, Value as PointValue};
use headwater::{Ack, Batch, Entry, Error, ErrorKind, Operation, RecordView, Stream, StreamConfig};
use serde_json::{Value, json};

pub(crate) fn error(error: &Error) -> Value {
    debug_assert!(ErrorKind::ALL.contains(&error.kind()));
    json!({"kind": error.kind().name(), "expected": error.expected(), "actual": error.actual()})
}

pub(crate) fn config(stream: &Stream) -> Value {
    serde_json::to_value::<StreamConfig>(stream.config()).unwrap()
}

pub(crate) fn ack(ack: Ack) -> Value {
    json!({"seq": ack.seq, "count": ack.count, "duplicate": ack.duplicate, "durability": ack.durability.name()})
}

pub(crate) fn record(record: RecordView<'_>) -> Value {
    let headers: Vec<_> = record.headers().collect();
    let mut out = json!({"seq": record.seq, "subject": record.subject, "headers": headers,
                         "event_time": record.event_time, "delivered": record.delivered});
    put_bytes(&mut out, "payload", record.payload);
    out
}

pub(crate) fn owned_record(record: &headwater::Record) -> Value {
    let mut out = json!({"seq": record.seq, "subject": record.subject, "headers": record.headers,
                         "event_time": record.event_time, "delivered": 0});
    put_bytes(&mut out, "payload", &record.payload);
    out
}

pub(crate) fn record_list(batch: &Batch) -> Vec<Value> {
    batch.iter().map(record).collect()
}

pub(crate) fn records(batch: &Batch) -> Value {
    record_list(batch).into()
}

pub(crate) fn entry(entry: &Entry) -> Value {
    let operation = match entry.operation {
        Operation::Put => "put",
        Operation::Delete => "delete",
        Operation::Purge => "purge",
    };
    let mut out = json!({"key": entry.key, "revision": entry.revision, "operation": operation});
    put_bytes(&mut out, "value", &entry.value);
    out
}

pub(crate) fn entries(list: Vec<Entry>) -> Vec<Value> {
    list.iter().map(entry).collect()
}

pub(crate) fn points(list: Vec<Point>) -> Vec<Value> {
    let value = |value: &PointValue| match value {
        PointValue::Float(v) => json!({"float": v}),
        PointValue::Int(v) => json!({"int": v}),
        PointValue::Text(v) => json!({"text": v}),
        PointValue::Json(v) => json!({"json": v}),
    };
    list.iter()
        .map(|p| {
            json!({"node": p.node, "kind": p.kind, "key": p.key, "time": p.time, "value": value(&p.value),
                   "tombstone": p.tombstone, "origin": p.origin})
        })
        .collect()
}

/// Sets `name` to the bytes as text, or `<name>_base64` where they are not UTF-8.
pub(crate) fn put_bytes(object: &mut Value, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => object[name] = json!(text),
        Err(_) => object[format!("{name}_base64")] = json!(to_base64(bytes)),
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, i| word << 8 | u32::from(*chunk.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let digit = BASE64[(word >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    let digits: Vec<u32> =
        text.bytes().filter(|b| *b != b'=').map(|b| BASE64.iter().position(|d| *d == b).unwrap() as u32).collect();
    let mut out = Vec::new();
    for chunk in digits.chunks(4) {
        let word = (0..4).fold(0, |word, i| word << 6 | chunk.get(i).copied().unwrap_or(0));
        out.extend((0..chunk.len() - 1).map(|i| (word >> (16 - 8 * i)) as u8));
    }
    out
}
