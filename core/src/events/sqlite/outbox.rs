//! The outbox of a read model: messages for streams that are written in the transaction of their event, and sent when
//! that is committed, each once.
//!
//! Before messages are sent, the last sequence of their stream is noted beside them. Whoever finds such a note looks
//! behind that sequence for those that were sent before the program ended, however long ago.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use crate::error::Result;
use crate::pending::Pending;
use crate::record::Append;
use crate::stream::Stream;
use crate::stream::options::ReadOptions;

use super::SqliteModel;
use crate::events::store::EventStore;

/// Which message of an outbox a record was.
const HEADER_OUTBOX: &str = "Headwater-Outbox";
/// Messages that are sent at once.
const MESSAGES_AT_ONCE: i64 = 1_000;

/// A message on its way.
struct Message {
    n: i64,
    id: String,
    stream: String,
    subject: String,
    payload: Vec<u8>,
    tried: Option<u64>,
}

impl SqliteModel {
    /// Sends what is in the outbox, in order.
    pub(super) fn send(&self, store: &EventStore) -> Pending<()> {
        let messages = match waiting(&self.connection()) {
            Ok(messages) if messages.is_empty() => return Pending::ready(Ok(())),
            Ok(messages) => messages,
            Err(error) => return Pending::ready(Err(self.fault(&error))),
        };
        let sent = self.send_these(store, messages);
        // The connection is ours, and streams that are local answer at once: this waits in the runner's thread.
        Pending::ready(sent)
    }

    fn send_these(&self, store: &EventStore, mut messages: Vec<Message>) -> Result<()> {
        while !messages.is_empty() {
            let mut streams: BTreeMap<&str, Vec<&Message>> = BTreeMap::new();
            for message in &messages {
                streams.entry(&message.stream).or_default().push(message);
            }
            for (name, messages) in streams {
                let stream = store.0.engine.stream(name).wait()?;
                self.send_to(&stream, &messages).map_err(|e| e.context(format!("outbox of '{}'", self.name)))?;
            }
            messages = waiting(&self.connection()).map_err(|e| self.fault(&e))?;
        }
        Ok(())
    }

    fn send_to(&self, stream: &Stream, messages: &[&Message]) -> Result<()> {
        let there = match messages.iter().filter_map(|message| message.tried).min() {
            Some(tried) => sent_behind(stream, tried)?,
            None => BTreeSet::new(),
        };
        let last_seq = stream.info().wait()?.last_seq;
        let note = |connection: &Connection| {
            Self::transact(connection, || -> rusqlite::Result<()> {
                let sql = "UPDATE headwater_outbox SET tried = ?2 WHERE n = ?1 AND tried IS NULL";
                let mut noted = connection.prepare_cached(sql)?;
                messages.iter().try_for_each(|it| noted.execute(params![it.n, last_seq.cast_signed()]).map(|_| ()))
            })
        };
        note(&self.connection()).map_err(|error| self.fault(&error))?;
        let mut waits = Vec::new();
        for message in messages.iter().filter(|message| !there.contains(&message.id)) {
            let append = Append::new(&message.subject, &message.payload).header(HEADER_OUTBOX, &message.id);
            waits.push(stream.append(&append.msg_id(&message.id)));
        }
        for wait in waits {
            wait.wait()?;
        }
        let forget = |connection: &Connection| {
            Self::transact(connection, || -> rusqlite::Result<()> {
                let mut gone = connection.prepare_cached("DELETE FROM headwater_outbox WHERE n = ?1")?;
                messages.iter().try_for_each(|message| gone.execute([message.n]).map(|_| ()))
            })
        };
        forget(&self.connection()).map_err(|error| self.fault(&error))
    }
}

/// The messages that are to be sent first.
fn waiting(connection: &Connection) -> rusqlite::Result<Vec<Message>> {
    let sql = "SELECT n, id, stream, subject, payload, tried FROM headwater_outbox ORDER BY n LIMIT ?1";
    let mut found = connection.prepare_cached(sql)?;
    let rows = found.query_map([MESSAGES_AT_ONCE], |row| {
        let tried: Option<i64> = row.get(5)?;
        Ok(Message {
            n: row.get(0)?,
            id: row.get(1)?,
            stream: row.get(2)?,
            subject: row.get(3)?,
            payload: row.get_ref(4)?.as_bytes()?.to_vec(),
            tried: tried.map(i64::cast_unsigned),
        })
    })?;
    rows.collect()
}

/// The messages that a stream has behind a sequence.
fn sent_behind(stream: &Stream, seq: u64) -> Result<BTreeSet<String>> {
    let (mut sent, mut from) = (BTreeSet::new(), seq + 1);
    loop {
        let batch = stream.read(&ReadOptions::default().from_seq(from)).wait()?;
        let Some(last) = batch.iter().last() else { return Ok(sent) };
        from = last.seq + 1;
        sent.extend(batch.iter().filter_map(|record| record.header(HEADER_OUTBOX).map(str::to_owned)));
    }
}
