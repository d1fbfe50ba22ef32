//! Digests of what a file has, table by table in ranges of keys, so that nodes can tell which rows differ by comparing
//! a few numbers. A range is the keys whose digest begins with its number: its rows are spread over the table, so that
//! ranges are as large as each other whatever keys there are.

use sha2::{Digest, Sha256};

use super::Replica;
use super::clocks::{RowState, Stamp};
use super::store::{Fault, Sql};
use super::table::Table;
use super::value::first_word;
use crate::error::Result;

/// Ranges of a table.
pub(super) const RANGES: usize = 64;

/// A table's ranges: of each the sum of the digests of its rows, which is the same in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranges {
    pub(super) table: String,
    /// SHA-256 of its schema.
    pub(super) hash: [u8; 32],
    pub(super) sums: Vec<u64>,
}

/// The range of a key.
pub(super) fn range(key: &[u8]) -> usize {
    usize::from(Sha256::digest(key)[0]) % RANGES
}

impl Replica {
    /// The digests of all tables, by name. It reads the clocks of every row.
    pub(super) fn digests(&self) -> Result<Vec<Ranges>> {
        self.tables.iter().map(|table| self.ranges(table).map_err(Fault::into_error)).collect()
    }

    fn ranges(&self, table: &Table) -> Sql<Ranges> {
        let mut sums = vec![0u64; RANGES];
        let mut list = self.conn.prepare_cached("SELECT key, state FROM _headwater_row WHERE tbl = ?1")?;
        let mut rows = list.query([table.id])?;
        while let Some(row) = rows.next()? {
            let blob = |n: usize| row.get_ref(n)?.as_blob().map_err(rusqlite::Error::from);
            let (key, state) = (blob(0)?, RowState::decode(blob(1)?)?);
            let sum = &mut sums[range(key)];
            *sum = sum.wrapping_add(row_digest(key, &state, table));
        }
        Ok(Ranges { table: table.name.to_ascii_lowercase(), hash: table.hash, sums })
    }
}

/// Equal at two nodes whose clocks of the row are equal, whatever ids its columns have there.
fn row_digest(key: &[u8], state: &RowState, table: &Table) -> u64 {
    let mut columns: Vec<(String, Stamp, u64)> = Vec::new();
    for column in &table.columns {
        let written = state.written(column.id).map(|written| (written.stamp, written.digest));
        let default = state.whole.then_some((Stamp::default(), column.rest));
        if let Some((stamp, digest)) = written.or(default) {
            columns.push((column.name.to_ascii_lowercase(), stamp, digest));
        }
    }
    columns.sort();
    let mut hash = Sha256::new();
    hash.update((key.len() as u64).to_le_bytes());
    hash.update(key);
    hash.update([u8::from(state.whole)]);
    let mut number = |number: u64| hash.update(number.to_le_bytes());
    number(state.life.time);
    number(state.life.node);
    for (name, stamp, digest) in columns {
        number(first_word(Sha256::new_with_prefix(name)));
        number(stamp.time);
        number(stamp.node);
        number(digest);
    }
    first_word(hash)
}
