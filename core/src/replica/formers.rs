//! Formers: the nodes that a file was of before it came to another log, as one does whose directory was thrown away, or
//! that is a copy. What a former gave to its log may have gone with that, so each is kept in mind until another node
//! has all units of it, or was given its rows; then it is known to be covered by these.

use super::Replica;
use super::store::{self, Fault, Sql};
use crate::error::Result;
use crate::intervals::Intervals;

/// What the numbers of nodes are called that the file was of before, with the log that it is with: the last unit of
/// one. They are formers once it comes to another log.
const LIFE: &str = "life_";
/// As [`LIFE`], of a former.
const FORMER: &str = "former_";
/// As [`LIFE`], of a former whose rows were given.
const COVERED: &str = "covered_";

impl Replica {
    /// Keeps in mind that the file was of a node, which made units up to `last`. Where it comes to another log, all
    /// nodes that it was of are formers: what they gave is in the log that the file was with then.
    pub(super) fn note_life(&self, node: u64, last: u64, log_is_another: bool) -> Sql<()> {
        if last > 0 {
            store::set_number(&self.conn, &format!("{LIFE}{node:016x}"), last as i64)?;
        }
        if log_is_another {
            let sql = "UPDATE OR REPLACE _headwater_meta SET name = ?2 || substr(name, ?3) \
                       WHERE substr(name, 1, ?3 - 1) = ?1";
            let mut rename = self.conn.prepare_cached(sql)?;
            for from in [LIFE, COVERED] {
                rename.execute((from, FORMER, from.len() as i64 + 1))?;
            }
        }
        Ok(())
    }

    /// The formers that are in mind, each with its last unit.
    pub(super) fn formers(&self) -> Result<Vec<(u64, u64)>> {
        self.numbered(FORMER).map_err(Fault::into_error)
    }

    /// The formers whose rows were given, each with its last unit.
    pub(super) fn covered(&self) -> Result<Vec<(u64, u64)>> {
        self.numbered(COVERED).map_err(Fault::into_error)
    }

    fn numbered(&self, prefix: &str) -> Sql<Vec<(u64, u64)>> {
        let sql = "SELECT substr(name, ?2), value FROM _headwater_meta WHERE substr(name, 1, ?2 - 1) = ?1";
        let mut list = self.conn.prepare_cached(sql)?;
        let found =
            list.query_map((prefix, prefix.len() as i64 + 1), |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        let mut numbered = Vec::new();
        for found in found {
            let (node, last): (String, i64) = found?;
            numbered.extend(u64::from_str_radix(&node, 16).ok().map(|node| (node, last as u64)));
        }
        Ok(numbered)
    }

    /// Forgets formers; with `covered`, as their rows were given.
    pub(super) fn settle_formers(&mut self, formers: &[(u64, u64)], covered: bool) -> Result<()> {
        self.write(|replica| {
            for (node, last) in formers {
                let forget = "DELETE FROM _headwater_meta WHERE name = ?1";
                replica.conn.prepare_cached(forget)?.execute([format!("{FORMER}{node:016x}")])?;
                if covered {
                    store::set_number(&replica.conn, &format!("{COVERED}{node:016x}"), *last as i64)?;
                }
            }
            Ok(())
        })
    }

    /// Takes all units of nodes up to a last one as taken: rows that came have what they did.
    pub(super) fn cover(&mut self, covered: &[(u64, u64)]) -> Result<()> {
        self.write(|replica| {
            for (node, last) in covered.iter().filter(|(node, last)| *node != replica.node && *last > 0) {
                let mut taken = replica.taken(*node)?;
                let all = Intervals::from(vec![(1, *last)]);
                if !taken.covers(&all) {
                    taken.unite(&all);
                    replica.set_taken(*node, &taken)?;
                }
            }
            Ok(())
        })
    }
}
