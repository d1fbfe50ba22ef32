//! How a line of a file becomes points: which column is the time, which the node, which are kinds.
//!
//! Two shapes: wide, a line is one time of one node with a column for each kind; and long, a line is one point, as an
//! export writes it. Knows text and points, and neither files nor streams.

use crate::error::{Error, Result};

use super::import::ImportOptions;
use super::json::{self, Fields};
use super::point::Point;
use super::value::Value;
use crate::time::parse_time_or_seconds;

/// The columns of an export, in order.
pub(super) const EXPORT_COLUMNS: [&str; 8] =
    ["time", "node", "type", "key", "value_type", "value", "tombstone", "origin"];
/// The largest integer up to which a float holds every integer.
const EXACT_INT_MAX: u64 = 1 << 53;

/// Where a CSV file has what.
pub(super) enum CsvShape {
    Wide { width: usize, time: usize, node: String, node_column: Option<usize>, columns: Vec<Column> },
    Long { width: usize, columns: [Option<usize>; EXPORT_COLUMNS.len()] },
}

/// A column of values; `numbers` is known from its first value on.
pub(super) struct Column {
    at: usize,
    kind: String,
    numbers: Option<bool>,
}

impl CsvShape {
    /// Fits the options to a header.
    pub(super) fn new(header: &[String], options: &ImportOptions) -> Result<Self> {
        let header: Vec<&str> = header.iter().map(|name| name.trim()).collect();
        for (i, name) in header.iter().enumerate() {
            if name.is_empty() {
                return Err(Error::invalid(format!("column {} of the header has no name", i + 1)));
            }
            if header[..i].contains(name) {
                return Err(Error::invalid(format!("the header names column '{name}' twice")));
            }
        }
        let find = |name: &str| header.iter().position(|n| *n == name);
        let need = |name: &str| {
            find(name).ok_or_else(|| {
                Error::invalid(format!("the header has no column '{name}'; it has {}", header.join(", ")))
            })
        };
        let width = header.len();
        if options.node.is_empty() && options.node_column.is_empty() {
            for name in [time_name(options), "node", "type", "value"] {
                need(name).map_err(|e| Error::invalid(format!("with no node named, a line is a point: {e}")))?;
            }
            let mut columns = EXPORT_COLUMNS.map(find);
            columns[0] = find(time_name(options));
            return Ok(CsvShape::Long { width, columns });
        }
        let time = need(time_name(options))?;
        let node_column = if options.node_column.is_empty() { None } else { Some(need(options.node_column.as_str())?) };
        let mut columns = Vec::new();
        for name in &options.columns {
            columns.push(Column { at: need(name)?, kind: name.clone(), numbers: None });
        }
        if columns.is_empty() {
            for (at, name) in header.iter().enumerate() {
                if at != time && Some(at) != node_column {
                    columns.push(Column { at, kind: (*name).to_owned(), numbers: None });
                }
            }
        }
        Ok(CsvShape::Wide { width, time, node: options.node.clone(), node_column, columns })
    }

    /// The points of a line, or why it is refused.
    pub(super) fn points(&mut self, fields: &[String]) -> Result<Vec<Point>, String> {
        let (CsvShape::Wide { width, .. } | CsvShape::Long { width, .. }) = self;
        if fields.len() != *width {
            return Err(format!("it has {} fields, the header has {width}", fields.len()));
        }
        match self {
            CsvShape::Wide { time, node, node_column, columns, .. } => {
                let time = parse_time_or_seconds(&fields[*time]).map_err(reason)?;
                let own = node_column.map_or("", |at| fields[at].as_str());
                let node = if own.is_empty() { node } else { own };
                let mut points = Vec::with_capacity(columns.len());
                for column in columns {
                    if let Some(value) = column.value(&fields[column.at])? {
                        points.push(Point::new(node, column.kind.as_str(), time, value));
                    }
                }
                Ok(points)
            }
            CsvShape::Long { columns, .. } => {
                let [time, node, kind, key, type_name, value, tombstone, origin] =
                    columns.map(|at| at.map_or("", |at| fields[at].as_str()));
                let value = match type_name {
                    "" => number(value).unwrap_or_else(|| Value::Text(value.to_owned())),
                    _ => Value::parse(type_name, value).map_err(reason)?,
                };
                let tombstone = match tombstone {
                    "" => 0,
                    text => text.parse().map_err(|_| format!("tombstone '{text}' is no number of 32 bits"))?,
                };
                Ok(vec![Point {
                    key: key.to_owned(),
                    tombstone,
                    origin: origin.to_owned(),
                    ..Point::new(node, kind, parse_time_or_seconds(time).map_err(reason)?, value)
                }])
            }
        }
    }
}

