//! One JSON object on a line, with each field's value as the text that it is.
//!
//! Numbers stay as they were written until something asks for one, so no digit of a float or a time is lost, and a
//! document that is a value is kept byte for byte.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Deserializer;

/// The fields of an object, in order; the values are valid JSON.
pub(super) struct Fields<'a>(Vec<(String, &'a str)>);

impl<'a> Fields<'a> {
    /// Reads a line that is one object and nothing else, or says why it is not.
    pub(super) fn read(line: &'a [u8]) -> Result<Self, String> {
        let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
        let mut rest = line.trim_ascii();
        if !rest.starts_with('{') {
            let (_, after) = take::<IgnoredAny>(rest)?;
            return Err(
                if after.trim_ascii().is_empty() { "it is JSON and no object" } else { "it is not JSON" }.into()
            );
        }
        let mut fields = Vec::new();
        rest = rest[1..].trim_ascii_start();
        while !rest.starts_with('}') {
            if !fields.is_empty() {
                rest = expect(rest, ',')?;
            }
            let (name, after) = take::<String>(rest)?;
            rest = expect(after, ':')?;
            let (_, after) = take::<IgnoredAny>(rest)?;
            fields.push((name, &rest[..rest.len() - after.len()]));
            rest = after.trim_ascii_start();
        }
        if rest.len() > 1 {
            return Err("it is not JSON: text follows the object".to_owned());
        }
        Ok(Fields(fields))
    }

    /// The value of a field as JSON text; the last one where the name repeats, and none where it is null.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rfind(|f| f.0 == name).map(|f| f.1).filter(|json| *json != "null")
    }

    /// Names and values, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, json)| (name.as_str(), *json))
    }
}

/// The text of a JSON string; `None` when `json` is something else.
pub(super) fn string(json: &str) -> Option<String> {
    if json.starts_with('"') { serde_json::from_str(json).ok() } else { None }
}

/// Takes a value from the front of `text`, and returns what follows it.
fn take<T: DeserializeOwned>(text: &str) -> Result<(T, &str), String> {
    let mut values = Deserializer::from_str(text).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => Ok((value, &text[values.byte_offset()..])),
        Some(Err(error)) => Err(format!("it is not JSON: {error}")),
        None => Err("it is not JSON: it ends too early".to_owned()),
    }
}

fn expect(text: &str, what: char) -> Result<&str, String> {
    match text.trim_ascii_start().strip_prefix(what) {
        Some(rest) => Ok(rest.trim_ascii_start()),
        None => Err(format!("it is not JSON: a '{what}' is missing")),
    }
}
