//! Signature Version 4 of AWS, in a header: who asks for what, when, and the SHA-256 of what is sent, so that the
//! server refuses what was changed on the way.
//!
//! Source: AWS, "Authenticating Requests: Using the Authorization Header".

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use sha2::{Digest, Sha256};

use crate::clock::{Nanos, SECOND};
use crate::replica::peers::hex;

/// What stays as it is in a query; in a path a slash does too.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Who signs, and for where.
pub(super) struct Signer {
    pub(super) access_key: String,
    pub(super) secret: String,
    /// Empty when the key is one that lasts.
    pub(super) session_token: String,
    pub(super) region: String,
}

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    /// Encoded, from the root.
    pub(super) path: &'a str,
    /// Encoded, in the order of its names.
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
}

/// A path as it is asked for.
pub(super) fn encode_path(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// A query as it is asked for, of pairs in the order of their names.
pub(super) fn encode_query(pairs: &[(&str, &str)]) -> String {
    let encode = |text| utf8_percent_encode(text, QUERY);
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

impl Signer {
    /// The headers that sign what is asked for, beside `host`, which a client sends anyway.
    pub(super) fn headers(&self, asked: &Asked<'_>, now: Nanos) -> Vec<(&'static str, String)> {
        let (day, time) = date(now);
        let body = hex(&Sha256::digest(asked.body));
        let mut headers = vec![("x-amz-content-sha256", body.clone()), ("x-amz-date", time.clone())];
        if !self.session_token.is_empty() {
            headers.push(("x-amz-security-token", self.session_token.clone()));
        }
        // In the order of their names.
        let mut signed = format!("host:{}\n", asked.host);
        let mut names = "host".to_owned();
        for (name, value) in &headers {
            // A text takes all that is written into it.
            let _ = writeln!(signed, "{name}:{}", value.trim());
            names = format!("{names};{name}");
        }
        let Asked { method, path, query, .. } = asked;
        let canonical = format!("{method}\n{path}\n{query}\n{signed}\n{names}\n{body}");
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let steps = [&day, &self.region, "s3", "aws4_request", &text];
        let key = format!("AWS4{}", self.secret).into_bytes();
        let signature = hex(&steps.iter().fold(key, |key, step| sign(&key, step)));
        let credential = format!("{}/{scope}", self.access_key);
        let value = format!("AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},Signature={signature}");
        headers.push(("authorization", value));
        headers
    }
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// The day and the time, `20130524` and `20130524T000000Z`, of the Gregorian calendar in UTC: by years that begin in
/// March, so that the day that is there every four years is the last one.
fn date(now: Nanos) -> (String, String) {
    let seconds = now / SECOND;
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let date = format!("{year:04}{month:02}{day:02}");
    let time = format!("{date}T{hour:02}{minute:02}{second:02}Z");
    (date, time)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2013-05-24 00:00 UTC.
    const THEN: Nanos = 1_369_353_600 * SECOND;

    /// The example of the specification, a list of a bucket.
    #[test]
    fn a_request_is_signed_as_the_specification_says() {
        let signer = Signer {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: String::new(),
            region: "us-east-1".to_owned(),
        };
        let query = encode_query(&[("max-keys", "2"), ("prefix", "J")]);
        let host = "examplebucket.s3.amazonaws.com";
        let asked = Asked { method: "GET", host, path: "/", query: &query, body: b"" };
        let headers = signer.headers(&asked, THEN);
        let authorization = &headers.last().expect("one").1;
        let signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let day = |seconds: u64| date(seconds * SECOND).1;
        assert_eq!(day(0), "19700101T000000Z");
        assert_eq!(day(951_782_399), "20000228T235959Z");
        assert_eq!(day(951_782_400), "20000229T000000Z");
        assert_eq!(day(4_107_542_399), "21000228T235959Z");
        assert_eq!(day(4_107_542_400), "21000301T000000Z");
        assert_eq!(date(THEN).0, "20130524");
    }

    #[test]
    fn paths_and_queries_are_encoded_byte_by_byte() {
        assert_eq!(encode_path("/a b/ü+~"), "/a%20b/%C3%BC%2B~");
        assert_eq!(encode_query(&[("a", "x/y"), ("b", "")]), "a=x%2Fy&b=");
    }
}
