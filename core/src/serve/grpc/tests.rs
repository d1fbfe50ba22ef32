//! The door and its client over real connections: every operation, and what is refused.

use std::sync::Arc;
use std::time::Duration;

use super::{GrpcClient, GrpcServer};
use crate::crdt::{Change, Kind, Op, Path, Reading, Value};
use crate::engine::Engine;
use crate::error::ErrorKind;
use crate::tls::testing::{Certs, FOR_LONG};

const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    certs: Certs,
    engine: Engine,
    server: GrpcServer,
    client: GrpcClient,
}

fn world() -> World {
    let certs = Certs::new();
    let engine = Engine::memory().expect("an engine");
    let server = GrpcServer::start(&engine, ([127, 0, 0, 1], 0).into(), &certs.tls("a", FOR_LONG));
    let server = server.expect("it listens");
    let client = client(&server, &certs);
    World { certs, engine, server, client }
}

fn client(server: &GrpcServer, certs: &Certs) -> GrpcClient {
    GrpcClient::new(&format!("grpcs://{}", server.address()), &certs.tls("client", FOR_LONG)).expect("a client")
}

fn metric(engine: &Engine, name: &str, reason: &str) -> f64 {
    let metrics = engine.metrics().expect("metrics");
    let is = |m: &&crate::metric::Metric| {
        m.name == name && (reason.is_empty() || m.labels.iter().any(|(_, value)| value == reason))
    };
    metrics.iter().find(is).map_or(-1.0, |m| m.value)
}

#[test]
fn every_operation_does_what_the_store_does() {
    let World { client, engine, server: _server, .. } = world();
    let total = |written: crate::Result<crate::crdt::Written>| written.expect("it is written").total;
    assert_eq!(total(client.write("app", "likes", Kind::Counter, &Op::Add(5)).wait()), Some(5));
    assert_eq!(total(client.write("app", "likes", Kind::Counter, &Op::Add(-7)).wait()), Some(-2));
    let dark = Value::from("dark");
    let set = |value| Op::Write { value, ttl_ms: None };
    assert_eq!(total(client.write("app", "theme", Kind::Register, &set(&dark)).wait()), None);
    let fields = ["a", "b"];
    let path = Path { key: "m", fields: &fields };
    let blue = Value::from("blue");
    let insert = Op::Insert { value: &blue, ttl_ms: None };
    let on = Op::Enable { ttl_ms: None };
    let changes = [
        Change { path, kind: Kind::Set, op: insert },
        Change { path: "on".into(), kind: Kind::Flag, op: on },
        Change { path: "left".into(), kind: Kind::BoundedCounter, op: Op::Add(3) },
    ];
    client.transaction("app", &changes).wait().expect("all of them");
    for (path, kind, reading) in [
        ("likes".into(), Kind::Counter, Reading::Number(-2)),
        ("theme".into(), Kind::Register, Reading::Value(Some(dark))),
        ("none".into(), Kind::Register, Reading::Value(None)),
        (path, Kind::Set, Reading::Values(vec![blue.clone()])),
        ("m".into(), Kind::Map, Reading::Fields(vec![("a".into(), Kind::Map)])),
        ("on".into(), Kind::Flag, Reading::Flag(true)),
        ("left".into(), Kind::BoundedCounter, Reading::Number(3)),
    ] {
        assert_eq!(client.read("app", path, kind).wait().expect("a reading"), reading);
    }
    assert!(client.contains("app", path, Kind::Set, &blue).wait().expect("an answer"));
    assert!(!client.contains("app", path, Kind::Set, &1.into()).wait().expect("an answer"));
    let store = engine.open_crdt("app").expect("the same store");
    assert_eq!(client.keys("app", "").wait().expect("keys"), store.keys("").expect("keys"));
    assert_eq!(client.keys("app", "l").wait().expect("keys").len(), 2);
    assert_eq!(client.kinds("app", "m").wait().expect("kinds"), [Kind::Map]);
    assert_eq!(client.dump("app", "").wait().expect("a dump"), store.dump("").expect("a dump"));
    assert_eq!(client.get("app", "likes").wait().expect("a key")[0].json, "-2");
    let status = client.status("app").wait().expect("a status");
    assert!(status.seq > 0 && status.actors == 1 && status.behind == 0 && status.held.is_empty(), "{status:?}");
    let nowhere = client.status("nowhere").wait().expect_err("it is not there");
    assert_eq!(nowhere.kind(), ErrorKind::NotFound);
    let cluster = client.cluster().wait().expect("a cluster");
    assert_eq!((cluster.members.len(), cluster.own.stores[0].store.as_str()), (0, "app"));
}

