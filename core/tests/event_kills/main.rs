//! Programs that run projections are killed at any moment, again and again, while others save events. Whatever was cut
//! short, a read model is what those events come to up to its position, none left out and none taken in twice; and each
//! message of an outbox is in its stream once, in order.
//!
//! The read models are a SQLite file that keeps its position and its outbox, alone and with rebuilds beside it, and a
//! state in memory that the store keeps. Programs share a directory through the process that has it open, have it
//! alone, so that the store is killed with them, or meet on a real server.
#![cfg(feature = "replica")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, starts processes and looks at the clock"
)]

mod check;
#[path = "../common"]
mod common {
    pub(crate) mod dirs;
    pub(crate) mod events;
    pub(crate) mod patience;
    pub(crate) mod programs;
    #[cfg(feature = "hub")]
    #[allow(dead_code, reason = "each test file takes what it needs")]
    pub(crate) mod server;
}
mod model;
mod runner;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use headwater::events::EventStore;
use headwater::{Clock as _, Engine, LocalServer, SystemClock};

use check::{Seen, end_and_check};
use common::dirs::Dir;
use common::patience::{PATIENCE, insist, until};
#[cfg(feature = "hub")]
use common::programs::reach;
use model::Reader;
use runner::{LONG, Pace, QUICK, SHORT, SLOW, create, save_until, start};

const ROUNDS: usize = 12;
const ROUNDS_MAX: usize = 24;
const REBUILDS: usize = 12;

fn pause(most_ms: u64) {
    std::thread::sleep(Duration::from_micros(SystemClock.random() % (most_ms * 1_000)));
}

/// Kills what runs projections: while it begins, when both have moved, and when messages are seen to be on their way.
/// Where the stream is at hand that they go to, until some were there in two rounds that the program did not know to
/// be; for some rounds more at the most, as no one can time that.
fn kill_runners(engine: Option<&Engine>, place: &str, file: &Path, roles: impl Fn(usize) -> &'static str) -> Seen {
    let mail = engine.map(|engine| engine.stream("mail").wait().unwrap());
    let mut seen = Seen::default();
    for round in 0.. {
        if round >= ROUNDS && (mail.is_none() || seen.unknown >= 2 || round >= ROUNDS_MAX) {
            break;
        }
        let mut runner = start(place, file, roles(round));
        if round % 3 == 0 {
            pause(200);
        } else {
            for what in ["live moves", "memory moves", "switched"] {
                if roles(round).contains("rebuild") || what != "switched" {
                    runner.says(what);
                }
            }
            // Once for longer than the store is not told where a read model stands.
            pause(if round == 4 { 1_500 } else { 60 });
        }
        let is_watched = round % 3 == 2;
        if is_watched {
            let (reader, began) = (Reader::open(file), Instant::now());
            // Without a rest: they are so for less than one.
            while reader.noted().is_none() {
                assert!(began.elapsed() < PATIENCE, "no messages are on their way");
            }
            pause(3);
        }
        seen.hear(&runner.kill());
        if let Some(mail) = mail.as_ref().filter(|_| is_watched) {
            seen.look_for_unknown(file, mail);
            std::thread::sleep(2 * SHORT);
        }
        if round % 2 == 0 {
            seen.look(file);
        }
    }
    println!("messages were sent unknown in {} rounds", seen.unknown);
    seen
}

