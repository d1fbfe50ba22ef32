//! A fragment of state that merges: any bytes decode or are refused, what decodes encodes to the same bytes, and can be
//! joined by any replica without harm.
#![no_main]

use headwater::Writer;
use headwater::crdt::{Context, Fragment, Replica};
use libfuzzer_sys::fuzz_target;

/// A clock so late that no stamp is held.
const LATE_MS: u64 = u64::MAX >> 17;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(context) = Context::decode(bytes) {
        assert_eq!(context.encode(), bytes, "a context has one encoding");
    }
    let Ok(fragment) = Fragment::decode(bytes) else { return };
    assert_eq!(fragment.encode(), bytes, "a fragment has one encoding");
    let mut replica = Replica::new(Writer { engine: 1, epoch: 1 });
    if replica.apply(fragment.clone(), LATE_MS).is_err() {
        return;
    }
    let once = replica.whole().encode();
    replica.apply(fragment, LATE_MS).expect("it was taken before");
    assert_eq!(replica.whole().encode(), once, "a fragment that comes twice changes nothing more");
    let whole = Fragment::decode(&once).expect("a replica writes what it can read");
    for (key, kind) in whole.keys() {
        replica.read(key, kind, LATE_MS);
        replica.digest(key, kind, LATE_MS);
    }
    replica.stable(&[], LATE_MS);
});
