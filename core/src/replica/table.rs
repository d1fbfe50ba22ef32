//! What a table is: its key, its columns, what it is called on the way to other nodes, and which tables do not
//! replicate.
//!
//! A key is what other nodes find a row by, so it has to mean the same everywhere: a primary key that compares bytes,
//! never a rowid that `VACUUM` may give anew. Generated columns are computed at each node.

use rusqlite::Connection;

use super::fresh::Many;
use super::ident::{OURS, is_same, quote, quote_all};
use super::names::Names;
use super::store::{KEY_COLUMNS_MAX, Sql};
use super::{Options, pattern, schema};

/// A table that does not replicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) name: String,
    pub(crate) why: String,
}

/// A column as SQLite tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) name: String,
    pub(super) decltype: String,
    pub(super) is_not_null: bool,
    pub(super) default: Option<String>,
    /// Its place in the primary key from 1 on; 0 is none.
    pub(super) key: usize,
    pub(super) is_generated: bool,
}

/// A table as SQLite tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) cells: Vec<Cell>,
    /// Columns that the configuration leaves out: they are this node's own, and nothing here knows them otherwise.
    pub(super) left_out: Vec<Cell>,
    pub(super) is_strict: bool,
    pub(super) is_without_rowid: bool,
}

/// A column that replicates, beside the key.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// What it was called before it was renamed here; others may still say so.
    pub(crate) was: Names,
    /// Digest of its default.
    pub(super) rest: u64,
}

/// A table that replicates, and the statements for its rows.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) was: Names,
    pub(crate) keys: Vec<String>,
    pub(crate) columns: Vec<Column>,
    /// The columns that are left out here, whoever else replicates them.
    pub(crate) left_out: Vec<String>,
    /// SHA-256 of the schema in canonical form.
    pub(crate) hash: [u8; 32],
    /// Where the walk over what was there at attach goes on; `None` is done.
    pub(super) walk: Option<Vec<u8>>,
    pub(super) is_per_row: bool,
    pub(super) select: String,
    /// The select of one row, and whether there is one, by the key.
    pub(super) read: String,
    pub(super) has: String,
    pub(super) insert: String,
    pub(super) many: Many,
    pub(super) delete: String,
}

impl Shape {
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.cells.iter().filter(|cell| cell.key > 0).collect();
        keys.sort_by_key(|cell| cell.key);
        keys.into_iter().map(|cell| cell.name.clone()).collect()
    }

    /// The columns that replicate beside the key.
    pub(super) fn columns(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.key == 0 && !cell.is_generated)
    }
}

impl Table {
    pub(super) fn new(id: i64, was: Names, shape: &Shape, columns: Vec<Column>, options: &Options) -> Table {
        let keys = shape.keys();
        let names = || keys.iter().map(String::as_str).chain(columns.iter().map(|column| column.name.as_str()));
        let table = quote(&shape.name);
        let found = found_by(&keys, 1);
        let marks = (1..=keys.len() + columns.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let set = columns
            .iter()
            .map(|column| format!("{0} = excluded.{0}", quote(&column.name)))
            .collect::<Vec<_>>()
            .join(", ");
        let select = format!("SELECT {} FROM main.{table}", quote_all("", names()));
        let action = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {set}") };
        // The statement's OR ABORT is stronger than an ON CONFLICT REPLACE that a constraint of the table says.
        let start = format!("INSERT OR ABORT INTO main.{table}({})", quote_all("", names()));
        let end = format!("ON CONFLICT({}) DO {action}", quote_all("", keys.iter().map(String::as_str)));
        Table {
            id,
            name: shape.name.clone(),
            was,
            left_out: shape.left_out.iter().map(|cell| cell.name.clone()).collect(),
            hash: schema::hash(shape),
            walk: None,
            is_per_row: options.per_row.iter().any(|name| is_same(name, &shape.name)),
            insert: format!("{start} VALUES ({marks}) {end}"),
            many: Many::new(id, &start, keys.len() + columns.len(), &end),
            read: format!("{select} WHERE {found}"),
            has: format!("SELECT 1 FROM main.{table} WHERE {found}"),
            select,
            delete: format!("DELETE FROM main.{table} WHERE {found}"),
            keys,
            columns,
        }
    }

    /// Whether this node leaves out the column that others mean by `name`.
    pub(super) fn is_left_out(&self, name: &str) -> bool {
        self.left_out.iter().any(|left_out| is_same(left_out, name))
    }

    /// `WHERE` for one key, whose first value is parameter `first`.
    pub(super) fn found(&self, first: usize) -> String {
        found_by(&self.keys, first)
    }

    /// Whether others may mean this table by `name`.
    pub(super) fn answers_to(&self, name: &str) -> bool {
        is_same(&self.name, name) || self.was.has(name)
    }

    /// The place of the column of this name.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| is_same(&column.name, name))
    }

