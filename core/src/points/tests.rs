//! Tests of the points pillar: laws and decoders by seeded random input, the rest against an engine in memory.

mod aggregate;
mod codec;
mod csv;
mod latest;
mod query;
mod store;
mod time;
mod transfer;
mod watch;

use crate::engine::Engine;

use super::{Point, Points, PointsConfig, Value};

/// A hundred rounds of each property; the seed is in every message, so a failure can be repeated.
const ROUNDS: u64 = 100;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len() as u64) as usize]
    }

    fn float(&mut self) -> f64 {
        match self.below(8) {
            0 => f64::from_bits(self.next()),
            1 => 0.0,
            2 => -(self.below(1000) as f64),
            _ => self.below(1_000_000) as f64 / 100.0,
        }
    }

    fn value(&mut self) -> Value {
        match self.below(6) {
            0 => Value::Int(self.next() as i64),
            1 => Value::Int(self.below(200) as i64 - 100),
            2 => Value::Text(self.pick(&["", "on", "a,\"b\"\r\nc", "é≠"]).to_owned()),
            3 => Value::Json(self.pick(&["null", "{\"a\":[1,2.5]}", "\"x\"", "[\n1 ]"]).to_owned()),
            _ => Value::Float(self.float()),
        }
    }

    /// A point among few series, times and origins, so that ties are common.
    fn point(&mut self) -> Point {
        Point {
            key: self.pick(&["", "", "1", "a.b"]).to_owned(),
            tombstone: [0, 0, 0, 0, 0, 1, 2, u32::MAX][self.below(8) as usize],
            origin: self.pick(&["", "", "aa", "zz"]).to_owned(),
            ..Point::new(
                self.pick(&["seattle", "São Paulo", "a.b*"]),
                self.pick(&["temperature", "wind"]),
                self.below(20) as i64 - 10,
                self.value(),
            )
        }
    }
}

fn store(engine: &Engine) -> Points {
    Points::create(engine, PointsConfig { name: "test".to_owned(), ..PointsConfig::default() }).expect("a store")
}

/// Writes points in batches of every size.
fn write(points: &Points, random: &mut Random, all: &[Point]) {
    let mut rest = all;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(1 + random.below(rest.len().min(7) as u64) as usize);
        points.write(now).wait().expect("written");
        rest = later;
    }
}

fn temperature(time: i64, value: f64) -> Point {
    Point::new("seattle", "temperature", time, Value::Float(value))
}
