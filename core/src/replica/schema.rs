//! A table's schema in one canonical form, so that nodes can tell whether they mean the same by a table.
//!
//! It covers what decides how a value is stored and which rows there may be: names, types, NOT NULL, defaults, the key,
//! and which columns are generated. The order of columns is no part of it: `ADD COLUMN` puts one last wherever it is
//! done.

use sha2::{Digest, Sha256};

use super::table::Shape;

/// SHA-256 over the canonical form.
pub(super) fn hash(shape: &Shape) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    part(&shape.name.to_ascii_lowercase());
    part(if shape.is_strict { "strict" } else { "" });
    part(if shape.is_without_rowid { "without rowid" } else { "" });
    let mut cells: Vec<_> = shape.cells.iter().map(|cell| (cell.name.to_ascii_lowercase(), cell)).collect();
    cells.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, cell) in cells {
        part(&name);
        part(&cell.decltype.to_ascii_uppercase());
        part(cell.default.as_deref().map_or("", |default| default));
        part(&format!("{} {} {} {}", cell.is_not_null, cell.default.is_some(), cell.key, cell.is_generated));
    }
    hash.finalize().into()
}
