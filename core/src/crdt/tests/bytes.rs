//! The encoding: one for each state, and everything else refused with its place.

use super::*;
use crate::crdt::Context;
use crate::error::ErrorKind;

fn full() -> Replica {
    let (mut a, mut b) = (replica(2), replica(1));
    let values = [Value::Bytes(vec![1, 2].into()), Value::Int(-3), Value::Float(0.5), Value::from("t")];
    let json = Value::Json("[1]".into());
    for (replica, other) in [(&mut a, writer(1)), (&mut b, writer(2))] {
        for value in values.iter().chain([&json]) {
            replica.write("set", Kind::Set, &insert(value), 70_000).expect("it is allowed");
            replica.write("wins", Kind::RemoveWinsSet, &insert(value), 70_000).expect("it is allowed");
        }
        replica.write("wins", Kind::RemoveWinsSet, &Op::Remove(&json), 70_000).expect("it is allowed");
        replica.write("off", Kind::DisableWinsFlag, &Op::Disable, 0).expect("it is allowed");
        replica.write("flag", Kind::Flag, &Op::Enable { ttl_ms: Some(9) }, 0).expect("it is allowed");
        replica.write("multi", Kind::MultiRegister, &write(&json), 0).expect("it is allowed");
        replica.write("b", Kind::BoundedCounter, &Op::Add(9), 0).expect("it is allowed");
        replica.write("b", Kind::BoundedCounter, &Op::Give { to: other, amount: 3 }, 0).expect("it is allowed");
        let fields = Path { key: "map", fields: &["in", "n"] };
        replica.write(fields, Kind::GrowCounter, &Op::Add(300), 0).expect("it is allowed");
        replica.write(fields, Kind::GrowCounter, &CLEAR, 0).expect("it is allowed");
        replica.write(fields, Kind::GrowCounter, &Op::Add(2), 0).expect("it is allowed");
    }
    b.apply(a.some([("set", Kind::Set), ("none", Kind::Map)]), 70_000).expect("it is taken");
    b.apply(delta(&mut a), 70_000).expect("it is taken");
    b
}

#[test]
fn what_is_decoded_encodes_to_the_same_bytes() {
    let mut replica = full();
    let all = [replica.whole(), replica.some([("wins", Kind::RemoveWinsSet), ("no", Kind::Set)]), delta(&mut replica)];
    for fragment in all {
        let bytes = fragment.encode();
        let again = Fragment::decode(&bytes).expect("it was encoded");
        assert_eq!(again.encode(), bytes);
        assert_eq!(again.scope(), fragment.scope());
        assert_eq!(again.context(), fragment.context());
    }
    let context = replica.context();
    assert_eq!(Context::decode(&context.encode()).expect("it was encoded"), context);
}

#[test]
fn equal_states_are_equal_bytes_whatever_the_order_of_their_making() {
    let (mut a, mut b, mut c) = (replica(11), replica(12), replica(13));
    let full = full();
    a.write("n", Kind::Counter, &Op::Add(1), 0).expect("it is allowed");
    give(&a, &mut b);
    b.apply(full.whole(), 70_000).expect("it is taken");
    c.apply(full.whole(), 70_000).expect("it is taken");
    c.apply(b.whole(), 70_000).expect("it is taken");
    assert_eq!(b.whole().encode(), c.whole().encode());
}

#[test]
fn bytes_cut_short_or_changed_are_refused_or_are_another_state_in_its_one_form() {
    let mut replica = full();
    for bytes in [replica.whole().encode(), delta(&mut replica).encode()] {
        for end in 0..bytes.len() {
            let error = Fragment::decode(&bytes[..end]).expect_err("it is cut short");
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.message().contains("at byte"), "{error}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        Fragment::decode(&longer).expect_err("there is more after its end");
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                if let Ok(fragment) = Fragment::decode(&changed) {
                    assert_eq!(fragment.encode(), changed, "byte {at}, bit {bit}");
                }
            }
        }
    }
}

#[test]
fn contexts_of_other_bytes_are_refused() {
    let context = full().context().encode();
    for at in 0..context.len() {
        Context::decode(&context[..at]).expect_err("it is cut short");
        let mut changed = context.clone();
        changed[at] ^= 1;
        if let Ok(context) = Context::decode(&changed) {
            assert_eq!(context.encode(), changed);
        }
    }
}

#[test]
fn an_interval_to_the_last_sequence_is_read_and_nothing_is_after_it() {
    let mut bytes = vec![1, 1];
    bytes.extend([0; 16]);
    bytes.extend([1, 0, 1, 0]);
    bytes.extend([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    let context = Context::decode(&bytes).expect("it is one interval");
    assert!(context.contains(Writer { engine: 0, epoch: 0 }, u64::MAX));
    assert_eq!(context.encode(), bytes);
}

#[test]
fn an_operation_written_alone_has_the_bytes_of_its_delta() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut replica = replica(random.below(3));
        for step in 0..30 {
            if random.chance(20) {
                let mut other = super::replica(10 + random.below(4) + 10 * step);
                give(&replica, &mut other);
                operate(&mut random, |path, kind, op| other.write(path, kind, op, step).map(drop));
                give(&other, &mut replica);
            }
            let mut twin = replica.clone();
            let mut same = random.clone();
            let (mut alone, mut is_done) = (None, false);
            operate(&mut random, |path, kind, op| {
                alone = replica.write_alone(&path, kind, op, step)?;
                Ok(())
            });
            operate(&mut same, |path, kind, op| {
                is_done = twin.write(path, kind, op, step)?;
                Ok(())
            });
            assert_eq!(alone.is_some(), is_done, "seed {seed}");
            assert_eq!(alone, twin.take_delta().map(|delta| delta.encode()), "seed {seed}");
            assert_eq!(replica.whole().encode(), twin.whole().encode(), "seed {seed}");
            assert_eq!(replica.next_seq, twin.next_seq);
        }
    }
}

/// A random operation on one of the cells.
fn operate(random: &mut Random, write: impl FnOnce(Path<'_>, Kind, &Op<'_>) -> crate::error::Result<()>) {
    let cell = random.pick(&super::model::CELLS);
    let values = [Value::Int(random.below(4) as i64), Value::from("a text"), Value::Json("[1, 2]".into())];
    let (value, is_removal) = (random.pick(&values), random.chance(30));
    let ttl_ms = random.chance(20).then_some(1_000);
    let op = match cell.kind {
        Kind::BoundedCounter if is_removal => Op::Give { to: writer(random.below(9)), amount: 1 },
        Kind::BoundedCounter => Op::Add(random.below(300) as i64),
        _ if random.chance(10) => CLEAR,
        Kind::Counter => Op::Add(random.below(300) as i64 - 150),
        Kind::GrowCounter => Op::Add(random.below(300) as i64 - 10),
        Kind::Register | Kind::MultiRegister => Op::Write { value, ttl_ms },
        Kind::Set | Kind::RemoveWinsSet if is_removal => Op::Remove(value),
        Kind::Set | Kind::RemoveWinsSet => Op::Insert { value, ttl_ms },
        _ if is_removal => Op::Disable,
        _ => Op::Enable { ttl_ms },
    };
    // Some are refused, which changes nothing.
    let _ = write(Path { key: cell.key, fields: cell.fields }, cell.kind, &op);
}
