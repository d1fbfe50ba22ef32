//! Where a consumer stands: descriptions that own what their C structs point to.

use headwater::ConsumerInfo;

use crate::bytes::{hw_str, past_end};
use crate::consumer::hw_consumer;
use crate::consumer_config;
use crate::consumer_config::hw_consumer_config;
use crate::error::{hw_error, missing};
use crate::guard::{free_standing, on, release};
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;
use crate::stream::hw_stream;
use crate::stream_config::nanos;

/// Where a consumer stands.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_consumer_state {
    /// sizeof(hw_consumer_state), set by the caller.
    pub struct_size: usize,
    /// Its configuration, complete.
    pub config: *const hw_consumer_config,
    /// The last sequence that was delivered for the first time.
    pub delivered_seq: u64,
    /// Everything up to this sequence is done.
    pub ack_floor: u64,
    /// Delivered and not acknowledged.
    pub num_ack_pending: u64,
    /// Of those, how many were delivered more than once.
    pub num_redelivered: u64,
    /// Not delivered yet.
    pub num_pending: u64,
    /// Moved to the dead-letter stream.
    pub num_dead: u64,
}

versioned!(hw_consumer_state);

/// Descriptions of consumers. Immutable.
pub struct hw_consumer_infos(Vec<Described>);

/// One description, with the views that the C structs point to.
struct Described {
    info: ConsumerInfo,
    config: Box<hw_consumer_config>,
    /// What `config.filter_subjects` points to.
    _filters: Vec<hw_str>,
    /// What `config.backoff_ns` points to.
    _backoff: Vec<u64>,
}

impl Described {
    fn new(info: ConsumerInfo) -> Self {
        let filters: Vec<hw_str> = info.config.filter_subjects.iter().map(|f| hw_str::of(f)).collect();
        let backoff: Vec<u64> = info.config.backoff.iter().copied().map(nanos).collect();
        let config = Box::new(consumer_config::to_c(&info.config, &filters, &backoff));
        Described { info, config, _filters: filters, _backoff: backoff }
    }

    fn state(&self) -> hw_consumer_state {
        let info = &self.info;
        hw_consumer_state {
            struct_size: 0,
            config: &raw const *self.config,
            delivered_seq: info.delivered_seq,
            ack_floor: info.ack_floor,
            num_ack_pending: info.num_ack_pending,
            num_redelivered: info.num_redelivered,
            num_pending: info.num_pending,
            num_dead: info.num_dead,
        }
    }
}

/// Describes all consumers of the stream, by name.
///
/// Ownership: `*infos` is yours, free with hw_consumer_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_consumers(
    stream: Option<&hw_stream>,
    infos: *mut *mut hw_consumer_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let out = Out::required("infos", infos)?;
        let infos = stream.stream.consumers().wait()?;
        out.give(hw_consumer_infos(infos.into_iter().map(Described::new).collect()));
        Ok(())
    })
}

/// Describes this consumer: a list of one.
///
/// Ownership: `*infos` is yours, free with hw_consumer_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_info(
    consumer: Option<&hw_consumer>,
    infos: *mut *mut hw_consumer_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(consumer, error, |consumer| {
        let out = Out::required("infos", infos)?;
        out.give(hw_consumer_infos(vec![Described::new(consumer.wait.queue.info().wait()?)]));
        Ok(())
    })
}

/// How many consumers are described; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_infos_len(infos: Option<&hw_consumer_infos>) -> usize {
    infos.map_or(0, |i| i.0.len())
}

/// The description at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `state->struct_size` is not set).
/// Ownership: what `state` points to is borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_infos_get(
    infos: Option<&hw_consumer_infos>,
    index: usize,
    state: *mut hw_consumer_state,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let infos = &infos.ok_or_else(|| missing("infos"))?.0;
        let out = OutStruct::required("state", state)?;
        out.set(infos.get(index).ok_or_else(|| past_end("infos", index, infos.len()))?.state());
        Ok(())
    })
}

/// Frees a list of descriptions; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_infos_free(infos: Option<Box<hw_consumer_infos>>) {
    release(infos);
}
