//! The rows of one table: as the application has them, their clocks, and those that are hidden.

use std::cell::{Cell, RefCell};

use rusqlite::{CachedStatement, Connection, OptionalExtension, Statement, params_from_iter};

use super::change::Change;
use super::clocks::{RowState, Stamp};
use super::ident::quote;
use super::noted::{ChangeKind, Notes};
use super::store::{Fault, Sql};
use super::table::Table;
use super::value::Value;
use crate::error::Error;

/// A row that is, but can't be shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hidden {
    pub(super) why: String,
    /// Values by column id.
    pub(super) cells: Vec<(i64, Value)>,
}

impl Hidden {
    /// Sets values of the columns at these places of the table.
    pub(super) fn set_places(&mut self, table: &Table, places: &[usize], values: &[&Value]) {
        for (place, value) in places.iter().zip(values) {
            let (column, value) = (table.columns[*place].id, (*value).clone());
            match self.cells.iter_mut().find(|(id, _)| *id == column) {
                Some((_, old)) => *old = value,
                None => self.cells.push((column, value)),
            }
        }
    }
}

/// A statement that stays prepared while many rows go through it: to look it up costs about as much as to run it.
#[derive(Default)]
pub(super) struct Kept<'a>(RefCell<Option<CachedStatement<'a>>>);

impl<'a> Kept<'a> {
    pub(super) fn with<T>(
        &self,
        conn: &'a Connection,
        sql: &str,
        run: impl FnOnce(&mut Statement<'a>) -> Sql<T>,
    ) -> Sql<T> {
        let mut kept = self.0.borrow_mut();
        let statement = match &mut *kept {
            Some(statement) => statement,
            none => none.insert(conn.prepare_cached(sql)?),
        };
        run(statement)
    }
}

/// The rows of one table. While rows change there is one of it for a table, as it remembers that none is hidden.
pub(super) struct TableRows<'a> {
    pub(super) conn: &'a Connection,
    pub(super) table: &'a Table,
    state: Kept<'a>,
    add_state: Kept<'a>,
    set_state: Kept<'a>,
    read: Kept<'a>,
    has: Kept<'a>,
    insert: Kept<'a>,
    pub(super) add_clocks: Kept<'a>,
    pub(super) show_many: Kept<'a>,
    /// The columns that were updated last, and how.
    update: RefCell<(Vec<usize>, Option<CachedStatement<'a>>)>,
    has_hidden: Cell<Option<bool>>,
    notes: Option<&'a Notes>,
}

impl<'a> TableRows<'a> {
    pub(super) fn new(conn: &'a Connection, table: &'a Table) -> Self {
        TableRows {
            conn,
            table,
            state: Kept::default(),
            add_state: Kept::default(),
            set_state: Kept::default(),
            read: Kept::default(),
            has: Kept::default(),
            insert: Kept::default(),
            add_clocks: Kept::default(),
            show_many: Kept::default(),
            update: RefCell::default(),
            has_hidden: Cell::new(None),
            notes: None,
        }
    }

    /// Notes what is done to rows.
    pub(super) fn noting(self, notes: &'a Notes) -> Self {
        TableRows { notes: Some(notes), ..self }
    }

    pub(super) fn note(&self, key: &[Value], kind: ChangeKind) {
        if let Some(notes) = self.notes {
            notes.note(&self.table.name, key, kind);
        }
    }

    /// Says whose write what follows is.
    pub(super) fn sign(&self, change: &Change, origin: u64) {
        if let Some(notes) = self.notes {
            notes.sign(Stamp { time: change.time.max(change.life.time), node: origin });
        }
    }

    /// How much is noted, to go back to.
    pub(super) fn noted(&self) -> usize {
        self.notes.map_or(0, Notes::len)
    }

    /// Forgets what was noted since then: it was taken back.
    pub(super) fn unnote(&self, len: usize) {
        if let Some(notes) = self.notes {
            notes.truncate(len);
        }
    }

    pub(super) fn has(&self, key: &[Value]) -> Sql<bool> {
        self.has.with(self.conn, &self.table.has, |has| Ok(has.exists(params_from_iter(key))?))
    }

    /// A row as the application has it: its key, and the values in the order of the table's columns.
    pub(super) fn read(&self, key: &[Value]) -> Sql<Option<(Vec<Value>, Vec<Value>)>> {
        self.read.with(self.conn, &self.table.read, |read| {
            let mut rows = read.query(params_from_iter(key))?;
            rows.next()?.map(|row| split(row, self.table)).transpose()
        })
    }

    /// Shows a row with these columns, by their places; the others get their defaults.
    pub(super) fn show(&self, key: &[Value], places: &[usize], values: &[&Value]) -> Sql<()> {
        let parameters = params_from_iter(key.iter().chain(values.iter().copied()));
        if places.len() == self.table.columns.len() && places.iter().enumerate().all(|(n, place)| n == *place) {
            self.insert.with(self.conn, &self.table.insert, |insert| {
                insert.execute(parameters)?;
                Ok(())
            })?;
        } else {
            let sql = self.insert_sql("ABORT", places);
            self.conn.prepare_cached(&sql)?.execute(parameters)?;
        }
        self.note(key, ChangeKind::Insert);
        Ok(())
    }

