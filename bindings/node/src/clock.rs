//! A clock that moves only when told, for tests, and the engine in memory that goes by it.

use std::sync::Arc;

use headwater::{Engine, EngineOptions, ManualClock};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::error::{Result, fault};
use crate::handles::Held;
use crate::hub::hub;
use crate::values::{millis, u64_of};

/// A clock that stands at `now`; its random bits are the same in every run.
#[napi(catch_unwind)]
pub fn clock_make(hub_number: u32, now: BigInt) -> Result<u32> {
    let now = u64_of("clockAt", &now)?;
    Ok(ManualClock::new(now, now).hold(&hub(hub_number)?))
}

/// An engine in memory that goes by the clock, and whose timers run in [`clock_advance`].
#[napi(catch_unwind)]
pub fn clock_engine(clock: u32) -> Result<u32> {
    ManualClock::with(clock, |clock, hub| {
        let options = EngineOptions { clock: Arc::new(clock.clone()), worker: false, ..EngineOptions::default() };
        Ok(Engine::memory_with(options).map_err(fault)?.hold(hub))
    })
}

/// Moves time forward and does what is due by then.
#[napi(catch_unwind)]
pub fn clock_advance(clock: u32, engine: u32, by_ms: f64) -> Result<()> {
    let by = millis("the advance", by_ms)?;
    ManualClock::with(clock, |clock, _| {
        clock.advance(by);
        Engine::with(engine, |engine, _| {
            engine.step();
            Ok(())
        })
    })
}
