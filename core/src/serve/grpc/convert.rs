//! What core says as the messages of `crdt.proto` say it, in both directions. Whatever a message must have and leaves
//! out is refused with its name.

use super::v1;
use crate::crdt::{Change, Context, CrdtStatus, Dumped, Kind, Op, Path, Reading, Value};
use crate::error::{Error, Result};
use crate::origin::Writer;

fn missing(what: &str) -> Error {
    Error::invalid(format!("{what} is not set"))
}

/// The kind of this number.
pub(super) fn kind(number: i32) -> Result<Kind> {
    let kind = Kind::ALL.into_iter().find(|kind| *kind as i32 == number);
    kind.ok_or_else(|| Error::invalid(format!("kind {number} is none of 1 to {}", Kind::ALL.len())))
}

/// A value, which has to be there.
pub(super) fn value(value: Option<v1::Value>) -> Result<Value> {
    use v1::value::Value as Wire;
    Ok(match value.and_then(|value| value.value).ok_or_else(|| missing("value"))? {
        Wire::Bytes(bytes) => Value::Bytes(bytes.into()),
        Wire::Int(number) => Value::Int(number),
        Wire::Float(number) => Value::Float(number),
        Wire::Text(text) => Value::Text(text.into()),
        Wire::Json(text) => Value::Json(text.into()),
    })
}

pub(super) fn value_out(value: &Value) -> v1::Value {
    use v1::value::Value as Wire;
    let value = match value {
        Value::Bytes(bytes) => Wire::Bytes(bytes.to_vec()),
        Value::Int(number) => Wire::Int(*number),
        Value::Float(number) => Wire::Float(*number),
        Value::Text(text) => Wire::Text(text.to_string()),
        Value::Json(text) => Wire::Json(text.to_string()),
    };
    v1::Value { value: Some(value) }
}

pub(super) fn integer(number: Option<v1::Integer>) -> Result<i128> {
    use v1::integer::Number;
    match number.and_then(|integer| integer.number).ok_or_else(|| missing("integer"))? {
        Number::Small(number) => Ok(i128::from(number)),
        Number::Large(digits) => {
            digits.parse().map_err(|_| Error::invalid("an integer has decimal digits, of 128 bits at the most"))
        }
    }
}

pub(super) fn integer_out(number: i128) -> v1::Integer {
    use v1::integer::Number;
    let number = i64::try_from(number).map_or_else(|_| Number::Large(number.to_string()), Number::Small);
    v1::Integer { number: Some(number) }
}

/// Calls `work` with a path, which has to be there.
pub(super) fn with_path<T>(path: Option<&v1::Path>, work: impl FnOnce(Path<'_>) -> Result<T>) -> Result<T> {
    let path = path.ok_or_else(|| missing("path"))?;
    let fields: Vec<&str> = path.fields.iter().map(String::as_str).collect();
    work(Path { key: &path.key, fields: &fields })
}

pub(super) fn path_out(path: &Path<'_>) -> v1::Path {
    v1::Path { key: path.key.to_owned(), fields: path.fields.iter().map(|&name| name.to_owned()).collect() }
}

/// An operation with what it owns.
enum OwnedOp {
    Add(i64),
    Give { to: Writer, amount: u64 },
    Write { value: Value, ttl_ms: Option<u64> },
    Insert { value: Value, ttl_ms: Option<u64> },
    Remove(Value),
    Enable { ttl_ms: Option<u64> },
    Disable,
    Clear,
}

impl OwnedOp {
    fn of(op: v1::Op) -> Result<Self> {
        use v1::op::Op as Wire;
        Ok(match op.op.ok_or_else(|| missing("op"))? {
            Wire::Add(amount) => OwnedOp::Add(amount),
            Wire::Give(give) => {
                let named = || Error::invalid("an actor is engine and epoch, 16 hex digits each, with '-' between");
                OwnedOp::Give { to: Writer::parse(&give.to).ok_or_else(named)?, amount: give.amount }
            }
            Wire::Write(put) => OwnedOp::Write { value: value(put.value)?, ttl_ms: put.ttl_ms },
            Wire::Insert(put) => OwnedOp::Insert { value: value(put.value)?, ttl_ms: put.ttl_ms },
            Wire::Remove(removed) => OwnedOp::Remove(value(Some(removed))?),
            Wire::Enable(enable) => OwnedOp::Enable { ttl_ms: enable.ttl_ms },
            Wire::Disable(_) => OwnedOp::Disable,
            Wire::Clear(_) => OwnedOp::Clear,
        })
    }

    fn borrowed(&self) -> Op<'_> {
        match self {
            OwnedOp::Add(amount) => Op::Add(*amount),
            OwnedOp::Give { to, amount } => Op::Give { to: *to, amount: *amount },
            OwnedOp::Write { value, ttl_ms } => Op::Write { value, ttl_ms: *ttl_ms },
            OwnedOp::Insert { value, ttl_ms } => Op::Insert { value, ttl_ms: *ttl_ms },
            OwnedOp::Remove(value) => Op::Remove(value),
            OwnedOp::Enable { ttl_ms } => Op::Enable { ttl_ms: *ttl_ms },
            OwnedOp::Disable => Op::Disable,
            OwnedOp::Clear => Op::Clear,
        }
    }
}

