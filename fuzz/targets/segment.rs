//! The journal's decoder: a stream with one segment of arbitrary bytes, in four ways that get ever deeper.
//!
//! The first byte chooses: bytes as they are; a sound segment with bytes changed; frames whose checks hold around
//! arbitrary bodies; and a header whose check holds around arbitrary numbers.
#![no_main]

mod directory;

use std::path::PathBuf;

use directory::{Files, exercise, named, template};
use libfuzzer_sys::fuzz_target;

/// Where the header says how long it is, and where the layer above's part of it begins.
const HEADER_LEN_AT: usize = 8;
const BLOB_AT: usize = 24;

fuzz_target!(|data: &[u8]| {
    let Some((way, rest)) = data.split_first() else { return };
    let sound = template(false);
    let (first, bytes) = first_segment(sound);
    let header = &bytes[..header_len(bytes)];
    let (segment, base) = match way % 4 {
        0 => (rest.to_vec(), 0),
        1 => (changed(bytes, rest), 0),
        2 => (with_frames(header.to_vec(), 0, rest), 0),
        _ => with_header(header, rest),
    };
    let mut files: Files = sound.clone();
    // Without the other segments and the caches, so that this one is the whole truth.
    files.retain(|p, _| p.components().any(|c| c.as_os_str() == "consumers") || p.ends_with("headwater.json"));
    files.remove(&first);
    files.insert(first.with_file_name(format!("{base:016x}.seg")), segment);
    exercise(&files, None);
});

fn first_segment(files: &'static Files) -> (PathBuf, &'static [u8]) {
    let path = named(files, "s/0000000000000000.seg").remove(0);
    let bytes = &files[&path];
    (path, bytes)
}

fn header_len(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes[HEADER_LEN_AT..HEADER_LEN_AT + 4].try_into().expect("four")) as usize
}

/// Each three bytes are a place and what is flipped there; a rest of fewer cuts the end off.
fn changed(bytes: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let changes = changes.chunks(3);
    for change in changes {
        match *change {
            [low, high, flip] => {
                let at = usize::from(u16::from_le_bytes([low, high])) % bytes.len();
                bytes[at] ^= flip;
            }
            [cut, ..] => bytes.truncate(bytes.len().saturating_sub(cut.into())),
            [] => {}
        }
    }
    bytes
}

/// Adds frames to a header: each takes its flags, the length of its body, and the body from `plan`.
fn with_frames(mut segment: Vec<u8>, base: u64, mut plan: &[u8]) -> Vec<u8> {
    let mut pos = base;
    while let [flags, len, rest @ ..] = plan {
        let (body, rest) = rest.split_at(rest.len().min(usize::from(*len)));
        plan = rest;
        let word = body.len() as u32 | u32::from(*flags) << 24;
        let mut frame = word.to_le_bytes().to_vec();
        frame.extend_from_slice(body);
        let check = crc32fast::hash(&frame) ^ (pos ^ (pos >> 32)) as u32;
        segment.extend_from_slice(&check.to_le_bytes());
        segment.extend_from_slice(&frame);
        pos = pos.wrapping_add(8 + body.len() as u64);
    }
    segment
}

/// A header with the position, the sequences and the times of `plan`, then frames of the rest; and that position.
fn with_header(sound: &[u8], plan: &[u8]) -> (Vec<u8>, u64) {
    let Some((numbers, plan)) = plan.split_first_chunk::<40>() else {
        return (with_frames(sound.to_vec(), 0, plan), 0);
    };
    let number = |i: usize| u64::from_le_bytes(numbers[i * 8..i * 8 + 8].try_into().expect("eight"));
    let blob = std::str::from_utf8(&sound[BLOB_AT..sound.len() - 4]).expect("it is JSON");
    let config = &blob[blob.find("\"config\"").expect("the header has the configuration")..];
    let blob = format!(
        "{{\"base_seq\":{},\"last_time\":{},\"first_seq\":{},\"created\":{},{config}",
        number(1),
        number(2),
        number(3),
        number(4)
    );
    let mut header = sound[..8].to_vec();
    header.extend_from_slice(&((BLOB_AT + blob.len() + 4) as u32).to_le_bytes());
    header.extend_from_slice(&number(0).to_le_bytes());
    header.extend_from_slice(&(blob.len() as u32).to_le_bytes());
    header.extend_from_slice(blob.as_bytes());
    let check = crc32fast::hash(&header);
    header.extend_from_slice(&check.to_le_bytes());
    (with_frames(header, number(0), plan), number(0))
}
