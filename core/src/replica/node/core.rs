//! A node: a replicated file and its log. One step takes in what was written here and sends it, then takes what others
//! sent. It has no thread: whoever steps it does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::check::Answer;
use super::config::DatabaseConfig;
use super::lane::Lane;
use super::log::{Log, UNIT};
use super::opened::{Opened, file_id};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::hybrid::stamp_ms;
use crate::intervals::Intervals;
use crate::origin::Writer;
use crate::replica::Replica;
use crate::replica::change::Unit;
use crate::replica::cut::Outgoing;
use crate::replica::intake::Taken;
use crate::replica::noted::Noted;
use crate::replica::standing::{self, identity};
use crate::replica::store::Fault;
use crate::replica::table::{Refused, Table};
use crate::stream::subscription::Subscription;

/// How long a write of ours waits for the application's, and the other way round where that waits.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Records that are joined in one transaction, at most: the application's writes wait for it.
const RECORDS_AT_ONCE: usize = 64;
/// Bytes of them after which no more are.
const BYTES_AT_ONCE: usize = 1 << 20;
/// Rows in them after which no more are: compressed ones are a few bytes each, and some hundred once they are read.
const ROWS_AT_ONCE: usize = 16_384;
/// Units that are sent at once, at most.
const UNITS_AT_ONCE: usize = 64;
/// Rows of before the attach that are taken in by one transaction.
const WALK_ROWS: usize = 1_000;
/// Nanoseconds in a millisecond.
pub(super) const MS: u64 = 1_000_000;

/// What was done since the node was opened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) published: u64,
    pub(super) applied: u64,
    pub(super) changes: u64,
    /// Records of the log that were no units.
    pub(super) faults: u64,
    /// The newest write of another node that is in the file, milliseconds since the epoch.
    pub(super) applied_ms: u64,
}

/// One file, and its log.
pub(super) struct Node {
    pub(super) engine: Engine,
    pub(super) config: DatabaseConfig,
    pub(super) replica: Replica,
    /// The log, a lane for each shard; nodes speak to each other in the first.
    lanes: Vec<Lane>,
    actor: Writer,
    /// What the file's connection said of others' commits when it was looked at last.
    seen: Option<i64>,
    /// The version of the schema that it told of last; none before it told.
    pub(super) has_told: Option<i64>,
    /// The nodes that it has heard of, as people call them.
    pub(super) heard: BTreeSet<String>,
    /// What it asked last, and what came to it.
    pub(super) question: Option<(String, Vec<Answer>)>,
    /// What it asked last because of what the file was before, and when.
    pub(super) of_formers: Option<(String, u64)>,
    pub(super) counts: Counts,
    /// The last thing that was wrong with what others sent.
    pub(super) last_fault: String,
    /// Which file it is.
    opened: Opened,
}

/// Units that are on their way into the file, and the last record that they reach to.
#[derive(Default)]
struct Found {
    units: Vec<Unit>,
    bytes: usize,
    rows: usize,
    last: u64,
}

impl Node {
    /// Opens a file as a node's, and makes it one if it is not. The log is made if it is not there.
    pub(super) fn open(engine: &Engine, config: &DatabaseConfig) -> Result<Node> {
        config.check()?;
        let opened = Opened::note(&config.path)?;
        let conn = connect(&config.path)?;
        let mut lanes = Lane::open_all(engine, config)?;
        let known = identity(&conn)?;
        let actor = claim(engine, lanes[0].log.stream.name(), known);
        let mut replica = Replica::open(conn, known.map_or(actor.epoch, |(node, _)| node), config.options())?;
        if known.is_some_and(|(node, _)| node != actor.epoch) {
            let log_is_another = replica.place(0)?.engine != engine.id();
            replica.become_node(actor.epoch, log_is_another)?;
        }
        if config.replicate {
            lanes.iter_mut().try_for_each(|lane| lane.read_on(engine.id(), &replica))?;
        }
        Ok(Node {
            engine: engine.clone(),
            config: config.clone(),
            replica,
            lanes,
            actor,
            seen: None,
            has_told: None,
            heard: BTreeSet::new(),
            question: None,
            of_formers: None,
            counts: Counts::default(),
            last_fault: String::new(),
            opened,
        })
    }

    /// Takes in what was written here and sends it, then takes some of what others sent. Whether there is more to do at
    /// once.
    pub(super) fn step(&mut self) -> Result<bool> {
        self.check_file()?;
        let looked = self.look()?;
        let sent = self.send()?;
        self.tell_once()?;
        let taken = self.take()?;
        let walked = self.walk()?;
        Ok(looked || sent || taken || walked)
    }

