//! One seed's life: appends, batches, deletes, consumers, clean closes and power cuts, with the oracle looking after
//! each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use headwater::{
    Append, Compression, Consumer, ConsumerConfig, Engine, EngineOptions, ErrorKind, ManualClock, Stream, StreamConfig,
};

use crate::disk::SimDisk;
use crate::oracle::{Oracle, Sent};
use crate::random::Random;
use crate::sabotage::{Fault, Sabotage};

/// How a life ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was wrong.
    Fine,
    /// The engine itself said that data is damaged.
    Reported(String),
    /// The oracle found what the engine did not say.
    Violated(String),
}

/// Power cuts in a life.
const CUTS: u64 = 6;
/// Steps between two of them, at the most.
const STEPS_MAX: u64 = 60;

struct World {
    random: Random,
    compress: bool,
    disk: SimDisk,
    clock: ManualClock,
    oracle: Oracle,
    /// Records whose acknowledgement by the consumer was answered.
    done: BTreeSet<u64>,
    /// Records whose acknowledgement was not answered.
    open_done: BTreeSet<u64>,
}

/// Lives through one seed, with a fault planted or without.
pub fn live(seed: u64, fault: Option<Fault>) -> Outcome {
    let disk = SimDisk::new(seed, fault.map(|f| Sabotage::new(f, seed)));
    let mut world = World {
        random: Random::new(seed),
        compress: seed % 3 == 1,
        disk,
        clock: ManualClock::new(1_700_000_000_000_000_000, seed),
        oracle: Oracle::default(),
        done: BTreeSet::new(),
        open_done: BTreeSet::new(),
    };
    match world.run() {
        Ok(()) => Outcome::Fine,
        Err(Stop::Violated(what)) => Outcome::Violated(format!("seed {seed}: {what}")),
        Err(Stop::Engine(error)) if error.kind() == ErrorKind::Corrupt => {
            Outcome::Reported(format!("seed {seed}: {error}"))
        }
        Err(Stop::Engine(error)) => Outcome::Violated(format!("seed {seed}: unexpected {error}")),
    }
}

enum Stop {
    Engine(headwater::Error),
    Violated(String),
}

impl From<headwater::Error> for Stop {
    fn from(error: headwater::Error) -> Self {
        Stop::Engine(error)
    }
}

impl World {
    fn open(&self) -> Result<(Engine, Stream, Consumer), headwater::Error> {
        let options = EngineOptions {
            clock: Arc::new(self.clock.clone()),
            disk: Arc::new(self.disk.clone()),
            worker: false,
            ..EngineOptions::default()
        };
        let engine = Engine::open_with("/sim", options.clone())?;
        if Engine::open_with("/sim", options).is_ok() {
            return Err(headwater::Error::new(ErrorKind::Internal, "two engines own one directory"));
        }
        let mut config = StreamConfig::new("s", [">"]);
        config.segment_bytes = 64 << 10;
        if self.compress {
            config.compression = Compression::Zstd;
        }
        let stream = engine.create_stream(config).wait()?;
        let consumer =
            stream.create_consumer(ConsumerConfig { max_ack_pending: 0, ..ConsumerConfig::new("c") }).wait()?;
        Ok((engine, stream, consumer))
    }