#[test]
fn an_error_is_the_store_s_error_and_is_counted() {
    let World { client, engine, server: _server, .. } = world();
    let kind = |error: crate::Error| error.kind();
    let read = client.read("none", "k", Kind::Counter).wait().expect_err("there is no store");
    assert_eq!((read.kind(), read.message()), (ErrorKind::NotFound, "there is no CRDT store 'none'"));
    client.write("app", "k", Kind::Counter, &Op::Add(1)).wait().expect("a write");
    let other = client.write("app", "k", Kind::Flag, &Op::Enable { ttl_ms: None }).wait().expect_err("another kind");
    assert_eq!((other.kind(), other.message()), (ErrorKind::Conflict, "k is a counter, not a flag"));
    assert_eq!(
        kind(client.write("a b", "k", Kind::Counter, &Op::Add(1)).wait().expect_err("a name")),
        ErrorKind::Invalid
    );
    assert_eq!(kind(client.transaction("app", &[]).wait().expect_err("nothing")), ErrorKind::Invalid);
    let large = Value::Bytes(vec![0; 1 << 20].into());
    let write = Change { path: "b".into(), kind: Kind::Set, op: Op::Insert { value: &large, ttl_ms: None } };
    let too_long = client.transaction("app", &vec![write; 5]).wait().expect_err("5 MiB");
    assert_eq!(too_long.kind(), ErrorKind::Limit, "{too_long}");
    assert_eq!(client.read("app", "k", Kind::Counter).wait().expect("it goes on"), Reading::Number(1));
    let failed = metric(&engine, "headwater_grpc_failed_calls_total", "");
    let calls = metric(&engine, "headwater_grpc_calls_total", "");
    assert_eq!((failed, calls, metric(&engine, "headwater_grpc_connections", "")), (5.0, 7.0, 1.0));
}

#[test]
fn a_store_that_was_deleted_and_made_anew_is_opened_anew() {
    let World { client, engine, server: _server, .. } = world();
    client.write("app", "k", Kind::Counter, &Op::Add(1)).wait().expect("a write");
    engine.delete_stream("CRDT_app").wait().expect("it is deleted");
    let gone = client.read("app", "k", Kind::Counter).wait().expect_err("its handle is over");
    assert_eq!(gone.kind(), ErrorKind::Closed);
    let gone = client.read("app", "k", Kind::Counter).wait().expect_err("it is not there");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    let written = client.write("app", "k", Kind::Counter, &Op::Add(2)).wait().expect("it is made");
    assert_eq!(written.total, Some(2));
}