    /// Ready when others sent something; else wakes `cx` then.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Each is asked, so that each wakes it.
        let ready = self.readers().filter(|reader| reader.poll_ready(cx).is_ready()).count();
        if ready > 0 { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Cuts what was written since the last look.
    fn look(&mut self) -> Result<bool> {
        let version = self.replica.data_version()?;
        if self.seen == Some(version) && !self.replica.is_due()? {
            return Ok(false);
        }
        self.seen = Some(version);
        if !self.replica.is_due()? {
            return Ok(false);
        }
        self.replica.cut()?;
        self.replica.is_pending()
    }

    fn send(&mut self) -> Result<bool> {
        // What was made before it was told to publish nothing has its number, and waits until it may go.
        if !self.config.publish {
            return Ok(false);
        }
        let units = self.replica.outbox(UNITS_AT_ONCE)?;
        let Some(last) = units.last().map(|unit| unit.place) else { return Ok(false) };
        for (shard, lane) in self.lanes.iter().enumerate() {
            // What is of a shard that there is no more goes with the first.
            let of = |unit: &&Outgoing| unit.shard == shard || shard == 0 && unit.shard >= self.lanes.len();
            lane.log.put(&units.iter().filter(of).collect::<Vec<_>>())?;
        }
        self.counts.published += units.len() as u64;
        self.replica.sent(last)?;
        Ok(units.len() == UNITS_AT_ONCE)
    }

    /// Takes in and sends all that was written here.
    pub(super) fn flush(&mut self) -> Result<()> {
        while self.look()? || self.send()? {}
        Ok(())
    }

    /// Takes some of what others sent.
    fn take(&mut self) -> Result<bool> {
        let now_ms = self.now_ms();
        if self.replica.held()? > 0 {
            let taken = self.replica.release(now_ms)?;
            self.count(taken);
        }
        let mut more = false;
        for lane in 0..self.lanes.len() {
            match self.take_batch(lane, now_ms) {
                Ok(took) => more |= took,
                Err(error) => {
                    // What was read and is not in the file is read again.
                    self.lanes[lane].read_on(self.engine.id(), &self.replica)?;
                    return Err(error);
                }
            }
        }
        Ok(more)
    }

    fn take_batch(&mut self, lane: usize, now_ms: u64) -> Result<bool> {
        let Some(reader) = &self.lanes[lane].reader else { return Ok(false) };
        let batch = reader.try_next(RECORDS_AT_ONCE)?;
        if batch.is_empty() {
            return Ok(false);
        }
        let mut found = Found::default();
        for record in batch.iter() {
            let is_own = Log::node(record.subject) == Some(self.actor.epoch);
            if is_own || self.lanes[lane].log.what(record.subject) != Some(UNIT) {
                if !is_own {
                    // It speaks of what was before it in the log.
                    self.join(lane, &mut found, now_ms)?;
                    if !self.hear(&record)? {
                        self.fault(Error::invalid(format!("record {} of the log is nothing known", record.seq)));
                    }
                }
                found.last = record.seq;
                continue;
            }
            found.last = record.seq;
            found.bytes += record.payload.len();
            match self.lanes[lane].parts.take(&record).and_then(|unit| unit.map(|unit| Unit::decode(&unit)).transpose())
            {
                Ok(unit) => {
                    found.rows += unit.as_ref().map_or(0, |unit| unit.changes.len());
                    found.units.extend(unit);
                }
                Err(error) => self.fault(error.context(format_args!("record {} of the log", record.seq))),
            }
            if found.bytes >= BYTES_AT_ONCE || found.rows >= ROWS_AT_ONCE {
                self.join(lane, &mut found, now_ms)?;
            }
        }
        self.join(lane, &mut found, now_ms)?;
        Ok(true)
    }

    /// Joins what was found, in one transaction with the place that it reaches to.
    fn join(&mut self, lane: usize, found: &mut Found, now_ms: u64) -> Result<()> {
        if found.last == 0 {
            return Ok(());
        }
        let place = self.lanes[lane].place(self.engine.id(), found.last);
        let taken = self.replica.take_units(&found.units, place, now_ms)?;
        self.count(taken);
        *found = Found::default();
        Ok(())
    }

    pub(super) fn fault(&mut self, error: Error) {
        self.counts.faults += 1;
        self.engine.log("warn", format!("database '{}': {error}", self.log().database));
        self.last_fault = error.to_string();
    }

    /// Goes on with the sweep over all rows; whether it came to the last one.
    pub(super) fn sweep(&mut self, rows_max: usize) -> Result<bool> {
        self.replica.sweep(rows_max, self.now_ms())
    }

    fn count(&mut self, taken: Taken) {
        self.counts.applied += taken.units;
        self.counts.changes += taken.changes;
        self.counts.applied_ms = self.counts.applied_ms.max(stamp_ms(taken.time_max));
    }

    /// Takes in some rows that were there before their table was looked at.
    fn walk(&mut self) -> Result<bool> {
        if !self.replica.has_walk() {
            return Ok(false);
        }
        self.replica.walk(WALK_ROWS)?;
        Ok(true)
    }

    /// Refuses to go on in a file that has no name any more: what is written to the one that has it would be missed.
    fn check_file(&self) -> Result<()> {
        if file_id(&self.config.path)? == self.opened.0 {
            return Ok(());
        }
        let message = format!("{} is another file now", self.config.path.display());
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// Notes from now on what is done to rows.
    pub(super) fn begin_notes(&mut self) {
        self.replica.begin_notes();
    }

    /// What was noted since this was asked last.
    pub(super) fn take_notes(&self) -> Vec<Noted> {
        self.replica.take_notes()
    }

    /// Lets in what is held.
    pub(super) fn release_all(&mut self) -> Result<u64> {
        let taken = self.replica.release(u64::MAX)?;
        self.count(taken);
        Ok(taken.units)
    }

    /// Joins rows of a snapshot.
    pub(super) fn import(&mut self, units: &[Unit]) -> Result<()> {
        self.replica.import(units)
    }

    /// All rows of a snapshot are joined, and so what it has of each node's units.
    pub(super) fn unite_taken(&mut self, taken: &[(u64, Intervals)]) -> Result<()> {
        self.replica.unite_taken(taken)
    }

    /// How many sequences the log is ahead of what is in the file.
    pub(super) fn lag(&self) -> u64 {
        self.readers().map(Subscription::lag).sum()
    }

    fn readers(&self) -> impl Iterator<Item = &Subscription> {
        self.lanes.iter().filter_map(|lane| lane.reader.as_ref())
    }

    /// The log that nodes speak to each other in.
    pub(super) fn log(&self) -> &Log {
        &self.lanes[0].log
    }

    /// What people call it.
    pub(super) fn node_id(&self) -> String {
        self.config.node_name(self.engine.id())
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.engine.clock().now() / MS
    }

    pub(super) fn id(&self) -> u64 {
        self.actor.epoch
    }

    pub(super) fn waiting(&self) -> Result<standing::Waiting> {
        self.replica.waiting()
    }

    /// How many units of others are known to have been made and are not in the file.
    pub(super) fn missing(&self) -> Result<u64> {
        self.replica.missing()
    }

    /// How many records the log ever had.
    pub(super) fn log_end(&self) -> Result<u64> {
        self.lanes.iter().map(|lane| Ok(lane.log.stream.info().wait()?.last_seq)).sum()
    }

    /// The tables that replicate, and those that do not with the reason.
    pub(super) fn tables(&self) -> (Vec<String>, Vec<Refused>) {
        let (tables, refused) = self.replica.tables();
        (tables.iter().map(|table| table.name.clone()).collect(), refused.to_vec())
    }

    /// The columns that are left out, with their tables.
    pub(super) fn left_out(&self) -> Vec<String> {
        let of = |table: &Table| table.left_out.iter().map(|name| format!("{}.{name}", table.name)).collect::<Vec<_>>();
        self.replica.tables().0.iter().flat_map(of).collect()
    }

    /// Takes every trace of the replica out of the file.
    pub(super) fn detach(self) -> Result<()> {
        self.engine.forget_actor(self.log().stream.name(), self.actor);
        self.replica.detach().map(drop)
    }

    /// Ends it; whoever opens the file next goes on as this node where that is safe.
    pub(super) fn close(self) {
        let stream = self.log().stream.name();
        match self.replica.last_unit() {
            Ok(last) => self.engine.free_actor(stream, self.actor, last + 1),
            Err(_) => self.engine.forget_actor(stream, self.actor),
        }
    }
}

/// Goes on as the node that the file is of, if nobody else can be it, or begins as a new one: a copy of the file, or of
/// the engine's directory, must never be the same node as the original.
fn claim(engine: &Engine, stream: &str, known: Option<(u64, u64)>) -> Writer {
    while let Some((actor, next)) = engine.take_actor(stream) {
        if known == Some((actor.epoch, next.load(Ordering::Relaxed) - 1)) {
            return actor;
        }
        engine.forget_actor(stream, actor);
    }
    let actor = Writer { engine: engine.id(), epoch: engine.clock().random() };
    engine.begin_actor(stream, actor);
    actor
}

/// A connection to a file that is there.
pub(super) fn connect(path: &Path) -> Result<Connection> {
    let at = |error: rusqlite::Error| Fault::from(error).into_error().context(path.display().to_string());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(at)?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(at)?;
    let mode: String = conn.query_row("PRAGMA main.journal_mode = WAL", (), |row| row.get(0)).map_err(at)?;
    if !mode.eq_ignore_ascii_case("wal") {
        let message = format!("{} stays in journal mode {mode}: WAL is needed", path.display());
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    conn.execute_batch("PRAGMA synchronous = NORMAL").map_err(at)?;
    Ok(conn)
}

/// The path of a file, whatever directory the process is in later.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    std::fs::canonicalize(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("there is no file {}", path.display())),
        _ => Error::io(format_args!("look at {}", path.display()), &error),
    })
}
