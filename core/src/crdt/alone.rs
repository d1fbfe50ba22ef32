//! The bytes of a delta that is one operation, written from what it did: those that [`super::Fragment::encode`] would
//! write of it, without a fragment.

use crate::varint::put_varint;

use super::actor::{Actors, Dot, Ranks};
use super::codec::{VERSION, put_name, put_seen, put_writer};
use super::codec_state::put_state;
use super::context::Seen;
use super::fragment::Scope;
use super::kind::Kind;
use super::op::Delta;

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
    put_applied(&mut out, ranks.rank(dot.actor), dot.seq);
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

/// A context of one dot.
fn put_applied(out: &mut Vec<u8>, actor: u32, seq: u64) {
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
