//! Projections: events taken, brought into effect by the program, and committed. `lib/projection.js` is the other side.

use headwater::Pending;
use headwater::events::{DeadLetter, EventStore, Failing, Failure, Projection, ProjectionStatus};
use napi::Env;
use napi::bindgen_prelude::{BigInt, Buffer};
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::ProjectionRequest;
use crate::error::{Result, fault};
use crate::event_pack as pack;
use crate::handles::Held;
use crate::pack::Writer;
use crate::values::u64_of;

/// Opens a projection.
#[napi(catch_unwind)]
pub fn event_store_projection(env: Env, store: u32, request: ProjectionRequest) -> Result<Raw> {
    let config = request.into_core()?;
    EventStore::with(store, |store, hub| hub.settle(env, store.projection(config).map(Answer::handle)))
}

/// All projections, packed.
#[napi(catch_unwind)]
pub fn event_store_projections(env: Env, store: u32) -> Result<Raw> {
    EventStore::with(store, |store, hub| hub.settle(env, store.projections().map(|all| Answer::Bytes(statuses(&all)))))
}

/// Forgets a projection.
#[napi(catch_unwind)]
pub fn event_store_delete_projection(env: Env, store: u32, name: String) -> Result<Raw> {
    EventStore::with(store, |store, hub| hub.settle(env, store.delete_projection(&name).map(|()| Answer::Done)))
}

/// Dead letters of a projection, packed.
#[napi(catch_unwind)]
pub fn event_store_dead_letters(env: Env, store: u32, projection: String, after: BigInt, max: u32) -> Result<Raw> {
    let after = u64_of("after", &after)?;
    EventStore::with(store, |store, hub| {
        hub.settle(env, store.dead_letters(&projection, after, max as usize).map(|all| Answer::Bytes(letters(&all))))
    })
}

/// Removes a dead letter.
#[napi(catch_unwind)]
pub fn event_store_delete_dead_letter(env: Env, store: u32, projection: String, seq: BigInt) -> Result<Raw> {
    let seq = u64_of("seq", &seq)?;
    EventStore::with(store, |store, hub| hub.settle(env, store.delete_dead_letter(&projection, seq).map(Answer::Flag)))
}

/// The event at a sequence of the store, packed as a list of one or none.
#[napi(catch_unwind)]
pub fn event_store_event_at(env: Env, store: u32, seq: BigInt) -> Result<Raw> {
    let seq = u64_of("seq", &seq)?;
    EventStore::with(store, |store, hub| {
        hub.settle(env, store.event_at(seq).map(|events| Answer::Bytes(pack::events(&events))))
    })
}

/// The sequence of the last event in effect.
#[napi(catch_unwind)]
pub fn projection_position(projection: u32) -> Result<u64> {
    Projection::with(projection, |it, _| Ok(it.position()))
}

/// The state that was committed last.
#[napi(catch_unwind)]
pub fn projection_state(projection: u32) -> Result<Buffer> {
    Projection::with(projection, |it, _| Ok(it.state().into()))
}

/// How many events the store has behind what is in effect.
#[napi(catch_unwind)]
pub fn projection_lag(projection: u32) -> Result<u64> {
    Projection::with(projection, |it, _| Ok(it.lag()))
}

/// Whether it was closed.
#[napi(catch_unwind)]
pub fn projection_is_closed(projection: u32) -> Result<bool> {
    Projection::with(projection, |it, _| Ok(it.is_closed()))
}

/// Says where the read model stands.
#[napi(catch_unwind)]
pub fn projection_seek(projection: u32, position: BigInt) -> Result<()> {
    let position = u64_of("position", &position)?;
    Projection::with(projection, |it, _| {
        it.seek(position);
        Ok(())
    })
}

/// Waits for events, then takes up to `max`, packed.
#[napi(catch_unwind)]
pub fn projection_next(env: Env, projection: u32, max: u32) -> Result<Raw> {
    Projection::with(projection, |it, hub| {
        hub.settle(env, it.next(max as usize).map(|events| Answer::Bytes(pack::events(&events))))
    })
}

/// Says that events are in effect, and will be committed later.
#[napi(catch_unwind)]
pub fn projection_advance(projection: u32, seq: BigInt) -> Result<()> {
    let seq = u64_of("seq", &seq)?;
    Projection::with(projection, |it, _| it.advance(seq).map_err(fault))
}

/// Says that events are in effect.
#[napi(catch_unwind)]
pub fn projection_commit(env: Env, projection: u32, seq: BigInt, state: &[u8]) -> Result<Raw> {
    let seq = u64_of("seq", &seq)?;
    done(env, projection, |it| it.commit(seq, state))
}

/// Tells the store now.
#[napi(catch_unwind)]
pub fn projection_flush(env: Env, projection: u32) -> Result<Raw> {
    done(env, projection, Projection::flush)
}

/// Says that an event is not in effect; packed, what comes of it.
#[napi(catch_unwind)]
pub fn projection_fail(env: Env, projection: u32, seq: BigInt, why: String) -> Result<Raw> {
    let seq = u64_of("seq", &seq)?;
    Projection::with(projection, |it, hub| {
        hub.settle(env, it.fail(seq, &why).map(|failed| Answer::Bytes(failure(failed))))
    })
}

/// The sequence of the last event for it.
#[napi(catch_unwind)]
pub fn projection_head(env: Env, projection: u32) -> Result<Raw> {
    Projection::with(projection, |it, hub| hub.settle(env, it.head().map(Answer::Count)))
}

/// Makes a rebuild the live one.
#[napi(catch_unwind)]
pub fn projection_switch(env: Env, projection: u32) -> Result<Raw> {
    Projection::with(projection, |it, hub| hub.settle(env, it.switch().map(Answer::Flag)))
}

/// Ends it.
#[napi(catch_unwind)]
pub fn projection_close(env: Env, projection: u32) -> Result<Raw> {
    done(env, projection, Projection::close)
}

fn done(env: Env, projection: u32, begin: impl FnOnce(&Projection) -> Pending<()>) -> Result<Raw> {
    Projection::with(projection, |it, hub| hub.settle(env, begin(it).map(|()| Answer::Done)))
}

fn failure(failure: Failure) -> Vec<u8> {
    let mut out = Writer::default();
    out.u32(failure.tries);
    out.u64(u64::try_from(failure.pause.as_nanos()).unwrap_or(u64::MAX));
    out.u32(failure.is_dead.into());
    out.finish()
}

fn failing(out: &mut Writer, failing: &Failing) {
    out.u64(failing.seq);
    out.u32(failing.tries);
    out.text(&failing.error);
}

fn letters(letters: &[DeadLetter]) -> Vec<u8> {
    let mut out = Writer::default();
    out.u32(letters.len() as u32);
    for letter in letters {
        failing(&mut out, &letter.failing);
        out.u64(letter.time);
    }
    out.finish()
}

fn statuses(statuses: &[ProjectionStatus]) -> Vec<u8> {
    let mut out = Writer::default();
    out.u32(statuses.len() as u32);
    for status in statuses {
        out.text(&status.name);
        out.u32(status.is_rebuild.into());
        out.u64(status.position);
        out.u64(status.lag);
        out.u32(status.is_running.into());
        out.u32(status.failing.is_some().into());
        if let Some(it) = &status.failing {
            failing(&mut out, it);
        }
        out.u64(status.dead);
        out.u64(status.updated);
        out.u32(status.filters.len() as u32);
        for filter in &status.filters {
            for part in [&filter.aggregate, &filter.key] {
                out.u32(part.is_some().into());
                out.text(part.as_deref().unwrap_or_default());
            }
        }
    }
    out.finish()
}
