//! Replicas without a store, for programs that have a carrier of their own. `lib/replica.js` is the other side.

use std::cell::RefCell;

use headwater::Writer;
use headwater::crdt::{Applied, Context, Fragment, Kind, Replica};
use napi::Env;
use napi::bindgen_prelude::{BigInt, Buffer, Uint8Array};
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::crdt_pack::{self as pack, Place};
use crate::error::{Result, fault, invalid};
use crate::handles::Held;
use crate::hub::hub;
use crate::values::u64_of;

/// A replica of one thread; no call of it runs any JavaScript, so it is never borrowed twice.
pub(crate) struct Shared(RefCell<Replica>);

fn on<R>(replica: u32, run: impl FnOnce(&mut Replica) -> Result<R>) -> Result<R> {
    Shared::with(replica, |replica, _| run(&mut replica.0.borrow_mut()))
}

/// Answers packed bytes.
fn packed(env: Env, replica: u32, run: impl FnOnce(&mut Replica) -> Result<Vec<u8>>) -> Result<Raw> {
    Shared::with(replica, |replica, hub| {
        let bytes = run(&mut replica.0.borrow_mut())?;
        Answer::Bytes(bytes).into_js(env, hub)
    })
}

fn ms(now_ms: &BigInt) -> Result<u64> {
    u64_of("nowMs", now_ms)
}

/// An empty replica of an actor.
#[napi(catch_unwind)]
pub fn replica_make(hub_number: u32, engine: BigInt, epoch: BigInt) -> Result<u32> {
    let actor = Writer { engine: u64_of("engine", &engine)?, epoch: u64_of("epoch", &epoch)? };
    Ok(Shared(RefCell::new(Replica::new(actor))).hold(&hub(hub_number)?))
}

/// Does one packed operation; whether there was anything to do.
#[napi(catch_unwind)]
pub fn replica_write(replica: u32, packed: &[u8], now_ms: BigInt) -> Result<bool> {
    let now_ms = ms(&now_ms)?;
    on(replica, |replica| {
        pack::with_change(packed, |change| replica.write(change.path, change.kind, &change.op, now_ms).map_err(fault))
    })
}

/// Does all of so many packed operations or nothing.
#[napi(catch_unwind)]
pub fn replica_transaction(replica: u32, packed: &[u8], count: u32, now_ms: BigInt) -> Result<()> {
    let now_ms = ms(&now_ms)?;
    on(replica, |replica| {
        pack::with_changes(packed, count, |changes| replica.transaction(changes, now_ms).map_err(fault))
    })
}

/// What is at a path as a kind, packed.
#[napi(catch_unwind)]
pub fn replica_read(env: Env, replica: u32, path: Vec<String>, kind: u32, now_ms: BigInt) -> Result<Raw> {
    let (place, kind, now_ms) = (Place::new(path)?, pack::kind_of(kind)?, ms(&now_ms)?);
    packed(env, replica, |replica| Ok(pack::reading(&place.with(|path| replica.read(path, kind, now_ms)))))
}

/// Whether a packed value is in a set.
#[napi(catch_unwind)]
pub fn replica_contains(replica: u32, path: Vec<String>, kind: u32, value: &[u8], now_ms: BigInt) -> Result<bool> {
    let (place, kind, now_ms) = (Place::new(path)?, pack::kind_of(kind)?, ms(&now_ms)?);
    let value = pack::value_of(value)?;
    on(replica, |replica| Ok(place.with(|path| replica.contains(path, kind, &value, now_ms))))
}

/// How much its actor may take from a bounded counter, packed.
#[napi(catch_unwind)]
pub fn replica_rights(env: Env, replica: u32, key: String) -> Result<Raw> {
    packed(env, replica, |replica| Ok(pack::number(replica.rights(&key))))
}

/// All keys, in order, packed.
#[napi(catch_unwind)]
pub fn replica_keys(env: Env, replica: u32) -> Result<Raw> {
    packed(env, replica, |replica| {
        let mut keys: Vec<_> = replica.keys().collect();
        keys.sort_unstable();
        Ok(pack::names(&keys))
    })
}

/// What was done since the last call.
#[napi(catch_unwind)]
pub fn replica_take_delta(replica: u32) -> Result<Option<Buffer>> {
    on(replica, |replica| Ok(replica.take_delta().map(|delta| delta.encode().into())))
}

/// All there is.
#[napi(catch_unwind)]
pub fn replica_whole(replica: u32) -> Result<Buffer> {
    on(replica, |replica| Ok(replica.whole().encode().into()))
}

