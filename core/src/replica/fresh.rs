//! Fresh rows: changes that come whole, of which nothing is known here, put in many with one statement for their clocks
//! and one for themselves.
//!
//! It is a shorter way to what [`super::apply`] does row by row, and never another outcome: where one of the rows is
//! known after all, or refused by a constraint, nothing of them stays and each goes the long way.

use super::change::Change;
use super::clocks::RowState;
use super::noted::ChangeKind;
use super::rows::TableRows;
use super::store::Sql;
use super::table::Table;
use super::value::{key_bytes, put_key};

/// Rows that one statement puts in. Few in tests, so that their units have as many.
pub(super) const ROWS_AT_ONCE: usize = if cfg!(test) { 3 } else { 16 };
/// Values of a row that is put in with others, at most: a statement may have 32,766 in all.
const VALUES_MAX: usize = 100;

/// The statements that put in as many rows as go at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Many {
    clocks: String,
    rows: String,
}

impl Many {
    /// Those of a table, whose insert begins and ends with these words.
    pub(super) fn new(table: i64, start: &str, values: usize, end: &str) -> Many {
        if values > VALUES_MAX {
            return Many::default();
        }
        let row = |n: usize| (1..=values).map(|v| format!("?{}", n * values + v)).collect::<Vec<_>>().join(", ");
        let rows = (0..ROWS_AT_ONCE).map(|n| format!("({})", row(n))).collect::<Vec<_>>().join(", ");
        let clocks = |n: usize| format!("({table}, ?{}, ?{})", 2 * n + 1, 2 * n + 2);
        let clocks = (0..ROWS_AT_ONCE).map(clocks).collect::<Vec<_>>().join(", ");
        Many {
            clocks: format!("INSERT INTO _headwater_row(tbl, key, state) VALUES {clocks}"),
            rows: format!("{start} VALUES {rows} {end}"),
        }
    }
}

/// Whether a change may be put in with others: it says all columns of the table, each where it is here.
pub(super) fn is_fresh(table: &Table, change: &Change, places: &[Option<usize>]) -> bool {
    change.whole
        && table.walk.is_none()
        && !table.many.rows.is_empty()
        && change.key.len() == table.keys.len()
        && change.columns.len() == table.columns.len()
        && change.columns.iter().enumerate().all(|(n, column)| places[*column] == Some(n))
}

impl TableRows<'_> {
    /// Puts in rows that are fresh, if nothing is known of any and no constraint refuses one. Whether that is so.
    pub(super) fn add_many(&self, changes: &[Change], origin: u64) -> Sql<bool> {
        // Bytes are copied as they are bound, so one buffer does for all rows.
        let (mut state, mut bytes) = (RowState::default(), Vec::new());
        let clocks = self.add_clocks.with(self.conn, &self.table.many.clocks, |add| {
            for (n, change) in changes.iter().enumerate() {
                bytes.clear();
                put_key(&change.key, &mut bytes);
                add.raw_bind_parameter(2 * n + 1, &bytes)?;
                bytes.clear();
                state.set_whole(self.table, &change.values, change.stamp(origin), change.life);
                state.encode_to(&mut bytes);
                add.raw_bind_parameter(2 * n + 2, &bytes)?;
            }
            Ok(add.raw_execute()?)
        });
        if let Err(fault) = clocks {
            return fault.constraint().map(|_| false).ok_or(fault);
        }
        let rows = self.show_many.with(self.conn, &self.table.many.rows, |show| {
            let values = changes.iter().flat_map(|change| change.key.iter().chain(&change.values));
            for (n, value) in values.enumerate() {
                show.raw_bind_parameter(n + 1, value)?;
            }
            Ok(show.raw_execute()?)
        });
        match rows {
            Ok(_) => {
                for change in changes {
                    self.sign(change, origin);
                    self.note(&change.key, ChangeKind::Insert);
                }
                Ok(true)
            }
            Err(fault) => {
                fault.constraint().ok_or(fault)?;
                changes.iter().try_for_each(|change| self.forget(&key_bytes(&change.key)))?;
                Ok(false)
            }
        }
    }
}
