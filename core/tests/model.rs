//! A long random life of one stream beside a plain model of it: appends, conditions, batches, deletes, purges, limits
//! and reopens, and after each step what a reader sees must be what the model says.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater::disk::MemDisk;
use headwater::{
    Append, Clock, Compression, Durability, Engine, EngineOptions, ErrorKind, ManualClock, PurgeOptions, ReadOptions,
    Rollup, Stream, StreamConfig,
};

struct World {
    disk: Arc<MemDisk>,
    clock: ManualClock,
    random: ManualClock,
}

impl World {
    fn new(seed: u64) -> Self {
        World {
            disk: Arc::default(),
            clock: ManualClock::new(1_000_000, seed),
            random: ManualClock::new(0, seed ^ 0xabcd),
        }
    }

    fn open(&self) -> Engine {
        let options = EngineOptions {
            clock: Arc::new(self.clock.clone()),
            disk: self.disk.clone(),
            worker: false,
            ..EngineOptions::default()
        };
        Engine::open_with("/world", options).expect("open")
    }

    fn below(&self, n: u64) -> u64 {
        self.random.random() % n
    }
}

#[derive(Default, Clone)]
struct Model {
    records: BTreeMap<u64, (String, Vec<u8>)>,
    last_seq: u64,
    max_msgs: u64,
    max_per_subject: u64,
}

impl Model {
    fn last_of(&self, filter: &str) -> u64 {
        let mut hits = self.records.iter().filter(|(_, r)| headwater::subject::matches(filter, &r.0));
        hits.next_back().map_or(0, |r| *r.0)
    }

    fn push(&mut self, subject: &str, payload: &[u8], rollup: Rollup) {
        self.last_seq += 1;
        match rollup {
            Rollup::None => {}
            Rollup::Subject => self.records.retain(|_, r| r.0 != subject),
            Rollup::All => self.records.clear(),
        }
        self.records.insert(self.last_seq, (subject.to_owned(), payload.to_vec()));
        if self.max_per_subject > 0 {
            let of: Vec<u64> = self.records.iter().filter(|(_, r)| r.0 == subject).map(|r| *r.0).collect();
            for seq in of.iter().take(of.len().saturating_sub(self.max_per_subject as usize)) {
                self.records.remove(seq);
            }
        }
        while self.max_msgs > 0 && self.records.len() as u64 > self.max_msgs {
            self.records.pop_first();
        }
    }
}

/// What a read of few bytes finds is where one of many begins, and ends with the record that reaches them.
fn check_bytes(world: &World, stream: &Stream, filter: &str, note: &str) {
    let bytes = 1 + world.below(2_000) as usize;
    for all in [ReadOptions::default().filter(filter), ReadOptions::default().filter(filter).backward()] {
        let few = ReadOptions { max_bytes: bytes, ..all.clone() };
        let read = |options: &ReadOptions| -> Vec<(u64, usize)> {
            stream.read(options).wait().expect("read").iter().map(|r| (r.seq, r.payload.len())).collect()
        };
        let (all, few) = (read(&all), read(&few));
        assert!(all.starts_with(&few) && few.is_empty() == all.is_empty(), "{note}: {bytes} bytes of {filter}");
        let before: usize = few.iter().rev().skip(1).map(|(_, len)| len).sum();
        assert!(before < bytes, "{note}: {bytes} bytes of {filter} are {before} without the last record");
    }
}

