//! Times as JetStream writes them, RFC 3339, from and to nanoseconds since the epoch. Anything before 1970, such as the
//! zero time of Go, is 0.

use crate::clock::Nanos;
use crate::time::{format_time, read_time};

/// The time that a text such as `2026-11-25T22:53:14.5Z` or `…+01:00` says.
pub(super) fn parse(text: &str) -> Option<Nanos> {
    read_time(text).map(|nanos| Nanos::try_from(nanos.max(0)).unwrap_or(Nanos::MAX))
}

/// The text of a time; the end of time is in 2262.
pub(super) fn format(time: Nanos) -> String {
    format_time(i64::try_from(time).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn times_come_back() {
        for time in [0, 1, 1_732_575_194_500_000_000, 951_782_400_123_456_789, 4_102_444_799_999_999_999] {
            assert_eq!(parse(&format(time)), Some(time));
        }
        assert_eq!(parse("2026-11-25T22:53:14.5Z"), Some(1_795_647_194_500_000_000));
        assert_eq!(parse("2026-11-25T23:53:14.5+01:00"), Some(1_795_647_194_500_000_000));
        assert_eq!(parse("0001-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("soon"), None);
    }
}
