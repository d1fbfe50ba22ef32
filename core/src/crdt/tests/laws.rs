//! The laws, on random states of every kind: what replicas have done and heard, joined in every order.

use super::model::{CELLS, KEYS};
use super::*;
use crate::crdt::Scope;

/// Replicas that have worked apart for a while after some common past, and the deltas that each made since.
fn apart(random: &mut Random, count: usize) -> (Vec<Replica>, Vec<Fragment>) {
    let mut first = replica(0);
    work(random, &mut first);
    first.take_delta();
    let mut replicas = vec![first];
    for engine in 1..count {
        let mut next = replica(engine as u64);
        give(&replicas[random.below(replicas.len() as u64) as usize], &mut next);
        replicas.push(next);
    }
    let mut deltas = Vec::new();
    for replica in &mut replicas {
        for _ in 0..=random.below(3) {
            work(random, replica);
            deltas.extend(replica.take_delta());
        }
    }
    (replicas, deltas)
}

fn work(random: &mut Random, replica: &mut Replica) {
    for _ in 0..random.below(12) {
        let cell = random.pick(&CELLS);
        let (value, is_removal) = (Value::Int(random.below(4) as i64), random.chance(30));
        let op = match cell.kind {
            Kind::BoundedCounter => Op::Add(random.below(5) as i64),
            _ if random.chance(10) => CLEAR,
            Kind::Counter | Kind::GrowCounter => Op::Add(random.below(9) as i64),
            Kind::Register | Kind::MultiRegister => write(&value),
            Kind::Set | Kind::RemoveWinsSet if is_removal => Op::Remove(&value),
            Kind::Set | Kind::RemoveWinsSet => insert(&value),
            _ if is_removal => Op::Disable,
            _ => Op::Enable { ttl_ms: None },
        };
        replica.write(Path { key: cell.key, fields: cell.fields }, cell.kind, &op, 0).expect("it is allowed");
    }
}

fn bytes(replica: &Replica) -> Vec<u8> {
    replica.whole().encode()
}

/// What a new replica has that is given some fragments, one after the other.
fn joined<'a>(fragments: impl IntoIterator<Item = &'a Fragment>) -> Replica {
    let mut replica = replica(99);
    for fragment in fragments {
        replica.apply(fragment.clone(), 0).expect("it is taken");
    }
    replica
}

fn each_seed(mut law: impl FnMut(&mut Random)) {
    for seed in 0..400 {
        let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| law(&mut Random(seed))));
        assert!(said.is_ok(), "with seed {seed}");
    }
}

#[test]
fn a_join_is_commutative_associative_and_idempotent() {
    each_seed(|random| {
        let (replicas, _) = apart(random, 3);
        let [a, b, c] = [replicas[0].whole(), replicas[1].whole(), replicas[2].whole()];
        assert_eq!(bytes(&joined([&a, &b])), bytes(&joined([&b, &a])));
        let ab = joined([&a, &b]).whole();
        let bc = joined([&b, &c]).whole();
        assert_eq!(bytes(&joined([&ab, &c])), bytes(&joined([&a, &bc])));
        assert_eq!(bytes(&joined([&a, &a])), a.encode());
        assert_eq!(bytes(&joined([&a, &b, &a, &ab, &b])), bytes(&joined([&a, &b])));
    });
}

#[test]
fn deltas_in_any_order_and_number_do_what_whole_states_do() {
    each_seed(|random| {
        let (replicas, mut deltas) = apart(random, 3);
        let whole: Vec<Fragment> = replicas.iter().map(Replica::whole).collect();
        let wanted = bytes(&joined(&whole));
        // A replica that has the common past and then the deltas alone, in no order, some twice, some in groups.
        let mut other = replica(99);
        give(&replicas[0], &mut other);
        for _ in 0..deltas.len() {
            let (a, b) = (random.below(deltas.len() as u64) as usize, random.below(deltas.len() as u64) as usize);
            deltas.swap(a, b);
        }
        let again = deltas.clone();
        let mut grouped: Vec<Fragment> = Vec::new();
        for delta in deltas.into_iter().chain(again) {
            match grouped.last_mut().filter(|_| random.chance(50)) {
                Some(group) => group.join(delta).expect("both are deltas"),
                None => grouped.push(delta),
            }
        }
        for group in grouped {
            let group = Fragment::decode(&group.encode()).expect("it was encoded");
            other.apply(group, 0).expect("it is taken");
        }
        assert_eq!(bytes(&other), wanted);
    });
}

