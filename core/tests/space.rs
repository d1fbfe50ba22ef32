//! Space comes back: what is overwritten or purged leaves the disk, and a compressed stream is smaller and reads the
//! same.

use std::sync::Arc;

use headwater::disk::MemDisk;
use headwater::{
    Append, Compression, Discard, Durability, Engine, EngineOptions, PurgeOptions, ReadOptions, Stream, StreamConfig,
};

fn open(disk: &Arc<MemDisk>) -> Engine {
    let options = EngineOptions { disk: disk.clone(), worker: false, ..EngineOptions::default() };
    Engine::open_with("/space", options).expect("open")
}

fn config(name: &str) -> StreamConfig {
    let mut config = StreamConfig::new(name, [format!("{name}.>")]);
    config.durability = Durability::Os;
    config.segment_bytes = 64 << 10;
    config
}

fn settle(engine: &Engine) {
    for _ in 0..100 {
        engine.step();
    }
}

fn all(stream: &Stream) -> Vec<(u64, String, Vec<u8>)> {
    let options = ReadOptions { max_records: 100_000, max_bytes: usize::MAX, ..ReadOptions::default() };
    stream
        .read(&options)
        .wait()
        .expect("read")
        .iter()
        .map(|r| (r.seq, r.subject.to_owned(), r.payload.to_vec()))
        .collect()
}

#[test]
fn overwritten_keys_leave_the_disk_though_old_ones_stay_between_them() {
    let disk = Arc::<MemDisk>::default();
    let engine = open(&disk);
    let mut config = config("kv");
    config.max_msgs_per_subject = 1;
    let stream = engine.create_stream(config).wait().expect("create");
    let noise: Vec<u8> = (0..200u64).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 7) as u8).collect();
    for n in 0..20_000 {
        // One key in a hundred is written once and stays; the others are overwritten for ever.
        let subject = if n % 100 == 0 { format!("kv.kept.{n}") } else { format!("kv.hot.{}", n % 7) };
        stream.append(&Append::new(&subject, &noise)).wait().expect("append");
    }
    let before = all(&stream);
    settle(&engine);
    let info = stream.info().wait().expect("info");
    assert_eq!(info.records, 207);
    assert!(info.disk_bytes < 1_000_000, "{} bytes for {} records", info.disk_bytes, info.records);
    assert_eq!(all(&stream), before);
    engine.close().expect("close");
    let engine = open(&disk);
    let stream = engine.stream("kv").wait().expect("stream");
    assert_eq!(all(&stream), before);
    for (seq, subject, payload) in &before {
        assert_eq!(&stream.get(*seq).wait().expect("get").expect("there").payload, payload);
        assert_eq!(stream.last_seq(subject).wait().expect("last"), *seq);
    }
}

#[test]
fn a_compressed_stream_is_smaller_and_reads_the_same() {
    let disk = Arc::<MemDisk>::default();
    let engine = open(&disk);
    let plain = engine.create_stream(config("plain")).wait().expect("create");
    let small = engine
        .create_stream(StreamConfig { compression: Compression::Zstd, ..config("small") })
        .wait()
        .expect("create");
    for n in 0..5_000 {
        let payload = format!("{{\"sensor\":{},\"temperature\":{}.5,\"unit\":\"celsius\"}}", n % 10, n % 40);
        for stream in [&plain, &small] {
            let subject = format!("{}.{}", stream.name(), n % 10);
            stream.append(&Append::new(&subject, payload.as_bytes())).wait().expect("append");
        }
    }
    settle(&engine);
    let (big, little) = (plain.info().wait().expect("info").disk_bytes, small.info().wait().expect("info").disk_bytes);
    assert!(little * 2 < big, "{little} bytes compressed, {big} plain");
    let payloads = |stream: &Stream| all(stream).into_iter().map(|r| (r.0, r.2)).collect::<Vec<_>>();
    assert_eq!(payloads(&plain), payloads(&small));
    let one = ReadOptions::default().filter("small.3").backward();
    assert_eq!(small.read(&one).wait().expect("read").len(), 500);
    let changed = StreamConfig { compression: Compression::Zstd, ..config("plain") };
    engine.update_stream(changed).wait().expect("update");
    settle(&engine);
    assert!(plain.info().wait().expect("info").disk_bytes * 2 < big, "compression can be turned on later");
    small.purge(&PurgeOptions::default()).wait().expect("purge");
    settle(&engine);
    assert!(small.info().wait().expect("info").disk_bytes < 100_000, "a purge gives everything back");
}

#[test]
fn packing_right_after_a_reopen_leaves_a_directory_that_opens() {
    let disk = Arc::<MemDisk>::default();
    let engine = open(&disk);
    // One segment that a close seals, and that nobody has packed by then.
    let config = StreamConfig { compression: Compression::Zstd, segment_bytes: 64 << 20, ..config("s") };
    let stream = engine.create_stream(config).wait().expect("create");
    for n in 0..20_000 {
        let payload = format!("record {n} of a stream that a close seals, and the next open packs");
        stream.append(&Append::new("s.a", payload.as_bytes())).wait().expect("append");
    }
    let before = all(&stream);
    engine.close().expect("close");
    // Nothing is appended, so the next segment is only planned when the snapshot that packing needs is written.
    let engine = open(&disk);
    assert_eq!(engine.stream("s").wait().expect("stream").info().wait().expect("info").last_seq, 20_000);
    settle(&engine);
    let options = EngineOptions { disk: disk.clone(), worker: false, ..EngineOptions::read_only() };
    let beside = Engine::open_with("/space", options).expect("open");
    assert_eq!(all(&beside.stream("s").wait().expect("stream")), before);
}

#[test]
fn what_is_on_the_way_counts_towards_max_bytes() {
    let engine = Engine::memory().expect("an engine");
    let config = StreamConfig { max_bytes: 10_000, discard: Discard::New, ..StreamConfig::new("full", ["full"]) };
    let stream = engine.create_stream(config).wait().expect("a stream");
    let appends: Vec<_> = (0..20).map(|_| stream.append(&Append::new("full", &[0; 1000]))).collect();
    let taken = appends.into_iter().filter_map(|append| append.wait().ok()).count();
    let info = stream.info().wait().expect("info");
    assert_eq!((info.records, info.first_seq), (taken as u64, 1), "what was acknowledged is there");
    assert!(info.bytes <= 10_000 && taken >= 9, "{} bytes of {taken} records", info.bytes);
}