fn check(stream: &Stream, model: &Model, world: &World, note: &str) {
    let info = stream.info().wait().expect("info");
    assert_eq!(info.last_seq, model.last_seq, "{note}: last_seq");
    assert_eq!(info.records, model.records.len() as u64, "{note}: records");
    if let Some(first) = model.records.keys().next() {
        assert_eq!(info.first_seq, *first, "{note}: first_seq");
    }
    let filters = ["a.1", ">", "a.*", "*.2", "b.>", "c.3"];
    let filter = filters[world.below(filters.len() as u64) as usize];
    let matching: Vec<(u64, &(String, Vec<u8>))> =
        model.records.iter().filter(|(_, r)| headwater::subject::matches(filter, &r.0)).map(|(s, r)| (*s, r)).collect();
    assert_eq!(
        stream.last_seq(filter).wait().expect("last_seq"),
        model.last_of(filter),
        "{note}: last_seq of {filter}"
    );
    let last = stream.last(filter).wait().expect("last");
    assert_eq!(last.as_ref().map(|r| r.seq), matching.last().map(|m| m.0), "{note}: last of {filter}");
    let from = 1 + world.below(model.last_seq + 2);
    let max = 1 + world.below(50) as usize;
    let options = ReadOptions::default().filter(filter).from_seq(from).max_records(max);
    let read = stream.read(&options).wait().expect("read");
    let want: Vec<_> = matching.iter().filter(|m| m.0 >= from).take(max).collect();
    let got: Vec<_> = read.iter().map(|r| r.seq).collect();
    assert_eq!(got, want.iter().map(|m| m.0).collect::<Vec<_>>(), "{note}: read {filter} from {from}");
    for (record, want) in read.iter().zip(&want) {
        assert_eq!((record.subject, record.payload), (want.1.0.as_str(), want.1.1.as_slice()), "{note}");
    }
    let backward: Vec<_> = stream.read(&options.backward()).wait().expect("read").iter().map(|r| r.seq).collect();
    let want: Vec<_> = matching.iter().rev().filter(|m| m.0 <= from).take(max).map(|m| m.0).collect();
    assert_eq!(backward, want, "{note}: backward {filter} from {from}");
    check_bytes(world, stream, filter, note);
    let newest: Vec<_> =
        stream.last_many(&[filter], 0, 1000).wait().expect("last_many").iter().map(|r| r.seq).collect();
    let mut tips: BTreeMap<&str, u64> = BTreeMap::new();
    for (seq, record) in &matching {
        tips.insert(&record.0, *seq);
    }
    let mut want: Vec<_> = tips.into_values().collect();
    want.sort_unstable();
    assert_eq!(newest, want, "{note}: last_many {filter}");
    let seq = 1 + world.below(model.last_seq + 1);
    let got = stream.get(seq).wait().expect("get").map(|r| r.payload);
    assert_eq!(got, model.records.get(&seq).map(|r| r.1.clone()), "{note}: get {seq}");
}

