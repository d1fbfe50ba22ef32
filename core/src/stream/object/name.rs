//! The subjects of an object store, and the ids that chunks are stored under.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::subject::SUBJECT_BYTES_MAX;

/// As many digits of base 62 as 128 bits need; a NUID of NATS has as many.
const NUID_DIGITS: usize = 22;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Takes the records about all objects.
pub(super) fn all_infos(bucket: &str) -> String {
    format!("$O.{bucket}.M.>")
}

/// Where the record about an object is. Names are any text that is not empty, as long as its base64 fits a subject.
pub(super) fn info_subject(bucket: &str, name: &str) -> Result<String> {
    if name.is_empty() {
        return Err(Error::invalid("the name of an object is empty"));
    }
    let prefix = format!("$O.{bucket}.M.");
    // Base64 makes four bytes of three, the last three not full.
    let most = (SUBJECT_BYTES_MAX - prefix.len()) / 4 * 3;
    if name.len() > most {
        let message = format!("the name of an object is {} bytes, the most in store '{bucket}' is {most}", name.len());
        return Err(Error::invalid(message));
    }
    Ok(prefix + &URL_SAFE.encode(name))
}

/// Where the chunks of one put are.
pub(super) fn chunk_subject(bucket: &str, nuid: &str) -> String {
    format!("$O.{bucket}.C.{nuid}")
}

/// An id that no other put has.
pub(super) fn nuid(clock: &dyn Clock) -> String {
    let mut bits = u128::from(clock.random()) << 64 | u128::from(clock.random());
    let mut text = String::with_capacity(NUID_DIGITS);
    for _ in 0..NUID_DIGITS {
        text.push(char::from(DIGITS[(bits % 62) as usize]));
        bits /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn names_become_subjects_as_nats_makes_them() {
        assert_eq!(info_subject("b", "a/ü?.txt").expect("a name"), "$O.b.M.YS_DvD8udHh0");
        assert_eq!(info_subject("b", "a").expect("a name"), "$O.b.M.YQ==");
        assert!(info_subject("b", "").is_err());
    }

    #[test]
    fn the_longest_name_fits_and_one_more_byte_does_not() {
        let bucket = "b".repeat(crate::stream::config::NAME_BYTES_MAX);
        let most = (0..SUBJECT_BYTES_MAX).take_while(|n| info_subject(&bucket, &"n".repeat(n + 1)).is_ok()).count();
        let longest = info_subject(&bucket, &"n".repeat(most)).expect("it fits");
        crate::subject::check_subject(&longest).expect("a subject");
        assert!(longest.len() + 4 > SUBJECT_BYTES_MAX, "{most} is the most that fits");
    }

    #[test]
    fn ids_are_tokens_of_one_length_and_differ() {
        let clock = ManualClock::new(0, 7);
        let (one, two) = (nuid(&clock), nuid(&clock));
        assert_eq!((one.len(), two.len()), (NUID_DIGITS, NUID_DIGITS));
        assert_ne!(one, two);
        assert!(one.chars().all(|c| c.is_ascii_alphanumeric()));
    }
}