/// Calls `work` with the changes of a write.
pub(super) fn with_changes<T>(changes: Vec<v1::Change>, work: impl FnOnce(&[Change<'_>]) -> Result<T>) -> Result<T> {
    let owned = |change: v1::Change| {
        let op = OwnedOp::of(change.op.ok_or_else(|| missing("op"))?)?;
        Ok((change.path.ok_or_else(|| missing("path"))?, kind(change.kind)?, op))
    };
    let owned: Vec<(v1::Path, Kind, OwnedOp)> = changes.into_iter().map(owned).collect::<Result<_>>()?;
    let fields: Vec<Vec<&str>> =
        owned.iter().map(|(path, ..)| path.fields.iter().map(String::as_str).collect()).collect();
    let changes = owned.iter().zip(&fields).map(|((path, kind, op), fields)| Change {
        path: Path { key: &path.key, fields },
        kind: *kind,
        op: op.borrowed(),
    });
    work(&changes.collect::<Vec<_>>())
}

pub(super) fn change_out(change: &Change<'_>) -> v1::Change {
    use v1::op::Op as Wire;
    let put = |value: &Value, ttl_ms| v1::Put { value: Some(value_out(value)), ttl_ms };
    let op = match &change.op {
        Op::Add(amount) => Wire::Add(*amount),
        Op::Give { to, amount } => Wire::Give(v1::Give { to: to.to_string(), amount: *amount }),
        Op::Write { value, ttl_ms } => Wire::Write(put(value, *ttl_ms)),
        Op::Insert { value, ttl_ms } => Wire::Insert(put(value, *ttl_ms)),
        Op::Remove(value) => Wire::Remove(value_out(value)),
        Op::Enable { ttl_ms } => Wire::Enable(v1::Enable { ttl_ms: *ttl_ms }),
        Op::Disable => Wire::Disable(v1::Disable {}),
        Op::Clear => Wire::Clear(v1::Clear {}),
    };
    v1::Change { path: Some(path_out(&change.path)), kind: change.kind as i32, op: Some(v1::Op { op: Some(op) }) }
}

/// A reading of anything but a bounded counter, which says more.
pub(super) fn reading_out(reading: &Reading) -> v1::ReadResponse {
    use v1::read_response::Reading as Wire;
    let reading = match reading {
        Reading::Number(number) => Wire::Number(integer_out(*number)),
        Reading::Value(value) => Wire::Register(v1::Register { value: value.as_ref().map(value_out) }),
        Reading::Values(values) => Wire::Values(v1::Values { values: values.iter().map(value_out).collect() }),
        Reading::Flag(is_on) => Wire::Flag(*is_on),
        Reading::Fields(fields) => {
            let field = |(name, kind): &(Box<str>, Kind)| v1::Field { name: name.to_string(), kind: *kind as i32 };
            Wire::Fields(v1::Fields { fields: fields.iter().map(field).collect() })
        }
    };
    v1::ReadResponse { reading: Some(reading) }
}

pub(super) fn reading(response: v1::ReadResponse) -> Result<Reading> {
    use v1::read_response::Reading as Wire;
    Ok(match response.reading.ok_or_else(|| missing("reading"))? {
        Wire::Number(number) => Reading::Number(integer(Some(number))?),
        Wire::BoundedCounter(counter) => Reading::Number(integer(counter.value)?),
        Wire::Register(register) => Reading::Value(register.value.map(|found| value(Some(found))).transpose()?),
        Wire::Values(values) => {
            Reading::Values(values.values.into_iter().map(|each| value(Some(each))).collect::<Result<_>>()?)
        }
        Wire::Flag(is_on) => Reading::Flag(is_on),
        Wire::Fields(fields) => {
            let field = |field: v1::Field| Ok((field.name.into(), kind(field.kind)?));
            Reading::Fields(fields.fields.into_iter().map(field).collect::<Result<_>>()?)
        }
    })
}

pub(super) fn status_out(status: &CrdtStatus) -> v1::StatusResponse {
    v1::StatusResponse {
        seq: status.seq,
        snapshot_seq: status.snapshot_seq,
        held: status.held.iter().map(Context::encode).collect(),
        actors: status.actors as u64,
        behind: status.behind,
    }
}

pub(super) fn standing(response: v1::StatusResponse) -> Result<CrdtStatus> {
    Ok(CrdtStatus {
        seq: response.seq,
        snapshot_seq: response.snapshot_seq,
        held: response.held.iter().map(|bytes| Context::decode(bytes)).collect::<Result<_>>()?,
        actors: usize::try_from(response.actors).map_err(|_| Error::invalid("actors are more than can be counted"))?,
        behind: response.behind,
    })
}

pub(super) fn entry_out(dumped: Dumped) -> v1::Entry {
    v1::Entry { key: dumped.key, kind: dumped.kind as i32, json: dumped.json }
}

pub(super) fn entry(entry: v1::Entry) -> Result<Dumped> {
    Ok(Dumped { kind: kind(entry.kind)?, key: entry.key, json: entry.json })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crdt::Replica;

    #[test]
    fn what_goes_out_comes_back() {
        let values: [Value; 5] =
            [b"\xff\x00".as_slice().into(), i64::MIN.into(), f64::NAN.into(), "grün".into(), Value::Json("[1]".into())];
        for each in &values {
            assert_eq!(value(Some(value_out(each))).expect("a value"), *each);
        }
        for number in [0, -1, i128::from(i64::MAX), i128::from(i64::MAX) + 1, i128::MIN] {
            assert_eq!(integer(Some(integer_out(number))).expect("a number"), number);
        }
        let to = Writer { engine: 1, epoch: u64::MAX };
        let ops = values.iter().flat_map(|value| {
            [Op::Write { value, ttl_ms: Some(1) }, Op::Insert { value, ttl_ms: None }, Op::Remove(value)]
        });
        let rest = [Op::Add(-5), Op::Give { to, amount: 7 }, Op::Enable { ttl_ms: Some(2) }, Op::Disable, Op::Clear];
        let path = Path { key: "k", fields: &["a", "b"] };
        let ops = ops.chain(rest).map(|op| Change { path, kind: Kind::Flag, op });
        for change in ops {
            let same = with_changes(vec![change_out(&change)], |back| Ok(format!("{back:?}"))).expect("a change");
            assert_eq!(same, format!("{:?}", [change]));
        }
        for each in [
            Reading::Number(3),
            Reading::Value(None),
            Reading::Value(Some(1.into())),
            Reading::Values(values.to_vec()),
            Reading::Flag(true),
            Reading::Fields(vec![("f".into(), Kind::Map)]),
        ] {
            assert_eq!(reading(reading_out(&each)).expect("a reading"), each);
        }
        let mut ahead = Replica::new(to);
        ahead.write("k", Kind::Counter, &Op::Add(1), 0).expect("it is allowed");
        let standing = CrdtStatus { seq: 1, snapshot_seq: 2, held: vec![ahead.context()], actors: 3, behind: 4 };
        assert_eq!(super::standing(status_out(&standing)).expect("a status"), standing);
        for each in Kind::ALL {
            let wire = v1::Kind::try_from(each as i32).expect("a kind");
            assert_eq!(wire.as_str_name(), format!("KIND_{}", each.name().to_uppercase()));
            assert_eq!(kind(wire as i32).expect("a kind"), each);
        }
    }

    #[test]
    fn what_is_left_out_is_named() {
        let change = |path: Option<v1::Path>, kind, op| v1::Change { path, kind, op };
        let path = || Some(v1::Path { key: "k".into(), fields: Vec::new() });
        let add = || Some(v1::Op { op: Some(v1::op::Op::Add(1)) });
        for (change, what) in [
            (change(None, 1, add()), "path is not set"),
            (change(path(), 0, add()), "kind 0 is none"),
            (change(path(), 1, None), "op is not set"),
            (change(path(), 1, Some(v1::Op { op: None })), "op is not set"),
        ] {
            let error = with_changes(vec![change], |_| Ok(())).expect_err("something is missing");
            assert!(error.message().starts_with(what), "{error}");
        }
    }
}
