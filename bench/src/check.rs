//! The proof behind a figure: what a store holds, counted and checksummed by a fresh process that opens it.

use std::path::Path;

use crate::Outcome;
use crate::child;
use crate::ours::Ours;
use crate::peers::fjall::Fjall;
use crate::peers::raw::Raw;
use crate::peers::redb::Redb;
use crate::peers::sqlite::Sqlite;
use crate::rows::{events, points_query};
use crate::source::Digest;

/// What kind of store a directory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Our stream, written by one writer.
    Ours,
    /// Our stream, written by many writers at once.
    OursUnordered,
    /// Our point store.
    OursPoints,
    /// Our event store.
    OursEvents,
    /// Frames in a file.
    Raw,
    /// SQLite.
    Sqlite,
    /// SQLite with a table of points.
    SqlitePoints,
    /// redb.
    Redb,
    /// fjall.
    Fjall,
}

const NAMES: [(Kind, &str); 9] = [
    (Kind::Ours, "headwater"),
    (Kind::OursUnordered, "headwater-unordered"),
    (Kind::OursPoints, "headwater-points"),
    (Kind::OursEvents, "headwater-events"),
    (Kind::Raw, "raw"),
    (Kind::Sqlite, "sqlite"),
    (Kind::SqlitePoints, "sqlite-points"),
    (Kind::Redb, "redb"),
    (Kind::Fjall, "fjall"),
];

impl Kind {
    /// The word that names it to a child.
    fn name(self) -> &'static str {
        NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The kind of this name.
    pub(crate) fn parse(name: &str) -> Outcome<Kind> {
        let found = NAMES.iter().find(|(_, known)| *known == name);
        Ok(found.map(|(kind, _)| *kind).ok_or_else(|| format!("'{name}' is no kind of store"))?)
    }
}

/// Opens the store in a fresh process and fails unless it holds exactly what is expected.
pub(crate) fn check(kind: Kind, dir: &Path, expected: Digest) -> Outcome<()> {
    let answer = child::ask(&["check", kind.name(), child::text(dir)?])?;
    let found = Digest { count: answer.number("count")?, sum: answer.number("sum")? };
    if found == expected {
        return Ok(());
    }
    let what = if found.count == expected.count { "their checksums differ" } else { "the counts differ" };
    Err(format!("{}: holds {found:?}, expected {expected:?}: {what}", kind.name()).into())
}

/// What the store in a directory holds; this is what the fresh process does.
pub(crate) fn digest(kind: Kind, dir: &Path) -> Outcome<Digest> {
    match kind {
        Kind::Ours => Ours::digest(dir, true),
        Kind::OursUnordered => Ours::digest(dir, false),
        Kind::OursPoints => points_query::digest_ours(dir),
        Kind::OursEvents => events::digest(dir),
        Kind::Raw => Raw::digest(dir),
        Kind::Sqlite => Sqlite::digest(dir),
        Kind::SqlitePoints => points_query::digest_sqlite(dir),
        Kind::Redb => Redb::digest(dir),
        Kind::Fjall => Fjall::digest(dir),
    }
}
