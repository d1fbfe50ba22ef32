//! What must be true of the stream after anything: every acknowledged record is there, batches are whole, deletes stay.

use std::collections::{BTreeMap, BTreeSet};

use headwater::{ReadOptions, Stream};

/// One record that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) subject: String,
    pub(crate) payload: Vec<u8>,
    /// Records that were sent together have the same number.
    pub(crate) group: u64,
}

/// What the world knows was promised.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// Acknowledged, by sequence.
    pub(crate) acked: BTreeMap<u64, Sent>,
    /// Deleted, and the deletion acknowledged.
    pub(crate) gone: BTreeSet<u64>,
    /// Handed in, but the power went before the answer: all of a group or none of it may be there.
    pub(crate) open: Vec<Sent>,
    /// The deletion of these was not answered.
    pub(crate) open_gone: BTreeSet<u64>,
    pub(crate) groups: u64,
}

impl Oracle {
    pub(crate) fn last_acked(&self) -> u64 {
        self.acked.keys().next_back().copied().unwrap_or(0)
    }

    /// Compares the stream with what was promised, and takes over what turned out to be there.
    pub(crate) fn check(&mut self, stream: &Stream) -> Result<(), String> {
        let mut found: BTreeMap<u64, Sent> = BTreeMap::new();
        let mut from = 1;
        loop {
            let options = ReadOptions::default().from_seq(from).max_records(200);
            let batch = stream.read(&options).wait().map_err(|e| format!("read from {from}: {e}"))?;
            let Some(last) = batch.seq(batch.len().wrapping_sub(1)) else { break };
            for record in batch.iter() {
                let sent = Sent { subject: record.subject.to_owned(), payload: record.payload.to_vec(), group: 0 };
                found.insert(record.seq, sent);
            }
            from = last + 1;
        }
        let same = |a: &Sent, b: &Sent| a.subject == b.subject && a.payload == b.payload;
        for (seq, sent) in &self.acked {
            match found.get(seq) {
                Some(_) if self.gone.contains(seq) => return Err(format!("record {seq} was deleted and is back")),
                Some(record) if !same(record, sent) => {
                    return Err(format!("record {seq} is not what was acknowledged"));
                }
                None if !self.gone.contains(seq) && !self.open_gone.contains(seq) => {
                    return Err(format!("acknowledged record {seq} is missing"));
                }
                _ => {}
            }
        }
        for seq in std::mem::take(&mut self.open_gone) {
            if !found.contains_key(&seq) {
                self.gone.insert(seq);
            }
        }
        self.adopt(&found)?;
        Self::check_last(stream, &found)
    }

    /// Records beyond the acknowledged ones must be whole groups of what was handed in, in order.
    fn adopt(&mut self, found: &BTreeMap<u64, Sent>) -> Result<(), String> {
        let last = self.last_acked();
        let mut open = std::mem::take(&mut self.open).into_iter().peekable();
        let mut beyond = found.range(last + 1..).peekable();
        while let Some((seq, record)) = beyond.next() {
            let Some(sent) = open.find(|s| s.subject == record.subject && s.payload == record.payload) else {
                return Err(format!("record {seq} was never handed in"));
            };
            self.acked.insert(*seq, sent.clone());
            while let Some(next) = open.next_if(|s| s.group == sent.group) {
                match beyond.next() {
                    Some((seq, record)) if record.subject == next.subject && record.payload == next.payload => {
                        self.acked.insert(*seq, next);
                    }
                    _ => return Err(format!("the batch of record {seq} is not whole")),
                }
            }
        }
        Ok(())
    }

    fn check_last(stream: &Stream, found: &BTreeMap<u64, Sent>) -> Result<(), String> {
        let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
        for (seq, sent) in found {
            newest.insert(&sent.subject, *seq);
        }
        for (subject, seq) in newest {
            let last = stream.last_seq(subject).wait().map_err(|e| e.to_string())?;
            if last != seq {
                return Err(format!("the last of '{subject}' is {seq}, the index says {last}"));
            }
        }
        Ok(())
    }
}
