//! What is in a store as JSON, for people and tools.
//!
//! Counters are numbers, or text where they need more than 64 bits; flags are true or false; a register is its value
//! or null; sets and multi-value registers are lists. A map is a list of `{"field", "kind", "value"}`, as one name may
//! be of two kinds. Of values, bytes are `{"base64"}`, JSON is itself, and a float that JSON does not have is text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use crate::error::Result;

use super::super::kind::Kind;
use super::super::op::Path;
use super::super::read::Reading;
use super::super::replica::Replica;
use super::super::value::Value;
use super::CrdtStore;

/// What is in a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dumped {
    /// Its name.
    pub key: String,
    /// Its kind.
    pub kind: Kind,
    /// What it reads as, in JSON.
    pub json: String,
}

impl CrdtStore {
    /// The keys in which something is alive whose names begin with `prefix`, by name and kind, with what they read as
    /// at one moment.
    pub fn dump(&self, prefix: &str) -> Result<Vec<Dumped>> {
        let live = self.0.live()?;
        let now_ms = self.0.log.now_ms();
        let alive = live.replica.alive(now_ms).filter(|(name, _)| name.starts_with(prefix));
        let mut keys: Vec<(&str, Kind)> = alive.collect();
        keys.sort_unstable();
        let dumped = |(key, kind): (&str, Kind)| Dumped {
            key: key.to_owned(),
            kind,
            json: whole(&live.replica, key, &mut Vec::new(), kind, now_ms).to_string(),
        };
        Ok(keys.into_iter().map(dumped).collect())
    }

    /// What is in a key as a kind, in JSON.
    pub fn json(&self, key: &str, kind: Kind) -> Result<String> {
        let live = self.0.live()?;
        Ok(whole(&live.replica, key, &mut Vec::new(), kind, self.0.log.now_ms()).to_string())
    }
}

/// All that is at a path.
fn whole(replica: &Replica, key: &str, fields: &mut Vec<String>, kind: Kind, now_ms: u64) -> Json {
    let names: Vec<&str> = fields.iter().map(String::as_str).collect();
    let reading = replica.read(Path { key, fields: &names }, kind, now_ms);
    match reading {
        Reading::Number(number) => match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => Json::from(number),
            (_, Ok(number)) => Json::from(number),
            _ => Json::String(number.to_string()),
        },
        Reading::Value(value) => value.as_ref().map_or(Json::Null, one),
        Reading::Values(values) => Json::Array(values.iter().map(one).collect()),
        Reading::Flag(is_on) => Json::Bool(is_on),
        Reading::Fields(inner) => {
            let field = |(name, kind): (Box<str>, Kind)| {
                fields.push(name.to_string());
                let value = whole(replica, key, fields, kind, now_ms);
                fields.pop();
                object([("field", Json::from(&*name)), ("kind", Json::from(kind.name())), ("value", value)])
            };
            Json::Array(inner.into_iter().map(field).collect())
        }
    }
}

fn one(value: &Value) -> Json {
    match value {
        Value::Bytes(bytes) => object([("base64", Json::from(STANDARD.encode(bytes)))]),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => {
            serde_json::Number::from_f64(*number).map_or_else(|| Json::String(number.to_string()), Json::Number)
        }
        Value::Text(text) => Json::from(&**text),
        Value::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_string())),
    }
}

fn object<const N: usize>(fields: [(&str, Json); N]) -> Json {
    Json::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
