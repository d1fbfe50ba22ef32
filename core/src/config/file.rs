//! A TOML file as sections whose keys are taken one by one, each with its place. A section fills a type by serde, one
//! key at a time, so that a mistake is blamed on its key; what is left of a section is unknown.

use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml_edit::{Document, Item, TableLike};

use super::Environment;
use super::value;
use crate::error::{Error, Result};

/// The whole text, parsed.
pub(super) struct File<'a> {
    document: Document<String>,
    env: Environment<'a>,
}

/// A place in the text, and what it is part of.
pub(super) struct Place<'a> {
    file: &'a File<'a>,
    name: String,
    at: usize,
}

/// One table.
pub(super) struct Section<'a> {
    place: Place<'a>,
    keys: Vec<Entry<'a>>,
}

struct Entry<'a> {
    key: &'a str,
    at: usize,
    item: &'a Item,
}

impl<'a> File<'a> {
    pub(super) fn parse(text: &str, env: Environment<'a>) -> Result<Self> {
        let document = Document::parse(text.to_owned()).map_err(|e| {
            let at = e.span().map_or(0, |span| span.start);
            Error::invalid(format!("{}: {}", position(text, at), e.message().trim_end().replace('\n', ", ")))
        })?;
        Ok(File { document, env })
    }

    /// What stands under no heading, and all tables.
    pub(super) fn top(&'a self) -> Section<'a> {
        Section::of(Place { file: self, name: String::new(), at: 0 }, self.document.as_table())
    }
}

/// The place of a byte, as people count.
pub(super) fn position(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    let (line, column) = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
    format!("line {line}, column {column}")
}

fn start(span: Option<Range<usize>>) -> Option<usize> {
    span.map(|span| span.start)
}

impl Place<'_> {
    /// What is wrong here.
    pub(super) fn error(&self, what: &str) -> Error {
        let name = if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) };
        Error::invalid(format!("{}: {name}{what}", position(self.file.document.raw(), self.at)))
    }
}

impl<'a> Section<'a> {
    fn of(place: Place<'a>, table: &'a dyn TableLike) -> Self {
        let entry = |(key, item): (&'a str, &'a Item)| {
            let own = table.key(key).and_then(|k| start(k.span()));
            Entry { key, at: own.or_else(|| start(item.span())).unwrap_or(place.at), item }
        };
        let mut keys: Vec<Entry<'a>> = table.iter().map(entry).collect();
        keys.sort_by_key(|entry| entry.at);
        Section { place, keys }
    }

    /// What is wrong with it as a whole.
    pub(super) fn error(&self, what: &str) -> Error {
        self.place.error(what)
    }

    /// Where a key is, or the section when it has none of that name.
    pub(super) fn place_of(&self, key: &str) -> Place<'a> {
        let at = self.keys.iter().find(|e| e.key == key).map_or(self.place.at, |e| e.at);
        Place { file: self.place.file, name: self.place.name.clone(), at }
    }

    fn take(&mut self, key: &str) -> Option<Entry<'a>> {
        let at = self.keys.iter().position(|e| e.key == key)?;
        Some(self.keys.remove(at))
    }

    fn inside(&self, entry: &Entry<'a>, table: &'a dyn TableLike, name: String) -> Section<'a> {
        let at = start(entry.item.span()).unwrap_or(entry.at);
        Section::of(Place { file: self.place.file, name, at }, table)
    }

    fn is_not(&self, entry: &Entry<'_>, what: &str) -> Error {
        self.place_of(entry.key).error(&format!("{} must be {what}", entry.key))
    }

    /// The table of this name, taken out.
    pub(super) fn table(&mut self, key: &str) -> Result<Option<Section<'a>>> {
        let found = self.keys.iter().find(|e| e.key == key);
        let table = found.map(|e| e.item.as_table_like().ok_or_else(|| self.is_not(e, "a table"))).transpose()?;
        let (Some(table), Some(entry)) = (table, self.take(key)) else { return Ok(None) };
        let outer = if self.place.name.is_empty() { String::new() } else { format!("{} ", self.place.name) };
        Ok(Some(self.inside(&entry, table, format!("{outer}[{key}]"))))
    }

    /// A switch, taken out; `None` too when something else has the name.
    pub(super) fn switch(&mut self, key: &str) -> Option<bool> {
        let value = self.keys.iter().find(|e| e.key == key)?.item.as_bool()?;
        self.take(key).map(|_| value)
    }

    /// The tables of this name, taken out.
    pub(super) fn tables(&mut self, key: &str) -> Result<Vec<Section<'a>>> {
        let Some(entry) = self.take(key) else { return Ok(Vec::new()) };
        let Some(tables) = entry.item.as_array_of_tables() else {
            self.keys.push(entry);
            let last = self.keys.last().map(|e| self.is_not(e, &format!("tables, each under [[{key}]]")));
            return Err(last.unwrap_or_else(|| self.error(key)));
        };
        let section = |table: &'a toml_edit::Table| {
            let at = start(table.span()).unwrap_or(entry.at);
            Section::of(Place { file: self.place.file, name: format!("[[{key}]]"), at }, table)
        };
        Ok(tables.iter().map(section).collect())
    }

    /// What its keys say. `check` refuses values that cannot be; the key that completes the mistake is blamed.
    pub(super) fn fill<T: DeserializeOwned>(self, check: impl Fn(&T) -> Result<()>) -> Result<T> {
        let mut whole = Map::new();
        let mut steps: Vec<(&Entry<'a>, Map<String, Value>)> = Vec::new();
        for entry in &self.keys {
            let value = self.value(entry)?;
            let alone: Map<String, Value> = [(entry.key.to_owned(), value.clone())].into_iter().collect();
            serde_json::from_value::<T>(Value::Object(alone)).map_err(|e| {
                let text = e.to_string();
                let unknown = text.starts_with("unknown field");
                let at = if unknown { entry.at } else { start(entry.item.span()).unwrap_or(entry.at) };
                let what = match value::plain(&text) {
                    what if unknown => format!("unknown key `{}`{}", entry.key, value::choices(&what)),
                    what => format!("{} {what}", entry.key),
                };
                Place { file: self.place.file, name: self.place.name.clone(), at }.error(&what)
            })?;
            whole.insert(entry.key.to_owned(), value);
            steps.push((entry, whole.clone()));
        }
        let read = |map: &Map<String, Value>| serde_json::from_value::<T>(Value::Object(map.clone()));
        let filled = read(&whole).map_err(|e| self.error(&value::plain(&e.to_string())))?;
        let Err(refused) = check(&filled) else { return Ok(filled) };
        let same = |map: &Map<String, Value>| {
            read(map).is_ok_and(|part| check(&part).is_err_and(|e| e.message() == refused.message()))
        };
        let blamed = if same(&Map::new()) { None } else { steps.iter().find(|(_, map)| same(map)) };
        match blamed {
            Some((entry, _)) => Err(self.place_of(entry.key).error(&format!("{}: {}", entry.key, refused.message()))),
            None => Err(self.error(refused.message())),
        }
    }

    fn value(&self, entry: &Entry<'a>) -> Result<Value> {
        let fault = |at: Option<usize>, what: String| {
            let at = at.unwrap_or(entry.at);
            Place { file: self.place.file, name: self.place.name.clone(), at }.error(&format!("{}: {what}", entry.key))
        };
        value::read(entry.key, entry.item, self.place.file.env).map_err(|(span, what)| fault(start(span), what))
    }
}
