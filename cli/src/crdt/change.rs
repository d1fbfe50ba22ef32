//! The verbs of `headwater crdt` that change a store.

use std::time::Duration;

use headwater::crdt::{CrdtConfig, CrdtStore, Kind, Op, Value, Written};
use headwater::{Engine, ErrorKind};

use super::{Count, Flag, Remove, Set, Store, Switch, Typed, ValueType};
use crate::failure::{Done, Failure};
use crate::place::Place;

impl Store {
    /// Does `work` on the store, which is made where there is none, and the directory too.
    fn change(&self, place: &Place, work: impl FnOnce(&CrdtStore) -> Done<Written>) -> Done<Written> {
        place.make(|engine| {
            let store = self.open_or_make(engine)?;
            let written = work(&store)?;
            store.close();
            Ok(written)
        })
    }

    fn open_or_make(&self, engine: &Engine) -> Done<CrdtStore> {
        match engine.open_crdt(&self.store) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(engine.crdt(CrdtConfig { name: self.store.clone(), ..CrdtConfig::default() })?)
            }
            opened => Ok(opened?),
        }
    }
}

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
fn answer(place: &Place, key: &str, written: Written) -> Done {
    let mut out = place.output();
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
    pub(super) fn run(self, place: &Place, sign: i64) -> Done {
        let op = Op::Add(sign * self.amount);
        let written = self.store.change(place, |store| Ok(store.write(&*self.key, self.kind, &op).wait()?))?;
        answer(place, &self.key, written)
    }
}

impl Set {
    pub(super) fn write(self, place: &Place) -> Done {
        let value = self.typed.value(&self.value)?;
        let op = Op::Write { value: &value, ttl_ms: milliseconds(self.ttl) };
        self.run(place, Kind::Register, &op)
    }

    pub(super) fn insert(self, place: &Place) -> Done {
        let value = self.typed.value(&self.value)?;
        let op = Op::Insert { value: &value, ttl_ms: milliseconds(self.ttl) };
        self.run(place, Kind::Set, &op)
    }

    fn run(&self, place: &Place, kind: Kind, op: &Op<'_>) -> Done {
        let kind = self.kind.unwrap_or(kind);
        let written = self.store.change(place, |store| Ok(store.write(&*self.key, kind, op).wait()?))?;
        answer(place, &self.key, written)
    }
}

impl Remove {
    pub(super) fn run(self, place: &Place) -> Done {
        let value = self.value.as_deref().map(|text| self.typed.value(text)).transpose()?;
        let written = self.store.change(place, |store| {
            if let Some(value) = &value {
                return Ok(store.write(&*self.key, self.kind, &Op::Remove(value)).wait()?);
            }
            let mut written = Written { seq: 0, total: None };
            for kind in store.kinds(&self.key)? {
                written.seq = store.write(&*self.key, kind, &Op::Clear).wait()?.seq;
            }
            Ok(written)
        })?;
        answer(place, &self.key, written)
    }
}

impl Flag {
    pub(super) fn run(self, place: &Place) -> Done {
        let op = match self.state {
            Switch::On => Op::Enable { ttl_ms: milliseconds(self.ttl) },
            Switch::Off => Op::Disable,
        };
        let written = self.store.change(place, |store| Ok(store.write(&*self.key, self.kind, &op).wait()?))?;
        answer(place, &self.key, written)
    }
}
