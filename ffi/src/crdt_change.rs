//! What is done to state that merges: kinds, values and operations, as they come in.

use headwater::Result;
use headwater::crdt::{Change, Kind, Op, Path, Value};

use crate::bytes::{hw_bytes, hw_str};
use crate::crdt::hw_actor;
use crate::error::invalid;
use crate::raw::{self, versioned};

/// What a key or a field of a map is.
#[repr(i32)]
pub enum hw_crdt_kind {
    /// A number that is added to and taken from.
    Counter = 1,
    /// A number that only grows.
    GrowCounter = 2,
    /// A number that never falls below 0, whatever is concurrent.
    BoundedCounter = 3,
    /// One value: the last writer wins.
    Register = 4,
    /// One value, or all that were written concurrently.
    MultiRegister = 5,
    /// Values: what is added and removed concurrently is there.
    Set = 6,
    /// Values: what is added and removed concurrently is not there.
    RemoveWinsSet = 7,
    /// On or off: what is enabled and disabled concurrently is on.
    Flag = 8,
    /// On or off: what is enabled and disabled concurrently is off.
    DisableWinsFlag = 9,
    /// Fields, each of any kind but a bounded counter.
    Map = 10,
}

/// What is done.
#[repr(i32)]
pub enum hw_crdt_op {
    /// Counters: adds `amount`, or takes away where it is negative and the kind allows it.
    Add = 1,
    /// A bounded counter: gives rights to `amount`, not negative, to the actor `give_to`.
    Give = 2,
    /// Registers: writes `value`, for `ttl_ms`.
    Write = 3,
    /// Sets: adds `value`, for `ttl_ms`.
    Insert = 4,
    /// Sets: removes `value`.
    Remove = 5,
    /// Flags: turns it on, for `ttl_ms`.
    Enable = 6,
    /// Flags: turns it off.
    Disable = 7,
    /// Any kind but a bounded counter: removes all that is there.
    Clear = 8,
}

/// What a value is.
#[repr(i32)]
pub enum hw_crdt_value_type {
    /// Any bytes, in `bytes`.
    Bytes = 1,
    /// A 64-bit integer, in `integer`.
    Int = 2,
    /// A 64-bit float, kept bit for bit, in `number`.
    Float = 3,
    /// UTF-8 text, in `bytes`.
    Text = 4,
    /// A JSON document, kept as it was written, in `bytes`.
    Json = 5,
}

/// What registers hold and sets consist of; at most 1 MiB.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_crdt_value {
    /// The value of bytes, text or json.
    pub bytes: hw_bytes,
    /// The value of an int.
    pub integer: i64,
    /// The value of a float.
    pub number: f64,
    /// An hw_crdt_value_type.
    pub value_type: i32,
}

/// One operation on one state. In an array, all have the same `struct_size`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_crdt_change {
    /// sizeof(hw_crdt_change)
    pub struct_size: usize,
    /// The key: 1 to 1,024 bytes.
    pub key: hw_str,
    /// The names of the fields that lead to it in maps, at most 32; none for the key itself.
    pub fields: *const hw_str,
    /// How many.
    pub fields_len: usize,
    /// What is written, inserted or removed.
    pub value: hw_crdt_value,
    /// How much is added or given.
    pub amount: i64,
    /// How long what is written, inserted or enabled stays, in milliseconds; 0 is for good.
    pub ttl_ms: u64,
    /// To whom rights are given.
    pub give_to: hw_actor,
    /// An hw_crdt_kind.
    pub kind: i32,
    /// An hw_crdt_op.
    pub op: i32,
}

versioned!(hw_crdt_change);

/// The kind that a number stands for.
pub(crate) fn kind(number: i32) -> Result<Kind> {
    let place = usize::try_from(i64::from(number) - 1).ok();
    let kind = place.and_then(|place| Kind::ALL.get(place)).copied();
    kind.ok_or_else(|| invalid(format!("kind is {number}, which is no hw_crdt_kind")))
}

/// The value that the caller lends.
fn value(from: &hw_crdt_value) -> Result<Value> {
    let text = || raw::text("value", from.bytes.data.cast(), from.bytes.len);
    Ok(match from.value_type {
        1 => Value::Bytes(from.bytes.bytes("value")?.into()),
        2 => Value::Int(from.integer),
        3 => Value::Float(from.number),
        4 => Value::Text(text()?.into()),
        5 => Value::Json(text()?.into()),
        n => return Err(invalid(format!("value_type is {n}, which is no hw_crdt_value_type"))),
    })
}

