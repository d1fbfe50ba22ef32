//! Subjects and filters in NATS's grammar: tokens joined by `.`, `*` for one token, `>` for the rest.
//!
//! Owns validation, matching and the reversible encoding that turns any key into subject tokens. Knows no stream.

use crate::error::{Error, Result};

/// The longest subject or filter, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 1024;

/// Checks a literal subject, such as `orders.eu.1`: no empty token, no white space or control character, no wildcard.
pub fn check_subject(subject: &str) -> Result<()> {
    check(subject, false)
}

/// Checks a filter, such as `orders.*.1` or `orders.>`; a literal subject is a filter too.
pub fn check_filter(filter: &str) -> Result<()> {
    check(filter, true)
}

fn check(text: &str, wildcards: bool) -> Result<()> {
    let what = if wildcards { "filter" } else { "subject" };
    if text.is_empty() {
        return Err(Error::invalid(format!("{what} is empty")));
    }
    if text.len() > SUBJECT_BYTES_MAX {
        return Err(Error::invalid(format!("{what} is {} bytes, the most is {SUBJECT_BYTES_MAX}", text.len())));
    }
    if is_plain(text.as_bytes()) {
        return Ok(());
    }
    let mut offset = 0;
    let count = text.split('.').count();
    for (index, token) in text.split('.').enumerate() {
        let fault = if token.is_empty() {
            Some("an empty token")
        } else if token.chars().any(|c| c.is_ascii_whitespace() || c.is_ascii_control()) {
            Some("white space or a control character")
        } else if !wildcards && (token.contains('*') || token.contains('>')) {
            Some("a wildcard where a literal subject is wanted")
        } else if token.len() > 1 && (token.contains('*') || token.contains('>')) {
            Some("a wildcard that is not a token of its own")
        } else if token == ">" && index + 1 != count {
            Some("'>' before the end")
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err(Error::invalid(format!("{what} '{}' has {fault} at byte {offset}", text.escape_debug())));
        }
        offset += token.len() + 1;
    }
    Ok(())
}

/// Whether it is a well-formed literal subject. Every append asks, so it looks at eight bytes at a time, by the tricks
/// on words of Hacker's Delight (Warren 2012, section 6-1): each test sets the highest bit of the bytes that it finds.
fn is_plain(bytes: &[u8]) -> bool {
    const HIGH: u64 = u64::MAX / 255 * 0x80;
    const LOW: u64 = HIGH ^ u64::MAX;
    let all = |b: u8| u64::MAX / 255 * u64::from(b);
    let is = |word: u64, b: u8| {
        let apart = word ^ all(b);
        !(((apart & LOW) + LOW) | apart) & HIGH
    };
    // A dot before the first byte makes a dot at the front an empty token, as two in a row are one.
    let (mut odd, mut dot_before) = (0, 0x80);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [b'.'; 8];
    last[..rest.len()].copy_from_slice(rest);
    for (word, len) in words.iter().map(|word| (word, 8)).chain([(&last, rest.len() + 1)]) {
        let word = u64::from_le_bytes(*word);
        let dots = is(word, b'.');
        let control = !((word & LOW) + all(0x7f - b' ')) & !word & HIGH;
        let empty = dots & (dots << 8 | dot_before);
        odd |= (control | is(word, 0x7f) | is(word, b'*') | is(word, b'>') | empty) & u64::MAX >> (64 - 8 * len.min(8));
        dot_before = dots >> 56;
    }
    odd == 0
}

/// Whether a text is letters, digits, `-` and `_`, at least one: what can be a part of the name of a stream, and one
/// token of a subject.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Whether `filter` holds a wildcard.
pub fn is_wildcard(filter: &str) -> bool {
    // Most have neither, which is seen faster.
    filter.bytes().any(|b| matches!(b, b'*' | b'>')) && filter.split('.').any(|t| t == "*" || t == ">")
}

/// Whether a literal `subject` is taken by `filter`.
///
/// ```
/// assert!(headwater::subject::matches("orders.*.1", "orders.eu.1"));
/// assert!(!headwater::subject::matches("orders.>", "orders"));
/// ```
pub fn matches(filter: &str, subject: &str) -> bool {
    let (f, s) = (filter.as_bytes(), subject.as_bytes());
    let (mut i, mut j) = (0, 0);
    loop {
        match f.get(i) {
            Some(b'>') => return j < s.len(),
            Some(b'*') => {
                if j >= s.len() {
                    return false;
                }
                while j < s.len() && s[j] != b'.' {
                    j += 1;
                }
                i += 1;
            }
            _ => {
                while i < f.len() && j < s.len() && f[i] != b'.' && f[i] == s[j] {
                    i += 1;
                    j += 1;
                }
            }
        }
        match (f.get(i), s.get(j)) {
            (None, None) => return true,
            (Some(b'.'), Some(b'.')) => {
                i += 1;
                j += 1;
            }
            _ => return false,
        }
    }
}

