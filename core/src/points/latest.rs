//! The winning point of each series: an index over the order of points, rebuilt from the stream and fed by it.
//!
//! It is not the last record of a subject, because late and imported points lose against newer ones that were there
//! before. The index holds for each series which record wins and why, about 100 bytes and no value. It is made at the
//! first use, by reading the stream once, and then reads only what was appended since.

use crate::error::Result;
use crate::record::RecordView;
use crate::stream::{ReadOptions, Stream};

use super::merge::Stamp;
use super::names::Names;
use super::point::{Point, Subjects, time_of, view_of};
use super::range::PAGE_RECORDS;
use super::store::Points;

/// How many series are taken from the stream at once.
const PAGE_SERIES: usize = 4096;

impl Points {
    /// The winning point of each series that the filter takes, by subject: the largest tombstone first, then the newest
    /// time, then origin. Deleted ones (with an odd tombstone) are left out unless asked for.
    ///
    /// It knows the points that the stream keeps: one that limits or a purge removed wins no more.
    pub fn latest(&self, filter: &str, deleted: bool) -> Result<Vec<Point>> {
        self.latest_and_cursor(filter, deleted).map(|(points, _)| points)
    }

    /// The winners among all records up to the sequence that is returned too.
    pub(super) fn latest_and_cursor(&self, filter: &str, deleted: bool) -> Result<(Vec<Point>, u64)> {
        let filter = self.subjects().filter(filter)?;
        let mut index = self.index();
        index.refresh(self.stream(), self.subjects())?;
        let mut winners = Vec::new();
        let mut after = 0;
        loop {
            let batch = self.stream().last_many(&[&filter], after, PAGE_SERIES).wait()?;
            if batch.is_empty() {
                break;
            }
            for record in batch.iter() {
                after = record.seq;
                if let Some(point) = self.winner(&mut index, &record)? {
                    winners.push((record.subject.to_owned(), point));
                }
            }
        }
        winners.retain(|(_, p)| deleted || !p.is_deleted());
        winners.sort_by(|a, b| a.0.cmp(&b.0));
        // A series that was written to between two pages is on both.
        winners.dedup_by(|a, b| a.0 == b.0);
        Ok((winners.into_iter().map(|(_, p)| p).collect(), index.cursor))
    }

    /// The winner of the series whose last record is `last`.
    fn winner(&self, index: &mut Latest, last: &RecordView<'_>) -> Result<Option<Point>> {
        let Some(number) = index.series.find(last.subject) else { return Ok(None) };
        if index.winners[number].seq == last.seq {
            return self.point(last).map(Some);
        }
        if let Some(point) = self.kept(index.winners[number].seq)? {
            return Ok(Some(point));
        }
        if !index.rebuild(number, self.stream())? {
            return Ok(None);
        }
        self.kept(index.winners[number].seq)
    }

    /// The point with this sequence, if the stream still has it.
    fn kept(&self, seq: u64) -> Result<Option<Point>> {
        let batch = self.stream().read(&ReadOptions::default().from_seq(seq).max_records(1)).wait()?;
        batch.get(0).filter(|r| r.seq == seq).map(|r| self.point(&r)).transpose()
    }
}

/// Which record wins in each series, among those up to the cursor.
#[derive(Debug)]
pub(super) struct Latest {
    cursor: u64,
    series: Names,
    /// By the number of the series.
    winners: Vec<Winner>,
    /// Number 0 is the engine's own.
    origins: Names,
}

/// The record that wins and the stamp it wins with; `seq` 0 is none.
#[derive(Debug, Clone, Copy)]
struct Winner {
    time: i64,
    seq: u64,
    tombstone: u32,
    origin: u32,
}

const NONE: Winner = Winner { time: i64::MIN, seq: 0, tombstone: 0, origin: 0 };

impl Latest {
    pub(super) fn new(own_origin: &str) -> Self {
        let mut origins = Names::default();
        origins.number(own_origin);
        Latest { cursor: 0, series: Names::default(), winners: Vec::new(), origins }
    }

    /// Takes in what was appended since the last time.
    fn refresh(&mut self, stream: &Stream, subjects: &Subjects) -> Result<()> {
        let end = stream.info().wait()?.last_seq;
        while self.cursor < end {
            let options = ReadOptions::default().from_seq(self.cursor + 1).max_records(PAGE_RECORDS);
            let batch = stream.read(&options).wait()?;
            if batch.is_empty() {
                // What lies between is gone from the stream.
                self.cursor = end;
            }
            for record in batch.iter() {
                self.add(&record, subjects)?;
            }
        }
        Ok(())
    }

    /// Takes in the next record.
    fn add(&mut self, record: &RecordView<'_>, subjects: &Subjects) -> Result<()> {
        if !subjects.is_own(record.subject) {
            let number = self.series.number(record.subject);
            if number == self.winners.len() {
                self.winners.push(NONE);
            }
            self.challenge(number, record)?;
        }
        self.cursor = record.seq;
        Ok(())
    }

    /// Lets a record win its series if its stamp is greater.
    fn challenge(&mut self, number: usize, record: &RecordView<'_>) -> Result<()> {
        let view = view_of(record)?;
        let origin = if view.origin.is_empty() { 0 } else { self.origins.number(view.origin) as u32 };
        let next = Winner { time: time_of(record), seq: record.seq, tombstone: view.tombstone, origin };
        let now = self.winners[number];
        if now.seq == 0 || self.stamp(next) > self.stamp(now) {
            self.winners[number] = next;
        }
        Ok(())
    }

    fn stamp(&self, winner: Winner) -> Stamp<'_> {
        let origin = self.origins.name(winner.origin as usize);
        Stamp { tombstone: winner.tombstone, time: winner.time, origin }
    }

    /// Finds the winner of one series anew, after its record went; false when no record up to the cursor is left.
    fn rebuild(&mut self, number: usize, stream: &Stream) -> Result<bool> {
        self.winners[number] = NONE;
        let subject = self.series.name(number).to_owned();
        let mut next = 1;
        while next <= self.cursor {
            let options = ReadOptions::default().filter(&subject).from_seq(next).max_records(PAGE_RECORDS);
            let batch = stream.read(&options).wait()?;
            if batch.is_empty() {
                break;
            }
            for record in batch.iter() {
                next = record.seq + 1;
                if record.seq <= self.cursor {
                    self.challenge(number, &record)?;
                }
            }
        }
        Ok(self.winners[number].seq != 0)
    }
}