#[test]
fn groups_of_deltas_are_equal_however_they_were_made() {
    each_seed(|random| {
        let (_, deltas) = apart(random, 3);
        let group = |order: &[usize]| {
            let mut group = deltas[order[0]].clone();
            order[1..].iter().for_each(|&i| group.join(deltas[i].clone()).expect("both are deltas"));
            group.encode()
        };
        if deltas.len() >= 3 {
            assert_eq!(group(&[0, 1, 2]), group(&[2, 1, 0]));
            assert_eq!(group(&[0, 1, 2, 1, 0]), group(&[1, 0, 2]));
        }
    });
}

#[test]
fn keys_in_full_and_the_word_that_they_were_all_do_what_a_whole_state_does() {
    each_seed(|random| {
        let (replicas, _) = apart(random, 2);
        let [mut by_key, mut by_state] = [replicas[0].clone(), replicas[0].clone()];
        let theirs = &replicas[1];
        by_key.apply(theirs.some(KEYS), 0).expect("it is taken");
        by_key.caught_up(&theirs.context());
        by_state.apply(theirs.whole(), 0).expect("it is taken");
        assert_eq!(bytes(&by_key), bytes(&by_state));
    });
}

#[test]
fn what_is_new_since_a_context_does_what_the_whole_does_to_those_keys() {
    each_seed(|random| {
        let (replicas, _) = apart(random, 2);
        let [mut since, mut whole] = [replicas[0].clone(), replicas[0].clone()];
        let news = replicas[1].since(&since.context());
        assert_eq!(news.scope(), Scope::Keys);
        let keys: Vec<(String, Kind)> = news.keys().map(|(name, kind)| (name.into(), kind)).collect();
        since.apply(news, 0).expect("it is taken");
        whole.apply(replicas[1].whole(), 0).expect("it is taken");
        for (key, kind) in keys {
            assert_eq!(since.read(&*key, kind, 0), whole.read(&*key, kind, 0), "{key}");
            assert_eq!(since.digest(&key, kind, 0), whole.digest(&key, kind, 0), "{key}");
        }
        // Nothing that is known is sent again.
        assert_eq!(whole.since(&whole.context()).keys().count(), 0);
    });
}

#[test]
fn what_is_new_of_a_delta_is_all_of_it_once_and_then_nothing() {
    each_seed(|random| {
        let (replicas, deltas) = apart(random, 3);
        let mut group = deltas.first().cloned();
        for delta in deltas.iter().skip(1) {
            if let Some(group) = &mut group {
                group.join(delta.clone()).expect("both are deltas");
            }
        }
        let Some(group) = group else { return };
        let mut other = replicas[random.below(3) as usize].clone();
        let mut all = other.clone();
        if let Some(news) = other.extract(&group).expect("it is a delta") {
            assert!(news.encode().len() <= group.encode().len());
            other.apply(news, 0).expect("it is taken");
        }
        all.apply(group.clone(), 0).expect("it is taken");
        assert_eq!(bytes(&other), bytes(&all));
        assert!(other.extract(&group).expect("it is a delta").is_none());
    });
}

#[test]
fn what_is_known_of_a_delta_is_left_out() {
    let (mut a, mut b) = (replica(1), replica(2));
    let values: Vec<Value> = (0..100).map(Value::Int).collect();
    for value in &values[..99] {
        a.write("set", Kind::Set, &insert(value), 0).expect("it is allowed");
    }
    let mut group = delta(&mut a);
    b.apply(group.clone(), 0).expect("it is taken");
    a.write("set", Kind::Set, &insert(&values[99]), 0).expect("it is allowed");
    let last = delta(&mut a);
    group.join(last.clone()).expect("both are deltas");
    let news = b.extract(&group).expect("it is a delta").expect("one is new");
    assert_eq!(news.encode(), last.encode());
}