    fn run(&mut self) -> Result<(), Stop> {
        for _ in 0..CUTS {
            let opened = self.open();
            let (engine, stream, consumer) = match opened {
                Ok(opened) => opened,
                Err(_) if self.disk.is_off() => {
                    self.disk.restart();
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            self.oracle.check(&stream).map_err(World::blame)?;
            self.check_deliveries(&consumer)?;
            let steps = self.random.below(STEPS_MAX);
            if !self.random.once_in(4) {
                self.disk.cut_after(self.random.below(4 * steps + 8));
            }
            let ended = self.steps(steps, &engine, &stream, &consumer);
            match ended {
                Err(Stop::Engine(_)) if self.disk.is_off() => {}
                other => other?,
            }
            if !self.disk.is_off() && self.random.once_in(3) {
                match engine.close() {
                    Err(_) if self.disk.is_off() => {}
                    other => other?,
                }
            }
            self.disk.restart();
            drop((engine, stream, consumer));
        }
        self.disk.restart();
        let (engine, stream, consumer) = self.open()?;
        self.oracle.check(&stream).map_err(World::blame)?;
        self.check_deliveries(&consumer)?;
        drop(engine);
        Ok(())
    }

    /// An error that the engine reported as damage stays one, also when it came up inside the oracle.
    fn blame(what: String) -> Stop {
        if what.contains("is damaged at") {
            return Stop::Engine(headwater::Error::new(ErrorKind::Corrupt, what));
        }
        Stop::Violated(what)
    }

    fn steps(&mut self, steps: u64, engine: &Engine, stream: &Stream, consumer: &Consumer) -> Result<(), Stop> {
        for _ in 0..steps {
            match self.random.below(20) {
                0..9 => self.append(stream, 1)?,
                9..13 => {
                    let count = 2 + self.random.below(30);
                    self.append(stream, count)?;
                }
                13 => self.delete(stream)?,
                14 | 15 => self.consume(consumer)?,
                16 => drop(engine.step()),
                17 => self.fill_the_disk(stream)?,
                _ => self.clock.advance(Duration::from_millis(self.random.below(1000))),
            }
        }
        Ok(())
    }

    fn append(&mut self, stream: &Stream, count: u64) -> Result<(), Stop> {
        self.oracle.groups += 1;
        let group = self.oracle.groups;
        let sent: Vec<Sent> = (0..count)
            .map(|_| Sent {
                subject: format!("k.{}", self.random.below(8)),
                payload: self.random.bits().to_le_bytes().repeat(self.random.below(60) as usize + 1),
                group,
            })
            .collect();
        let mut batch: Vec<Append<'_>> = sent.iter().map(|s| Append::new(&s.subject, &s.payload)).collect();
        if self.random.once_in(3) {
            let last = stream.info().wait()?.last_seq;
            batch[0].expect_last_seq = Some(last);
        }
        match stream.append_batch(&batch).wait() {
            Ok(ack) => {
                if ack.first_seq() <= self.oracle.last_acked() {
                    return Err(Stop::Violated(format!("sequence {} was given out twice", ack.first_seq())));
                }
                self.oracle.acked.extend((ack.first_seq()..).zip(sent));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Limit => Ok(()),
            Err(error) => {
                self.oracle.open.extend(sent);
                Err(error.into())
            }
        }
    }

    fn delete(&mut self, stream: &Stream) -> Result<(), Stop> {
        let seq = 1 + self.random.below(self.oracle.last_acked() + 1);
        match stream.delete(seq).wait() {
            Ok(true) => drop(self.oracle.gone.insert(seq)),
            Ok(false) => {}
            Err(error) => {
                self.oracle.open_gone.insert(seq);
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn consume(&mut self, consumer: &Consumer) -> Result<(), Stop> {
        let max = 1 + self.random.below(20) as usize;
        let batch = consumer.try_next(max)?;
        let seqs: Vec<u64> = batch.iter().map(|r| r.seq).filter(|_| !self.random.once_in(4)).collect();
        if let Some(twice) = seqs.iter().find(|s| self.done.contains(s)) {
            return Err(Stop::Violated(format!("record {twice} was acknowledged on disk and delivered again")));
        }
        self.open_done.extend(&seqs);
        consumer.ack_sync(&seqs).wait()?;
        self.done.extend(seqs);
        Ok(())
    }

    /// Whatever was not acknowledged by the consumer must come again, and nothing that was.
    fn check_deliveries(&mut self, consumer: &Consumer) -> Result<(), Stop> {
        self.clock.advance(Duration::from_secs(31));
        let mut seen = BTreeSet::new();
        loop {
            let batch = consumer.try_next(500)?;
            if batch.is_empty() {
                break;
            }
            seen.extend(batch.iter().map(|r| r.seq));
        }
        if let Some(twice) = seen.intersection(&self.done).next() {
            return Err(Stop::Violated(format!("record {twice} was acknowledged on disk and delivered again")));
        }
        let kept = self.oracle.acked.keys().filter(|s| !self.oracle.gone.contains(s));
        match kept.into_iter().find(|s| !self.open_done.contains(s) && !seen.contains(s)) {
            Some(lost) => Err(Stop::Violated(format!("record {lost} was never acknowledged and is not delivered"))),
            None => Ok(()),
        }
    }

    /// A full disk refuses, loses nothing, and the stream goes on when there is room.
    fn fill_the_disk(&mut self, stream: &Stream) -> Result<(), Stop> {
        self.disk.set_room(self.random.below(600));
        let filled = self.append(stream, 4);
        self.disk.set_room(u64::MAX);
        filled?;
        self.append(stream, 1)
    }
}
