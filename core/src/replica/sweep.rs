//! A sweep over the clocks of all rows, some at a time: what no trigger told is found, and what is too old is
//! forgotten.
//!
//! `INSERT OR REPLACE` takes out a row that clashes by a UNIQUE constraint without firing a trigger, unless the
//! application has `recursive_triggers` on. A row that should be shown and is not in its table was taken out so: the
//! sweep says that it was deleted. A change of such a row by another node finds it sooner.
//!
//! A deleted key is known by its life alone, for as long as [`super::Options::forget_ms`] says; so is a row of which no
//! insert came, and a table that was dropped. A node that was away for longer brings writes that the delete no longer
//! beats: it has to begin with a copy of the file of a node that was not.

use super::Replica;
use super::capture;
use super::clocks::RowState;
use super::rows::TableRows;
use super::store::Sql;
use super::value::key_values;
use crate::error::Result;
use crate::hybrid::stamp_ms;

impl Replica {
    /// Looks at the clocks of at most `rows_max` rows, from where the last look ended. Whether this one came to the
    /// last row: the next begins anew.
    pub(crate) fn sweep(&mut self, rows_max: usize, now_ms: u64) -> Result<bool> {
        let from = self.swept.take();
        self.swept = self.write(|replica| {
            replica.cut_all()?;
            let last = replica.sweep_rows(from, rows_max, now_ms)?;
            if last.is_none() {
                let before_ms = now_ms.saturating_sub(replica.options.forget_ms);
                capture::forget_gone(&replica.conn, |gone| stamp_ms(gone) < before_ms)?;
            }
            replica.cut_all()?;
            Ok(last)
        })?;
        Ok(self.swept.is_none())
    }

    fn sweep_rows(&self, from: Option<(i64, Vec<u8>)>, rows_max: usize, now_ms: u64) -> Sql<Option<(i64, Vec<u8>)>> {
        let before_ms = now_ms.saturating_sub(self.options.forget_ms);
        let sql = "SELECT tbl, key, state FROM _headwater_row WHERE (tbl, key) > (?1, ?2) ORDER BY tbl, key LIMIT ?3";
        let mut list = self.conn.prepare_cached(sql)?;
        let (tbl, key) = from.unwrap_or((i64::MIN, Vec::new()));
        let found = list.query_map((tbl, key, rows_max as i64), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?))
        })?;
        let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
        let last = found.last().filter(|_| found.len() == rows_max).map(|(tbl, key, _)| (*tbl, key.clone()));
        let mut of_table: Option<TableRows<'_>> = None;
        for (tbl, name, state) in found {
            if of_table.as_ref().is_none_or(|rows| rows.table.id != tbl) {
                of_table = self.table(tbl).map(|place| TableRows::new(&self.conn, &self.tables[place]));
            }
            let Some(rows) = &of_table else { continue };
            let state = RowState::decode(&state)?;
            if state.whole {
                let key = key_values(&name).unwrap_or_default();
                if rows.hidden(&name)?.is_none() && !rows.has(&key)? {
                    capture::log(&self.conn, rows.table, &key, &self.options.time_sql)?;
                }
            } else if stamp_ms(state.newest().time) < before_ms {
                rows.forget(&name)?;
            }
        }
        Ok(last)
    }
}
