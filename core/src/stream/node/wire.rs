//! Values as they go over a node's socket: small ones by hand, configurations and what is told of streams as JSON.
//!
//! What is read was written by another process: a value that is not whole or not of its kind is `None`, and nothing
//! takes more memory than the frame that it came in.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::member::MeshStatus;
use crate::metric::{HELP, LABELS, Metric};
use crate::stream::config::{ConsumerConfig, StreamConfig};
use crate::stream::consumer::ConsumerInfo;
use crate::stream::info::StreamInfo;
use crate::stream::link::{LinkConfig, LinkStatus};
use crate::stream::options::{PurgeOptions, ReadOptions};
use crate::stream::subscription::SubscribeOptions;
use crate::varint::{put_bytes, put_varint, take_bytes, take_text, take_varint};

/// What goes over the socket.
pub(crate) trait Wire: Sized {
    /// Appends it.
    fn put(&self, out: &mut Vec<u8>);
    /// Takes it from the front of `from`.
    fn take(from: &mut &[u8]) -> Option<Self>;
}

/// Takes whatever value is wanted from the front of `from`.
pub(super) fn take<T: Wire>(from: &mut &[u8]) -> Option<T> {
    T::take(from)
}

/// A value that is all that `from` holds.
pub(crate) fn whole<T: Wire>(mut from: &[u8]) -> Option<T> {
    let value = T::take(&mut from)?;
    from.is_empty().then_some(value)
}

/// The bytes of a value.
pub(crate) fn bytes_of<T: Wire>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.put(&mut out);
    out
}

pub(super) fn take_byte(from: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = from.split_first()?;
    *from = rest;
    Some(*byte)
}

impl Wire for () {
    fn put(&self, _: &mut Vec<u8>) {}

    fn take(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        match take_byte(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Wire for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, *self);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        take_varint(from)
    }
}

impl Wire for f64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(f64::from_le_bytes(*bytes))
    }
}

/// One of these names, which both sides know.
fn take_known(from: &mut &[u8], mut names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let name = take_text(from)?;
    names.find(|known| *known == name)
}

impl Wire for Metric {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.name.as_bytes());
        put_varint(out, self.labels.len() as u64);
        for (label, value) in &self.labels {
            put_bytes(out, label.as_bytes());
            value.put(out);
        }
        self.value.put(out);
        self.counter.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let name = take_known(from, HELP.iter().map(|(name, _)| *name))?;
        let mut labels = Vec::new();
        for _ in 0..take_varint(from)? {
            labels.push((take_known(from, LABELS.into_iter())?, String::take(from)?));
        }
        Some(Metric { name, labels, value: f64::take(from)?, counter: bool::take(from)? })
    }
}

impl Wire for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(i64::from_le_bytes(*bytes))
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.as_bytes());
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        take_text(from).map(str::to_owned)
    }
}

/// Bytes of a program's own.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Wire for Bytes {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(out, &self.0);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        take_bytes(from).map(|bytes| Bytes(bytes.to_vec()))
    }
}

/// As nanoseconds; what is longer than 584 years is that long.
impl Wire for Duration {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, u64::try_from(self.as_nanos()).unwrap_or(u64::MAX));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        take_varint(from).map(Duration::from_nanos)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        if bool::take(from)? { T::take(from).map(Some) } else { Some(None) }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.len() as u64);
        for value in self {
            value.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        // The count is not believed: room is made as values come.
        let count = take_varint(from)?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(T::take(from)?);
        }
        Some(values)
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl<A: Wire, B: Wire, C: Wire> Wire for (A, B, C) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
        self.2.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?, C::take(from)?))
    }
}

/// All that an error holds, so that it is the same on both sides.
impl Wire for Error {
    fn put(&self, out: &mut Vec<u8>) {
        let kind = ErrorKind::ALL.iter().position(|k| *k == self.kind()).unwrap_or_default();
        out.push(kind as u8);
        put_bytes(out, self.message().as_bytes());
        self.expected().zip(self.actual()).put(out);
        self.is_disk_full().put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let kind = *ErrorKind::ALL.get(usize::from(take_byte(from)?))?;
        let message = String::take(from)?;
        Some(Error::from_parts(kind, message, take(from)?, bool::take(from)?))
    }
}

macro_rules! as_json {
    ($($type:ty),+) => {$(
        impl Wire for $type {
            fn put(&self, out: &mut Vec<u8>) {
                put_bytes(out, &serde_json::to_vec(self).unwrap_or_default());
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                serde_json::from_slice(take_bytes(from)?).ok()
            }
        }
    )+};
}

as_json!(
    StreamConfig,
    StreamInfo,
    ConsumerConfig,
    ConsumerInfo,
    LinkConfig,
    LinkStatus,
    MeshStatus,
    ReadOptions,
    PurgeOptions,
    SubscribeOptions
);

#[cfg(test)]
mod tests {
    use super::*;

    fn comes_back<T: Wire + PartialEq + std::fmt::Debug>(value: &T) {
        let bytes = bytes_of(value);
        assert_eq!(whole::<T>(&bytes).as_ref(), Some(value));
        for end in 0..bytes.len() {
            assert_eq!(whole::<T>(&bytes[..end]), None, "{value:?} cut at {end}");
        }
    }

    #[test]
    fn a_value_comes_back_and_a_cut_one_does_not() {
        comes_back(&(u64::MAX, true, "text".to_owned()));
        comes_back(&(i64::MIN, vec!["a".to_owned(), String::new()]));
        comes_back(&(Some(Duration::from_millis(5)), None::<u64>));
        comes_back(&StreamConfig::new("orders", ["orders.>"]));
        comes_back(&ConsumerConfig::new("worker"));
    }

    #[test]
    fn a_count_that_lies_takes_no_memory() {
        assert_eq!(whole::<Vec<u64>>(&bytes_of(&u64::MAX)), None);
    }

    #[test]
    fn an_error_holds_what_it_held() {
        for error in [
            Error::wrong_sequence("stream 'orders'", 3, 4),
            Error::io("write it", &std::io::Error::from(std::io::ErrorKind::StorageFull)),
            Error::new(ErrorKind::Internal, "a bug"),
        ] {
            let back: Error = whole(&bytes_of(&error)).expect("an error");
            assert_eq!(
                (back.kind(), back.message(), back.expected(), back.actual(), back.is_disk_full()),
                (error.kind(), error.message(), error.expected(), error.actual(), error.is_disk_full())
            );
        }
    }
}