fn life(seed: u64, durability: Durability, steps: usize) {
    let world = World::new(seed);
    let mut model = Model::default();
    let mut engine = world.open();
    let mut config = StreamConfig::new("s", [">"]);
    config.durability = durability;
    config.segment_bytes = 64 << 10;
    config.allow_rollup = true;
    if world.below(3) == 0 {
        config.compression = Compression::Zstd;
    }
    if world.below(2) == 0 {
        config.max_msgs_per_subject = world.below(5);
    }
    if world.below(3) == 0 {
        config.max_msgs = 50 + world.below(2000);
    }
    (model.max_msgs, model.max_per_subject) = (config.max_msgs, config.max_msgs_per_subject);
    let mut stream = engine.create_stream(config.clone()).wait().expect("create");
    for step in 0..steps {
        let note = format!("seed {seed} step {step}");
        let subject = format!("{}.{}", ["a", "b", "c"][world.below(3) as usize], world.below(5));
        let payload = vec![world.below(256) as u8; world.below(600) as usize];
        match world.below(100) {
            0..60 => {
                let mut append = Append::new(&subject, &payload);
                let mut holds = true;
                let filters = ["a.*", ">", "b.1", "c.>"];
                if world.below(3) == 0 {
                    let filter = filters[world.below(4) as usize];
                    let expected = model.last_of(filter) + world.below(4) / 3;
                    holds &= expected == model.last_of(filter);
                    append = append.expect_filter_last_seq(filter, expected);
                }
                if world.below(8) == 0 {
                    let expected = model.last_seq - world.below(2).min(model.last_seq);
                    holds &= expected == model.last_seq;
                    append = append.expect_last_seq(expected);
                }
                let rollup = match world.below(200) {
                    0 => Rollup::All,
                    1..4 => Rollup::Subject,
                    _ => Rollup::None,
                };
                match stream.append(&append.rollup(rollup)).wait() {
                    Ok(ack) => {
                        assert!(holds, "{note}: a condition that does not hold let an append pass");
                        model.push(&subject, &payload, rollup);
                        assert_eq!(ack.seq, model.last_seq, "{note}");
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Conflict, "{note}: {error}");
                        assert!(!holds, "{note}: {error}");
                    }
                }
            }
            60..75 => {
                let count = 1 + world.below(40) as usize;
                let subjects: Vec<String> = (0..count).map(|_| format!("b.{}", world.below(4))).collect();
                let batch: Vec<_> = subjects.iter().map(|s| Append::new(s, &payload)).collect();
                let ack = stream.append_batch(&batch).wait().expect("batch");
                for subject in &subjects {
                    model.push(subject, &payload, Rollup::None);
                }
                assert_eq!((ack.seq, ack.count as usize), (model.last_seq, count), "{note}");
            }
            75..85 => {
                let seq = world.below(model.last_seq + 2);
                let gone = stream.delete(seq).wait().expect("delete");
                assert_eq!(gone, model.records.remove(&seq).is_some(), "{note}: delete {seq}");
            }
            85..88 => {
                let filter = ["a.1", "a.*", "c.>", "b.2"][world.below(4) as usize];
                let keep = world.below(3);
                let options = PurgeOptions { filter: Some(filter.to_owned()), keep, ..PurgeOptions::default() };
                let gone = stream.purge(&options).wait().expect("purge");
                let hits: Vec<u64> = model
                    .records
                    .iter()
                    .filter(|(_, r)| headwater::subject::matches(filter, &r.0))
                    .map(|r| *r.0)
                    .collect();
                let most = hits.len().saturating_sub(keep as usize);
                hits.iter().take(most).for_each(|s| drop(model.records.remove(s)));
                assert_eq!(gone, most as u64, "{note}: purge {filter}");
            }
            88 => {
                let before = world.below(model.last_seq + 2);
                let options = PurgeOptions { before_seq: Some(before), ..PurgeOptions::default() };
                stream.purge(&options).wait().expect("purge");
                model.records.retain(|s, _| *s >= before);
            }
            89 if world.below(10) == 0 => {
                stream.purge(&PurgeOptions::default()).wait().expect("purge");
                model.records.clear();
            }
            90..93 => {
                for _ in 0..4 {
                    engine.step();
                }
            }
            93 => {
                engine.close().expect("close");
                engine = world.open();
                stream = engine.stream("s").wait().expect("stream");
            }
            94 if world.below(4) == 0 => {
                config.max_msgs = if world.below(2) == 0 { 0 } else { 20 + world.below(500) };
                (model.max_msgs, model.max_per_subject) = (config.max_msgs, config.max_msgs_per_subject);
                stream = engine.update_stream(config.clone()).wait().expect("update");
                while model.max_msgs > 0 && model.records.len() as u64 > model.max_msgs {
                    model.records.pop_first();
                }
            }
            _ => world.clock.advance(std::time::Duration::from_millis(world.below(500))),
        }
        check(&stream, &model, &world, &note);
    }
    engine.close().expect("close");
    // The segments and what says which of them were removed are the truth: they alone must give the same stream.
    use headwater::disk::Disk;
    for name in world.disk.list("/world/streams/s".as_ref()).expect("list") {
        if name != "removed" && std::path::Path::new(&name).extension().is_none_or(|e| e != "seg") {
            let _ = world.disk.remove(format!("/world/streams/s/{name}").as_ref());
        }
    }
    let engine = world.open();
    let stream = engine.stream("s").wait().expect("stream");
    for i in 0..20 {
        check(&stream, &model, &world, &format!("seed {seed} rebuilt {i}"));
    }
}

#[test]
fn a_stream_does_what_the_model_does() {
    let seeds = std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(12);
    for seed in 0..seeds {
        let durability = [Durability::Fsync, Durability::Interval, Durability::Os][seed as usize % 3];
        life(seed, durability, 1500);
    }
}

#[test]
fn one_seed() {
    let Some(seed) = std::env::var("SEED").ok().and_then(|s| s.parse::<u64>().ok()) else { return };
    let durability = [Durability::Fsync, Durability::Interval, Durability::Os][seed as usize % 3];
    life(seed, durability, 1500);
}
