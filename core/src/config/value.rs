//! A value of the file as the types of the engine read it: `${VARIABLE}` filled in, durations and sizes as numbers.

use std::ops::Range;

use serde_json::Value;
use toml_edit::Item;

use super::Environment;
use crate::units::{parse_duration, parse_size};

/// Keys whose values are durations, and so texts such as `1h30m`.
const DURATIONS: [&str; 21] = [
    "sync_interval",
    "max_age",
    "duplicate_window",
    "request_timeout",
    "connect_timeout",
    "reconnect_delay_min",
    "reconnect_delay_max",
    "horizon",
    "polling_interval",
    "cleanup_interval",
    "sleep_timeout",
    "interval",
    "timeout",
    "ttl",
    "heartbeat",
    "grace",
    "idle",
    "forget_after",
    "beat",
    "silence",
    "counts_every",
];
/// Keys whose values are bytes: numbers, or texts such as `64MiB`.
const SIZES: [&str; 3] = ["max_bytes", "max_msg_size", "segment_bytes"];

/// What is wrong, and where.
pub(super) type Fault = (Option<Range<usize>>, String);

/// The value of a key.
pub(super) fn read(key: &str, item: &Item, env: Environment<'_>) -> Result<Value, Fault> {
    if let Some(tables) = item.as_array_of_tables() {
        return tables.iter().map(|table| read_table(table, env)).collect::<Result<_, _>>().map(Value::Array);
    }
    match item {
        Item::Value(value) => read_value(key, value, env),
        Item::Table(table) => read_table(table, env),
        _ => Err((item.span(), "has no value".to_owned())),
    }
}

fn read_table(table: &dyn toml_edit::TableLike, env: Environment<'_>) -> Result<Value, Fault> {
    let pairs = table.iter().map(|(key, item)| Ok((key.to_owned(), read(key, item, env)?)));
    pairs.collect::<Result<_, _>>().map(Value::Object)
}

fn read_value(key: &str, value: &toml_edit::Value, env: Environment<'_>) -> Result<Value, Fault> {
    let at = || value.span();
    match value {
        toml_edit::Value::String(text) => {
            let text = expand(text.value(), env).map_err(|what| (at(), what))?;
            if DURATIONS.contains(&key) {
                let nanos = parse_duration(&text).map_err(|what| (at(), what))?.as_nanos();
                return Ok(Value::from(u64::try_from(nanos).unwrap_or(u64::MAX)));
            }
            if SIZES.contains(&key) {
                return Ok(Value::from(parse_size(&text).map_err(|what| (at(), what))?));
            }
            Ok(Value::String(text))
        }
        toml_edit::Value::Integer(number) => match *number.value() {
            number if number != 0 && DURATIONS.contains(&key) => {
                Err((at(), format!("{number} has no unit: write a duration such as \"500ms\", \"1h30m\" or \"7d\"")))
            }
            number => Ok(Value::from(number)),
        },
        toml_edit::Value::Float(number) => Ok(Value::from(*number.value())),
        toml_edit::Value::Boolean(switch) => Ok(Value::from(*switch.value())),
        toml_edit::Value::Datetime(_) => Err((at(), "is a date, and no key takes one".to_owned())),
        toml_edit::Value::Array(values) => {
            values.iter().map(|v| read_value(key, v, env)).collect::<Result<_, _>>().map(Value::Array)
        }
        toml_edit::Value::InlineTable(table) => read_table(table, env),
    }
}

/// A text with its variables filled in. `$${` stands for `${`; any other `$` for itself.
fn expand(text: &str, env: Environment<'_>) -> Result<String, String> {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let end = after.find('}').ok_or("`${` has no `}`; write `$${` for the characters themselves")?;
        let name = &after[..end];
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("`${{{name}}}` names no variable"));
        }
        out.push_str(&env(name).ok_or_else(|| format!("the variable {name} is not set in the environment"))?);
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// What serde says, without the value: that may be a secret.
pub(super) fn plain(text: &str) -> String {
    let Some(rest) = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: ")) else {
        return text.to_owned();
    };
    let (got, wanted) = rest.rsplit_once(", expected ").unwrap_or((rest, "something else"));
    let kind = ["string", "integer", "floating point", "boolean", "map", "sequence"].iter();
    let kind = kind.copied().find(|kind| got.starts_with(kind)).unwrap_or("value");
    let kind = match kind {
        "map" => "table",
        "sequence" => "array",
        kind => kind,
    };
    let wanted = match wanted {
        "u64" | "u32" | "usize" => "a whole number within its bound",
        "a sequence" => "an array",
        "struct SubjectMap" | "struct HubConfig" | "struct StreamSource" => "a table",
        wanted => wanted,
    };
    format!("must be {wanted}; this is another {kind}")
}

/// The keys that there are, of what serde says about one that is unknown.
pub(super) fn choices(text: &str) -> String {
    text.split_once(", expected ").map_or_else(String::new, |(_, keys)| format!("; there is {keys}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        expand(text, &|name| (name == "A_1").then(|| "${B}".to_owned()))
    }

    #[test]
    fn variables_are_filled_in_once() {
        for (text, wanted) in [
            ("plain $HW.x", "plain $HW.x"),
            ("<${A_1}>", "<${B}>"),
            ("$${A_1}", "${A_1}"),
            ("${A_1}${A_1}", "${B}${B}"),
            ("$", "$"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(wanted), "{text}");
        }
        for bad in ["${", "${}", "${C}", "${A 1}", "x ${A_1} ${"] {
            assert!(filled(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_value_that_may_be_secret_is_not_said() {
        let said = plain("invalid type: string \"hunter2, expected\", expected u64");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
