//! Making a snapshot: a copy of the file as of one moment, then its parts, then the manifest.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::super::core::connect;
use super::manifest::{Manifest, Part, SnapshotInfo, is_manifest, manifests, sha256};
use super::store::{Store, pieces};
use super::{PART_BYTES, Progress, pack, remove};
use crate::error::{Error, ErrorKind, Result};
use crate::replica::ident::quote;
use crate::replica::store::{self, Fault, Sql};
use crate::replica::{Options, table};

/// Copies a file as of one moment, with what is in its WAL. Writers go on meanwhile. In columns that are left out the
/// copy has their defaults.
pub(crate) fn copy(path: &Path, to: &Path, options: &Options) -> Result<()> {
    let at = |fault: Fault| fault.into_error().context(format_args!("copy {}", path.display()));
    remove(to)?;
    copy_pages(&connect(path)?, to).map_err(at)?;
    if options.exclude_columns.is_empty() {
        return Ok(());
    }
    let conn = Connection::open(to).map_err(|error| at(error.into()))?;
    leave_out(&conn, options).map_err(at)
}

/// All pages as of one moment, as they lie: `VACUUM INTO` would lay them out anew, row by row.
fn copy_pages(conn: &Connection, to: &Path) -> Sql<()> {
    let mut copy = Connection::open(to)?;
    // What is half there is made anew, so nothing is to be taken back.
    copy.execute_batch("PRAGMA journal_mode = OFF")?;
    let step = Backup::new(conn, &mut copy)?.step(-1)?;
    if step != StepResult::Done {
        return Err(Error::new(ErrorKind::Busy, "another program has locked the whole file").into());
    }
    Ok(())
}

/// Takes what is in columns that are left out from a copy, and from its pages.
fn leave_out(conn: &Connection, options: &Options) -> Sql<()> {
    store::prepare(conn)?;
    let (shapes, _) = table::shapes(conn, options)?;
    for shape in shapes.iter().filter(|shape| !shape.left_out.is_empty()) {
        let set = |cell: &table::Cell| {
            let default = cell.default.as_deref().unwrap_or("NULL");
            format!("{} = ({default})", quote(&cell.name))
        };
        let set = shape.left_out.iter().map(set).collect::<Vec<_>>().join(", ");
        conn.execute_batch(&format!("UPDATE main.{} SET {set}", quote(&shape.name)))?;
    }
    conn.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

/// Stores a copy of a file as the snapshot of this name. Parts that are there, of an upload before that stopped, are
/// not stored again.
pub(crate) fn upload(
    store: &dyn Store,
    database: &str,
    info: SnapshotInfo,
    from: &Path,
    progress: Progress<'_>,
) -> Result<SnapshotInfo> {
    let at = |error| Error::io(format_args!("read {}", from.display()), &error);
    let mut file = File::open(from).map_err(at)?;
    let total = file.metadata().map_err(at)?.len();
    let there = pieces(store)?;
    let mut manifest = Manifest::new(database, SnapshotInfo { bytes: total, stored_bytes: 0, ..info });
    let (mut piece, mut done) = (Vec::with_capacity(PART_BYTES), 0);
    loop {
        piece.clear();
        file.by_ref().take(PART_BYTES as u64).read_to_end(&mut piece).map_err(at)?;
        if piece.is_empty() {
            break;
        }
        let packed = pack(&piece)?;
        let name = Manifest::part_name(&manifest.info.id, manifest.parts.len());
        let part = Part { bytes: piece.len() as u64, stored_bytes: packed.len() as u64, sha256: sha256(&packed) };
        let is_there = there.contains(&name) && store.get(&name)?.is_some_and(|kept| sha256(&kept) == part.sha256);
        if !is_there {
            store.put(&name, &packed)?;
        }
        manifest.info.stored_bytes += part.stored_bytes;
        manifest.parts.push(part);
        done += piece.len() as u64;
        if progress(done, total).is_break() {
            return Err(Error::new(ErrorKind::Timeout, "the snapshot was stopped"));
        }
    }
    store.put(&Manifest::name(&manifest.info.id), &manifest.encode()?)?;
    Ok(manifest.info)
}

/// Removes all but the newest snapshots, and parts without a manifest that are older than those.
pub(crate) fn prune(store: &dyn Store, keep: usize) -> Result<()> {
    let kept: Vec<String> = manifests(store)?.into_iter().take(keep.max(1)).collect();
    let Some(oldest) = kept.last() else { return Ok(()) };
    let mut old: Vec<String> =
        pieces(store)?.into_iter().filter(|name| name < oldest && !kept.contains(name)).collect();
    // A manifest goes first: what has none is no snapshot.
    old.sort_by_key(|name| !is_manifest(name));
    let is_of_kept = |name: &String| kept.iter().any(|it| name.starts_with(it.trim_end_matches(".json")));
    old.iter().filter(|name| !is_of_kept(name)).try_for_each(|name| store.delete(name))
}