impl Column {
    fn value(&mut self, text: &str) -> Result<Option<Value>, String> {
        let trimmed = text.trim();
        let missing = ["na", "n/a", "nan", "null"].iter().any(|none| trimmed.eq_ignore_ascii_case(none));
        if trimmed.is_empty() || (missing && self.numbers != Some(false)) {
            return Ok(None);
        }
        let number = number(trimmed);
        match (*self.numbers.get_or_insert(number.is_some()), number) {
            (true, Some(number)) => Ok(Some(number)),
            (true, None) => Err(format!("column '{}' holds numbers and this is '{}'", self.kind, shown(trimmed))),
            (false, _) => Ok(Some(Value::Text(text.to_owned()))),
        }
    }
}

/// Which field of a JSON object is what.
pub(super) struct JsonShape {
    options: ImportOptions,
}

impl JsonShape {
    pub(super) fn new(options: &ImportOptions) -> Self {
        JsonShape { options: options.clone() }
    }

    /// The points of a line, or why it is refused.
    pub(super) fn points(&self, line: &[u8]) -> Result<Vec<Point>, String> {
        let fields = Fields::read(line)?;
        let name = time_name(&self.options);
        let time = fields.get(name).and_then(|json| label(json, name).ok());
        let time = time.ok_or_else(|| format!("it has no time in field '{name}'"))?;
        let time = parse_time_or_seconds(&time).map_err(reason)?;
        if self.options.node.is_empty() && self.options.node_column.is_empty() {
            return long_point(&fields, time).map(|point| vec![point]);
        }
        self.wide_points(&fields, time)
    }

    fn wide_points(&self, fields: &Fields<'_>, time: i64) -> Result<Vec<Point>, String> {
        let ImportOptions { node, node_column, columns, .. } = &self.options;
        let own = fields.get(node_column).map_or(Ok(String::new()), |node| label(node, node_column))?;
        let node = if own.is_empty() { node } else { &own };
        let mut points = Vec::new();
        for (name, json) in fields.iter() {
            let asked = columns.is_empty() || columns.iter().any(|c| c == name);
            if asked && name != time_name(&self.options) && name != node_column && json != "null" {
                points.push(Point::new(node, name, time, plain_value(json)?));
            }
        }
        Ok(points)
    }
}

/// A line of an export, or a point as SimpleIoT writes it, whose value may be in `text`.
fn long_point(fields: &Fields<'_>, time: i64) -> Result<Point, String> {
    let text = |name: &str| fields.get(name).map_or(Ok(String::new()), |json| label(json, name));
    let (value_type, siot_text) = (text("value_type")?, text("text")?);
    let value = match fields.get("value") {
        _ if !siot_text.is_empty() => Value::Text(siot_text),
        Some(json) => typed_value(&value_type, json)?,
        None if value_type == "json" => Value::Json("null".to_owned()),
        None => return Err("it has no value".to_owned()),
    };
    let tombstone = match fields.get("tombstone") {
        None => 0,
        Some(json) => json.parse().map_err(|_| format!("tombstone {json} is no number of 32 bits"))?,
    };
    Ok(Point {
        key: text("key")?,
        tombstone,
        origin: text("origin")?,
        ..Point::new(text("node")?, text("type")?, time, value)
    })
}

fn typed_value(type_name: &str, json: &str) -> Result<Value, String> {
    match (type_name, json::string(json)) {
        ("", _) => plain_value(json),
        ("json", _) | (_, None) => Value::parse(type_name, json).map_err(reason),
        (_, Some(text)) => Value::parse(type_name, &text).map_err(reason),
    }
}

/// A JSON value, not null, by its own type.
fn plain_value(json: &str) -> Result<Value, String> {
    if let Some(text) = json::string(json) {
        return Ok(Value::Text(text));
    }
    match json {
        "true" => Ok(Value::Int(1)),
        "false" => Ok(Value::Int(0)),
        _ if json.starts_with(['{', '[']) => Ok(Value::Json(json.to_owned())),
        _ => number(json).ok_or_else(|| format!("number {} is out of range", shown(json))),
    }
}

/// A finite number. It is a float, so that a series has one type whether or not its digits show a point, except where
/// only an int holds it exactly.
fn number(text: &str) -> Option<Value> {
    let float: f64 = text.trim().parse().ok()?;
    if !float.is_finite() {
        return None;
    }
    match text.trim().parse::<i64>() {
        Ok(int) if int.unsigned_abs() > EXACT_INT_MAX => Some(Value::Int(int)),
        _ => Some(Value::Float(float)),
    }
}

/// A time, node, kind, key or origin: text, or a number as it is written.
fn label(json: &str, name: &str) -> Result<String, String> {
    match json::string(json) {
        Some(text) => Ok(text),
        None if json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Ok(json.to_owned()),
        None => Err(format!("field '{name}' is no text")),
    }
}

fn time_name(options: &ImportOptions) -> &str {
    if options.time.is_empty() { "time" } else { &options.time }
}

fn reason(error: Error) -> String {
    error.message().to_owned()
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect::<String>().escape_debug().to_string()
}
