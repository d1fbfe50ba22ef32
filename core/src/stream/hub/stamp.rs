//! Times as JetStream writes them, RFC 3339, from and to nanoseconds since the epoch. The calendar is Howard Hinnant's
//! `days_from_civil`. Anything before 1970, such as the zero time of Go, is 0.

use crate::clock::{Nanos, SECOND};

/// Seconds in a day.
const DAY: i64 = 86_400;

/// The time that a text such as `2026-11-25T22:53:14.5Z` or `…+01:00` says.
pub(super) fn parse(text: &str) -> Option<Nanos> {
    let number = |from: usize, len: usize| text.get(from..from + len)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let mut rest = text.get(19..)?;
    let mut nanos = 0;
    if let Some(after) = rest.strip_prefix('.') {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let kept = &after[..digits.min(9)];
        nanos = kept.parse::<u64>().ok()? * 10u64.pow(9 - kept.len() as u32);
        rest = &after[digits..];
    }
    let offset = match rest.as_bytes().first()? {
        b'Z' | b'z' => 0,
        sign => {
            let (hours, minutes) = rest[1..].split_once(':')?;
            let away = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
            if *sign == b'-' { -away } else { away }
        }
    };
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
    Some(u64::try_from(seconds).map_or(0, |s| s * SECOND + nanos))
}

/// The text of a time.
pub(super) fn format(time: Nanos) -> String {
    let (seconds, nanos) = ((time / SECOND) as i64, time % SECOND);
    let (year, month, day) = civil(seconds / DAY);
    let second = seconds % DAY;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{nanos:09}Z", second / 3600, second / 60 % 60, second % 60)
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
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
