//! The payload codec: what goes in comes out, and no bytes make it panic.

use crate::points::{PointView, ValueView, decode_payload, encode_payload};

use super::{ROUNDS, Random};

fn encoded(view: &PointView<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_payload(view, &mut bytes);
    bytes
}

/// Bits, because NaN is not equal to itself.
fn same(a: &PointView<'_>, b: &PointView<'_>) -> bool {
    let values = match (a.value, b.value) {
        (ValueView::Float(x), ValueView::Float(y)) => x.to_bits() == y.to_bits(),
        (x, y) => x == y,
    };
    values && a.tombstone == b.tombstone && a.origin == b.origin
}

#[test]
fn a_float_takes_nine_bytes() {
    let view = PointView { value: ValueView::Float(4.0), tombstone: 0, origin: "" };
    assert_eq!(encoded(&view), [1, 0, 0, 0, 0, 0, 0, 16, 64]);
}

#[test]
fn every_field_is_where_the_format_says() {
    let view = PointView { value: ValueView::Int(-1), tombstone: 300, origin: "ab" };
    assert_eq!(encoded(&view), [2 | 8 | 16, 0xac, 2, 2, b'a', b'b', 1]);
}

#[test]
fn points_come_back() {
    for seed in 0..ROUNDS * 10 {
        let point = Random(seed).point();
        let view = PointView { value: point.value.as_view(), tombstone: point.tombstone, origin: &point.origin };
        let bytes = encoded(&view);
        assert!(same(&decode_payload(&bytes).expect("decoded"), &view), "seed {seed}");
    }
}

#[test]
fn what_decodes_encodes_to_the_same_bytes() {
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..ROUNDS * 50 {
        let mut random = Random(seed);
        let point = random.point();
        let view = PointView { value: point.value.as_view(), tombstone: point.tombstone, origin: &point.origin };
        let mut bytes = encoded(&view);
        match random.below(3) {
            0 => bytes.truncate(random.below(bytes.len() as u64) as usize),
            1 => {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << random.below(8);
            }
            _ => bytes = (0..random.below(16)).map(|_| random.next() as u8 & 0x9f).collect(),
        }
        match decode_payload(&bytes) {
            Ok(view) => {
                taken += 1;
                assert_eq!(encoded(&view), bytes, "seed {seed}");
            }
            Err(_) => refused += 1,
        }
    }
    assert!(taken > 500 && refused > 500, "both ways are taken: {taken}, {refused}");
}

#[test]
fn malformed_payloads_are_refused_by_name() {
    for (bytes, fault) in [
        (&[][..], "empty"),
        (&[0][..], "type"),
        (&[5][..], "type"),
        (&[0x21][..], "later format"),
        (&[1, 0, 0][..], "8 bytes"),
        (&[2][..], "int"),
        (&[2, 0x80, 0][..], "int"),
        (&[2, 1, 1][..], "int"),
        (&[2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2][..], "int"),
        (&[3, 0xff][..], "UTF-8"),
        (&[3 | 8, 0][..], "tombstone"),
        (&[3 | 8, 0xff, 0xff, 0xff, 0xff, 0x1f][..], "tombstone"),
        (&[3 | 16, 0][..], "origin"),
        (&[3 | 16, 9, b'a'][..], "origin"),
    ] {
        let error = decode_payload(bytes).expect_err("refused");
        assert!(error.message().contains(fault), "{bytes:?}: {error}");
    }
}
