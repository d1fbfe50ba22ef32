//! A lane: one shard of the log, and how far this node has read it.

use super::config::DatabaseConfig;
use super::log::{Log, Parts, filter, shard_name};
use crate::engine::Engine;
use crate::error::{ErrorKind, Result};
use crate::replica::Replica;
use crate::replica::intake::Place;
use crate::stream::Stream;
use crate::stream::config::{DeliverPolicy, StreamConfig};
use crate::stream::subscription::{SubscribeOptions, Subscription};

/// One shard of the log.
pub(super) struct Lane {
    pub(super) log: Log,
    /// None before [`Lane::read_on`], and where nothing is taken.
    pub(super) reader: Option<Subscription>,
    pub(super) parts: Parts,
    shard: usize,
}

impl Lane {
    /// The log of each shard, which is made if it is not there.
    pub(super) fn open_all(engine: &Engine, config: &DatabaseConfig) -> Result<Vec<Lane>> {
        let name = config.database_name()?;
        let open = |shard| {
            let database = shard_name(&name, shard);
            let stream = open_stream(engine, config.stream(&database))?;
            let log = Log { stream, database, compress: config.log.compress };
            Ok(Lane { log, reader: None, parts: Parts::default(), shard })
        };
        (0..config.shards()).map(open).collect()
    }

    /// Reads on where the file is.
    pub(super) fn read_on(&mut self, engine: u64, replica: &Replica) -> Result<()> {
        let place = replica.place(self.shard)?;
        let last = self.log.stream.info().wait()?.last_seq;
        // A log that is another one, or was made anew, is read from its beginning.
        let from = if place.engine == engine && place.seq <= last { place.seq + 1 } else { 1 };
        let options = SubscribeOptions::default().filter(filter(&self.log.database));
        self.parts = Parts::default();
        self.reader = Some(self.log.stream.subscribe(options.deliver(DeliverPolicy::ByStartSequence(from))).wait()?);
        Ok(())
    }

    /// The place in it that what was read up to `seq` reaches to.
    pub(super) fn place(&self, engine: u64, seq: u64) -> Place {
        Place { shard: self.shard, engine, seq: self.parts.done(seq) }
    }
}

/// A stream of the log: made, or with what the configuration says of it now and everything else as it is.
fn open_stream(engine: &Engine, config: StreamConfig) -> Result<Stream> {
    match engine.create_stream(config.clone()).wait() {
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let stream = engine.stream(&config.name).wait()?;
            let now = stream.info().wait()?.config;
            let wanted = StreamConfig { max_msgs: config.max_msgs, durability: config.durability, ..now.clone() };
            if now == wanted { Ok(stream) } else { engine.update_stream(wanted).wait() }
        }
        made => made,
    }
}
