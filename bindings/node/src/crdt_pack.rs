//! State that merges in packed form: changes and values on their way in, readings on their way out.
//! `lib/crdt_values.js` is the other side.

use headwater::Writer as Actor;
use headwater::crdt::{Change, Kind, Op, Path, Reading, Value, Written};

use crate::error::{Result, invalid};
use crate::pack::{Reader, Writer};

const BYTES: u32 = 0;
const INT: u32 = 1;
const FLOAT: u32 = 2;
const TEXT: u32 = 3;
const JSON: u32 = 4;

/// The kind of this number.
pub(crate) fn kind_of(number: u32) -> Result<Kind> {
    let kind = Kind::ALL.into_iter().find(|&kind| kind as u32 == number);
    kind.ok_or_else(|| invalid(format!("{number} is no kind")))
}

fn unpack_value(reader: &mut Reader<'_>) -> Result<Value> {
    Ok(match reader.u32()? {
        BYTES => {
            let len = reader.u32()? as usize;
            Value::Bytes(reader.raw(len)?.into())
        }
        INT => Value::Int(reader.i64()?),
        FLOAT => Value::Float(reader.f64()?),
        TEXT => Value::Text(reader.text()?.into()),
        JSON => Value::Json(reader.text()?.into()),
        other => return Err(invalid(format!("a packed value has the unknown type {other}"))),
    })
}

/// The value in a pack of one.
pub(crate) fn value_of(packed: &[u8]) -> Result<Value> {
    unpack_value(&mut Reader::new(packed))
}

/// Where a state is: a key, and the fields of maps that lead to it.
pub(crate) struct Place {
    key: String,
    fields: Vec<String>,
}

impl Place {
    pub(crate) fn new(names: Vec<String>) -> Result<Self> {
        let mut names = names.into_iter();
        let key = names.next().ok_or_else(no_key)?;
        Ok(Place { key, fields: names.collect() })
    }

    pub(crate) fn with<R>(&self, run: impl FnOnce(Path<'_>) -> R) -> R {
        let fields: Vec<&str> = self.fields.iter().map(String::as_str).collect();
        run(Path { key: &self.key, fields: &fields })
    }
}

fn no_key() -> napi::Error {
    invalid("a path has a key at least")
}

enum Operation {
    Add(i64),
    Give { to: Actor, amount: u64 },
    Write { value: Value, ttl_ms: Option<u64> },
    Insert { value: Value, ttl_ms: Option<u64> },
    Remove(Value),
    Enable { ttl_ms: Option<u64> },
    Disable,
    Clear,
}

struct Unpacked<'a> {
    kind: Kind,
    key: &'a str,
    fields: Vec<&'a str>,
    operation: Operation,
}

impl<'a> Unpacked<'a> {
    fn new(reader: &mut Reader<'a>) -> Result<Self> {
        let kind = kind_of(reader.u32()?)?;
        let names = (0..reader.u32()?).map(|_| reader.text()).collect::<Result<Vec<_>>>()?;
        let (&key, fields) = names.split_first().ok_or_else(no_key)?;
        Ok(Unpacked { kind, key, fields: fields.to_vec(), operation: Operation::new(reader)? })
    }

    fn change(&self) -> Change<'_> {
        let op = match &self.operation {
            Operation::Add(amount) => Op::Add(*amount),
            Operation::Give { to, amount } => Op::Give { to: *to, amount: *amount },
            Operation::Write { value, ttl_ms } => Op::Write { value, ttl_ms: *ttl_ms },
            Operation::Insert { value, ttl_ms } => Op::Insert { value, ttl_ms: *ttl_ms },
            Operation::Remove(value) => Op::Remove(value),
            Operation::Enable { ttl_ms } => Op::Enable { ttl_ms: *ttl_ms },
            Operation::Disable => Op::Disable,
            Operation::Clear => Op::Clear,
        };
        Change { path: Path { key: self.key, fields: &self.fields }, kind: self.kind, op }
    }
}

