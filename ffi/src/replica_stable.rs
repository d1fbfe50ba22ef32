//! What a replica may forget: what is dead and causally stable, given what the other replicas have applied.

use headwater::{Result, Writer};

use crate::bytes::hw_bytes;
use crate::crdt::hw_actor;
use crate::error::hw_error;
use crate::raw::{self, Out};
use crate::replica::{hw_replica, on_replica};
use crate::replica_exchange::context;
use crate::status::hw_status;

/// Drops what is dead and causally stable, given what each other replica there is had applied when it was last heard
/// of: `actors` and `contexts` (as hw_replica_context gives them) are equally long. With no others, all that is dead
/// goes. Nothing that is read changes, and nothing is dropped while one of them has applied what this replica has not.
/// `*dropped` gets how many dead rows of counters and expired dots went, `*operations` in how many keys stable removals
/// were done away with by an operation that goes to the others; both may be NULL.
///
/// Errors:    HW_STATUS_CORRUPT (bytes that are no context), HW_STATUS_INVALID.
/// Ownership: inputs are borrowed for the call.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_stable(
    replica: *mut hw_replica,
    actors: *const hw_actor,
    contexts: *const hw_bytes,
    len: usize,
    now_ms: u64,
    dropped: *mut u64,
    operations: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        let actors = raw::array("actors", actors, len)?.iter();
        let actors = actors.map(|actor| Writer { engine: actor.engine, epoch: actor.epoch });
        let contexts = raw::array("contexts", contexts, len)?.iter().map(|bytes| context(bytes.data, bytes.len));
        let peers: Vec<_> = actors.zip(contexts).map(|(actor, seen)| Ok((actor, seen?))).collect::<Result<_>>()?;
        let collected = replica.stable(&peers, now_ms);
        for (count, place) in [(collected.dropped, dropped), (collected.operations, operations)] {
            if let Some(out) = Out::optional(place) {
                out.set(count as u64);
            }
        }
        Ok(())
    })
}
