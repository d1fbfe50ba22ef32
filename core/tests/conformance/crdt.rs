//! Operations on CRDT stores, and what they share with those on replicas: changes, values and readings.

use headwater::Result;
use headwater::Writer;
use headwater::crdt::{Change, Changed, CrdtConfig, CrdtStore, Kind, Op, Path, Reading, Value as Scalar};
use serde_json::{Map, Value, json};

use crate::args::Args;
use crate::engine::World;
use crate::sources::Watch;
use crate::values::{from_base64, to_base64};

/// What owns all that a [`Change`] borrows.
pub(crate) struct OwnedChange {
    key: String,
    fields: Vec<String>,
    kind: Kind,
    action: String,
    amount: i64,
    value: Option<Scalar>,
    ttl_ms: Option<u64>,
    to: Option<Writer>,
}

impl OwnedChange {
    pub(crate) fn take(args: &mut Args) -> Self {
        let (key, fields, kind) = place(args);
        OwnedChange {
            key,
            fields,
            kind,
            action: args.text("do"),
            amount: args.or("amount", 0),
            value: args.option("value").map(|v| scalar(&v)),
            ttl_ms: args.option("ttl_ms"),
            to: args.option("to"),
        }
    }

    /// Those of the argument `changes`.
    pub(crate) fn take_all(args: &mut Args) -> Vec<Self> {
        let list: Vec<Map<String, Value>> = args.or("changes", Vec::new());
        let one = |change: Map<String, Value>| {
            let mut args = Args(change);
            let change = OwnedChange::take(&mut args);
            assert!(args.0.is_empty(), "unknown fields of a change: {:?}", args.0);
            change
        };
        list.into_iter().map(one).collect()
    }

    /// Gives the change to `body`.
    pub(crate) fn lend<T>(&self, body: impl FnOnce(Change<'_>) -> T) -> T {
        lend_all(std::slice::from_ref(self), |changes| body(changes[0].clone()))
    }

    fn op(&self) -> Op<'_> {
        let value = || self.value.as_ref().expect("the change has a value");
        let ttl_ms = self.ttl_ms;
        match self.action.as_str() {
            "add" => Op::Add(self.amount),
            "give" => Op::Give { to: self.to.unwrap(), amount: self.amount.try_into().unwrap() },
            "write" => Op::Write { value: value(), ttl_ms },
            "insert" => Op::Insert { value: value(), ttl_ms },
            "remove" => Op::Remove(value()),
            "enable" => Op::Enable { ttl_ms },
            "disable" => Op::Disable,
            "clear" => Op::Clear,
            other => panic!("there is no change '{other}'"),
        }
    }
}