impl Operation {
    fn new(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(match reader.u32()? {
            0 => Operation::Add(reader.i64()?),
            1 => {
                let to = Actor { engine: reader.u64()?, epoch: reader.u64()? };
                Operation::Give { to, amount: reader.u64()? }
            }
            2 => Operation::Write { value: unpack_value(reader)?, ttl_ms: unpack_ttl(reader)? },
            3 => Operation::Insert { value: unpack_value(reader)?, ttl_ms: unpack_ttl(reader)? },
            4 => Operation::Remove(unpack_value(reader)?),
            5 => Operation::Enable { ttl_ms: unpack_ttl(reader)? },
            6 => Operation::Disable,
            7 => Operation::Clear,
            other => return Err(invalid(format!("a packed change has the unknown operation {other}"))),
        })
    }
}

fn unpack_ttl(reader: &mut Reader<'_>) -> Result<Option<u64>> {
    let is_there = reader.u32()? != 0;
    let ttl_ms = reader.u64()?;
    Ok(is_there.then_some(ttl_ms))
}

/// Calls `run` with so many packed changes.
pub(crate) fn with_changes<R>(packed: &[u8], count: u32, run: impl FnOnce(&[Change<'_>]) -> Result<R>) -> Result<R> {
    let mut reader = Reader::new(packed);
    let unpacked = (0..count).map(|_| Unpacked::new(&mut reader)).collect::<Result<Vec<_>>>()?;
    let changes: Vec<Change<'_>> = unpacked.iter().map(Unpacked::change).collect();
    run(&changes)
}

/// Calls `run` with one packed change.
pub(crate) fn with_change<R>(packed: &[u8], run: impl FnOnce(&Change<'_>) -> Result<R>) -> Result<R> {
    let unpacked = Unpacked::new(&mut Reader::new(packed))?;
    run(&unpacked.change())
}

fn pack_number(out: &mut Writer, number: i128) {
    out.i64((number >> 64) as i64);
    out.u64(number as u64);
}

fn pack_value(out: &mut Writer, value: &Value) {
    match value {
        Value::Bytes(bytes) => {
            out.u32(BYTES);
            out.bytes(bytes);
        }
        Value::Int(number) => {
            out.u32(INT);
            out.i64(*number);
        }
        Value::Float(number) => {
            out.u32(FLOAT);
            out.f64(*number);
        }
        Value::Text(text) => {
            out.u32(TEXT);
            out.text(text);
        }
        Value::Json(text) => {
            out.u32(JSON);
            out.text(text);
        }
    }
}

fn pack_names<T: AsRef<str>>(out: &mut Writer, keys: &[(T, Kind)]) {
    out.u32(keys.len() as u32);
    for (name, kind) in keys {
        out.text(name.as_ref());
        out.u32(*kind as u32);
    }
}

/// A number of up to 128 bits.
pub(crate) fn number(number: i128) -> Vec<u8> {
    let mut out = Writer::default();
    pack_number(&mut out, number);
    out.finish()
}

/// Names with their kinds.
pub(crate) fn names<T: AsRef<str>>(keys: &[(T, Kind)]) -> Vec<u8> {
    let mut out = Writer::default();
    pack_names(&mut out, keys);
    out.finish()
}

/// What was read, after a number that says which.
pub(crate) fn reading(reading: &Reading) -> Vec<u8> {
    let mut out = Writer::default();
    match reading {
        Reading::Number(number) => {
            out.u32(0);
            pack_number(&mut out, *number);
        }
        Reading::Value(value) => {
            out.u32(1);
            out.u32(value.is_some().into());
            if let Some(value) = value {
                pack_value(&mut out, value);
            }
        }
        Reading::Values(values) => {
            out.u32(2);
            out.u32(values.len() as u32);
            for value in values {
                pack_value(&mut out, value);
            }
        }
        Reading::Flag(is_on) => {
            out.u32(3);
            out.u32((*is_on).into());
        }
        Reading::Fields(fields) => {
            out.u32(4);
            pack_names(&mut out, fields);
        }
    }
    out.finish()
}

/// What became of a write.
pub(crate) fn written(written: Written) -> Vec<u8> {
    let mut out = Writer::default();
    out.u64(written.seq);
    out.u32(written.total.is_some().into());
    pack_number(&mut out, written.total.unwrap_or_default());
    out.finish()
}