/// Whether some subject is taken by both filters.
pub fn overlap(a: &str, b: &str) -> bool {
    let (mut x, mut y) = (a.split('.'), b.split('.'));
    loop {
        match (x.next(), y.next()) {
            (None, None) => return true,
            (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(p), Some(q)) if p == q || p == "*" || q == "*" => {}
            _ => return false,
        }
    }
}

/// Whether every subject that `inner` takes is taken by `outer` too.
pub fn covers(outer: &str, inner: &str) -> bool {
    let (mut x, mut y) = (outer.split('.'), inner.split('.'));
    loop {
        match (x.next(), y.next()) {
            (None, None) => return true,
            (Some(">"), Some(_)) => return true,
            (Some("*"), Some(t)) if t != ">" => {}
            (Some(p), Some(q)) if p == q => {}
            _ => return false,
        }
    }
}

/// A set of filters; the empty set takes everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(Vec<String>);

impl Filters {
    /// Checks each filter and keeps them; `>` alone is the same as none.
    pub fn new<S: AsRef<str>>(filters: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut kept = Vec::new();
        for filter in filters {
            let filter = filter.as_ref();
            check_filter(filter)?;
            if filter == ">" {
                return Ok(Filters(Vec::new()));
            }
            kept.push(filter.to_owned());
        }
        Ok(Filters(kept))
    }

    /// Whether every subject is taken.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `subject` is taken.
    pub fn matches(&self, subject: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|f| matches(f, subject))
    }

    /// The filters, as given.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The one literal subject that this set names, if that is all it does.
    pub fn single_subject(&self) -> Option<&str> {
        match self.0.as_slice() {
            [one] if !is_wildcard(one) => Some(one),
            _ => None,
        }
    }
}

/// Turns any text into one subject token, reversibly.
///
/// Letters, digits and `-`, `_`, `/` stay; every other byte becomes `=` and two upper-case hex digits; the empty text
/// becomes a lone `=`. The alphabet is what JetStream's key-value keys allow, so encoded keys are valid there too.
///
/// ```
/// use headwater::subject::{decode_token, encode_token};
/// assert_eq!(encode_token("São Paulo"), "S=C3=A3o=20Paulo");
/// assert_eq!(decode_token("S=C3=A3o=20Paulo").unwrap(), "São Paulo");
/// ```
pub fn encode_token(text: &str) -> String {
    let mut out = String::with_capacity(text.len().max(1));
    push_token(&mut out, text);
    out
}

/// As [`encode_token`], at the end of a text.
pub(crate) fn push_token(out: &mut String, text: &str) {
    if text.is_empty() {
        out.push('=');
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/'))) {
        let (plain, behind) = rest.split_at(at);
        out.push_str(plain);
        // What is encoded is a whole character, so that what is left is text.
        let others = behind.chars().next().map_or(0, char::len_utf8);
        for byte in behind[..others].bytes() {
            out.push('=');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[nibble as usize]));
            }
        }
        rest = &behind[others..];
    }
    out.push_str(rest);
}

/// The text that [`encode_token`] turned into `token`; anything that it would not have written is refused.
pub fn decode_token(token: &str) -> Result<String> {
    let bad = || Error::invalid(format!("'{}' is not an encoded token", token.escape_debug()));
    if token == "=" {
        return Ok(String::new());
    }
    let bytes = token.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b'=' {
            let hex = token.get(i + 1..i + 3).ok_or_else(bad)?;
            out.push(u8::from_str_radix(hex, 16).map_err(|_| bad())?);
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    let text = String::from_utf8(out).map_err(|_| bad())?;
    if encode_token(&text) == token { Ok(text) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::is_plain;
    use crate::clock::{Clock, ManualClock};

    #[test]
    fn a_plain_subject_is_one_of_plain_tokens() {
        const BYTES: &[u8] = b"..aaz0-_~*> \0\x1f\x20\x21\x7e\x7f\x80\xff\xe3";
        let plain =
            |token: &[u8]| !token.is_empty() && token.iter().all(|b| !matches!(b, 0..=b' ' | 0x7f | b'*' | b'>'));
        let random = ManualClock::new(0, 7);
        for len in 1..40 {
            for round in 0..2_000 {
                let pick = || BYTES[random.random() as usize % BYTES.len()];
                // Most of them differ from a plain one in a single byte.
                let mut bytes: Vec<u8> =
                    (0..len).map(|i| if i % 5 == 4 { b'.' } else { b'a' + i as u8 % 26 }).collect();
                for _ in 0..round % 4 {
                    bytes[random.random() as usize % len] = pick();
                }
                assert_eq!(is_plain(&bytes), bytes.split(|b| *b == b'.').all(plain), "{}", bytes.escape_ascii());
            }
        }
    }
}
