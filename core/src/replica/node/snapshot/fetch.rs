//! Taking a snapshot back: its parts into a file, and that file in place of one, or joined with one.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::super::core::connect;
use super::manifest::{Manifest, sha256};
use super::store::Store;
use super::{PART_BYTES, Progress, pack};
use crate::error::{Error, ErrorKind, Result};
use crate::intervals::Intervals;
use crate::replica::change::Unit;
use crate::replica::standing::identity;
use crate::replica::store::Fault;
use crate::replica::{Options, Replica};

/// Rows that are joined in one transaction.
const ROWS_AT_ONCE: usize = 500;

/// Writes a snapshot to a file, checking every part. What a fetch before that stopped has written is not fetched again.
pub(crate) fn fetch(store: &dyn Store, manifest: &Manifest, to: &Path, progress: Progress<'_>) -> Result<()> {
    let at = |error| Error::io(format_args!("write {}", to.display()), &error);
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(to).map_err(at)?;
    let (mut done, total) = (0, manifest.info.bytes);
    let mut piece = Vec::with_capacity(PART_BYTES);
    for (number, part) in manifest.parts.iter().enumerate() {
        let name = Manifest::part_name(&manifest.info.id, number);
        // A part that is in the file compresses to what the manifest says.
        piece.clear();
        file.seek(SeekFrom::Start(done)).map_err(at)?;
        Read::by_ref(&mut file).take(part.bytes).read_to_end(&mut piece).map_err(at)?;
        let is_there =
            piece.len() as u64 == part.bytes && pack(&piece).is_ok_and(|packed| sha256(&packed) == part.sha256);
        if !is_there {
            let packed = store.get(&name)?.ok_or_else(|| missing(store, &name))?;
            if sha256(&packed) != part.sha256 {
                return Err(damaged(store, &name, "its SHA-256 is another one than its manifest says"));
            }
            let bytes = usize::try_from(part.bytes).unwrap_or(usize::MAX).min(PART_BYTES);
            let plain = zstd::bulk::decompress(&packed, bytes)
                .map_err(|error| damaged(store, &name, &format!("it does not decompress: {error}")))?;
            file.seek(SeekFrom::Start(done)).map_err(at)?;
            file.write_all(&plain).map_err(at)?;
        }
        done += part.bytes;
        if progress(done, total).is_break() {
            return Err(Error::new(ErrorKind::Timeout, "fetching the snapshot was stopped"));
        }
    }
    file.set_len(total).map_err(at)?;
    file.sync_all().map_err(at)?;
    check(to)
}

fn missing(store: &dyn Store, part: &str) -> Error {
    Error::not_found(format!("part {part} of a snapshot is not at {}", store.place()))
}

fn damaged(store: &dyn Store, part: &str, how: &str) -> Error {
    Error::corrupt(format!("part {part} of a snapshot at {} is damaged: {how}", store.place()))
}

/// Refuses a file that SQLite finds damaged, or that is no replica.
fn check(path: &Path) -> Result<()> {
    let conn = connect(path)?;
    let said: String = conn
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(|error| Fault::from(error).into_error())?;
    if said != "ok" {
        return Err(Error::corrupt(format!("the snapshot is damaged: {said}")));
    }
    if identity(&conn)?.is_none() {
        return Err(Error::corrupt("the snapshot has no clocks of a replica"));
    }
    Ok(())
}

/// Reads a fetched snapshot: every row with its clocks, and what waits for a schema, some at a time for `import`, and
/// then what is taken of each node's units, for who has joined all of it.
pub(crate) fn read(
    fetched: &Path,
    options: Options,
    import: &mut dyn FnMut(&[Unit]) -> Result<()>,
    progress: Progress<'_>,
) -> Result<Vec<(u64, Intervals)>> {
    let conn = connect(fetched)?;
    let (node, _) = identity(&conn)?.ok_or_else(|| Error::corrupt("the snapshot is no replica"))?;
    let from = Replica::open(conn, node, options)?;
    let tables: Vec<i64> = from.tables().0.iter().map(|table| table.id).collect();
    let (mut done, total) = (0, from.row_count()?);
    for table in tables {
        let mut after = Vec::new();
        loop {
            let rows = from.export(table, &after, ROWS_AT_ONCE, |_, _| true)?;
            import(&rows.units)?;
            done += ROWS_AT_ONCE as u64;
            if progress(done.min(total), total).is_break() {
                return Err(Error::new(ErrorKind::Timeout, "joining the snapshot was stopped"));
            }
            let Some(next) = rows.next else { break };
            after = next;
        }
    }
    from.parked_units()?.iter().try_for_each(|unit| import(std::slice::from_ref(unit)))?;
    from.taken_with_own()
}

/// Puts a fetched snapshot where no file is.
pub(crate) fn place(fetched: &Path, path: &Path) -> Result<()> {
    let at = |error| Error::io(format_args!("put the snapshot at {}", path.display()), &error);
    std::fs::rename(fetched, path).map_err(at)?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(at)
}
