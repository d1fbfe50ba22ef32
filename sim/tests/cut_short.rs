//! A stream or a consumer whose making or removal was cut short is there whole or not at all, and in nobody's way.

use std::sync::Arc;

use headwater::{
    Append, ConsumerConfig, Engine, EngineOptions, Error, ErrorKind, ManualClock, ReadOptions, StreamConfig,
};
use headwater_sim::SimDisk;

/// More operations than making or removing one thing takes.
const OPERATIONS: u64 = 40;
const SEEDS: u64 = 20;

fn open(disk: &SimDisk) -> Result<Engine, Error> {
    let clock = ManualClock::new(1_700_000_000_000_000_000, 7);
    let options = EngineOptions {
        clock: Arc::new(clock),
        disk: Arc::new(disk.clone()),
        worker: false,
        ..EngineOptions::default()
    };
    Engine::open_with("/sim", options)
}

fn config(name: &str) -> StreamConfig {
    StreamConfig::new(name, [format!("{name}.>")])
}

/// An engine with stream `o`, its consumer `kept` and a record, after the power was cut.
fn world(seed: u64) -> (SimDisk, Engine) {
    let disk = SimDisk::new(seed, None);
    let engine = open(&disk).expect("open");
    let stream = engine.create_stream(config("o")).wait().expect("create");
    stream.append(&Append::new("o.1", b"x")).wait().expect("append");
    stream.create_consumer(ConsumerConfig::new("kept")).wait().expect("create");
    (disk, engine)
}

/// What was there before is there now.
fn check_the_others(engine: &Engine, note: &str) {
    let stream = engine.stream("o").wait().unwrap_or_else(|e| panic!("{note}: {e}"));
    assert_eq!(stream.read(&ReadOptions::default()).wait().expect("read").len(), 1, "{note}");
    stream.consumer("kept").wait().unwrap_or_else(|e| panic!("{note}: {e}")).info().wait().expect("info");
    let names: Vec<String> = engine.streams().wait().expect("streams").into_iter().map(|i| i.config.name).collect();
    assert_eq!(names[0], "o", "{note}");
    let damaged = engine.logs(1000).into_iter().find(|l| l.level == "error");
    assert_eq!(damaged, None, "{note}");
}

/// Does `work` with the power going at its operation `cut`; true when that was before its end. Then starts anew.
fn cut(disk: &SimDisk, engine: Engine, cut: u64, work: impl FnOnce(&Engine) -> Result<(), Error>) -> (bool, Engine) {
    disk.cut_after(cut);
    let outcome = work(&engine);
    let off = disk.is_off();
    assert_eq!(outcome.is_err(), off, "{outcome:?}");
    disk.restart();
    drop(engine);
    (off, open(disk).expect("open again"))
}

#[test]
fn making_a_stream_is_whole_or_nothing_at_every_operation() {
    for seed in 0..SEEDS {
        for at in 0..OPERATIONS {
            let note = format!("seed {seed}, cut at {at}");
            let (disk, engine) = world(seed);
            let (off, engine) = cut(&disk, engine, at, |e| e.create_stream(config("p")).map(drop).wait());
            check_the_others(&engine, &note);
            match engine.stream("p").wait() {
                Ok(stream) => assert_eq!(stream.info().wait().expect("info").last_seq, 0, "{note}"),
                Err(error) => assert!(off && error.kind() == ErrorKind::NotFound, "{note}: {error}"),
            }
            let stream = engine.create_stream(config("p")).wait().unwrap_or_else(|e| panic!("{note}: {e}"));
            stream.append(&Append::new("p.1", b"y")).wait().expect("append");
            engine.delete_stream("p").wait().unwrap_or_else(|e| panic!("{note}: {e}"));
        }
    }
}

#[test]
fn removing_a_stream_is_whole_or_nothing_at_every_operation() {
    for seed in 0..SEEDS {
        for at in 0..OPERATIONS {
            let note = format!("seed {seed}, cut at {at}");
            let (disk, engine) = world(seed);
            let stream = engine.create_stream(config("p")).wait().expect("create");
            stream.append(&Append::new("p.1", b"y")).wait().expect("append");
            drop(stream);
            let (_, engine) = cut(&disk, engine, at, |e| e.delete_stream("p").wait());
            check_the_others(&engine, &note);
            match engine.stream("p").wait() {
                Ok(stream) => assert_eq!(stream.info().wait().expect("info").last_seq, 1, "{note}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{note}: {error}"),
            }
        }
    }
}

#[test]
fn making_and_removing_a_consumer_is_whole_or_nothing_at_every_operation() {
    for seed in 0..SEEDS {
        for at in 0..OPERATIONS {
            for making in [true, false] {
                let note = format!("seed {seed}, cut at {at}, making {making}");
                let (disk, engine) = world(seed);
                let stream = engine.stream("o").wait().expect("stream");
                if !making {
                    stream.create_consumer(ConsumerConfig::new("c")).wait().expect("create");
                }
                drop(stream);
                let (off, engine) = cut(&disk, engine, at, |e| {
                    let stream = e.stream("o").wait()?;
                    if making {
                        stream.create_consumer(ConsumerConfig::new("c")).map(drop).wait()
                    } else {
                        stream.delete_consumer("c").wait()
                    }
                });
                check_the_others(&engine, &note);
                let stream = engine.stream("o").wait().expect("stream");
                match stream.consumer("c").wait() {
                    Ok(consumer) => drop(consumer.info().wait().expect("info")),
                    Err(error) => {
                        assert!(off || !making, "{note}");
                        assert_eq!(error.kind(), ErrorKind::NotFound, "{note}: {error}");
                    }
                }
                let consumer =
                    stream.create_consumer(ConsumerConfig::new("c")).wait().unwrap_or_else(|e| panic!("{note}: {e}"));
                assert_eq!(consumer.try_next(5).expect("next").len(), 1, "{note}");
            }
        }
    }
}

#[test]
fn a_full_disk_leaves_nothing_of_what_was_being_made() {
    for room in (0..600).step_by(25) {
        let (disk, engine) = world(1);
        let stream = engine.stream("o").wait().expect("stream");
        disk.set_room(room);
        let made = engine.create_stream(config("p")).map(drop).wait();
        let consumer = stream.create_consumer(ConsumerConfig::new("c")).wait().map(drop);
        disk.set_room(u64::MAX);
        for error in [&made, &consumer].into_iter().filter_map(|o| o.as_ref().err()) {
            assert_eq!(error.kind(), ErrorKind::Limit, "{room} bytes: {error}");
        }
        check_the_others(&engine, &format!("{room} bytes"));
        assert_eq!(engine.stream("p").wait().is_ok(), made.is_ok(), "{room} bytes");
        assert_eq!(stream.consumer("c").wait().is_ok(), consumer.is_ok(), "{room} bytes");
        engine.create_stream(config("p")).wait().expect("there is room");
        stream.create_consumer(ConsumerConfig::new("c")).wait().expect("there is room");
    }
}