    /// An insert of the key and these columns, with what is to be done about a constraint.
    pub(super) fn insert_sql(&self, or: &str, places: &[usize]) -> String {
        let columns = places.iter().map(|place| self.table.columns[*place].name.as_str());
        let names = self.table.keys.iter().map(String::as_str).chain(columns);
        let marks = (1..=self.table.keys.len() + places.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let names = super::ident::quote_all("", names);
        format!("INSERT OR {or} INTO main.{}({names}) VALUES ({marks})", quote(&self.table.name))
    }

    /// Updates columns of a row that is shown. Whether it was there.
    pub(super) fn update(&self, key: &[Value], places: &[usize], values: &[&Value]) -> Sql<bool> {
        if places.is_empty() {
            return Ok(true);
        }
        let (last, update) = &mut *self.update.borrow_mut();
        if last != places {
            (*last, *update) = (places.to_vec(), None);
        }
        let update = match update {
            Some(update) => update,
            none => none.insert(self.conn.prepare_cached(&self.update_sql(places))?),
        };
        let is_there = update.execute(params_from_iter(values.iter().copied().chain(key)))? > 0;
        if is_there {
            self.note(key, ChangeKind::Update);
        }
        Ok(is_there)
    }

    fn update_sql(&self, places: &[usize]) -> String {
        let set = places.iter().enumerate();
        let set = set.map(|(n, place)| format!("{} = ?{}", quote(&self.table.columns[*place].name), n + 1));
        let (set, found) = (set.collect::<Vec<_>>().join(", "), self.table.found(places.len() + 1));
        format!("UPDATE OR ABORT main.{} SET {set} WHERE {found}", quote(&self.table.name))
    }

    pub(super) fn delete(&self, key: &[Value]) -> Sql<()> {
        if self.conn.prepare_cached(&self.table.delete)?.execute(params_from_iter(key))? > 0 {
            self.note(key, ChangeKind::Delete);
        }
        Ok(())
    }

    /// A row's clocks.
    pub(super) fn state(&self, name: &[u8]) -> Sql<Option<RowState>> {
        let sql = "SELECT state FROM _headwater_row WHERE tbl = ?1 AND key = ?2";
        self.state.with(self.conn, sql, |state| {
            let mut rows = state.query((self.table.id, name))?;
            let Some(row) = rows.next()? else { return Ok(None) };
            RowState::decode(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?).map(Some)
        })
    }

    /// The clocks of a row that none are known of. Whether that is so.
    pub(super) fn add_state(&self, name: &[u8], state: &RowState) -> Sql<bool> {
        let sql = "INSERT INTO _headwater_row(tbl, key, state) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        let added = |add: &mut Statement<'_>| Ok(add.execute((self.table.id, name, state.encode()))?);
        Ok(self.add_state.with(self.conn, sql, added)? > 0)
    }

    pub(super) fn set_state(&self, name: &[u8], state: &RowState) -> Sql<()> {
        let sql = "INSERT INTO _headwater_row(tbl, key, state) VALUES (?1, ?2, ?3) \
                   ON CONFLICT(tbl, key) DO UPDATE SET state = excluded.state";
        self.set_state.with(self.conn, sql, |set| {
            set.execute((self.table.id, name, state.encode()))?;
            Ok(())
        })
    }

    /// The clocks of a row of which all was written at once; zero is what was there at attach.
    pub(super) fn first_state(&self, values: &[Value], stamp: Stamp) -> RowState {
        let mut state = RowState::default();
        state.set_whole(self.table, values, stamp, Stamp::default());
        state
    }

    /// Whether rows may be hidden.
    pub(super) fn has_hidden(&self) -> Sql<bool> {
        if let Some(has) = self.has_hidden.get() {
            return Ok(has);
        }
        let has =
            self.conn.prepare_cached("SELECT 1 FROM _headwater_hidden WHERE tbl = ?1")?.exists([self.table.id])?;
        self.has_hidden.set(Some(has));
        Ok(has)
    }

    pub(super) fn hidden(&self, name: &[u8]) -> Sql<Option<Hidden>> {
        if !self.has_hidden()? {
            return Ok(None);
        }
        let sql = "SELECT why, cells FROM _headwater_hidden WHERE tbl = ?1 AND key = ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found =
            statement.query_row((self.table.id, name), |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)));
        found.optional()?.map(|(why, cells)| Ok(Hidden { why, cells: take_cells(&cells)? })).transpose()
    }

