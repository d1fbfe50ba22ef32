//! The value of a point: a number, text or a JSON document.
//!
//! Owns the four types, their names and their numbers on disk, which are SimpleIoT's. Knows no subject and no time.

use crate::error::{Error, Result};

/// A point's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A 64-bit float.
    Float(f64),
    /// A 64-bit integer.
    Int(i64),
    /// Text.
    Text(String),
    /// A JSON document, as text.
    Json(String),
}

impl Value {
    /// The stable name of its type: `float`, `int`, `text` or `json`.
    pub fn type_name(&self) -> &'static str {
        self.as_view().type_name()
    }

    /// The number that it holds; `None` for text and JSON.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_view().as_f64()
    }

    /// The value of the type with this name that `text` writes, as [`ValueView::to_text`] gives it.
    pub fn parse(type_name: &str, text: &str) -> Result<Value> {
        match type_name {
            "float" => text.trim().parse().map(Value::Float).map_err(|_| not_a("float", text)),
            "int" => text.trim().parse().map(Value::Int).map_err(|_| not_a("int", text)),
            "text" => Ok(Value::Text(text.to_owned())),
            "json" => {
                check_json(text)?;
                Ok(Value::Json(text.to_owned()))
            }
            _ => Err(Error::invalid(format!("value type '{type_name}' is not one of float, int, text, json"))),
        }
    }

    /// The same value, borrowed.
    pub fn as_view(&self) -> ValueView<'_> {
        match self {
            Value::Float(v) => ValueView::Float(*v),
            Value::Int(v) => ValueView::Int(*v),
            Value::Text(v) => ValueView::Text(v),
            Value::Json(v) => ValueView::Json(v),
        }
    }
}

/// A point's value, borrowed from the record that holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueView<'a> {
    /// A 64-bit float.
    Float(f64),
    /// A 64-bit integer.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// A JSON document, as text.
    Json(&'a str),
}

impl ValueView<'_> {
    /// The stable name of its type: `float`, `int`, `text` or `json`.
    pub fn type_name(self) -> &'static str {
        match self {
            ValueView::Float(_) => "float",
            ValueView::Int(_) => "int",
            ValueView::Text(_) => "text",
            ValueView::Json(_) => "json",
        }
    }

    /// The number that it holds; `None` for text and JSON.
    #[inline]
    pub fn as_f64(self) -> Option<f64> {
        match self {
            ValueView::Float(v) => Some(v),
            ValueView::Int(v) => Some(v as f64),
            ValueView::Text(_) | ValueView::Json(_) => None,
        }
    }

    /// Written out; a float with the fewest digits that read back as the same float.
    pub fn to_text(self) -> String {
        match self {
            ValueView::Float(v) => format!("{v:?}"),
            ValueView::Int(v) => v.to_string(),
            ValueView::Text(v) | ValueView::Json(v) => v.to_owned(),
        }
    }

    /// The same value, owning its bytes.
    pub fn to_value(self) -> Value {
        match self {
            ValueView::Float(v) => Value::Float(v),
            ValueView::Int(v) => Value::Int(v),
            ValueView::Text(v) => Value::Text(v.to_owned()),
            ValueView::Json(v) => Value::Json(v.to_owned()),
        }
    }
}

/// Refuses text that is not one JSON document.
pub(super) fn check_json(text: &str) -> Result<()> {
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map(|_| ())
        .map_err(|e| Error::invalid(format!("a json value is not JSON: {e}")))
}

fn not_a(type_name: &str, text: &str) -> Error {
    let shown: String = text.chars().take(40).collect();
    Error::invalid(format!("'{}' is not of type {type_name}", shown.escape_debug()))
}