/// Gives the changes to `body`.
pub(crate) fn lend_all<T>(owned: &[OwnedChange], body: impl FnOnce(&[Change<'_>]) -> T) -> T {
    let fields: Vec<Vec<&str>> = owned.iter().map(|o| o.fields.iter().map(String::as_str).collect()).collect();
    let change = |(owned, fields)| {
        let (owned, fields): (&OwnedChange, &Vec<&str>) = (owned, fields);
        Change { path: Path { key: &owned.key, fields }, kind: owned.kind, op: owned.op() }
    };
    let changes: Vec<Change<'_>> = owned.iter().zip(&fields).map(change).collect();
    body(&changes)
}

/// Where a step reads or writes: key, fields and kind.
pub(crate) fn place(args: &mut Args) -> (String, Vec<String>, Kind) {
    (args.text("key"), args.or("fields", Vec::new()), kind(&args.text("kind")))
}

pub(crate) fn kind(name: &str) -> Kind {
    Kind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_else(|| panic!("there is no kind '{name}'"))
}

pub(crate) fn scalar(value: &Value) -> Scalar {
    let (name, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap();
    match name.as_str() {
        "bytes" => Scalar::Bytes(from_base64(text()).into()),
        "int" => Scalar::Int(value.as_i64().unwrap()),
        "float" => Scalar::Float(value.as_f64().unwrap()),
        "text" => Scalar::Text(text().into()),
        "json" => Scalar::Json(text().into()),
        other => panic!("there is no value '{other}'"),
    }
}

fn scalar_json(value: &Scalar) -> Value {
    match value {
        Scalar::Bytes(v) => json!({"bytes": to_base64(v)}),
        Scalar::Int(v) => json!({"int": v}),
        Scalar::Float(v) => json!({"float": v}),
        Scalar::Text(v) => json!({"text": v}),
        Scalar::Json(v) => json!({"json": v}),
    }
}

pub(crate) fn reading(reading: Reading) -> Value {
    match reading {
        Reading::Number(number) => number_json(number),
        Reading::Value(value) => value.as_ref().map_or(Value::Null, scalar_json),
        Reading::Values(values) => values.iter().map(scalar_json).collect(),
        Reading::Flag(is_on) => json!(is_on),
        Reading::Fields(fields) => keys(fields),
    }
}

pub(crate) fn number_json(number: i128) -> Value {
    json!(i64::try_from(number).unwrap())
}

/// Names and kinds, as they come.
pub(crate) fn keys<N: Into<String>>(keys: impl IntoIterator<Item = (N, Kind)>) -> Value {
    keys.into_iter().map(|(name, kind)| json!([name.into(), kind.name()])).collect()
}

pub(crate) fn changed(list: Vec<Changed>) -> Vec<Value> {
    list.into_iter().map(|Changed { key, kind }| json!({"key": key, "kind": kind.name()})).collect()
}

impl World {
    /// The handle that the first step which names a store opened.
    fn store(&mut self, name: &str) -> Result<CrdtStore> {
        if let Some(store) = self.stores.get(name) {
            return Ok(store.clone());
        }
        let store = self.engine.open_crdt(name)?;
        self.stores.insert(name.to_owned(), store.clone());
        Ok(store)
    }

    pub(crate) fn crdt(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        match op {
            "crdt_create" => {
                let mut args = args.object("config");
                let config = CrdtConfig {
                    name: args.text("name"),
                    durability: args.durability(),
                    snapshot_records: args.or("snapshot_records", 0),
                };
                assert!(args.0.is_empty(), "unknown fields of a store: {:?}", args.0);
                let name = config.name.clone();
                self.stores.insert(name, self.engine.crdt(config)?);
                return Ok(Value::Null);
            }
            "crdts" => return self.engine.crdts().wait().map(|names| json!(names)),
            _ => {}
        }
        let name = args.text("store");
        let prefix = args.or("prefix", String::new());
        let change = (op == "crdt_write").then(|| OwnedChange::take(args));
        let changes = OwnedChange::take_all(args);
        let place = matches!(op, "crdt_read" | "crdt_contains").then(|| place(args));
        let (key, value) = (args.option::<String>("key"), args.option("value"));
        let as_name = args.option::<String>("as");
        if op == "crdt_open" {
            self.stores.remove(&name);
        }
        let store = self.store(&name)?;
        match op {
            "crdt_open" => Ok(Value::Null),
            "crdt_write" => {
                let written = change.unwrap().lend(|c| store.write(c.path, c.kind, &c.op)).wait()?;
                Ok(json!({"seq": written.seq, "total": written.total.map(number_json)}))
            }
            "crdt_transaction" => {
                let written = lend_all(&changes, |changes| store.transaction(changes)).wait()?;
                Ok(json!({"seq": written.seq}))
            }
            "crdt_read" => {
                let (key, fields, kind) = place.unwrap();
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                store.read(Path { key: &key, fields: &fields }, kind).map(reading)
            }
            "crdt_contains" => {
                let ((key, fields, kind), value) = (place.unwrap(), scalar(&value.unwrap()));
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                store.contains(Path { key: &key, fields: &fields }, kind, &value).map(Value::from)
            }
            "crdt_rights" => store.rights(&key.unwrap()).map(number_json),
            "crdt_keys" => store.keys(&prefix).map(keys),
            "crdt_dump" => {
                let one = |d: headwater::crdt::Dumped| {
                    let value: Value = serde_json::from_str(&d.json).unwrap();
                    json!({"key": d.key, "kind": d.kind.name(), "value": value})
                };
                Ok(store.dump(&prefix)?.into_iter().map(one).collect())
            }
            "crdt_watch" => {
                let watcher = store.watch(&prefix)?;
                self.watchers.insert(as_name.unwrap(), Watch::Crdt(watcher));
                Ok(Value::Null)
            }
            "crdt_status" => {
                let s = store.status()?;
                let held = s.held.len();
                let (seq, snapshot_seq, actors, behind) = (s.seq, s.snapshot_seq, s.actors, s.behind);
                Ok(json!({
                    "seq": seq, "snapshot_seq": snapshot_seq, "held": held, "actors": actors, "behind": behind,
                }))
            }
            "crdt_merge" => {
                let merged = store.merge(&self.store(&args.text("other"))?)?;
                Ok(json!({"keys": merged.keys, "changed": merged.changed, "bytes": merged.bytes}))
            }
            "crdt_release_held" => store.release_held().map(|count| json!(count)),
            _ => panic!("there is no operation '{op}'"),
        }
    }
}
