//! Operations on replicas, which need no engine, and on the fragments that they send each other.

use headwater::crdt::{Applied, Context, Fragment, Path, Replica};
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

impl World {
    pub(crate) fn replica(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        if op == "replica" {
            let actor = Writer { engine: args.number("engine"), epoch: args.number("epoch") };
            self.replicas.insert(args.text("as"), Replica::new(actor));
            return Ok(Value::Null);
        }
        let of = args.option::<String>("of").map(|name| self.replicas[&name].context().encode());
        let context = || Context::decode(of.as_ref().expect("the step says of which replica"));
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
            "replica_take_delta" => match replica.take_delta() {
                Some(delta) => Ok(self.keep(args, delta.encode())),
                None => {
                    args.text("as");
                    Ok(Value::Null)
                }
            },
            "replica_whole" => {
                let bytes = replica.whole().encode();
                Ok(self.keep(args, bytes))
            }
            "replica_some" => {
                let wanted: Vec<(String, String)> = args.option("keys").unwrap();
                let bytes = replica.some(wanted.iter().map(|(name, k)| (name.as_str(), kind(k)))).encode();
                Ok(self.keep(args, bytes))
            }
            "replica_since" => {
                let bytes = replica.since(&context()?).encode();
                Ok(self.keep(args, bytes))
            }
            "replica_context" => Ok(json!(to_hex(&replica.context().encode()))),
            "replica_caught_up" => {
                replica.caught_up(&context()?);
                Ok(Value::Null)
            }
            "replica_apply" => {
                let given = args.option::<String>("bytes").map(|hex| from_hex(&hex));
                let bytes = given.unwrap_or_else(|| self.fragments[&args.text("fragment")].clone());
                Ok(match replica.apply(Fragment::decode(&bytes)?, now_ms)? {
                    Applied::Changed(list) => json!({"changed": sorted(list)}),
                    Applied::Held => json!({"held": true}),
                })
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

    /// Keeps a fragment under the name that `as` says; its bytes.
    fn keep(&mut self, args: &mut Args, bytes: Vec<u8>) -> Value {
        let hex = json!(to_hex(&bytes));
        self.fragments.insert(args.text("as"), bytes);
        hex
    }
}
