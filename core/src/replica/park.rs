//! Changes of tables and columns that are not there, kept until they are.
//!
//! What is kept is the change as it came, so it is joined as it would have been: whatever happened to the row meanwhile
//! has its stamps, and a join does not care about order. Tables that this node refuses or leaves out keep nothing.
//! There is a bound in bytes ([`super::Options::park_bytes_max`]): a unit that would pass it is refused whole, and
//! comes again.

use super::Replica;
use super::change::Unit;
use super::store::{self, Sql};
use crate::error::{Error, ErrorKind};

/// The number under which the bytes that are kept are known.
const BYTES: &str = "park_bytes";

impl Replica {
    /// Keeps changes, each table's by itself.
    pub(super) fn park(&self, unit: Unit) -> Sql<()> {
        if unit.changes.is_empty() {
            return Ok(());
        }
        for (n, table) in unit.tables.iter().enumerate() {
            let mut of_table = Unit { tables: vec![table.clone()], ..Unit::new(unit.origin) };
            for change in unit.changes.iter().filter(|change| change.table == n) {
                let mut change = change.clone();
                change.table = 0;
                of_table.changes.push(change);
            }
            if !of_table.changes.is_empty() {
                let sql = "INSERT INTO _headwater_park(tbl, unit) VALUES (?1, ?2)";
                let unit = of_table.encode()?;
                self.conn.prepare_cached(sql)?.execute((&table.name, &unit))?;
                store::add_number(&self.conn, BYTES, unit.len() as i64)?;
            }
        }
        Ok(())
    }

    /// Joins what was kept for tables that are there now; what still finds no column is kept again.
    pub(super) fn unpark(&self) -> Sql<()> {
        let mut list = self.conn.prepare_cached("SELECT id, tbl FROM _headwater_park ORDER BY id")?;
        let parked = list.query_map((), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        let parked = parked.collect::<rusqlite::Result<Vec<_>>>()?;
        for (id, name) in parked {
            if !self.tables.iter().any(|table| table.answers_to(&name)) {
                continue;
            }
            let sql = "DELETE FROM _headwater_park WHERE id = ?1 RETURNING unit";
            let unit: Vec<u8> = self.conn.prepare_cached(sql)?.query_row([id], |row| row.get(0))?;
            store::add_number(&self.conn, BYTES, -(unit.len() as i64))?;
            self.join_unit(&Unit::decode(&unit)?)?;
        }
        Ok(())
    }

    /// What waits for a table or column.
    pub(super) fn parked_units(&self) -> crate::error::Result<Vec<Unit>> {
        let read = || -> Sql<Vec<Unit>> {
            let mut list = self.conn.prepare_cached("SELECT unit FROM _headwater_park ORDER BY id")?;
            let parked = list.query_map((), |row| row.get::<_, Vec<u8>>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
            parked.iter().map(|unit| Ok(Unit::decode(unit)?)).collect()
        };
        read().map_err(super::store::Fault::into_error)
    }

    pub(super) fn parked_bytes(&self) -> Sql<i64> {
        store::number(&self.conn, BYTES)
    }

    /// Refuses to keep more than the bound; `before` is what was kept before the unit.
    pub(super) fn check_parked(&self, before: i64) -> Sql<()> {
        let bytes = self.parked_bytes()?;
        let bytes_max = self.options.park_bytes_max;
        if bytes <= before || bytes as u64 <= bytes_max {
            return Ok(());
        }
        let sql = "SELECT group_concat(tbl, ', ') FROM (SELECT DISTINCT tbl FROM _headwater_park LIMIT 5)";
        let names: Option<String> = self.conn.query_row(sql, (), |row| row.get(0))?;
        let message = format!(
            "changes of {bytes} bytes would wait for tables or columns that are not here ({}), and at most {bytes_max} \
             are kept: change the schema as the other nodes did, or leave the table out",
            names.unwrap_or_default()
        );
        Err(Error::new(ErrorKind::Limit, message).into())
    }

    /// How many bundles of changes wait for a table or column.
    #[cfg(test)]
    pub(crate) fn parked(&self) -> crate::error::Result<u64> {
        let sql = "SELECT count(*) FROM _headwater_park";
        let count = self.conn.query_row(sql, (), |row| row.get::<_, i64>(0));
        Ok(count.map_err(|error| store::Fault::from(error).into_error())? as u64)
    }
}
