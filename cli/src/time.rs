//! Times as RFC 3339 text, both ways, to the nanosecond. Dates follow the proleptic Gregorian calendar, in UTC.

use std::fmt::Write;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Where a read begins: at a sequence, or at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// At this sequence.
    Seq(u64),
    /// At this time, in nanoseconds since the epoch.
    Time(i64),
}

/// Reads a sequence (digits only) or a time.
pub(crate) fn parse_from(text: &str) -> Result<From, String> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map(From::Seq).map_err(|_| format!("'{text}' is too large for a sequence"));
    }
    parse_time(text).map(From::Time).map_err(|e| format!("{e}, and not a sequence"))
}

/// Reads `2010-01-31`, `2010-01-31T06:00:00`, `2010-01-31T06:00:00.5Z` or `2010-01-31 06:00:00+01:00`, as nanoseconds
/// since the epoch; UTC where no zone is given.
pub(crate) fn parse_time(text: &str) -> Result<i64, String> {
    parse(text).ok_or_else(|| format!("'{text}' is not a time such as 2010-01-31 or 2010-01-31T06:00:00Z"))
}

fn parse(text: &str) -> Option<i64> {
    let mut rest = text;
    let year = take_digits(&mut rest, 4)?;
    take_char(&mut rest, "-")?;
    let month = take_digits(&mut rest, 2)?;
    take_char(&mut rest, "-")?;
    let day = take_digits(&mut rest, 2)?;
    if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    let mut seconds = days_from_civil(year, month, day) * SECONDS_PER_DAY;
    let mut nanos = 0;
    if !rest.is_empty() {
        take_char(&mut rest, "Tt ")?;
        let hour = take_digits(&mut rest, 2)?;
        take_char(&mut rest, ":")?;
        let minute = take_digits(&mut rest, 2)?;
        let mut second = 0;
        if take_char(&mut rest, ":").is_some() {
            second = take_digits(&mut rest, 2)?;
            if take_char(&mut rest, ".").is_some() {
                nanos = take_fraction(&mut rest)?;
            }
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        seconds += hour * 3600 + minute * 60 + second - take_zone(&mut rest)?;
    }
    // Before 1970 the seconds are negative and the fraction is not; in 128 bits neither step can overflow.
    let total = i128::from(seconds) * i128::from(NANOS_PER_SECOND) + i128::from(nanos);
    i64::try_from(total).ok().filter(|_| rest.is_empty())
}

/// Seconds east of UTC; none given is UTC.
fn take_zone(rest: &mut &str) -> Option<i64> {
    if rest.is_empty() || take_char(rest, "Zz").is_some() {
        return Some(0);
    }
    let sign = if take_char(rest, "+").is_some() { 1 } else { take_char(rest, "-").map(|()| -1)? };
    let hour = take_digits(rest, 2)?;
    take_char(rest, ":")?;
    let minute = take_digits(rest, 2)?;
    (hour <= 23 && minute <= 59).then_some(sign * (hour * 3600 + minute * 60))
}

/// One to nine digits after the point, as nanoseconds.
fn take_fraction(rest: &mut &str) -> Option<i64> {
    let len = rest.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=9).contains(&len) {
        return None;
    }
    Some(take_digits(rest, len)? * 10i64.pow(9 - len as u32))
}

fn take_digits(rest: &mut &str, len: usize) -> Option<i64> {
    let digits = rest.get(..len)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    *rest = &rest[len..];
    digits.parse().ok()
}

fn take_char(rest: &mut &str, one_of: &str) -> Option<()> {
    let first = rest.chars().next().filter(|c| one_of.contains(*c))?;
    *rest = &rest[first.len_utf8()..];
    Some(())
}

/// Writes a time with all nine digits of its fraction: `2010-01-31T06:00:00.000000000Z`.
pub(crate) fn show_time(nanos: i64) -> String {
    let (mut out, fraction) = show_seconds(nanos);
    let _ = write!(out, ".{fraction:09}Z");
    out
}

/// Writes a commit time; see [`show_time`].
pub(crate) fn show_commit_time(nanos: u64) -> String {
    show_time(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// Writes a time for people, without a fraction where it is zero.
pub(crate) fn show_short_time(nanos: i64) -> String {
    let (mut out, fraction) = show_seconds(nanos);
    if fraction != 0 {
        let digits = format!("{fraction:09}");
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
    out.push('Z');
    out
}

fn show_seconds(nanos: i64) -> (String, i64) {
    let seconds = nanos.div_euclid(NANOS_PER_SECOND);
    let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
    let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    (text, nanos.rem_euclid(NANOS_PER_SECOND))
}

/// Days since 1970-01-01, counting years from March so that the leap day comes last (H. Hinnant, "chrono-compatible
/// low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form() {
        let day = 1_262_304_000 * NANOS_PER_SECOND;
        assert_eq!(parse_time("2010-01-01"), Ok(day));
        assert_eq!(parse_time("2010-01-01T00:00"), Ok(day));
        assert_eq!(parse_time("2010-01-01t00:00:00z"), Ok(day));
        assert_eq!(parse_time("2010-01-01 01:00:00+01:00"), Ok(day));
        assert_eq!(parse_time("2010-01-01T00:00:00.000000001Z"), Ok(day + 1));
        assert_eq!(parse_time("1969-12-31T23:59:59.5Z"), Ok(-NANOS_PER_SECOND / 2));
        assert_eq!(parse_time("2000-02-29").map(show_short_time).as_deref(), Ok("2000-02-29T00:00:00Z"));
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        let bad = [
            "",
            "2010",
            "2010-1-1",
            "2010-02-29",
            "2010-13-01",
            "2010-01-00",
            "2010-01-01T",
            "2010-01-01T24:00:00Z",
            "2010-01-01T00:00:60Z",
            "2010-01-01T00:00:00.Z",
            "2010-01-01T00:00:00.1234567890Z",
            "2010-01-01T00:00:00+1",
            "2010-01-01T00:00:00Zx",
            "9999-12-31",
            "0001-01-01",
            "２０１０-01-01",
        ];
        for text in bad {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writing_is_the_inverse_of_reading() {
        let mut nanos = i64::MIN;
        for _ in 0..5_000 {
            assert_eq!(parse_time(&show_time(nanos)), Ok(nanos));
            assert_eq!(parse_time(&show_short_time(nanos)), Ok(nanos));
            nanos = nanos.saturating_add(3_689_348_814_741_911);
        }
        assert_eq!(show_time(1), "1970-01-01T00:00:00.000000001Z");
    }

    #[test]
    fn digits_alone_are_a_sequence() {
        assert_eq!(parse_from("17"), Ok(From::Seq(17)));
        assert_eq!(parse_from("1970-01-02"), Ok(From::Time(SECONDS_PER_DAY * NANOS_PER_SECOND)));
        assert!(parse_from("99999999999999999999").is_err());
        assert!(parse_from("").is_err());
    }
}
