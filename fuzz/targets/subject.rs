//! Subjects and filters: matching against one that splits into tokens and compares, how `overlap` and `covers` agree
//! with it, and the reversible encoding of tokens.
#![no_main]

use headwater::subject::{
    Filters, check_filter, check_subject, covers, decode_token, encode_token, is_wildcard, matches, overlap,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let encoded = encode_token(text);
    assert_eq!(decode_token(&encoded).ok().as_deref(), Some(text));
    if encoded.len() <= headwater::subject::SUBJECT_BYTES_MAX {
        assert!(check_subject(&encoded).is_ok(), "an encoded token is a subject: {encoded}");
    }

    let mut lines = text.split('\n');
    let (a, b, c) = (part(&mut lines), part(&mut lines), part(&mut lines));
    for token in [a, b, c] {
        if let Ok(decoded) = decode_token(token) {
            assert_eq!(encode_token(&decoded), token, "a text has one encoding");
        }
        if check_subject(token).is_ok() {
            assert!(check_filter(token).is_ok() && !is_wildcard(token), "a subject is a filter: {token}");
        } else if check_filter(token).is_ok() {
            assert!(is_wildcard(token), "a filter without a wildcard is a subject: {token}");
        }
    }
    if check_filter(a).is_err() || check_filter(b).is_err() {
        return;
    }
    assert!(overlap(a, a) && covers(a, a), "a filter overlaps with itself and covers itself: {a}");
    assert_eq!(overlap(a, b), overlap(b, a), "overlap has no direction: {a} and {b}");
    assert!(!covers(a, b) || overlap(a, b), "what covers overlaps: {a} and {b}");
    assert!(!covers(a, b) || !covers(b, a) || a == b, "two filters cover each other: {a} and {b}");
    assert_eq!(overlap(a, b), common(a, b).is_some(), "{a} and {b}");
    for subject in [Some(c.to_owned()), common(a, b), Some(least(a)), Some(least(b))].into_iter().flatten() {
        if check_subject(&subject).is_err() {
            continue;
        }
        let (in_a, in_b) = (matches(a, &subject), matches(b, &subject));
        assert_eq!(in_a, plainly_matches(a, &subject), "{a} and {subject}");
        assert_eq!(in_b, plainly_matches(b, &subject), "{b} and {subject}");
        assert!(!(in_a && in_b) || overlap(a, b), "{a} and {b} both take {subject}");
        assert!(!covers(a, b) || !in_b || in_a, "{a} covers {b}, which takes {subject}");
        assert_eq!(covers(a, &subject), in_a, "{a} covers a literal if it takes it: {subject}");
        let both = Filters::new([a, b]).expect("both were checked");
        assert_eq!(both.matches(&subject), in_a || in_b, "{a} or {b} and {subject}");
    }
    // What takes the subject of `b` that is foreign to everything in `a` takes all of `b`.
    assert_eq!(covers(a, b), plainly_covers(a, b), "{a} and {b}");
});

fn part<'a>(lines: &mut std::str::Split<'a, char>) -> &'a str {
    lines.next().unwrap_or_default()
}

fn plainly_matches(filter: &str, subject: &str) -> bool {
    let (filter, subject): (Vec<&str>, Vec<&str>) = (filter.split('.').collect(), subject.split('.').collect());
    let open = filter.last() == Some(&">");
    let fixed = if open { &filter[..filter.len() - 1] } else { &filter[..] };
    let long_enough = if open { subject.len() > fixed.len() } else { subject.len() == fixed.len() };
    long_enough && fixed.iter().zip(&subject).all(|(f, s)| *f == "*" || f == s)
}

/// Whether every subject of `inner` is one of `outer`, asked of two subjects that stand for all.
fn plainly_covers(outer: &str, inner: &str) -> bool {
    let short = filled(inner, &["\u{1f}"]);
    let long = filled(inner, &vec!["\u{1f}"; outer.split('.').count() + 1]);
    plainly_matches(outer, &short) && plainly_matches(outer, &long)
}

/// A filter with its stars replaced by a token that is in no filter, and its end by such tokens.
fn filled(filter: &str, rest: &[&str]) -> String {
    let tokens: Vec<String> = filter
        .split('.')
        .map(|token| match token {
            "*" => rest[0].to_owned(),
            ">" => rest.join("."),
            other => other.to_owned(),
        })
        .collect();
    tokens.join(".")
}

/// The shortest subject that a filter takes.
fn least(filter: &str) -> String {
    filled(filter, &["x"])
}

/// A subject that both filters take, made token by token.
fn common(a: &str, b: &str) -> Option<String> {
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split('.').collect(), b.split('.').collect());
    let mut subject = Vec::new();
    for i in 0..a.len().max(b.len()) {
        let at = |tokens: &[&str]| match tokens.get(i) {
            Some(token) if *token != ">" => Some((*token).to_owned()),
            Some(_) => Some("*".to_owned()),
            None => (tokens.last() == Some(&">")).then(|| "*".to_owned()),
        };
        match (at(&a)?, at(&b)?) {
            (x, y) if x == "*" => subject.push(if y == "*" { "x".to_owned() } else { y }),
            (x, y) if y == "*" || x == y => subject.push(x),
            _ => return None,
        }
    }
    Some(subject.join("."))
}
