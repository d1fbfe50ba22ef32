//! Streams by name: made, found again, changed, listed, and what a server does not take.

use std::time::Duration;

use super::{refused, stream};
use crate::error::ErrorKind;
use crate::record::{Append, Durability};
use crate::stream::config::{Compression, Discard, StreamConfig};
use crate::stream::contract::EngineOps;
use crate::stream::hub::testing::each_version;
use crate::{HubConfig, Storage, StreamSource, SubjectTransform};

#[test]
fn a_stream_made_right_after_the_removal_of_its_name_is_empty() {
    each_version(|_, _, engine| {
        for round in 0..200 {
            let s = stream(engine, "s");
            let info = s.info().wait().expect("info");
            assert_eq!(info.records, 0, "of round {round}, up to {}", info.last_seq);
            let appends: Vec<_> = (0..5).map(|_| s.append(&[Append::new("s.a", b"x")])).collect();
            for append in appends {
                append.wait().expect("append");
            }
            engine.delete_stream("s").wait().expect("delete");
        }
    });
}

#[test]
fn a_configuration_comes_back() {
    each_version(|_, _, engine| {
        let config = StreamConfig {
            description: "for people".into(),
            max_age: Duration::from_secs(3600),
            max_msgs: 100,
            max_bytes: 1 << 20,
            max_msgs_per_subject: 5,
            max_msg_size: 1000,
            discard: Discard::New,
            discard_new_per_subject: true,
            duplicate_window: Duration::from_secs(10),
            allow_rollup: true,
            deny_delete: true,
            compression: Compression::Zstd,
            durability: Durability::Unknown,
            hub: Some(Box::new(HubConfig { storage: Storage::Memory, ..HubConfig::default() })),
            ..StreamConfig::new("s", ["s.>", "t"])
        };
        let s = engine.create_stream(config.clone()).wait().expect("create");
        assert_eq!(s.config(), config);
        assert_eq!(engine.stream("s").wait().expect("find").config(), config);
        assert_eq!(engine.create_stream(config.clone()).wait().expect("again").config(), config);
        refused(engine.create_stream(StreamConfig::new("s", ["s.>"])).wait(), ErrorKind::Conflict);
        refused(engine.create_stream(StreamConfig::new("x", ["s.a"])).wait(), ErrorKind::Conflict);
        refused(engine.create_stream(StreamConfig::new("a.b", ["a"])).wait(), ErrorKind::Invalid);
        let changed = StreamConfig { max_msgs: 7, deny_delete: true, ..config };
        assert_eq!(engine.update_stream(changed.clone()).wait().expect("update").config(), changed);
        refused(engine.update_stream(StreamConfig::new("nothing", ["n"])).wait(), ErrorKind::NotFound);
        refused(s.delete(1).wait(), ErrorKind::Invalid);
        stream(engine, "b");
        let names: Vec<String> = engine.streams().wait().expect("list").into_iter().map(|i| i.config.name).collect();
        assert_eq!(names, ["b", "s"]);
    });
}

#[test]
fn what_a_hub_cannot_is_refused() {
    each_version(|_, _, engine| {
        let short = StreamConfig { duplicate_window: Duration::ZERO, ..StreamConfig::new("s", ["s"]) };
        refused(engine.create_stream(short).wait(), ErrorKind::Unsupported);
        let three = HubConfig { replicas: 3, ..HubConfig::default() };
        let three = StreamConfig { hub: Some(Box::new(three)), ..StreamConfig::new("s", ["s"]) };
        refused(engine.create_stream(three).wait(), ErrorKind::Unsupported);
        let many = HubConfig { replicas: 9, ..HubConfig::default() };
        let many = StreamConfig { hub: Some(Box::new(many)), ..StreamConfig::new("s", ["s"]) };
        refused(engine.create_stream(many).wait(), ErrorKind::Invalid);
        assert!(engine.streams().wait().expect("list").is_empty());
    });
    let engine = crate::Engine::memory().expect("engine");
    let hub = StreamConfig { hub: Some(Box::default()), ..StreamConfig::new("s", ["s"]) };
    refused(engine.create_stream(hub).wait(), ErrorKind::Unsupported);
    let unknown = StreamConfig { durability: Durability::Unknown, ..StreamConfig::new("s", ["s"]) };
    refused(engine.create_stream(unknown).wait(), ErrorKind::Invalid);
}

#[test]
fn sources_mirrors_and_transforms() {
    each_version(|version, _, engine| {
        let s = stream(engine, "s");
        let source = StreamSource { name: "s".into(), filter: "s.a".into(), ..StreamSource::default() };
        let hub = HubConfig { sources: vec![source], ..HubConfig::default() };
        let sourced = StreamConfig { hub: Some(Box::new(hub)), ..StreamConfig::new("sourced", ["own.>"]) };
        let sourced = engine.create_stream(sourced).wait().expect("sourced");
        let mirror = StreamSource { name: "s".into(), ..StreamSource::default() };
        let hub = HubConfig { mirror: Some(mirror.clone()), ..HubConfig::default() };
        let copy = StreamConfig { name: "copy".into(), hub: Some(Box::new(hub)), ..StreamConfig::default() };
        let copy = engine.create_stream(copy).wait().expect("mirror");
        assert_eq!(copy.config().hub.expect("hub").mirror, Some(mirror));
        let transform = SubjectTransform { source: "in.*".into(), destination: "out.{{wildcard(1)}}".into() };
        let hub = HubConfig { subject_transform: Some(transform), ..HubConfig::default() };
        let turned = StreamConfig { hub: Some(Box::new(hub)), ..StreamConfig::new("turned", ["in.>"]) };
        let turned = engine.create_stream(turned).wait().expect("transform");
        // Who says nothing of what only a hub has leaves it as it is.
        for kept in [sourced.config(), copy.config(), turned.config()] {
            let subjects = kept.subjects.clone();
            let bare = StreamConfig { max_msgs: 50, subjects, ..StreamConfig::new(&kept.name, [""; 0]) };
            let changed = engine.update_stream(bare).wait().expect("an update without a word of the hub").config();
            assert_eq!((changed.hub, changed.max_msgs), (kept.hub, 50), "{version}: {}", kept.name);
        }
        turned.append(&[Append::new("in.x", b"")]).wait().expect("append");
        assert_eq!(turned.get(1).wait().expect("get").expect("there").subject, "out.x", "{version}");
        s.append(&[Append::new("s.a", b"1")]).wait().expect("append");
        s.append(&[Append::new("s.b", b"2")]).wait().expect("append");
        for _ in 0..100 {
            let copies = copy.info().wait().expect("info").records;
            if copies == 2 && sourced.info().wait().expect("info").records == 1 {
                return;
            }
            crate::stream::hub::testing::pause(50);
        }
        panic!("nothing was copied");
    });
}
