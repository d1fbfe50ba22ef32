//! The dead-letter stream of a local consumer: opened or made, and written to.

use crate::error::{ErrorKind, Result};
use crate::record::Batch;
use crate::stream::config::{ConsumerConfig, check_name};
use crate::stream::contract::StreamOps;
use crate::stream::dead_letter::{Letter, stream_config, stream_name};
use crate::stream::local::stream::LocalStream;

/// Opens the dead-letter stream of a consumer of `stream`, and makes it if it is not there.
pub(crate) fn open(stream: &LocalStream, config: &ConsumerConfig) -> Result<LocalStream> {
    let name = stream_name(stream.name(), config);
    check_name("stream", &name)?;
    match stream.engine.open_stream(&name) {
        Err(e) if e.kind() == ErrorKind::NotFound => stream.engine.make_stream(stream_config(&name).checked()?),
        found => found,
    }
}

/// Moves a record: it is safe in the dead-letter stream when this returns.
pub(crate) fn bury(stream: &LocalStream, config: &ConsumerConfig, one: &Batch, deliveries: u32) -> Result<()> {
    let Some(record) = one.get(0) else { return Ok(()) };
    let dead = open(stream, config)?;
    let letter = Letter::new(dead.name(), stream.name(), config, record, deliveries);
    dead.append(&[letter.append()]).wait().map(|_| ())
}