    /// The place of the column that had this name before.
    pub(super) fn former_column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.was.has(name))
    }
}

/// `WHERE` for one key, whose first value is parameter `first`.
pub(super) fn found_by(keys: &[String], first: usize) -> String {
    let parts = keys.iter().enumerate().map(|(n, key)| format!("{} = ?{}", quote(key), first + n));
    parts.collect::<Vec<_>>().join(" AND ")
}

/// The tables of a file that can replicate, and those that do not.
pub(super) fn shapes(conn: &Connection, options: &Options) -> Sql<(Vec<Shape>, Vec<Refused>)> {
    let (mut shapes, mut refused) = (Vec::new(), Vec::new());
    let mut list = conn.prepare("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'")?;
    let rows = list.query_map((), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?, row.get::<_, bool>(3)?))
    })?;
    for row in rows {
        let (name, kind, is_without_rowid, is_strict) = row?;
        if kind == "view" || is_internal(&name) {
            continue;
        }
        let is_left_out = |cell: &Cell| {
            let excludes = |pattern: &String| pattern::is_match(pattern, &name, &cell.name);
            cell.key == 0 && !cell.is_generated && options.exclude_columns.iter().any(excludes)
        };
        let (left_out, cells) = cells(conn, &name)?.into_iter().partition(is_left_out);
        let shape = Shape { name, cells, left_out, is_strict, is_without_rowid };
        match why_not(conn, &shape, &kind, options)? {
            Some(why) => refused.push(Refused { name: shape.name, why }),
            None => shapes.push(shape),
        }
    }
    shapes.sort_by(|a, b| a.name.cmp(&b.name));
    refused.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((shapes, refused))
}

/// SQLite's own tables and ours.
fn is_internal(name: &str) -> bool {
    let starts = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| is_same(start, prefix));
    starts("sqlite_") || starts(OURS)
}

fn cells(conn: &Connection, table: &str) -> Sql<Vec<Cell>> {
    let sql = "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid";
    let mut info = conn.prepare_cached(sql)?;
    let cells = info.query_map([table], |row| {
        Ok(Cell {
            name: row.get(0)?,
            decltype: row.get(1)?,
            is_not_null: row.get(2)?,
            default: row.get(3)?,
            key: row.get::<_, i64>(4)? as usize,
            is_generated: row.get::<_, i64>(5)? > 1,
        })
    })?;
    Ok(cells.collect::<rusqlite::Result<_>>()?)
}

fn why_not(conn: &Connection, shape: &Shape, kind: &str, options: &Options) -> Sql<Option<String>> {
    let named = |names: &[String]| names.iter().any(|name| is_same(name, &shape.name));
    if named(&options.exclude) || !(options.include.is_empty() || named(&options.include)) {
        return Ok(Some("left out by the configuration".to_owned()));
    }
    if kind != "table" {
        return Ok(Some(format!("it is a {kind} table: what it is computed from replicates, or nothing of it")));
    }
    let keys = shape.keys();
    if keys.is_empty() {
        return Ok(Some("it has no primary key, and a rowid is another one after VACUUM".to_owned()));
    }
    if keys.len() > KEY_COLUMNS_MAX {
        return Ok(Some(format!("its key has {} columns, and at most {KEY_COLUMNS_MAX} are kept", keys.len())));
    }
    if let Some(cell) = shape.left_out.iter().find(|cell| cell.is_not_null && cell.default.is_none()) {
        return Ok(Some(format!("its column {} is left out, and is NOT NULL without a default", cell.name)));
    }
    let sql = "SELECT x.name, x.coll FROM pragma_index_list(?1, 'main') AS l, pragma_index_xinfo(l.name, 'main') AS x \
               WHERE l.origin = 'pk' AND x.key AND x.coll <> 'BINARY'";
    let mut index = conn.prepare_cached(sql)?;
    let mut rows = index.query([&shape.name])?;
    if let Some(row) = rows.next()? {
        let (column, collation) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
        return Ok(Some(format!("its key column {column} compares by {collation}: two spellings would be one row")));
    }
    Ok(None)
}