/// Kills what builds the read model anew beside one that lives, and that one too, while somebody reads it.
fn kill_rebuilders(_: &Engine, place: &str, file: &Path) -> Seen {
    let (mut seen, is_over) = (Seen::default(), AtomicBool::new(false));
    let mut live = start(place, file, "live");
    live.says("live moves");
    let reader = Reader::open(file);
    let looks = std::thread::scope(|scope| {
        let over = Over(&is_over);
        let looking = scope.spawn(|| {
            let (reader, mut looks) = (Reader::open(file), Vec::new());
            while !is_over.load(Ordering::Relaxed) {
                looks.push(reader.look());
                std::thread::sleep(Duration::from_millis(10));
            }
            looks
        });
        for round in 0..REBUILDS {
            let mut rebuilder = start(place, file, "rebuild");
            if round % 3 > 0 {
                rebuilder.says("switched");
            }
            pause(200);
            if round % 4 == 3 {
                seen.hear(&live.kill());
                live = start(place, file, "live");
            }
            seen.hear(&rebuilder.kill());
            let position = reader.place("position");
            until("the one that lives goes on", || reader.place("position") > position);
        }
        drop(over);
        looking.join().unwrap()
    });
    seen.hear(&live.kill());
    seen.look(file);
    println!("{} switches were made, and {} states seen", reader.place("generation"), looks.len());
    assert!(reader.place("generation") >= 6, "one in each round that waits for it");
    seen.looks.extend(looks);
    seen
}

/// Says that it is over, also where a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does that while others save.
fn while_saving(pace: Pace, store: &EventStore, work: impl FnOnce() -> Seen) -> Seen {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        let is_over = &is_over;
        (0..2).for_each(|who| drop(scope.spawn(move || save_until(who, pace, store, is_over))));
        work()
    })
}

/// In a directory that this process has open, and those that are killed share.
fn in_a_shared_directory(
    roles: &str,
    (pace, window): (Pace, Duration),
    kill: impl FnOnce(&Engine, &str, &Path) -> Seen,
) {
    let (dir, files) = (Dir::new(), Dir::new());
    std::fs::create_dir_all(&files.0).unwrap();
    let owner = Engine::open(&dir.0).unwrap();
    let server = LocalServer::start(&owner).unwrap();
    let (place, file) = (dir.0.to_str().unwrap(), files.0.join("model.db"));
    let seen = while_saving(pace, &create(&owner, window), || kill(&owner, place, &file));
    end_and_check(|| owner.clone(), place, &file, roles, seen);
    server.stop();
    owner.close().unwrap();
}

#[cfg(feature = "hub")]
fn on_a_server(roles: &str, (pace, window): (Pace, Duration), kill: impl FnOnce(&Engine, &str, &Path) -> Seen) {
    let (hub, files) = (common::server::Server::start("2.15.1"), Dir::new());
    std::fs::create_dir_all(&files.0).unwrap();
    let (place, file) = (hub.url(), files.0.join("model.db"));
    let engine = reach(&place);
    let seen = while_saving(pace, &create(&engine, window), || kill(&engine, &place, &file));
    end_and_check(|| engine, &place, &file, roles, seen);
}

#[test]
fn programs_that_share_a_directory_are_killed() {
    in_a_shared_directory("live memory end", (QUICK, SHORT), |engine, place, file| {
        kill_runners(Some(engine), place, file, |_| "live memory")
    });
}

#[test]
fn programs_that_share_a_directory_are_killed_while_they_rebuild_and_switch() {
    in_a_shared_directory("live end", (SLOW, LONG), kill_rebuilders);
}

#[test]
fn a_program_that_has_its_directory_alone_is_killed_with_its_store() {
    const ROLES: [&str; 2] = ["owner saver live memory", "owner saver live memory rebuild"];
    let (dir, files) = (Dir::new(), Dir::new());
    std::fs::create_dir_all(&files.0).unwrap();
    let (place, file) = (dir.0.to_str().unwrap(), files.0.join("model.db"));
    let seen = kill_runners(None, place, &file, |round| ROLES[round % 2]);
    end_and_check(|| insist(|| Engine::open(&dir.0)), place, &file, "owner live memory end", seen);
}

#[cfg(feature = "hub")]
#[test]
fn programs_on_a_server_are_killed() {
    on_a_server("live memory end", (QUICK, SHORT), |engine, place, file| {
        kill_runners(Some(engine), place, file, |_| "live memory")
    });
}

#[cfg(feature = "hub")]
#[test]
fn programs_on_a_server_are_killed_while_they_rebuild_and_switch() {
    on_a_server("live end", (SLOW, LONG), kill_rebuilders);
}