/// Some keys in full: as many names as kinds.
#[napi(catch_unwind)]
pub fn replica_some(replica: u32, names: Vec<String>, kinds: Vec<u32>) -> Result<Buffer> {
    if names.len() != kinds.len() {
        return Err(invalid("there are not as many names as kinds"));
    }
    let kinds: Vec<Kind> = kinds.into_iter().map(pack::kind_of).collect::<Result<_>>()?;
    on(replica, |replica| Ok(replica.some(names.iter().map(String::as_str).zip(kinds)).encode().into()))
}

/// The keys in full that one with this context has not applied.
#[napi(catch_unwind)]
pub fn replica_since(replica: u32, context: &[u8]) -> Result<Buffer> {
    let context = Context::decode(context).map_err(fault)?;
    on(replica, |replica| Ok(replica.since(&context).encode().into()))
}

/// The operations whose whole effect is here.
#[napi(catch_unwind)]
pub fn replica_context(replica: u32) -> Result<Buffer> {
    on(replica, |replica| Ok(replica.context().encode().into()))
}

/// Says that all keys that one with this context had have been applied.
#[napi(catch_unwind)]
pub fn replica_caught_up(replica: u32, context: &[u8]) -> Result<()> {
    let context = Context::decode(context).map_err(fault)?;
    on(replica, |replica| {
        replica.caught_up(&context);
        Ok(())
    })
}

/// Joins a fragment: the keys that changed, packed, or null when it is held.
#[napi(catch_unwind)]
pub fn replica_apply(env: Env, replica: u32, fragment: &[u8], now_ms: BigInt) -> Result<Raw> {
    let (fragment, now_ms) = (Fragment::decode(fragment).map_err(fault)?, ms(&now_ms)?);
    Shared::with(replica, |replica, hub| {
        let applied = replica.0.borrow_mut().apply(fragment, now_ms).map_err(fault)?;
        let answer = match applied {
            Applied::Changed(keys) => Answer::Bytes(pack::names(&keys)),
            Applied::Held => Answer::Done,
        };
        answer.into_js(env, hub)
    })
}

/// The part of a delta that is new.
#[napi(catch_unwind)]
pub fn replica_extract(replica: u32, delta: &[u8]) -> Result<Option<Buffer>> {
    let delta = Fragment::decode(delta).map_err(fault)?;
    on(replica, |replica| Ok(replica.extract(&delta).map_err(fault)?.map(|new| new.encode().into())))
}

/// Joins a fragment that a replica of the same actor wrote down.
#[napi(catch_unwind)]
pub fn replica_restore(replica: u32, fragment: &[u8]) -> Result<()> {
    let fragment = Fragment::decode(fragment).map_err(fault)?;
    on(replica, |replica| {
        replica.restore(fragment);
        Ok(())
    })
}

/// What a replica forgot.
#[napi(object, object_from_js = false)]
pub struct CollectedDescription {
    pub dropped: u32,
    pub operations: u32,
}

/// Drops what is dead and stable, given others: engine and epoch of each, one after the other, and their contexts.
#[napi(catch_unwind)]
pub fn replica_stable(
    replica: u32,
    actors: Vec<BigInt>,
    contexts: Vec<Uint8Array>,
    now_ms: BigInt,
) -> Result<CollectedDescription> {
    if actors.len() != 2 * contexts.len() {
        return Err(invalid("there are not as many actors as contexts"));
    }
    let peer = |(actor, context): (&[BigInt], &Uint8Array)| {
        let actor = Writer { engine: u64_of("engine", &actor[0])?, epoch: u64_of("epoch", &actor[1])? };
        Ok((actor, Context::decode(context).map_err(fault)?))
    };
    let peers: Vec<_> = actors.chunks(2).zip(&contexts).map(peer).collect::<Result<_>>()?;
    let now_ms = ms(&now_ms)?;
    on(replica, |replica| {
        let collected = replica.stable(&peers, now_ms);
        Ok(CollectedDescription { dropped: collected.dropped as u32, operations: collected.operations as u32 })
    })
}

/// How many fragments are held.
#[napi(catch_unwind)]
pub fn replica_held(replica: u32) -> Result<u32> {
    on(replica, |replica| Ok(replica.held().len() as u32))
}

/// Joins the fragments that are held whose time has come, or all; the keys that changed, packed.
#[napi(catch_unwind)]
pub fn replica_release(env: Env, replica: u32, all: bool, now_ms: BigInt) -> Result<Raw> {
    let now_ms = ms(&now_ms)?;
    packed(env, replica, |replica| Ok(pack::names(&replica.release(all, now_ms))))
}

/// A digest of what lives in a key.
#[napi(catch_unwind)]
pub fn replica_digest(replica: u32, key: String, kind: u32, now_ms: BigInt) -> Result<u64> {
    let (kind, now_ms) = (pack::kind_of(kind)?, ms(&now_ms)?);
    on(replica, |replica| Ok(replica.digest(&key, kind, now_ms)))
}
