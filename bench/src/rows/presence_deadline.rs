//! What it costs to move a deadline on: the wheel of presence, turning included, beside tokio's `DelayQueue`. A hundred
//! thousand deadlines of 75 s, each moved every 25 s, as clients give signs of life.

use std::hint::black_box;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::runtime::Builder;
use tokio_util::time::DelayQueue;

use super::Row;
use crate::Outcome;
use crate::context::{Context, Side};
use crate::report::Line;

#[path = "../../../core/src/presence/time.rs"]
#[allow(dead_code, missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "the core's own, as it is")]
mod time;
#[path = "../../../core/src/presence/wheel.rs"]
#[allow(dead_code, missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "the core's own, as it is")]
mod wheel;

use time::Mono;
use wheel::{TICK_MS, Wheel};

/// The row.
pub(crate) const ROW: Row = Row { name: "presence_deadline", about: "a deadline moved on: tokio's DelayQueue", run };

const DEADLINES: usize = 100_000;
/// How long a session lives, and how often it gives a sign of life, milliseconds.
const TTL_MS: Mono = 75_000;
const BEAT_MS: Mono = 25_000;
/// How many times each is moved on in a round.
const BEATS: u64 = 20;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let beats = context.turns(BEATS);
    let order = order();
    let [ours, theirs] = context.interleave([
        Side::new("the wheel", |_| turned(beats, &order)),
        Side::new("DelayQueue", |_| reset(beats, &order)),
    ])?;
    Ok(vec![Line::cost(ROW.name, "a deadline moved on, 100,000 of them", "tokio's DelayQueue", [&ours, &theirs], 0.1)])
}

/// Everybody once, in no order.
fn order() -> Vec<u32> {
    let mut order: Vec<u32> = (0..DEADLINES as u32).collect();
    let mut chance = 1_u64;
    for last in (1..DEADLINES).rev() {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(last, (chance >> 33) as usize % (last + 1));
    }
    order
}

/// Nanoseconds for each that is moved on, with all turns of the wheel until the last deadline is over.
fn turned(beats: u64, order: &[u32]) -> Outcome<f64> {
    let (mut wheel, mut dues) = (Wheel::new(0), vec![TTL_MS; DEADLINES]);
    for item in 0..DEADLINES as u32 {
        wheel.file(item, wheel.tick_of(TTL_MS));
    }
    let (mut out, mut over, mut moved) = (Vec::new(), 0, 0);
    let end = BEAT_MS * beats;
    let ticks = BEAT_MS / TICK_MS;
    let each = DEADLINES / ticks as usize;
    let began = Instant::now();
    for tick in 0..=(end + TTL_MS) / TICK_MS + 1 {
        let now = tick * TICK_MS;
        if now < end {
            let from = (tick % ticks) as usize * each;
            for item in &order[from..from + each] {
                dues[*item as usize] = now + TTL_MS;
                moved += 1;
            }
        }
        while wheel.take_due(now, DEADLINES, &mut out) {}
        for (item, _) in out.drain(..) {
            let due = dues[item as usize];
            if due <= now {
                over += 1;
            } else {
                wheel.file(item, wheel.tick_of(due));
            }
        }
    }
    let took = began.elapsed();
    black_box(&dues);
    if (over, moved) != (DEADLINES, DEADLINES as u64 * beats) {
        return Err(format!("{over} of {DEADLINES} deadlines are over, {moved} were moved on").into());
    }
    Ok(took.as_nanos() as f64 / moved as f64)
}

/// Nanoseconds for each that is moved on; none of them comes due.
fn reset(beats: u64, order: &[u32]) -> Outcome<f64> {
    let runtime = Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let mut queue = DelayQueue::with_capacity(DEADLINES);
        let keys: Vec<_> = (0..DEADLINES).map(|item| queue.insert(item, Duration::from_millis(TTL_MS))).collect();
        let began = Instant::now();
        for beat in 0..beats {
            for item in order {
                queue.reset(&keys[*item as usize], Duration::from_millis(TTL_MS + beat));
            }
        }
        let took = began.elapsed();
        let is_early = futures_util::StreamExt::next(&mut queue).now_or_never().is_some();
        if is_early || queue.len() != DEADLINES {
            return Err(format!("{} of {DEADLINES} deadlines are there", queue.len()).into());
        }
        Ok(took.as_nanos() as f64 / (beats as f64 * DEADLINES as f64))
    })
}
