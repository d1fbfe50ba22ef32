//! A point store: typed points in, the latest of each series and their history out.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use headwater::Result;
use headwater::points::{Points, PointsConfig};

use crate::append::hw_ack;
use crate::bytes::hw_str;
use crate::engine::hw_engine;
use crate::error::hw_error;
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::point;
use crate::point::{hw_point, hw_point_list};
use crate::raw::{self, Out, OutStruct, versioned};
use crate::read::or_default;
use crate::status::hw_status;
use crate::stream::hw_stream;
use crate::stream_config::durability;
use crate::ticket::hw_ticket;

/// What a point store keeps. Zero is the default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_points_config {
    /// sizeof(hw_points_config)
    pub struct_size: usize,
    /// Its name.
    pub name: hw_str,
    /// Points committed longer ago than this go; 0 is never.
    pub max_age_ns: u64,
    /// The most points kept of a series; 0 is no limit.
    pub max_points_per_series: u64,
    /// An hw_durability.
    pub durability: i32,
}

/// Which points to read. Zero is the default of every field: the first 1,000.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_range_options {
    /// sizeof(hw_range_options)
    pub struct_size: usize,
    /// The series, such as `seattle.temperature` or `seattle.*`; all when empty.
    pub filter: hw_str,
    /// With `has_from`: from this event time on, in nanoseconds since the epoch.
    pub from: i64,
    /// With `has_to`: before this event time.
    pub to: i64,
    /// Go on after this sequence.
    pub after: u64,
    /// The most points; 0 is 1,000.
    pub max: usize,
    /// Not 0: `from` is set.
    pub has_from: u8,
    /// Not 0: `to` is set.
    pub has_to: u8,
}

versioned!(hw_points_config, hw_range_options);

/// A point store. `const`: safe from many threads at once.
pub struct hw_points {
    pub(crate) root: Arc<Root>,
    pub(crate) points: Points,
}

impl Handle for hw_points {
    const NOUN: &'static str = "points";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

/// A series filter, where an empty one is all.
pub(crate) fn series_filter<'a>(text: &hw_str) -> Result<&'a str> {
    Ok(text.some("filter")?.unwrap_or(">"))
}

/// Opens a point store, and makes its stream if it is not there.
///
/// Errors:    HW_STATUS_CONFLICT (it is there with another configuration), HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call; `*points` is yours, free with hw_points_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_create(
    engine: Option<&hw_engine>,
    config: *const hw_points_config,
    points: *mut *mut hw_points,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let from = raw::required("config", config)?;
        let out = Out::required("points", points)?;
        let config = PointsConfig {
            name: from.name.owned("name")?,
            durability: durability(from.durability)?,
            max_age: Duration::from_nanos(from.max_age_ns),
            max_points_per_series: from.max_points_per_series,
        };
        let points = Points::create(&engine.root.engine, config)?;
        out.give(hw_points { root: engine.root.clone(), points });
        Ok(())
    })
}

/// Opens the point store of this name.
///
/// Errors:    HW_STATUS_NOT_FOUND.
/// Ownership: `*points` is yours, free with hw_points_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_open(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    points: *mut *mut hw_points,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let name = raw::text("name", name, name_len)?;
        let out = Out::required("points", points)?;
        let points = Points::open(&engine.root.engine, name)?;
        out.give(hw_points { root: engine.root.clone(), points });
        Ok(())
    })
}

/// The stream below.
///
/// Ownership: `*stream` is yours, free with hw_stream_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_stream(
    points: Option<&hw_points>,
    stream: *mut *mut hw_stream,
    error: *mut *mut hw_error,
) -> hw_status {
    on(points, error, |points| {
        let out = Out::required("stream", stream)?;
        out.give(hw_stream::new(&points.root, points.points.stream().clone()));
        Ok(())
    })
}

/// Writes 1 to 1,000 points, all or nothing, and returns when the store's durability is reached. `ack` may be NULL.
///
/// Of two points with the same time, tombstone and origin the first stays the winning one: to correct a value, write it
/// with a greater tombstone or another origin.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_write(
    points: Option<&hw_points>,
    array: *const hw_point,
    array_len: usize,
    ack: *mut hw_ack,
    error: *mut *mut hw_error,
) -> hw_status {
    on(points, error, |points| {
        let array = point::many_from_c(array, array_len)?;
        let out = OutStruct::optional(ack)?;
        let ack = points.points.write(&array).wait()?;
        if let Some(out) = out {
            out.set(ack.into());
        }
        Ok(())
    })
}

/// As hw_points_write, but returns at once.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
/// Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_write_submit(
    points: Option<&hw_points>,
    array: *const hw_point,
    array_len: usize,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    on(points, error, |points| {
        let array = point::many_from_c(array, array_len)?;
        let out = Out::required("ticket", ticket)?;
        out.give(hw_ticket::new(&points.root, points.points.write(&array).map(hw_ack::from)));
        Ok(())
    })
}

/// Reads the winning point of each series that the filter takes (an empty filter: all): the newest time, then the
/// largest origin; the largest tombstone first. Deleted ones are left out unless `with_deleted` is not 0.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: `*list` is yours, free with hw_point_list_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_latest(
    points: Option<&hw_points>,
    filter: *const c_char,
    filter_len: usize,
    with_deleted: i32,
    list: *mut *mut hw_point_list,
    error: *mut *mut hw_error,
) -> hw_status {
    on(points, error, |points| {
        let filter = series_filter(&hw_str { data: filter, len: filter_len })?;
        let out = Out::required("list", list)?;
        out.give(hw_point_list(points.points.latest(filter, with_deleted != 0)?));
        Ok(())
    })
}

/// Reads points by event time, in the order of their commit. `options` may be NULL. `next_after`, when not NULL,
/// gets the sequence to go on after.
///
/// Errors:    as hw_points_latest.
/// Ownership: `*list` is yours, free with hw_point_list_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_range(
    points: Option<&hw_points>,
    options: *const hw_range_options,
    list: *mut *mut hw_point_list,
    next_after: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(points, error, |points| {
        let options = raw::options(options)?;
        let filter = series_filter(&options.filter)?;
        let out = Out::required("list", list)?;
        let from = (options.has_from != 0).then_some(options.from);
        let to = (options.has_to != 0).then_some(options.to);
        let (list, next) = points.points.range(filter, from, to, options.after, or_default(options.max))?;
        out.give(hw_point_list(list));
        if let Some(out) = Out::optional(next_after) {
            out.set(next);
        }
        Ok(())
    })
}

/// Frees the handle; NULL is nothing. The point store stays.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_free(points: Option<Box<hw_points>>) {
    release_handle(points);
}
