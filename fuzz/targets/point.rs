//! A point's payload: any bytes decode or are refused, and what decodes encodes to the same bytes.
#![no_main]

use headwater::points::{decode_payload, encode_payload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    if let Ok(point) = decode_payload(payload) {
        let mut encoded = Vec::new();
        encode_payload(&point, &mut encoded);
        assert_eq!(encoded, payload, "a point has one encoding: {point:?}");
    }
});
