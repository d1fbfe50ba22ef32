//! How nodes begin: without a hub, with one that comes later, and again with another configuration.

use headwater::{Append, Engine, ErrorKind, HubOptions, HubPhase, LinkState, StreamConfig};

use crate::server::Server;
use crate::world::{Dir, Edge, config, holds_all, hub, payloads, until};

#[test]
fn an_edge_begins_offline_and_is_in_step_once_the_hub_is_there() {
    let (mut server, dir) = (Server::later("2.15.1"), Dir::new("edge"));
    let mut edge = Edge::open("a", &config(dir.path(), &server.url(), "replicas = 1"));
    edge.put(50);
    until("the link says what it waits for", || edge.status().last_error.is_some());
    let status = edge.status();
    assert_eq!((status.state, status.pushed, status.lag_push), (LinkState::Waiting, 0, 50));
    assert!(status.last_error.unwrap().contains("the hub was not reached yet: connect to the hub"));
    assert_eq!(edge.engine.hub_state().unwrap().phase, HubPhase::Connecting);
    server.again();
    until("it is connected", || edge.engine.hub_state().unwrap().phase == HubPhase::Connected);
    let there = hub(&server.url());
    until("the stream is made", || there.stream("ORDERS").wait().is_ok());
    let orders = there.stream("ORDERS").wait().unwrap();
    assert_eq!(orders.config().subjects, ["orders.>", "$HW.ORDERS.>"]);
    edge.put(50);
    holds_all("the hub", &orders, &[&edge.acked]);
    let from_hub: Vec<String> = (0..30).map(|n| format!("h-{n}")).collect();
    for payload in &from_hub {
        orders.append(&Append::new("orders.h", payload.as_bytes())).wait().unwrap();
    }
    holds_all("the edge", &edge.orders, &[&edge.acked, &from_hub]);
    until("nothing is left", || edge.status().lag_push == 0 && edge.status().lag_pull == 0);
    let status = edge.status();
    assert_eq!((status.state, status.pushed, status.pulled), (LinkState::Running, 100, 30));
    edge.engine.close().unwrap();
    assert_eq!(edge.engine.hub_state().unwrap().phase, HubPhase::Closed);
    assert_eq!(payloads(&orders).len(), 130);
}

#[test]
fn a_hub_that_was_not_reached_is_waited_for_as_long_as_a_request_may_take() {
    let mut server = Server::later("2.12.8");
    let request_timeout = std::time::Duration::from_millis(300);
    let options = HubOptions { request_timeout, retry_on_initial_connect: true, ..HubOptions::new(server.url()) };
    let engine = Engine::connect(HubOptions { request_timeout, ..options.clone() }).wait().unwrap();
    let error = engine.stream("S").wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.message().contains("not reached yet"), "{error}");
    let patient = HubOptions { request_timeout: std::time::Duration::from_secs(30), ..options };
    let waiting = Engine::connect(patient).wait().unwrap().create_stream(StreamConfig::new("S", ["s"]));
    server.again();
    assert_eq!(waiting.wait().unwrap().name(), "S");
    until("the other is there too", || engine.stream("S").wait().is_ok());
    engine.close().unwrap();
    assert_eq!(engine.streams().wait().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_hub_that_is_given_up_before_it_was_reached_ends() {
    let server = Server::later("2.12.8");
    let options = HubOptions { retry_on_initial_connect: true, ..HubOptions::new(server.url()) };
    let engine = Engine::connect(options).wait().unwrap();
    let waiting = engine.stream("S");
    engine.close().unwrap();
    assert_eq!(waiting.wait().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn streams_are_made_what_the_file_says() {
    let dir = Dir::new("streams");
    let open = |text: &str| {
        let path = dir.path().join("headwater.toml");
        std::fs::write(&path, text).unwrap();
        Engine::open_config(&headwater::Config::load(&path, &|_| None).unwrap())
    };
    let engine = open("[[stream]]\nname = \"a\"\nmax_msgs = 10\n").unwrap();
    let a = engine.stream("a").wait().unwrap();
    for _ in 0..20 {
        a.append(&Append::new("a", b"x")).wait().unwrap();
    }
    assert_eq!(a.info().wait().unwrap().records, 10);
    engine.close().unwrap();
    let engine = open("[[stream]]\nname = \"a\"\nmax_msgs = 5\n[[stream]]\nname = \"b\"\n").unwrap();
    assert_eq!(engine.stream("a").wait().unwrap().info().wait().unwrap().records, 5);
    engine.stream("b").wait().unwrap();
    engine.close().unwrap();
    let error = open("[[stream]]\nname = \"c\"\nsubjects = [\"b\"]\n").err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("[[stream]] 'c': subject 'b' overlaps"), "{error}");
    // What failed has let go of the directory.
    open("").unwrap().close().unwrap();
    let error = open("[hub]\nurl = \"nats://127.0.0.1:1\"\n[[link]]\nstream = \"no\"\n").err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("[[link]] 'no-no'"), "{error}");
}