/// A value that must be given.
pub(crate) fn value_given(from: *const hw_crdt_value) -> Result<Value> {
    value(&raw::array("value", from, 1)?[0])
}

/// A view of a value, for as long as that stays.
pub(crate) fn value_out(value: &Value) -> hw_crdt_value {
    let nothing = hw_crdt_value { bytes: hw_bytes::of(&[]), integer: 0, number: 0.0, value_type: 0 };
    let bytes = |bytes: &[u8], what: hw_crdt_value_type| hw_crdt_value {
        bytes: hw_bytes::of(bytes),
        value_type: what as i32,
        ..nothing
    };
    match value {
        Value::Bytes(v) => bytes(v, hw_crdt_value_type::Bytes),
        Value::Int(v) => hw_crdt_value { integer: *v, value_type: hw_crdt_value_type::Int as i32, ..nothing },
        Value::Float(v) => hw_crdt_value { number: *v, value_type: hw_crdt_value_type::Float as i32, ..nothing },
        Value::Text(v) => bytes(v.as_bytes(), hw_crdt_value_type::Text),
        Value::Json(v) => bytes(v.as_bytes(), hw_crdt_value_type::Json),
    }
}

/// A path that the caller lends.
pub(crate) struct Place<'a> {
    key: &'a str,
    fields: Vec<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn new(key: &'a str, fields: *const hw_str, fields_len: usize) -> Result<Self> {
        Ok(Place { key, fields: raw::texts("fields", fields, fields_len)? })
    }

    pub(crate) fn path(&self) -> Path<'_> {
        Path { key: self.key, fields: &self.fields }
    }
}

/// An operation that was taken in.
pub(crate) struct Taken<'a> {
    place: Place<'a>,
    kind: Kind,
    doing: Doing,
    ttl_ms: Option<u64>,
}

enum Doing {
    Add(i64),
    Give(hw_actor, u64),
    Write(Value),
    Insert(Value),
    Remove(Value),
    Enable,
    Disable,
    Clear,
}

impl Taken<'_> {
    fn new(from: &hw_crdt_change) -> Result<Self> {
        let doing = match from.op {
            1 => Doing::Add(from.amount),
            2 => Doing::Give(
                from.give_to,
                u64::try_from(from.amount)
                    .map_err(|_| invalid(format!("amount is {}: what is given is not negative", from.amount)))?,
            ),
            3 => Doing::Write(value(&from.value)?),
            4 => Doing::Insert(value(&from.value)?),
            5 => Doing::Remove(value(&from.value)?),
            6 => Doing::Enable,
            7 => Doing::Disable,
            8 => Doing::Clear,
            n => return Err(invalid(format!("op is {n}, which is no hw_crdt_op"))),
        };
        let place = Place::new(from.key.text("key")?, from.fields, from.fields_len)?;
        Ok(Taken { place, kind: kind(from.kind)?, doing, ttl_ms: (from.ttl_ms != 0).then_some(from.ttl_ms) })
    }

    /// The operation, as core takes it.
    pub(crate) fn change(&self) -> Change<'_> {
        let ttl_ms = self.ttl_ms;
        let op = match &self.doing {
            Doing::Add(amount) => Op::Add(*amount),
            Doing::Give(to, amount) => Op::Give { to: (*to).into(), amount: *amount },
            Doing::Write(value) => Op::Write { value, ttl_ms },
            Doing::Insert(value) => Op::Insert { value, ttl_ms },
            Doing::Remove(value) => Op::Remove(value),
            Doing::Enable => Op::Enable { ttl_ms },
            Doing::Disable => Op::Disable,
            Doing::Clear => Op::Clear,
        };
        Change { path: self.place.path(), kind: self.kind, op }
    }
}

/// The operation that the caller lends.
pub(crate) fn one<'a>(change: *const hw_crdt_change) -> Result<Taken<'a>> {
    Taken::new(&raw::required("change", change)?)
}

/// The operations that the caller lends.
pub(crate) fn many<'a>(first: *const hw_crdt_change, len: usize) -> Result<Vec<Taken<'a>>> {
    raw::versioned_array("changes", first, len)?.iter().map(Taken::new).collect()
}
