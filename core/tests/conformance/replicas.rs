//! Operations on replicas, which need no engine, and on the fragments that they send each other.

use std::collections::HashMap;

use headwater::crdt::{Applied, Collected, Context, Fragment, Path, Replica};
use headwater::{Result, Writer};
use serde_json::{Value, json};

use crate::args::Args;
use crate::crdt::{OwnedChange, keys, kind, lend_all, number_json, place, reading, scalar};
use crate::engine::World;

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn sorted<N: Into<String>>(list: Vec<(N, headwater::crdt::Kind)>) -> Value {
    let mut list: Vec<_> = list.into_iter().map(|(name, kind)| (name.into(), kind)).collect();
    list.sort_unstable();
    keys(list)
}

/// The fragment that a step states in hex, or names.
fn given(kept: &HashMap<String, Vec<u8>>, args: &mut Args) -> Result<Fragment> {
    let stated = args.option::<String>("bytes").map(|hex| from_hex(&hex));
    Fragment::decode(&stated.unwrap_or_else(|| kept[&args.text("fragment")].clone()))
}

impl World {
    pub(crate) fn replica(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        if op == "replica" {
            let actor = Writer { engine: args.number("engine"), epoch: args.number("epoch") };
            self.replicas.insert(args.text("as"), Replica::new(actor));
            return Ok(Value::Null);
        }
        let of = args.option::<String>("of").map(|name| self.replicas[&name].context().encode());
        let context = || Context::decode(of.as_ref().expect("the step says of which replica"));
        let peers: Vec<_> = args.or::<Vec<String>>("peers", Vec::new());
        let peers: Vec<_> = peers.iter().map(|name| &self.replicas[name]).map(|r| (r.actor(), r.context())).collect();
        let name = args.text("replica");
        let now_ms = args.or("now_ms", 0);
        let replica = self.replicas.get_mut(&name).unwrap();
        match op {
            "replica_write" => {
                OwnedChange::take(args).lend(|c| replica.write(c.path, c.kind, &c.op, now_ms)).map(Value::from)
            }
            "replica_transaction" => {
                lend_all(&OwnedChange::take_all(args), |changes| replica.transaction(changes, now_ms))?;
                Ok(Value::Null)
            }
            "replica_read" => {
                let (key, fields, kind) = place(args);
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                Ok(reading(replica.read(Path { key: &key, fields: &fields }, kind, now_ms)))
            }
            "replica_contains" => {
                let ((key, fields, kind), value) = (place(args), scalar(&args.option("value").unwrap()));
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                Ok(json!(replica.contains(Path { key: &key, fields: &fields }, kind, &value, now_ms)))
            }
            "replica_rights" => Ok(number_json(replica.rights(&args.text("key")))),
            "replica_take_delta" => {
                let delta = replica.take_delta();
                Ok(self.keep_any(args.text("as"), delta))
            }
            "replica_whole" => {
                let bytes = replica.whole().encode();
                Ok(self.keep(args.text("as"), bytes))
            }
            "replica_some" => {
                let wanted: Vec<(String, String)> = args.option("keys").unwrap();
                let bytes = replica.some(wanted.iter().map(|(name, k)| (name.as_str(), kind(k)))).encode();
                Ok(self.keep(args.text("as"), bytes))
            }
            "replica_since" => {
                let bytes = replica.since(&context()?).encode();
                Ok(self.keep(args.text("as"), bytes))
            }
            "replica_context" => Ok(json!(to_hex(&replica.context().encode()))),
            "replica_caught_up" => {
                replica.caught_up(&context()?);
                Ok(Value::Null)
            }
            "replica_apply" => Ok(match replica.apply(given(&self.fragments, args)?, now_ms)? {
                Applied::Changed(list) => json!({"changed": sorted(list)}),
                Applied::Held => json!({"held": true}),
            }),
            "replica_extract" => {
                let name = args.text("as");
                let new = replica.extract(&given(&self.fragments, args)?)?;
                Ok(self.keep_any(name, new))
            }
            "replica_restore" => {
                replica.restore(given(&self.fragments, args)?);
                Ok(Value::Null)
            }
            "replica_stable" => {
                let Collected { dropped, operations } = replica.stable(&peers, now_ms);
                Ok(json!({"dropped": dropped, "operations": operations}))
            }
            "replica_held" => Ok(json!(replica.held().len())),
            "replica_release" => Ok(sorted(replica.release(args.or("all", false), now_ms))),
            "replica_digest" => {
                let (key, _, kind) = place(args);
                Ok(json!(format!("{:016x}", replica.digest(&key, kind, now_ms))))
            }
            _ => panic!("there is no operation '{op}'"),
        }
    }

    /// Keeps a fragment under a name; its bytes.
    fn keep(&mut self, name: String, bytes: Vec<u8>) -> Value {
        let hex = json!(to_hex(&bytes));
        self.fragments.insert(name, bytes);
        hex
    }

    /// The same for one that there may not be.
    fn keep_any(&mut self, name: String, fragment: Option<Fragment>) -> Value {
        fragment.map_or(Value::Null, |fragment| self.keep(name, fragment.encode()))
    }
}
