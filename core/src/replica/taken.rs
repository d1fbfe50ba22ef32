//! Which units of each node are in the file. Units join in any order, so what is missing is no reason to wait: it is
//! a gap that is known, and that closes when the unit comes after all, or a snapshot that has it.

use rusqlite::OptionalExtension;

use super::Replica;
use super::store::{Fault, Sql};
use crate::error::{Error, Result};
use crate::intervals::Intervals;
use crate::varint::{put_varint, take_varint};

impl Replica {
    /// The units of a node that are in the file.
    pub(super) fn taken(&self, node: u64) -> Sql<Intervals> {
        let mut statement = self.conn.prepare_cached("SELECT taken FROM _headwater_origin WHERE node = ?1")?;
        let bytes: Option<Vec<u8>> = statement.query_row([node as i64], |row| row.get(0)).optional()?;
        bytes.map_or_else(|| Ok(Intervals::default()), |bytes| decode(&bytes))
    }

    pub(super) fn set_taken(&self, node: u64, taken: &Intervals) -> Sql<()> {
        let sql = "INSERT INTO _headwater_origin(node, taken) VALUES (?1, ?2) \
                   ON CONFLICT(node) DO UPDATE SET taken = excluded.taken";
        self.conn.prepare_cached(sql)?.execute((node as i64, encode(taken)))?;
        Ok(())
    }

    /// The last unit of a node that is in the file with all before it; 0 is none.
    #[cfg(test)]
    pub(crate) fn position(&self, node: u64) -> Result<u64> {
        let taken = self.taken(node).map_err(Fault::into_error)?;
        Ok(taken.iter().next().filter(|(first, _)| *first == 1).map_or(0, |(_, last)| last))
    }

    /// How many units of others are known to have been made and are not in the file.
    pub(crate) fn missing(&self) -> Result<u64> {
        let read = || -> Sql<u64> {
            let mut list = self.conn.prepare_cached("SELECT taken, known FROM _headwater_origin WHERE node <> ?1")?;
            let mut rows = list.query([self.node as i64])?;
            let mut missing = 0;
            while let Some(row) = rows.next()? {
                let taken = decode(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?)?;
                let has: u64 = taken.iter().map(|(first, last)| last - first + 1).sum();
                let known = taken.last().unwrap_or(0).max(row.get::<_, i64>(1)? as u64);
                missing += known.saturating_sub(has);
            }
            Ok(missing)
        };
        read().map_err(Fault::into_error)
    }

    /// Learns how many units nodes have made, from one that has them.
    pub(super) fn know(&mut self, last: impl Iterator<Item = (u64, u64)>) -> Result<()> {
        let last: Vec<_> = last.collect();
        self.write(|replica| {
            let sql = "INSERT INTO _headwater_origin(node, taken, known) VALUES (?1, x'', ?2) \
                       ON CONFLICT(node) DO UPDATE SET known = max(known, excluded.known)";
            let mut know = replica.conn.prepare_cached(sql)?;
            for (node, last) in last.into_iter().filter(|(node, _)| *node != replica.node) {
                know.execute((node as i64, last as i64))?;
            }
            Ok(())
        })
    }

    /// What is in the file, node by node.
    pub(super) fn all_taken(&self) -> Sql<Vec<(u64, Intervals)>> {
        let mut statement = self.conn.prepare_cached("SELECT node, taken FROM _headwater_origin ORDER BY node")?;
        let rows = statement.query_map((), |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, Vec<u8>>(1)?)))?;
        rows.map(|row| row.map_err(Fault::from).and_then(|(node, bytes)| Ok((node, decode(&bytes)?)))).collect()
    }
}

impl Replica {
    /// As [`Replica::all_taken`], with what this node itself made: all that the file has.
    pub(super) fn taken_with_own(&self) -> Result<Vec<(u64, Intervals)>> {
        let read = || -> Sql<Vec<(u64, Intervals)>> {
            let mut all = self.all_taken()?;
            let last = super::store::number(&self.conn, "unit")? as u64;
            let mut own = Intervals::default();
            own.insert_range(1, last);
            all.push((self.node, own));
            Ok(all)
        };
        read().map_err(Fault::into_error)
    }

    /// Adds what a snapshot has, of which every row is here.
    pub(super) fn unite_taken(&mut self, all: &[(u64, Intervals)]) -> Result<()> {
        self.write(|replica| {
            for (node, more) in all.iter().filter(|(node, _)| *node != replica.node) {
                let mut taken = replica.taken(*node)?;
                taken.unite(more);
                replica.set_taken(*node, &taken)?;
            }
            Ok(())
        })
    }
}

/// Each interval as what lies between it and the one before, and its length less one.
fn encode(taken: &Intervals) -> Vec<u8> {
    let (mut out, mut next) = (Vec::new(), 0);
    for (first, last) in taken.iter() {
        put_varint(&mut out, first - next);
        put_varint(&mut out, last - first);
        next = last;
    }
    out
}

fn decode(mut bytes: &[u8]) -> Sql<Intervals> {
    let (mut taken, mut next) = (Intervals::default(), 0u64);
    while !bytes.is_empty() {
        let mut interval = || {
            let first = next.checked_add(take_varint(&mut bytes)?)?;
            Some((first, first.checked_add(take_varint(&mut bytes)?)?))
        };
        let broken = || Error::corrupt("which units are in the file does not read: _headwater_origin is damaged");
        let (first, last) = interval().ok_or_else(broken)?;
        taken.insert_range(first, last);
        next = last;
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_read_as_they_were_written_and_rubbish_is_refused() {
        for pairs in [vec![], vec![(1, 1)], vec![(1, 9), (12, 12), (20, 1 << 60)], vec![(2, u64::MAX)]] {
            let taken = Intervals::from(pairs);
            assert_eq!(decode(&encode(&taken)).ok(), Some(taken));
        }
        for bad in [&[1][..], &[0xff; 11], &[1, 0xff]] {
            assert!(decode(bad).is_err(), "{bad:?}");
        }
    }
}