    pub(super) fn hidden_names(&self) -> Sql<Vec<Vec<u8>>> {
        let mut list = self.conn.prepare_cached("SELECT key FROM _headwater_hidden WHERE tbl = ?1")?;
        let names = list.query_map([self.table.id], |row| row.get(0))?;
        Ok(names.collect::<rusqlite::Result<_>>()?)
    }

    /// The hidden rows of which something that matters has changed since they were looked at.
    pub(super) fn unsettled_names(&self) -> Sql<Vec<Vec<u8>>> {
        let mut list = self.conn.prepare_cached("SELECT key FROM _headwater_hidden WHERE tbl = ?1 AND by = x''")?;
        let names = list.query_map([self.table.id], |row| row.get(0))?;
        Ok(names.collect::<rusqlite::Result<_>>()?)
    }

    /// Says that a shown row is another one than before, or none: those that it kept hidden are looked at again.
    pub(super) fn unsettle(&self, name: &[u8]) -> Sql<()> {
        let sql = "UPDATE _headwater_hidden SET by = x'' WHERE tbl = ?1 AND by = ?2";
        self.conn.prepare_cached(sql)?.execute((self.table.id, name))?;
        Ok(())
    }

    /// Every hidden row is looked at again.
    pub(super) fn unsettle_all(&self) -> Sql<()> {
        self.conn.prepare_cached("UPDATE _headwater_hidden SET by = x'' WHERE tbl = ?1")?.execute([self.table.id])?;
        Ok(())
    }

    /// Says why a row stays hidden: the shown row that it clashes with, or `None` when it is refused by itself.
    pub(super) fn stay_hidden(&self, name: &[u8], why: &str, by: Option<&[u8]>) -> Sql<()> {
        let sql = "UPDATE _headwater_hidden SET why = ?3, by = ?4 WHERE tbl = ?1 AND key = ?2";
        self.conn.prepare_cached(sql)?.execute((self.table.id, name, why, by))?;
        Ok(())
    }

    pub(super) fn hide(&self, name: &[u8], hidden: &Hidden) -> Sql<()> {
        let sql = "INSERT OR REPLACE INTO _headwater_hidden(tbl, key, why, by, cells) VALUES (?1, ?2, ?3, x'', ?4)";
        self.conn.prepare_cached(sql)?.execute((self.table.id, name, &hidden.why, put_cells(&hidden.cells)))?;
        self.has_hidden.set(Some(true));
        Ok(())
    }

    pub(super) fn unhide(&self, name: &[u8]) -> Sql<()> {
        if !self.has_hidden()? {
            return Ok(());
        }
        let sql = "DELETE FROM _headwater_hidden WHERE tbl = ?1 AND key = ?2";
        self.conn.prepare_cached(sql)?.execute((self.table.id, name))?;
        Ok(())
    }

    /// Forgets a row that is not shown.
    pub(super) fn forget(&self, name: &[u8]) -> Sql<()> {
        let sql = "DELETE FROM _headwater_row WHERE tbl = ?1 AND key = ?2";
        self.conn.prepare_cached(sql)?.execute((self.table.id, name))?;
        self.unhide(name)
    }

    /// The cells of a hidden row that the table has a column for: places, and values.
    pub(super) fn places(&self, hidden: &Hidden) -> (Vec<usize>, Vec<Value>) {
        let place = |id: i64| self.table.columns.iter().position(|column| column.id == id);
        let mut cells: Vec<_> =
            hidden.cells.iter().filter_map(|(id, value)| Some((place(*id)?, value.clone()))).collect();
        cells.sort_by_key(|(place, _)| *place);
        cells.into_iter().unzip()
    }

    /// A row as cells by column id.
    pub(super) fn cells(&self, values: Vec<Value>) -> Vec<(i64, Value)> {
        self.table.columns.iter().map(|column| column.id).zip(values).collect()
    }
}

/// A row of the table's select: key and values.
pub(super) fn split(row: &rusqlite::Row<'_>, table: &Table) -> Sql<(Vec<Value>, Vec<Value>)> {
    let keys = table.keys.len();
    let mut cells = Vec::with_capacity(keys);
    for n in 0..keys {
        cells.push(Value::from(row.get_ref(n)?));
    }
    let mut values = Vec::with_capacity(table.columns.len());
    for n in 0..table.columns.len() {
        values.push(Value::from(row.get_ref(keys + n)?));
    }
    Ok((cells, values))
}

fn put_cells(cells: &[(i64, Value)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (column, value) in cells {
        Value::Integer(*column).put(&mut out);
        value.put(&mut out);
    }
    out
}

fn take_cells(mut bytes: &[u8]) -> Sql<Vec<(i64, Value)>> {
    let damaged = || Fault::Ours(Error::corrupt("a hidden row of the replica does not decode"));
    let mut cells = Vec::new();
    while !bytes.is_empty() {
        let Some(Value::Integer(column)) = Value::take(&mut bytes) else { return Err(damaged()) };
        cells.push((column, Value::take(&mut bytes).ok_or_else(damaged)?));
    }
    Ok(cells)
}
