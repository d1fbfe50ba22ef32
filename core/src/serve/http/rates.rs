//! How often somebody may ask: a bucket of tokens for each address and each subject (RFC 6585, 429). There are so many
//! buckets at the most; whoever comes beyond them shares one.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::locks::lock;

/// The most buckets: about 1 MB.
const BUCKETS_MAX: usize = 16_384;
/// How often buckets that are full again are looked for while there is no room.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Address(IpAddr),
    /// The beginning of the hash of a subject, so that long ones take no more room.
    Subject(u128),
    /// All who found no room.
    Others,
}

/// What is in it.
#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// What each may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// Requests a second; 0 is no bound.
    pub(super) rate: u32,
    /// Requests at once.
    pub(super) burst: u32,
}

/// All buckets.
pub(super) struct Rates(Mutex<Buckets>);

struct Buckets {
    of: HashMap<Who, Bucket, FixedState>,
    max: usize,
    /// When they are looked through next.
    due: Instant,
}

impl Who {
    /// Of an address; one customer's IPv6 addresses, a /64, are one.
    pub(super) fn address(address: IpAddr) -> Who {
        Who::Address(match address.to_canonical() {
            IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)).into(),
            four @ IpAddr::V4(_) => four,
        })
    }

    pub(super) fn subject(subject: &str) -> Who {
        let digest: [u8; 32] = Sha256::digest(subject).into();
        let (first, _) = digest.split_at(16);
        Who::Subject(first.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }
}

impl Bucket {
    /// What is in it by now.
    fn filled(self, rate: Rate, now: Instant) -> Bucket {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        let tokens = (self.tokens + since * f64::from(rate.rate)).min(f64::from(rate.burst));
        Bucket { tokens, at: now }
    }
}

impl Rates {
    pub(super) fn new() -> Rates {
        Rates::of(BUCKETS_MAX)
    }

    fn of(max: usize) -> Rates {
        Rates(Mutex::new(Buckets { of: HashMap::with_hasher(FixedState::default()), max, due: Instant::now() }))
    }

    /// Takes one token out.
    ///
    /// # Errors
    /// After how long there is one, at the least.
    pub(super) fn take(&self, who: Who, rate: Rate, now: Instant) -> Result<(), Duration> {
        if rate.rate == 0 {
            return Ok(());
        }
        let mut buckets = lock(&self.0);
        let who = buckets.place(who, rate, now);
        let full = Bucket { tokens: f64::from(rate.burst), at: now };
        let bucket = buckets.of.entry(who).or_insert(full);
        *bucket = bucket.filled(rate, now);
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.tokens) / f64::from(rate.rate)));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

impl Buckets {
    /// Whose bucket is taken: one's own, where it is there or there is room.
    fn place(&mut self, who: Who, rate: Rate, now: Instant) -> Who {
        if self.of.len() < self.max || self.of.contains_key(&who) {
            return who;
        }
        if now >= self.due {
            self.due = now + SWEEP_EVERY;
            // One that is full is as good as none.
            self.of.retain(|_, bucket| bucket.filled(rate, now).tokens < f64::from(rate.burst));
        }
        if self.of.len() < self.max { who } else { Who::Others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_as_time_passes() {
        let (rates, rate, begun) = (Rates::new(), Rate { rate: 2, burst: 3 }, Instant::now());
        let (ada, bob) = (Who::subject("ada"), Who::subject("bob"));
        assert!((0..3).all(|_| rates.take(ada, rate, begun).is_ok()));
        assert_eq!(rates.take(ada, rate, begun), Err(Duration::from_millis(500)));
        assert_eq!(rates.take(bob, rate, begun), Ok(()), "another one has its own");
        let later = begun + Duration::from_millis(500);
        assert_eq!((rates.take(ada, rate, later), rates.take(ada, rate, later).is_err()), (Ok(()), true));
        assert!((0..9).all(|_| rates.take(ada, Rate { rate: 0, burst: 0 }, later).is_ok()), "0 is no bound");
    }

    #[test]
    fn there_are_so_many_buckets_and_no_more() {
        let (rates, rate, begun) = (Rates::of(8), Rate { rate: 1, burst: 2 }, Instant::now());
        let of = |number: u32| Who::address(IpAddr::from(number.to_be_bytes()));
        assert!((0..8).all(|number| rates.take(of(number), rate, begun).is_ok()));
        assert!((8..10).all(|number| rates.take(of(number), rate, begun).is_ok()), "two of the others");
        assert!(rates.take(of(10), rate, begun).is_err(), "the others share a bucket");
        assert!(rates.take(of(0), rate, begun).is_ok(), "who has a bucket keeps it");
        assert!(lock(&rates.0).of.len() <= 9);
        let later = begun + Duration::from_secs(3);
        assert!((10..12).all(|number| rates.take(of(number), rate, later).is_ok()), "there is room again");
        assert!(lock(&rates.0).of.len() <= 9);
    }

    #[test]
    fn addresses_of_one_customer_are_one() {
        let of = |text: &str| Who::address(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
