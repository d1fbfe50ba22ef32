//! Changes to `headwater.toml` that leave the rest of it, comments too, as somebody wrote it.

use std::path::{Path, PathBuf};

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::file::position;
use super::read;
use crate::disk::{OsDisk, replace};
use crate::error::{Error, ErrorKind, Result};
use crate::stream::hub::options::without_secret;
use crate::stream::link::{CatchUp, LinkConfig, OnReset, SubjectMap};

/// A file that is being changed; nothing is written before [`ConfigFile::save`].
pub struct ConfigFile {
    path: PathBuf,
    document: DocumentMut,
}

impl ConfigFile {
    /// Opens a file, or begins one that is not there.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the place of what is no TOML.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let text = match read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let document = text.parse::<DocumentMut>().map_err(|e| {
            let at = position(&text, e.span().map_or(0, |span| span.start));
            Error::invalid(format!("{}: {at}: {}", path.display(), e.message().trim_end().replace('\n', ", ")))
        })?;
        Ok(ConfigFile { path, document })
    }

    /// Adds a link, and the hub at `url` where the file names none yet.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when there is a link of the name, or the file names another hub.
    pub fn add_link(&mut self, link: &LinkConfig, url: &str) -> Result<()> {
        link.check()?;
        self.set_hub(&escaped(url))?;
        if self.position_of(&link.name)?.is_some() {
            let message = format!("{}: there is a link '{}' already", self.path.display(), link.name);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let tables = self.document.entry("link").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        let Some(tables) = tables.as_array_of_tables_mut() else { return Err(self.no_tables()) };
        tables.push(table_of(link));
        Ok(())
    }

    /// Removes a link; false when there is none of this name.
    pub fn remove_link(&mut self, name: &str) -> Result<bool> {
        let Some(at) = self.position_of(name)? else { return Ok(false) };
        if let Some(tables) = self.document.get_mut("link").and_then(Item::as_array_of_tables_mut) {
            tables.remove(at);
        }
        Ok(true)
    }

    /// Whether it says what this stream shall be.
    pub fn has_stream(&self, name: &str) -> bool {
        let tables = self.document.get("stream").and_then(Item::as_array_of_tables);
        tables.is_some_and(|all| all.iter().any(|t| t.get("name").and_then(Item::as_str) == Some(name)))
    }

    /// Writes it, whole or not at all.
    pub fn save(&self) -> Result<()> {
        let written = replace(&OsDisk, &self.path, self.document.to_string().as_bytes());
        written.map_err(|e| Error::io(format_args!("write {}", self.path.display()), &e))
    }

    fn set_hub(&mut self, url: &str) -> Result<()> {
        let hub = self.document.entry("hub").or_insert(Item::Table(Table::new()));
        let Some(hub) = hub.as_table_like_mut() else {
            return Err(Error::invalid(format!("{}: hub must be a table", self.path.display())));
        };
        let url_there = hub.get("url").and_then(Item::as_str);
        let urls = hub.get("urls").and_then(Item::as_array);
        let is_there = urls.is_some_and(|urls| urls.iter().any(|u| u.as_str() == Some(url)));
        match url_there {
            Some(there) if there != url => {
                let message = format!(
                    "{}: its hub is {}, not {}: a node has one hub",
                    self.path.display(),
                    without_secret(there),
                    without_secret(url)
                );
                Err(Error::new(ErrorKind::Conflict, message))
            }
            None if urls.is_some() && !is_there => {
                let message = format!("{}: {} is none of its hub's urls", self.path.display(), without_secret(url));
                Err(Error::new(ErrorKind::Conflict, message))
            }
            Some(_) => Ok(()),
            None if is_there => Ok(()),
            None => {
                hub.insert("url", toml_edit::value(url));
                Ok(())
            }
        }
    }

    fn no_tables(&self) -> Error {
        Error::invalid(format!("{}: link must be tables, each under [[link]]", self.path.display()))
    }

    fn position_of(&self, name: &str) -> Result<Option<usize>> {
        let Some(item) = self.document.get("link") else { return Ok(None) };
        let tables = item.as_array_of_tables().ok_or_else(|| self.no_tables())?;
        let name_of = |table: &Table| {
            let text = |key: &str| table.get(key).and_then(Item::as_str).unwrap_or_default().to_owned();
            let (own, stream, remote) = (text("name"), text("stream"), text("hub_stream"));
            let remote = if remote.is_empty() { stream.clone() } else { remote };
            if own.is_empty() { format!("{stream}-{remote}") } else { own }
        };
        Ok(tables.iter().position(|table| name_of(table) == name))
    }
}

/// A text in which nothing stands for a variable.
fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

fn table_of(link: &LinkConfig) -> Table {
    let mut table = Table::new();
    let mut set = |key: &str, value: Value| table.insert(key, Item::Value(value));
    set("name", link.name.as_str().into());
    set("stream", link.stream.as_str().into());
    set("hub_stream", link.remote.as_str().into());
    set("direction", link.direction.name().into());
    match link.filters.as_slice() {
        [] => None,
        [one] => set("filter", escaped(one).into()),
        many => set("filters", many.iter().map(|f| escaped(f)).collect()),
    };
    if !link.map.is_empty() {
        let pair = |map: &SubjectMap| {
            let mut pair = InlineTable::new();
            pair.insert("local", escaped(&map.local).into());
            pair.insert("remote", escaped(&map.remote).into());
            pair
        };
        set("map", link.map.iter().map(pair).collect());
    }
    if link.catch_up == CatchUp::Latest {
        set("catch_up", "latest".into());
    }
    match link.on_reset {
        OnReset::Resend => None,
        OnReset::Continue => set("on_reset", "continue".into()),
        OnReset::Stop => set("on_reset", "stop".into()),
    };
    if link.exclusive {
        set("exclusive", true.into());
    }
    if let Some(replicas) = link.create.as_ref().and_then(|c| c.hub.as_ref()).map(|hub| hub.replicas) {
        set("replicas", i64::from(replicas).into());
    }
    if link.create.is_none() {
        set("create", false.into());
    }
    table
}
