//! Times as text.

use crate::points::{format_time, parse_time, parse_time_or_seconds};

use super::{ROUNDS, Random};

#[test]
fn known_times() {
    for (text, nanos) in [
        ("1970-01-01", 0),
        ("2010-01-01T01:00:00", 1_262_307_600_000_000_000),
        ("2010-01-01T01:00:00Z", 1_262_307_600_000_000_000),
        ("2010-01-01 01:00z", 1_262_307_600_000_000_000),
        ("2010-01-01t03:30:00+02:30", 1_262_307_600_000_000_000),
        ("2009-12-31T20:00:00-05:00", 1_262_307_600_000_000_000),
        ("2000-02-29T23:59:59.123456789Z", 951_868_799_123_456_789),
        ("2000-02-29T23:59:59.1234567899Z", 951_868_799_123_456_789),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
        ("1677-09-21T00:12:43.145224192Z", i64::MIN),
        ("2262-04-11T23:47:16.854775807Z", i64::MAX),
    ] {
        assert_eq!(parse_time(text).expect(text), nanos, "{text}");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "2010",
        "2010-1-1",
        "2010-13-01",
        "2010-00-01",
        "2010-02-29",
        "1900-02-29",
        "2010-01-01T",
        "2010-01-01T24:00:00",
        "2010-01-01T00:60:00",
        "2010-01-01T00:00:61",
        "2010-01-01T00:00:00.",
        "2010-01-01T00:00:00+2",
        "2010-01-01T00:00:00+24:00",
        "2010-01-01T00:00:00Zx",
        "2010-01-01T00:00:00é",
        "１０１０-01-01",
        "+010-01-01",
        "1677-09-20",
        "2262-04-12",
    ] {
        assert!(parse_time(text).is_err(), "{text}");
    }
}

#[test]
fn times_are_written_as_short_as_they_are() {
    assert_eq!(format_time(0), "1970-01-01T00:00:00Z");
    assert_eq!(format_time(1_262_307_600_500_000_000), "2010-01-01T01:00:00.5Z");
    assert_eq!(format_time(-1), "1969-12-31T23:59:59.999999999Z");
    for seed in 0..ROUNDS * 10 {
        let nanos = Random(seed).next() as i64;
        assert_eq!(parse_time(&format_time(nanos)).expect("a time"), nanos, "seed {seed}");
    }
}

#[test]
fn seconds_are_read_without_rounding() {
    for (text, nanos) in [
        ("0", 0),
        ("1517966773", 1_517_966_773_000_000_000),
        ("1517966773.84", 1_517_966_773_840_000_000),
        ("-0.000000001", -1),
        ("2010-01-01", 1_262_304_000_000_000_000),
    ] {
        assert_eq!(parse_time_or_seconds(text).expect(text), nanos, "{text}");
    }
    let error = parse_time_or_seconds("1517966773840").expect_err("out of range");
    assert!(error.message().contains("milliseconds"), "{error}");
    for text in ["-", ".5", "1.", "1e9", "99999999999999999999999", "5 "] {
        assert_eq!(parse_time_or_seconds(text).is_ok(), text == "5 ", "{text}");
    }
}
