//! The bytes of a delta that is one operation, written from what it did: those that [`super::Fragment::encode`] would
//! write of it, without a fragment.

use crate::error::Result;
use crate::origin::Writer;
use crate::varint::put_varint;

use super::actor::{Actors, Dot, Ranks};
use super::codec::{VERSION, put_name, put_seen, put_writer};
use super::codec_state::{put_dot, put_row, put_state, put_value};
use super::context::Seen;
use super::counter::Row;
use super::fragment::Scope;
use super::keys::Only;
use super::kind::Kind;
use super::op::{Delta, Op, Writing};

/// What a delta takes beside its key and its state, bytes in the common case.
const HEAD_BYTES: usize = 48;

/// The bytes of one operation. The delta is as it was at the end.
pub(super) fn encode(table: &Actors, key: &str, kind: Kind, dot: Dot, delta: &mut Delta) -> Vec<u8> {
    let mut used = vec![dot.actor];
    let mut note = |place| {
        if used.last() != Some(&place) {
            used.push(place);
        }
        place
    };
    delta.state.remap(&mut note);
    for removed in &delta.removed {
        note(removed.actor);
    }
    let ranks = Ranks::of(used, table);
    let mut out = Vec::with_capacity(HEAD_BYTES + 2 * key.len());
    out.extend([VERSION, Scope::Delta as u8]);
    put_varint(&mut out, ranks.places().len() as u64);
    ranks.places().iter().for_each(|&place| put_writer(&mut out, table.writer(place)));
    put_seen_one(&mut out, ranks.rank(dot.actor), dot.seq);
    let mut removed = Seen::default();
    for dot in &delta.removed {
        removed.insert(Dot { actor: ranks.rank(dot.actor), seq: dot.seq });
    }
    put_seen(&mut out, &removed);
    put_key(&mut out, key, kind);
    delta.state.remap(&mut |place| ranks.rank(place));
    put_state(&mut out, &delta.state);
    delta.state.remap(&mut |rank| ranks.places()[rank as usize]);
    out
}

/// Does an operation in place, where its delta speaks of its actor alone: the bytes of that delta. None if it is not
/// that simple.
pub(super) fn in_place(
    key: &str,
    kind: Kind,
    state: Only<'_>,
    op: &Op<'_>,
    by: &Writing<'_>,
) -> Option<Result<Vec<u8>>> {
    let Only::Packed(mut state) = state else { return None };
    let Dot { actor, seq } = by.dot;
    let writer = by.actors.writer(actor);
    Some(match (kind, op) {
        (Kind::Counter | Kind::GrowCounter, Op::Add(amount)) => {
            let (generation, total) = state.add(*amount, kind == Kind::GrowCounter, by.dot)?;
            let mut out = own_head(writer, seq, None, key, kind);
            out.push(1);
            put_row(&mut out, &Row { actor: 0, generation, seq, total, base: None });
            Ok(out)
        }
        (Kind::Register | Kind::MultiRegister, Op::Write { value, ttl_ms }) => {
            state.write(value, *ttl_ms, by)?.map(|(before, expiry_ms)| {
                let mut out = own_head(writer, seq, Some(before.seq), key, kind);
                out.push(1);
                put_dot(&mut out, &Dot { actor: 0, seq });
                put_varint(&mut out, by.stamp);
                put_varint(&mut out, expiry_ms);
                put_value(&mut out, value);
                out
            })
        }
        _ => return None,
    })
}

/// All before the state, of a delta of one operation that names no other actor and removes one dot at the most.
fn own_head(writer: Writer, seq: u64, removed: Option<u64>, key: &str, kind: Kind) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 * HEAD_BYTES + key.len());
    out.extend([VERSION, Scope::Delta as u8, 1]);
    put_writer(&mut out, writer);
    put_seen_one(&mut out, 0, seq);
    match removed {
        Some(seq) => put_seen_one(&mut out, 0, seq),
        None => out.push(0),
    }
    put_key(&mut out, key, kind);
    out
}

/// A context of one dot.
fn put_seen_one(out: &mut Vec<u8>, actor: u32, seq: u64) {
    out.push(1);
    put_varint(out, actor.into());
    out.push(1);
    put_varint(out, seq - 1);
    out.push(0);
}

/// One key, of which a delta knows nothing ahead.
fn put_key(out: &mut Vec<u8>, key: &str, kind: Kind) {
    out.push(1);
    put_name(out, key);
    out.extend([kind as u8, 0]);
}
