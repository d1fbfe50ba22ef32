//! Times as text: RFC 3339 to and from nanoseconds since the epoch, in the proleptic Gregorian calendar, UTC.
//!
//! 64 bits of nanoseconds reach from 1677-09-21 to 2262-04-11; whatever lies outside is refused by name.

use crate::error::{Error, Result};

const NANOS_PER_SECOND: i128 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;
/// What `2010-01-31T07:00:00.123456789Z` takes.
const TIME_BYTES_MAX: usize = 30;
/// Days in four hundred years, after which the calendar repeats.
const DAYS_PER_ERA: i64 = 146_097;

/// Nanoseconds since the epoch for a time such as `2010-01-31`, `2010-01-31T07:00:00.5Z` or `2010-01-31 07:00+02:00`.
///
/// Without a zone it is UTC, without a time of day it is midnight; seconds may be left out. Digits of a fraction
/// beyond nanoseconds are cut off, and a leap second is the second after it.
pub fn parse_time(text: &str) -> Result<i64> {
    read_time(text.trim())
        .ok_or_else(|| bad(text, "is not a time such as 2010-01-31 or 2010-01-31T07:00:00.5Z"))?
        .try_into()
        .map_err(|_| bad(text, "is outside of 1677-09-21 to 2262-04-11"))
}

/// Nanoseconds since the epoch for a time as [`parse_time`] takes it, or for a decimal number of seconds since then.
pub fn parse_time_or_seconds(text: &str) -> Result<i64> {
    match read_seconds(text.trim()) {
        Some(nanos) => nanos
            .try_into()
            .map_err(|_| bad(text, "is outside of 1677 to 2262 as seconds since the epoch; is it in milliseconds?")),
        None => parse_time(text),
    }
}

/// The time in RFC 3339, UTC, with as many digits of a fraction as it needs: `2010-01-31T07:00:00.5Z`.
pub fn format_time(nanos: i64) -> String {
    let (seconds, fraction) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    let (day, second) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    let (year, month, date) = date_of(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut text = String::with_capacity(TIME_BYTES_MAX);
    for (before, number, count) in
        [("", year, 4), ("-", month, 2), ("-", date, 2), ("T", hour, 2), (":", minute, 2), (":", second, 2)]
    {
        text.push_str(before);
        push_digits(&mut text, number, count);
    }
    if fraction != 0 {
        text.push('.');
        push_digits(&mut text, fraction, 9);
        text.truncate(text.trim_end_matches('0').len());
    }
    text.push('Z');
    text
}

/// So many digits of a number that has no more.
fn push_digits(text: &mut String, number: i64, count: u32) {
    text.extend((0..count).rev().map(|place| char::from(b'0' + (number / 10_i64.pow(place) % 10) as u8)));
}

fn bad(text: &str, fault: &str) -> Error {
    let shown: String = text.chars().take(40).collect();
    Error::invalid(format!("'{}' {fault}", shown.escape_debug()))
}

/// As [`parse_time`], of any year of four digits; `None` when it is no time.
pub(crate) fn read_time(text: &str) -> Option<i128> {
    let mut rest = text;
    let year = digits(&mut rest, 4)?;
    expect(&mut rest, "-")?;
    let month = digits(&mut rest, 2)?;
    expect(&mut rest, "-")?;
    let date = digits(&mut rest, 2)?;
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&date) {
        return None;
    }
    let mut seconds = days_to(year, month, date) * SECONDS_PER_DAY;
    let mut fraction = 0;
    if !rest.is_empty() {
        expect(&mut rest, "Tt ")?;
        let hour = digits(&mut rest, 2)?;
        expect(&mut rest, ":")?;
        let minute = digits(&mut rest, 2)?;
        let mut second = 0;
        if expect(&mut rest, ":").is_some() {
            second = digits(&mut rest, 2)?;
            if expect(&mut rest, ".,").is_some() {
                fraction = take_fraction(&mut rest)?;
            }
        }
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        seconds += hour * 3600 + minute * 60 + second - zone(&mut rest)?;
    }
    rest.is_empty().then(|| i128::from(seconds) * NANOS_PER_SECOND + i128::from(fraction))
}

/// The zone's distance from UTC in seconds; 0 where there is none.
fn zone(rest: &mut &str) -> Option<i64> {
    if rest.is_empty() || expect(rest, "Zz").is_some() {
        return Some(0);
    }
    let sign = if expect(rest, "-").is_some() {
        -1
    } else {
        expect(rest, "+")?;
        1
    };
    let hour = digits(rest, 2)?;
    expect(rest, ":")?;
    let minute = digits(rest, 2)?;
    (hour <= 23 && minute <= 59).then_some(sign * (hour * 3600 + minute * 60))
}

/// A decimal number of seconds as nanoseconds, without passing through a float.
fn read_seconds(text: &str) -> Option<i128> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let whole = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    // More digits than a 64-bit number of seconds has would still be out of range in nanoseconds.
    let mut nanos = rest[..whole]
        .parse::<u64>()
        .ok()
        .map_or_else(|| (whole > 0).then_some(i128::MAX / 2), |seconds| Some(i128::from(seconds) * NANOS_PER_SECOND))?;
    rest = &rest[whole..];
    if expect(&mut rest, ".").is_some() {
        nanos += i128::from(take_fraction(&mut rest)?);
    }
    rest.is_empty().then_some(if negative { -nanos } else { nanos })
}

/// At least one digit behind a decimal point, as nanoseconds.
fn take_fraction(rest: &mut &str) -> Option<i64> {
    let len = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (text, after) = rest.split_at(len);
    *rest = after;
    let kept = &text[..len.min(9)];
    let value: i64 = kept.parse().ok()?;
    Some(value * 10i64.pow(9 - kept.len() as u32))
}

fn digits(rest: &mut &str, count: usize) -> Option<i64> {
    let (text, after) = rest.split_at_checked(count)?;
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    *rest = after;
    text.parse().ok()
}

/// Takes the next character if it is one of `any`.
fn expect(rest: &mut &str, any: &str) -> Option<()> {
    let next = rest.chars().next().filter(|c| any.contains(*c))?;
    *rest = &rest[next.len_utf8()..];
    Some(())
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch. Years begin in March here, so that the leap day comes last and months have a plain rhythm:
/// (153 m + 2) / 5 days lie before month m, counted from March.
fn days_to(year: i64, month: i64, date: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + date - 1;
    era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_EPOCH
}

/// Year, month and day of the month of a day since the epoch.
fn date_of(day: i64) -> (i64, i64, i64) {
    let day = day + DAYS_TO_EPOCH;
    let (era, of_era) = (day.div_euclid(DAYS_PER_ERA), day.rem_euclid(DAYS_PER_ERA));
    // Leave out the leap days that passed, and years are 365 days each.
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month < 3), month, date)
}
