//! The verbs of `headwater crdt` that change a store.

use std::time::Duration;

use headwater::crdt::{Kind, Op, Value, Written};

use super::{At, Count, Flag, Remove, Set, Switch, Typed, ValueType};
use crate::failure::{Done, Failure};

impl Typed {
    fn value(&self, text: &str) -> Done<Value> {
        let bad = |what: &str| Failure::usage(format!("'{text}' is not {what}; --type chooses another type"));
        Ok(match self.value_type {
            ValueType::Text => Value::Text(text.into()),
            ValueType::Int => Value::Int(text.parse().map_err(|_| bad("a whole number of 64 bits"))?),
            ValueType::Float => Value::Float(text.parse().map_err(|_| bad("a number"))?),
            ValueType::Json => Value::Json(text.into()),
        })
    }
}

/// Prints what a write came to: what a counter is, or the record.
fn answer(at: &At<'_>, key: &str, written: Written) -> Done {
    let mut out = at.place.output();
    match written.total {
        Some(total) => {
            let number = i64::try_from(total).map_or_else(|_| total.to_string().into(), serde_json::Value::from);
            out.either(&serde_json::json!({ "key": key, "value": number }), || total.to_string())?;
        }
        None => out.either(&serde_json::json!({ "key": key, "seq": written.seq }), || written.seq.to_string())?,
    }
    out.flush()
}

fn milliseconds(ttl: Option<Duration>) -> Option<u64> {
    ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX))
}

impl Count {
    pub(super) fn run(self, at: &At<'_>, sign: i64) -> Done {
        let op = Op::Add(sign * self.amount);
        let written = at.change(&self.store, |store| store.write(&self.key, self.kind, &op))?;
        answer(at, &self.key, written)
    }
}

impl Set {
    pub(super) fn write(self, at: &At<'_>) -> Done {
        let value = self.typed.value(&self.value)?;
        let op = Op::Write { value: &value, ttl_ms: milliseconds(self.ttl) };
        self.run(at, Kind::Register, &op)
    }

    pub(super) fn insert(self, at: &At<'_>) -> Done {
        let value = self.typed.value(&self.value)?;
        let op = Op::Insert { value: &value, ttl_ms: milliseconds(self.ttl) };
        self.run(at, Kind::Set, &op)
    }

    fn run(&self, at: &At<'_>, kind: Kind, op: &Op<'_>) -> Done {
        let kind = self.kind.unwrap_or(kind);
        let written = at.change(&self.store, |store| store.write(&self.key, kind, op))?;
        answer(at, &self.key, written)
    }
}

impl Remove {
    pub(super) fn run(self, at: &At<'_>) -> Done {
        let value = self.value.as_deref().map(|text| self.typed.value(text)).transpose()?;
        let written = at.change(&self.store, |store| {
            if let Some(value) = &value {
                return store.write(&self.key, self.kind, &Op::Remove(value));
            }
            let mut written = Written { seq: 0, total: None };
            for kind in store.kinds(&self.key)? {
                written.seq = store.write(&self.key, kind, &Op::Clear)?.seq;
            }
            Ok(written)
        })?;
        answer(at, &self.key, written)
    }
}

impl Flag {
    pub(super) fn run(self, at: &At<'_>) -> Done {
        let op = match self.state {
            Switch::On => Op::Enable { ttl_ms: milliseconds(self.ttl) },
            Switch::Off => Op::Disable,
        };
        let written = at.change(&self.store, |store| store.write(&self.key, self.kind, &op))?;
        answer(at, &self.key, written)
    }
}
