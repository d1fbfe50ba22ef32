//! A link: a local stream that is joined to another one, usually on a hub, in either direction or both.

use std::ffi::c_char;

use headwater::{CatchUp, Direction, LinkConfig, OnReset, Result, SubjectMap};

use crate::bytes::hw_str;
use crate::engine::hw_engine;
use crate::error::{hw_error, invalid, missing};
use crate::guard::on;
use crate::raw::{self, versioned};
use crate::status::hw_status;
use crate::stream_config;
use crate::stream_config::hw_stream_config;

/// Which way records go.
#[repr(i32)]
pub enum hw_link_direction {
    /// Both ways.
    Both = 0,
    /// From the local stream to the other one.
    Push = 1,
    /// From the other stream to the local one.
    Pull = 2,
}

/// What is carried first after a time apart.
#[repr(i32)]
pub enum hw_link_catch_up {
    /// Every record, in order.
    History = 0,
    /// The newest record of each subject alone, then what comes. What is passed over is counted as skipped.
    Latest = 1,
}

/// What is done when the other stream was made anew or lost its end.
#[repr(i32)]
pub enum hw_link_on_reset {
    /// Push everything that is kept here and is not there; pull from its beginning.
    Resend = 0,
    /// Push only what is new from here on; pull from its beginning.
    Continue = 1,
    /// Carry nothing until somebody decides.
    Stop = 2,
}

/// Subjects here under one prefix are subjects there under another.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_subject_map {
    /// Whole tokens, such as `orders`.
    pub local: hw_str,
    /// Whole tokens, such as `edge.7.orders`.
    pub remote: hw_str,
}

/// A local stream joined to another one. Zero is the default of every field but the three names.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_link_config {
    /// sizeof(hw_link_config)
    pub struct_size: usize,
    /// Its name, as for a stream; positions are kept under it.
    pub name: hw_str,
    /// The local stream.
    pub stream: hw_str,
    /// The stream on the other side.
    pub remote: hw_str,
    /// Only records whose local subject one of these takes; all when there is none.
    pub filters: *const hw_str,
    /// How many.
    pub filters_len: usize,
    /// How subjects change on the way; subjects under no prefix stay as they are.
    pub maps: *const hw_subject_map,
    /// How many.
    pub maps_len: usize,
    /// What the stream on the other side is made as when it is not there; NULL makes none. Its name may be left empty,
    /// and its subjects: those of the local stream then, as they are there, and what positions of many pushers need.
    pub create: *const hw_stream_config,
    /// An hw_link_direction.
    pub direction: i32,
    /// An hw_link_catch_up.
    pub catch_up: i32,
    /// An hw_link_on_reset.
    pub on_reset: i32,
    /// Not 0: nobody else appends to the other stream, so records are pushed one by one. Else many may push to it, in
    /// atomic batches, which takes a server from 2.12 on.
    pub exclusive: u8,
}

versioned!(hw_link_config);

fn from_c(from: &hw_link_config) -> Result<LinkConfig> {
    let mut config =
        LinkConfig::new(from.name.owned("name")?, from.stream.owned("stream")?, from.remote.owned("remote")?);
    config.direction = match from.direction {
        0 => Direction::Both,
        1 => Direction::Push,
        2 => Direction::Pull,
        n => return Err(invalid(format!("direction is {n}, which is no hw_link_direction"))),
    };
    config.filters = raw::strings("filters", from.filters, from.filters_len)?;
    for map in raw::array("maps", from.maps, from.maps_len)? {
        config.map.push(SubjectMap { local: map.local.owned("local")?, remote: map.remote.owned("remote")? });
    }
    config.catch_up = match from.catch_up {
        0 => CatchUp::History,
        1 => CatchUp::Latest,
        n => return Err(invalid(format!("catch_up is {n}, which is no hw_link_catch_up"))),
    };
    config.on_reset = match from.on_reset {
        0 => OnReset::Resend,
        1 => OnReset::Continue,
        2 => OnReset::Stop,
        n => return Err(invalid(format!("on_reset is {n}, which is no hw_link_on_reset"))),
    };
    config.exclusive = from.exclusive != 0;
    if !from.create.is_null() {
        config.create = Some(Box::new(stream_config::from_c(&raw::required("create", from.create)?)?));
    }
    Ok(config)
}

pub(crate) fn direction_number(direction: Direction) -> i32 {
    let direction = match direction {
        Direction::Both => hw_link_direction::Both,
        Direction::Push => hw_link_direction::Push,
        Direction::Pull => hw_link_direction::Pull,
    };
    direction as i32
}

/// Joins a stream of `engine` to one of `other`, which is usually on a hub, and works on it until the engine is closed
/// or the link removed. Both streams must be there, unless `create` makes the other one. What it carried so far is
/// remembered under its name.
///
/// Errors:    HW_STATUS_INVALID (what a link cannot be told), HW_STATUS_NOT_FOUND (a stream is not there),
///            HW_STATUS_CONFLICT (a link has the name), HW_STATUS_UNSUPPORTED (`engine` is on a hub itself).
/// Ownership: the link keeps the connection of `other` open; you may free its handle.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_add_link(
    engine: Option<&hw_engine>,
    config: *const hw_link_config,
    other: Option<&hw_engine>,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let config = from_c(&raw::required("config", config)?)?;
        let other = other.ok_or_else(|| missing("other"))?;
        engine.root.engine.add_link(config, &other.root.engine).wait()
    })
}

/// Ends a link; what was carried stays, and where it stood is kept for the next one of its name.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_UNSUPPORTED (`engine` is on a hub).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_remove_link(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| engine.root.engine.remove_link(raw::text("name", name, name_len)?))
}
