//! Events in packed form: those to save coming in, those that were saved going out. `lib/events.js` is the other side.

use headwater::events::{Archived, EventView, Events, Loaded, NewEvent, Page, Position, Saved, Snapshot};

use crate::error::Result;
use crate::pack::{Reader, Writer};

const HAS_TIME: u32 = 1;
const HAS_DATA_SUBJECT: u32 = 2;

/// The `count` events that `bytes` hold; they borrow from it.
pub(crate) fn unpack(bytes: &[u8], count: u32) -> Result<Vec<NewEvent<'_>>> {
    let mut reader = Reader::new(bytes);
    (0..count).map(|_| unpack_one(&mut reader)).collect()
}

fn unpack_one<'a>(reader: &mut Reader<'a>) -> Result<NewEvent<'a>> {
    let (flags, schema, time) = (reader.u32()?, reader.u32()?, reader.i64()?);
    let pairs = reader.u32()?;
    let metadata = (0..pairs).map(|_| Ok((reader.text()?, reader.text()?))).collect::<Result<Vec<_>>>()?;
    let (event_type, data_subject) = (reader.text()?, reader.text()?);
    let len = reader.u32()? as usize;
    let time = (flags & HAS_TIME != 0).then_some(time);
    let data_subject = (flags & HAS_DATA_SUBJECT != 0).then_some(data_subject);
    Ok(NewEvent { event_type, data: reader.raw(len)?, schema, time, metadata, data_subject })
}

fn position(out: &mut Writer, position: Position) {
    out.u64(position.version);
    out.u64(position.seq);
}

/// What a save came to.
pub(crate) fn saved(saved: Saved) -> Vec<u8> {
    let mut out = Writer::default();
    position(&mut out, saved.position);
    out.u32(saved.is_repeat.into());
    out.text(saved.durability.name());
    out.finish()
}

/// What archiving came to.
pub(crate) fn archived(archived: Archived) -> Vec<u8> {
    let mut out = Writer::default();
    out.u64(archived.events);
    out.u64(archived.up_to);
    out.text(&archived.held_back_by.unwrap_or_default());
    out.finish()
}

/// A snapshot, if there is one.
pub(crate) fn snapshot(snapshot: Option<&Snapshot>) -> Vec<u8> {
    let mut out = Writer::default();
    put_snapshot(&mut out, snapshot);
    out.finish()
}

fn put_snapshot(out: &mut Writer, snapshot: Option<&Snapshot>) {
    out.u32(snapshot.is_some().into());
    if let Some(snapshot) = snapshot {
        position(out, snapshot.position);
        out.u32(snapshot.schema);
        out.u64(snapshot.saved);
        out.u32(snapshot.data_subjects.len() as u32);
        for name in &snapshot.data_subjects {
            out.text(name);
        }
        out.bytes(&snapshot.data);
    }
}

/// What was loaded.
pub(crate) fn loaded(loaded: Loaded) -> Vec<u8> {
    let mut out = Writer::default();
    position(&mut out, loaded.position);
    put_snapshot(&mut out, loaded.snapshot.as_ref());
    put_events(&mut out, &loaded.into_events());
    out.finish()
}

/// The events of a list; one that can't be read is its error, in its place.
pub(crate) fn events(events: &Events) -> Vec<u8> {
    let mut out = Writer::default();
    put_events(&mut out, events);
    out.finish()
}

fn put_events(out: &mut Writer, events: &Events) {
    out.u32(events.len() as u32);
    for view in events.iter() {
        match view.and_then(|view| Ok((view.id()?, view))) {
            Ok(((aggregate, key), view)) => {
                out.u32(1);
                out.text(&aggregate);
                out.text(&key);
                put_event(out, &view);
            }
            Err(error) => {
                out.u32(0);
                out.text(error.kind().name());
                out.text(error.message());
            }
        }
    }
}

fn put_event(out: &mut Writer, view: &EventView<'_>) {
    out.text(view.event_type);
    out.u64(view.version);
    out.u64(view.seq());
    out.u32(view.schema);
    out.u64(view.saved());
    out.i64(view.time());
    out.u32(view.is_erased.into());
    for text in [view.command(), view.correlation(), view.causation(), view.data_subject] {
        out.u32(text.is_some().into());
        out.text(text.unwrap_or_default());
    }
    out.u32(view.metadata().count() as u32);
    for (name, value) in view.metadata() {
        out.text(name);
        out.text(value);
    }
    out.bytes(view.data());
}

/// A page of aggregates, and what to go on behind.
pub(crate) fn page(page: &Page) -> Vec<u8> {
    let mut out = Writer::default();
    out.u32(page.next.is_some().into());
    out.u64(page.next.unwrap_or_default());
    out.u32(page.aggregates.len() as u32);
    for info in &page.aggregates {
        out.text(&info.aggregate);
        out.text(&info.key);
        position(&mut out, info.position);
        out.text(&info.event_type);
        out.u64(info.saved);
    }
    out.finish()
}
