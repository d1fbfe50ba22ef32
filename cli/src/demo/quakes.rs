//! The second chapter: a week of earthquakes becomes a stream, sent twice and stored once, and answers questions.

use std::collections::BTreeMap;
use std::time::Instant;

use headwater::{Ack, Append, Engine, Pending, ReadOptions, Stream, StreamConfig};

use super::chart::bar;
use super::data::{self, Quake};
use super::map::{self, Mark};
use super::show_rate;
use super::stage::{Paint, Stage};
use crate::failure::{Done, Failure};
use crate::time::show_short_time;
use crate::units::show_count;

/// How many subjects are asked for at once.
const PAGE: usize = 1000;
const REGIONS_SHOWN: usize = 6;
const BAR_COLUMNS: usize = 44;

/// Loads the earthquakes and asks about them; returns the stream.
pub(super) fn chapter(stage: &mut Stage, engine: &Engine) -> Done<Stream> {
    stage.chapter(2, "A week of the world's earthquakes")?;
    let quakes = data::quakes()?;
    let stream = engine.create_stream(StreamConfig::new("quakes", ["quakes.>"])).wait()?;
    load(stage, &stream, &quakes)?;
    draw_map(stage, &stream)?;
    by_region(stage, &stream)?;
    strongest(stage, &stream)?;
    Ok(stream)
}

fn load(stage: &mut Stage, stream: &Stream, quakes: &[Quake]) -> Done {
    stage.command("stream add quakes --subjects 'quakes.>'")?;
    let began = Instant::now();
    let first = send(stream, quakes)?;
    let rate = show_rate(first.len() as u64, began.elapsed());
    stage.say(&format!(
        "{} single appends, all on disk, {rate} a second: they share syncs.",
        show_count(first.len() as u64)
    ))?;
    let again = send(stream, quakes)?.iter().filter(|ack| ack.duplicate).count();
    stage.say(&format!(
        "Sent a second time: {} recognised by their message id, none stored twice.",
        show_count(again as u64)
    ))
}

/// Appends all, then waits for all.
fn send(stream: &Stream, quakes: &[Quake]) -> Done<Vec<Ack>> {
    let pending = quakes.iter().map(|quake| append(stream, quake)).collect::<Done<Vec<_>>>()?;
    pending.into_iter().map(|p| Ok(p.wait()?)).collect()
}

fn append(stream: &Stream, quake: &Quake) -> Done<Pending<Ack>> {
    let payload = encode(quake)?;
    Ok(stream.append(&Append::new(&quake.subject(), &payload).event_time(quake.time).msg_id(&quake.id)))
}

/// An earthquake as a payload.
pub(super) fn encode(quake: &Quake) -> Done<Vec<u8>> {
    serde_json::to_vec(quake).map_err(|e| Failure::usage(format!("an earthquake does not become JSON: {e}")))
}

/// An earthquake from a payload.
pub(super) fn decode(payload: &[u8]) -> Done<Quake> {
    serde_json::from_slice(payload).map_err(|e| Failure::usage(format!("a payload is no earthquake: {e}")))
}

fn draw_map(stage: &mut Stage, stream: &Stream) -> Done {
    stage.question("Where did the earth move?", "stream read quakes --json")?;
    let mut marks = Vec::new();
    let mut options = ReadOptions::default();
    loop {
        let batch = stream.read(&options).wait()?;
        let Some(last) = batch.len().checked_sub(1).and_then(|i| batch.seq(i)) else { break };
        for record in batch.iter() {
            let Quake { latitude, longitude, magnitude, .. } = decode(record.payload)?;
            marks.push(Mark { latitude, longitude, magnitude });
        }
        options = options.from_seq(last + 1);
    }
    for line in map::draw(stage, &marks) {
        stage.say(&line)?;
    }
    let legend = map::legend(stage);
    stage.say(&legend)
}

fn by_region(stage: &mut Stage, stream: &Stream) -> Done {
    stage.question("Which regions were busiest?", "stream subjects quakes")?;
    let mut regions: BTreeMap<String, u64> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = stream.subjects("quakes.*.*", &after, PAGE).wait()?;
        let Some((last, _)) = page.last() else { break };
        after.clone_from(last);
        for (subject, count) in &page {
            let region = subject.split('.').nth(1).unwrap_or_default();
            *regions.entry(region.to_owned()).or_default() += count;
        }
    }
    let mut regions: Vec<(String, u64)> = regions.into_iter().collect();
    regions.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let most = regions.first().map_or(1, |(_, count)| *count);
    for (region, count) in regions.iter().take(REGIONS_SHOWN) {
        let length = bar(*count as f64 / most as f64, BAR_COLUMNS);
        let line = format!("{region:<12} {} {count}", stage.paint(Paint::Warm, &length));
        stage.say(&line)?;
    }
    Ok(())
}

fn strongest(stage: &mut Stage, stream: &Stream) -> Done {
    stage.question("Which were the strongest?", "stream read quakes --filter 'quakes.*.m6' --backward")?;
    let batch = stream.read(&ReadOptions::default().filter("quakes.*.m6").backward()).wait()?;
    for record in batch.iter() {
        let quake = decode(record.payload)?;
        let magnitude = stage.paint(Paint::Hot, &format!("{:.1}", quake.magnitude));
        let time = show_short_time(record.event_time.unwrap_or_default()).chars().take(16).collect::<String>();
        let time = stage.paint(Paint::Dim, &time.replace('T', " "));
        stage.say(&format!("{magnitude}  {time}  {}", quake.place))?;
    }
    Ok(())
}
