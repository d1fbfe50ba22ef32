//! Shards: a database whose log is several streams. All changes of a row are in one of them, by its table and key, so
//! what one node writes to a row stays in its order; what was written together to rows of several shards is several
//! units, and comes apart.

use sha2::{Digest, Sha256};

use super::change::Unit;
use super::value::{first_word, key_bytes};

/// Shards of a database, at most.
pub(super) const SHARDS_MAX: usize = 64;

/// The shard of a row, from 0 on; the same at every node.
fn shard_of(table: &str, key: &[u8], shards: usize) -> usize {
    let digest = Sha256::new_with_prefix(table.to_ascii_lowercase()).chain_update([0]).chain_update(key);
    (first_word(digest) % shards as u64) as usize
}

/// A unit as one for each shard that it has changes of, with the shard.
pub(super) fn split(unit: Unit, shards: usize) -> Vec<(usize, Unit)> {
    if shards <= 1 {
        return vec![(0, unit)];
    }
    let mut parts: Vec<Unit> = (0..shards).map(|_| Unit::new(unit.origin)).collect();
    for mut change in unit.changes {
        let table = &unit.tables[change.table];
        let part = &mut parts[shard_of(&table.name, &key_bytes(&change.key), shards)];
        change.table = part.tables.iter().position(|known| known.name == table.name).unwrap_or_else(|| {
            part.tables.push(table.clone());
            part.tables.len() - 1
        });
        part.changes.push(change);
    }
    parts.into_iter().enumerate().filter(|(_, part)| !part.changes.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replica::change::{Change, UnitTable};
    use crate::replica::value::Value;

    #[test]
    fn every_change_is_in_one_shard_and_a_row_always_in_the_same() {
        let table = |name: &str| UnitTable { name: name.to_owned(), ..UnitTable::default() };
        let mut unit = Unit { tables: vec![table("a"), table("b")], ..Unit::new(7) };
        for n in 0..200i64 {
            let key = vec![Value::Integer(n / 4)];
            unit.changes.push(Change { table: (n % 2) as usize, key, time: n as u64, ..Change::default() });
        }
        assert_eq!(split(unit.clone(), 1), [(0, unit.clone())]);
        let parts = split(unit.clone(), 3);
        assert_eq!(parts.iter().map(|(shard, _)| *shard).collect::<Vec<_>>(), [0, 1, 2]);
        let mut rows = std::collections::BTreeMap::new();
        for (shard, part) in &parts {
            assert!(part.changes.is_sorted_by_key(|change| change.time) && part.origin == 7);
            for change in &part.changes {
                let row = (part.tables[change.table].name.clone(), key_bytes(&change.key));
                assert_eq!(rows.entry(row).or_insert(*shard), shard);
            }
        }
        assert_eq!((rows.len(), parts.iter().map(|(_, part)| part.changes.len()).sum::<usize>()), (100, 200));
    }
}
