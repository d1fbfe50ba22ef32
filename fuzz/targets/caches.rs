//! What lies beside the segments, changed anywhere: an index, the snapshot, the list of what was removed and a
//! consumer's ledger, most of the time with checks that hold again, so that their fields are looked at.
//!
//! A file that lies may cost an error or a rebuild. It may not show a record that was never written.
#![no_main]

mod directory;

use directory::{Files, exercise, named, template, written};
use libfuzzer_sys::fuzz_target;

/// The bit of the first byte that leaves the check as damage leaves it.
const UNSEALED: u8 = 0x80;

fuzz_target!(|data: &[u8]| {
    let Some((&which, changes)) = data.split_first() else { return };
    let sound = template(true);
    let is_ledger = which & 3 == 3;
    let mut candidates = named(sound, [".idx", "index.snap", "removed", ".seg"][usize::from(which & 3)]);
    candidates.retain(|p| !is_ledger || p.components().any(|c| c.as_os_str() == "consumers"));
    let path = &candidates[usize::from((which & !UNSEALED) >> 2) % candidates.len()];
    let mut files: Files = sound.clone();
    let bytes = files.get_mut(path).expect("it was listed");
    change(bytes, changes);
    if which & UNSEALED == 0 {
        if is_ledger { seal_ledger(bytes) } else { seal(bytes) }
    }
    exercise(&files, Some(written()));
});

/// Each four bytes are a place, what is done there, and with which byte: put, added so that small numbers move by
/// little, put between, or taken out.
fn change(bytes: &mut Vec<u8>, changes: &[u8]) {
    for change in changes.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len().max(1);
        match change[2] & 7 {
            0..=2 if at < bytes.len() => bytes[at] = change[3],
            3..=5 if at < bytes.len() => bytes[at] = bytes[at].wrapping_add(change[3]),
            6 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.insert(at, change[3]),
        }
    }
}

/// Makes the check at the end hold.
fn seal(bytes: &mut [u8]) {
    let Some(at) = bytes.len().checked_sub(4) else { return };
    let (covered, check) = bytes.split_at_mut(at);
    check.copy_from_slice(&crc32fast::hash(covered).to_le_bytes());
}

/// Makes the checks of a header and of each frame behind it hold, as far as their lengths lead.
fn seal_ledger(bytes: &mut [u8]) {
    let Some(header_len) = bytes.get(8..12).map(|len| u32::from_le_bytes(len.try_into().expect("four")) as usize) else {
        return;
    };
    if !(28..=bytes.len()).contains(&header_len) {
        return;
    }
    seal(&mut bytes[..header_len]);
    let base = u64::from_le_bytes(bytes[12..20].try_into().expect("eight"));
    let mut at = header_len;
    while let Some(head) = bytes.get(at + 4..at + 8) {
        let len = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
        let Some(frame) = bytes.get_mut(at..at + 8 + len) else { return };
        let pos = base.wrapping_add((at - header_len) as u64);
        let check = crc32fast::hash(&frame[4..]) ^ (pos ^ (pos >> 32)) as u32;
        frame[..4].copy_from_slice(&check.to_le_bytes());
        at += 8 + len;
    }
}
