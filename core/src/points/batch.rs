//! Points on their way into the stream, encoded side by side: three buffers for a whole batch.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::record::Append;
use crate::subject::SUBJECT_BYTES_MAX;

use super::codec::{PointView, encode_payload};
use super::point::{Point, Subjects};
use super::value::{Value, check_json};

/// Encoded points, in order.
#[derive(Debug, Default)]
pub(super) struct PointBatch {
    subjects: String,
    payloads: Vec<u8>,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    subject: Range<usize>,
    payload: Range<usize>,
    time: i64,
}

impl PointBatch {
    /// Checks and adds a point; the batch is as it was when the point is refused.
    pub(super) fn push(&mut self, subjects: &Subjects, point: &Point, own_origin: &str) -> Result<()> {
        for (what, part) in [("node", &point.node), ("kind", &point.kind)] {
            if part.is_empty() {
                return Err(Error::invalid(format!("a point has no {what}")));
            }
        }
        if let Value::Json(text) = &point.value {
            check_json(text)?;
        }
        let start = self.subjects.len();
        subjects.push(&mut self.subjects, point);
        let bytes = self.subjects.len() - start;
        if bytes > SUBJECT_BYTES_MAX {
            self.subjects.truncate(start);
            return Err(Error::invalid(format!(
                "node, kind and key of a point take {bytes} bytes as a subject, the most is {SUBJECT_BYTES_MAX}"
            )));
        }
        let origin = if point.origin == own_origin { "" } else { point.origin.as_str() };
        let view = PointView { value: point.value.as_view(), tombstone: point.tombstone, origin };
        let payload = self.payloads.len();
        encode_payload(&view, &mut self.payloads);
        self.items.push(Item {
            subject: start..self.subjects.len(),
            payload: payload..self.payloads.len(),
            time: point.time,
        });
        Ok(())
    }

    /// How many points it holds.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Takes all points out.
    pub(super) fn clear(&mut self) {
        self.subjects.clear();
        self.payloads.clear();
        self.items.clear();
    }

    /// Adds the points of another batch.
    pub(super) fn absorb(&mut self, other: &PointBatch) {
        let (subject, payload) = (self.subjects.len(), self.payloads.len());
        self.subjects.push_str(&other.subjects);
        self.payloads.extend_from_slice(&other.payloads);
        self.items.extend(other.items.iter().map(|item| Item {
            subject: item.subject.start + subject..item.subject.end + subject,
            payload: item.payload.start + payload..item.payload.end + payload,
            time: item.time,
        }));
    }

    /// When the last point was so.
    pub(super) fn last_time(&self) -> Option<i64> {
        self.items.last().map(|i| i.time)
    }

    /// As the stream takes them.
    pub(super) fn appends(&self) -> Vec<Append<'_>> {
        self.items
            .iter()
            .map(|item| {
                let payload = &self.payloads[item.payload.clone()];
                Append::new(&self.subjects[item.subject.clone()], payload).event_time(item.time)
            })
            .collect()
    }
}
