//! `headwater demo`: a tour on real data, in a directory of its own, in under a minute.

mod bank;
mod chart;
mod crash;
mod data;
mod live;
mod map;
mod mesh;
mod people;
mod quakes;
mod speed;
mod stage;
mod store;
mod weather;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use headwater::Engine;
use serde::Serialize;

use crate::failure::{Done, Failure};
use crate::place::Place;
use crate::units::show_count;
use stage::{Paint, Stage};

pub(crate) const EXAMPLES: &str = "\
Examples:
  headwater demo
  headwater demo --dir tour    # keeps what it loads, to look at afterwards

It works in a temporary directory that is removed at the end. With --json only the figures are printed.";

/// A temporary directory, removed when this is dropped.
struct Scratch(PathBuf);

#[derive(Serialize)]
struct Figures {
    seconds: f64,
    points: u64,
    quakes: u64,
    kills: u64,
    acked: u64,
    presence_changes: u64,
    transfers: u64,
    records_per_second: speed::Speed,
}

#[derive(Args)]
pub(crate) struct Demo {
    /// A node of the bank in the eighth chapter, which starts it.
    #[arg(long, value_name = "NAME", hide = true)]
    teller: Option<String>,
}

/// Gives the tour.
pub(crate) fn run(demo: Demo, place: &Place) -> Done {
    if let Some(name) = demo.teller {
        return bank::teller(&place.dir()?, &name);
    }
    let began = Instant::now();
    let scratch = Scratch::new()?;
    let home = place.dir.clone().unwrap_or_else(|| scratch.0.join("tour"));
    if std::fs::read_dir(&home).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::usage(format!("{} is not empty: the tour wants a directory of its own", home.display())));
    }
    let mut stage = Stage::new(place.output());
    stage.title("headwater", "streams, points and buckets in your own process, with no server")?;
    let engine = Engine::open(&home)?;
    let points = weather::chapter(&mut stage, &engine)?;
    let stream = quakes::chapter(&mut stage, &engine)?;
    let quakes = stream.info().wait()?.records;
    live::chapter(&mut stage, &stream)?;
    engine.close()?;
    let crash = crash::chapter(&mut stage, &scratch.0.join("crash"))?;
    mesh::chapter(&mut stage, &scratch.0.join("mesh"))?;
    store::chapter(&mut stage, &scratch.0.join("store"))?;
    let sessions = people::chapter(&mut stage, &scratch.0.join("people"))?;
    let transfers = bank::chapter(&mut stage, &scratch.0.join("bank"))?;
    let speed = speed::chapter(&mut stage, &scratch.0.join("speed"))?;
    let took = began.elapsed();
    finale(&mut stage, place.dir.as_deref(), took)?;
    let figures = Figures {
        seconds: took.as_secs_f64(),
        points,
        quakes,
        kills: crash.kills,
        acked: crash.acked,
        presence_changes: sessions,
        transfers,
        records_per_second: speed,
    };
    let mut out = stage.into_output();
    if out.is_json() {
        out.either(&figures, String::new)?;
    }
    out.flush()
}

fn finale(stage: &mut Stage, kept: Option<&Path>, took: Duration) -> Done {
    let line = format!("That was {:.0} seconds. Try next:", took.as_secs_f64());
    stage.say("")?;
    let line = stage.paint(Paint::Strong, &line);
    stage.say(&line)?;
    let commands = match kept {
        Some(dir) => {
            let dir = dir.display();
            [
                format!("points query weather seattle.temperature --every 30d --dir {dir}"),
                format!("stream last quakes 'quakes.japan.*' --dir {dir} --json"),
                format!("verify {dir}"),
            ]
        }
        None => [
            "stream add orders --subjects 'orders.>' --dir data".to_owned(),
            "stream append orders orders.eu.1 --data hello --dir data".to_owned(),
            "stream tail orders --from 1 --dir data".to_owned(),
        ],
    };
    // As it was called, so that the lines work where it is not on the path.
    let called = std::env::args().next().filter(|name| name.contains('/')).unwrap_or_else(|| "headwater".to_owned());
    for command in commands {
        let line = format!("  {}", stage.paint(Paint::Accent, &format!("{called} {command}")));
        stage.say(&line)?;
    }
    stage.say("")
}

/// What takes longer than this is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for what nodes do among themselves.
fn until(what: &str, mut is_so: impl FnMut() -> Done<bool>) -> Done {
    let begun = Instant::now();
    while !is_so()? {
        if begun.elapsed() > PATIENCE {
            return Err(Failure::usage(format!("waited {PATIENCE:?} for {what}")));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// How many of them a second.
fn rate(count: u64, took: Duration) -> u64 {
    (count as f64 / took.as_secs_f64().max(1e-9)) as u64
}

/// The rate to three digits, with commas: more would only be noise.
fn show_rate(count: u64, took: Duration) -> String {
    let rate = rate(count, took);
    let unit = 10u64.pow(rate.checked_ilog10().unwrap_or(0).saturating_sub(2));
    show_count(rate / unit * unit)
}

impl Scratch {
    fn new() -> Done<Self> {
        // Where nobody says otherwise /tmp is memory on many systems, and a sync there proves nothing.
        let disk = Path::new("/var/tmp");
        let chosen = std::env::var_os("TMPDIR").is_some() || !disk.is_dir();
        let parent = if chosen { std::env::temp_dir() } else { disk.to_owned() };
        let dir = parent.join(format!("headwater-demo-{}", std::process::id()));
        std::fs::create_dir(&dir).map_err(|e| Failure::io(format!("making {}", dir.display()), &e))?;
        Ok(Scratch(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done about a directory that stays, and the tour is over.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
