//! Durations, sizes and counts as people read them: `1h30m`, `64.0 MB`, `1,000`. How they are read is the library's.

use std::fmt::Write;
use std::time::Duration;

use headwater::units::DURATION_UNITS;
pub(crate) use headwater::units::{parse_duration, parse_size, parse_small_size};

/// Writes a duration with as few units as it needs; zero is `0`.
pub(crate) fn show_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let mut out = String::new();
    // Weeks are left out: 7d is easier to compare with 30d.
    for (name, factor) in DURATION_UNITS.iter().rev().skip(1) {
        if rest >= *factor {
            let _ = write!(out, "{}{name}", rest / factor);
            rest %= factor;
        }
    }
    if out.is_empty() { "0".to_owned() } else { out }
}

/// Writes a number of bytes with one decimal in the largest unit that fits.
pub(crate) fn show_size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} B"),
        10_000..=9_999_999 => format!("{:.1} kB", bytes as f64 / 1e3),
        10_000_000..=9_999_999_999 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Writes a number with a comma between thousands.
pub(crate) fn show_count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Writes how many there are of something: `1 table`, `2 tables`.
pub(crate) fn show_number(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", show_count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["1d", "1h30m", "500ms", "1s1ns", "14d"] {
            assert_eq!(parse_duration(text).map(show_duration).as_deref(), Ok(text));
        }
    }

    #[test]
    fn counts_get_commas() {
        assert_eq!(show_count(0), "0");
        assert_eq!(show_count(999), "999");
        assert_eq!(show_count(1_000), "1,000");
        assert_eq!(show_count(12_345_678), "12,345,678");
    }

    #[test]
    fn one_of_something_is_no_plural() {
        let shown = [0, 1, 2, 1_000].map(|number| show_number(number, "table"));
        assert_eq!(shown, ["0 tables", "1 table", "2 tables", "1,000 tables"]);
    }
}