#[test]
fn a_watch_tells_each_change_and_ends_with_the_door() {
    let World { client, engine, server, .. } = world();
    client.write("app", "a.1", Kind::Counter, &Op::Add(1)).wait().expect("a write");
    let watcher = client.watch("app", "a.").wait().expect("a watch");
    let mut first = watcher.next();
    assert_eq!(first.wait_timeout(Duration::ZERO).expect_err("nothing yet").kind(), ErrorKind::Timeout);
    drop(first);
    let store = engine.open_crdt("app").expect("the same store");
    store.write("b.1", Kind::Counter, &Op::Add(1)).wait().expect("a write");
    store.write("a.1", Kind::Counter, &Op::Add(1)).wait().expect("a write");
    let changes = watcher.next().wait_timeout(PATIENCE).expect("a change");
    let told: Vec<_> = changes.iter().map(|d| (d.key.as_str(), d.kind, d.json.as_str())).collect();
    assert_eq!(told, [("a.1", Kind::Counter, "2")]);
    let begun = std::time::Instant::now();
    server.stop();
    assert!(begun.elapsed() < super::CLOSE_PATIENCE, "nobody is waited for in vain");
    let over = watcher.next().wait_timeout(PATIENCE).expect_err("the door is closed");
    assert_eq!(over.kind(), ErrorKind::Closed, "{over}");
    server.stop();
}

#[test]
fn a_stranger_is_refused_and_counted_while_others_go_on() {
    let World { certs, engine, server, client: good } = world();
    let theirs = Certs::new();
    theirs.trust(&certs);
    good.write("app", "k", Kind::Counter, &Op::Add(1)).wait().expect("a write");
    let refused = client(&server, &theirs).read("app", "k", Kind::Counter).wait().expect_err("it is a stranger");
    assert!(refused.kind() == ErrorKind::Io && refused.message().contains("fatal alert"), "{refused}");
    // It is counted once the refusal is on its way.
    let counted = || metric(&engine, "headwater_grpc_refused_total", "unknown_certificate");
    let begun = std::time::Instant::now();
    while counted() < 1.0 {
        assert!(begun.elapsed() < PATIENCE, "it is not counted");
        std::thread::yield_now();
    }
    let fake = GrpcClient::new(&format!("grpcs://{}", server.address()), &Certs::new().tls("c", FOR_LONG));
    let distrust = fake.expect("a client").cluster().wait().expect_err("it does not know the node");
    assert!(distrust.message().contains("invalid peer certificate"), "{distrust}");
    assert_eq!(good.read("app", "k", Kind::Counter).wait().expect("it goes on"), Reading::Number(1));
}

#[test]
fn what_is_no_address_is_refused() {
    let certs = Certs::new();
    let tls = certs.tls("a", FOR_LONG);
    for (url, why) in [
        ("grpc://127.0.0.1:9090", "without TLS"),
        ("http://127.0.0.1:9090", "no address of a node"),
        ("grpcs://127.0.0.1", "no port"),
        ("grpcs://a b:1", "no name of a host"),
        ("grpcs://h:99999", "no port"),
    ] {
        let error = GrpcClient::new(url, &tls).expect_err("it is refused");
        assert!(error.kind() == ErrorKind::Invalid && error.message().contains(why), "{url}: {error}");
    }
    let nobody = GrpcClient::new("grpcs://127.0.0.1:1", &tls).expect("a client");
    let refused = nobody.cluster().wait().expect_err("nobody listens");
    assert!(refused.kind() == ErrorKind::Io && refused.message().starts_with("127.0.0.1:1: "), "{refused}");
}

#[test]
fn many_clients_at_once_lose_nothing() {
    let World { server, client, certs, engine } = world();
    let (server, certs) = (Arc::new(server), Arc::new(certs));
    let tls = certs.tls("many", FOR_LONG);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let client = GrpcClient::new(&format!("grpcs://{}", server.address()), &tls).expect("a client");
            scope.spawn(move || {
                let one = || client.write("app", "n", Kind::Counter, &Op::Add(1));
                let on_their_way: Vec<_> = (0..100).map(|_| one()).collect();
                for written in on_their_way {
                    assert!(written.wait().is_ok());
                }
            });
        }
    });
    assert_eq!(client.read("app", "n", Kind::Counter).wait().expect("a reading"), Reading::Number(400));
    assert!(metric(&engine, "headwater_grpc_failed_calls_total", "") < 1.0);
}
