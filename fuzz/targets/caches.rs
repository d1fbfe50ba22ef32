//! What lies beside the segments, changed anywhere: an index and a consumer's ledger with checks that hold again, so
//! that their fields are looked at, and the snapshot as damage leaves it, which is to be left out whole.
#![no_main]

mod directory;

use directory::{Files, exercise, named, template};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&which, changes)) = data.split_first() else { return };
    let kind = [".idx", "index.snap", "consumers/c/0000000000000000.seg"][usize::from(which & 3) % 3];
    let sound = template(true);
    let candidates = named(sound, kind);
    let Some(path) = candidates.get(usize::from(which >> 2) % candidates.len().max(1)) else { return };
    let mut files: Files = sound.clone();
    let bytes = files.get_mut(path).expect("it was listed");
    change(bytes, changes);
    match kind {
        ".idx" => seal(bytes),
        "index.snap" => {}
        _ => seal_ledger(bytes),
    }
    exercise(&files);
});

/// Each four bytes are a place and what stands there then, added so that small numbers move by little.
fn change(bytes: &mut [u8], changes: &[u8]) {
    for change in changes.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
        bytes[at] = if change[2] & 1 == 0 { change[3] } else { bytes[at].wrapping_add(change[3]) };
    }
}

/// Makes the check at the end hold.
fn seal(bytes: &mut [u8]) {
    let (covered, check) = bytes.split_at_mut(bytes.len() - 4);
    check.copy_from_slice(&crc32fast::hash(covered).to_le_bytes());
}

/// Makes the checks of a header and of each frame behind it hold, as far as their lengths lead.
fn seal_ledger(bytes: &mut [u8]) {
    let header_len = u32::from_le_bytes(bytes[8..12].try_into().expect("four")) as usize;
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
