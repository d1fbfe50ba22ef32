//! Where links stand: what they carried, how far they are behind, and what went wrong last.

use headwater::{LinkState, LinkStatus};

use crate::bytes::{hw_str, past_end};
use crate::engine::hw_engine;
use crate::error::{hw_error, missing};
use crate::guard::{free_standing, on, release};
use crate::link::direction_number;
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;

/// What a link is doing.
#[repr(i32)]
pub enum hw_link_state {
    /// It has not met the other stream yet.
    Starting = 0,
    /// It carries what there is.
    Running = 1,
    /// It failed, and tries again after a pause.
    Waiting = 2,
    /// It was stopped.
    Stopped = 3,
}

/// Where a link stands; counts are since the engine was opened.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_link_status {
    /// sizeof(hw_link_status), set by the caller.
    pub struct_size: usize,
    /// Its name.
    pub name: hw_str,
    /// The local stream.
    pub stream: hw_str,
    /// The stream on the other side.
    pub remote: hw_str,
    /// Why it failed last; empty when it did not.
    pub last_error: hw_str,
    /// Records that the other stream took.
    pub pushed: u64,
    /// Records that the local stream took.
    pub pulled: u64,
    /// Records that came or went and were there already.
    pub known: u64,
    /// Records that limits removed before they were carried: a gap.
    pub missed: u64,
    /// Records passed over for newer ones of their subjects.
    pub skipped: u64,
    /// Sequences of the local stream that are still to be looked at.
    pub lag_push: u64,
    /// Sequences of the other stream that are still to be looked at.
    pub lag_pull: u64,
    /// How often the other stream was another one than before.
    pub resets: u64,
    /// How often it failed and began anew.
    pub failures: u64,
    /// An hw_link_direction.
    pub direction: i32,
    /// An hw_link_state.
    pub state: i32,
}

versioned!(hw_link_status);

/// Where links stand. Immutable.
pub struct hw_links(Vec<LinkStatus>);

/// Where each link of `engine` stands, by name.
///
/// Errors:    HW_STATUS_UNSUPPORTED (`engine` is on a hub, and has none).
/// Ownership: `*links` is yours, free with hw_links_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_links(
    engine: Option<&hw_engine>,
    links: *mut *mut hw_links,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("links", links)?;
        out.give(hw_links(engine.root.engine.links()?));
        Ok(())
    })
}

/// How many links there are; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_links_len(links: Option<&hw_links>) -> usize {
    links.map_or(0, |l| l.0.len())
}

/// The link at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `status->struct_size` is not set).
/// Ownership: its texts are borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_links_get(
    links: Option<&hw_links>,
    index: usize,
    status: *mut hw_link_status,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let links = &links.ok_or_else(|| missing("links"))?.0;
        let out = OutStruct::required("status", status)?;
        let link = links.get(index).ok_or_else(|| past_end("links", index, links.len()))?;
        let state = match link.state {
            LinkState::Starting => hw_link_state::Starting,
            LinkState::Running => hw_link_state::Running,
            LinkState::Waiting => hw_link_state::Waiting,
            LinkState::Stopped => hw_link_state::Stopped,
        };
        out.set(hw_link_status {
            struct_size: 0,
            name: hw_str::of(&link.name),
            stream: hw_str::of(&link.stream),
            remote: hw_str::of(&link.remote),
            last_error: link.last_error.as_deref().map_or(hw_str::EMPTY, hw_str::of),
            pushed: link.pushed,
            pulled: link.pulled,
            known: link.known,
            missed: link.missed,
            skipped: link.skipped,
            lag_push: link.lag_push,
            lag_pull: link.lag_pull,
            resets: link.resets,
            failures: link.failures,
            direction: direction_number(link.direction),
            state: state as i32,
        });
        Ok(())
    })
}

/// Frees a list of links; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_links_free(links: Option<Box<hw_links>>) {
    release(links);
}
