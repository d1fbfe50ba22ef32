//! What a link cannot do is said by name: when it is added where the hub can be asked, else in its status.

use std::path::Path;

use headwater::{Config, Direction, Engine, ErrorKind, LinkConfig, StreamConfig};

use crate::server::Server;
use crate::world::{Dir, Edge, config, config_with, holds_all, hub, until};

/// Waits until the link of a new node says this.
fn says(server: &Server, more: &str, wanted: &str) {
    let dir = Dir::new("edge");
    says_so(&config(dir.path(), &server.url(), more), wanted);
}

/// The same of a node that is configured so.
fn says_so(config: &Config, wanted: &str) {
    let mut edge = Edge::open("a", config);
    edge.put(3);
    let mut said = None;
    until(&format!("the link says '{wanted}'"), || {
        said = edge.status().last_error;
        said.as_deref().is_some_and(|said| said.contains(wanted))
    });
    assert_eq!(edge.status().state.name(), "waiting", "{said:?}");
    edge.put(3);
    edge.engine.close().unwrap();
}

#[test]
fn a_server_that_is_too_old_for_many_pushers_is_named() {
    let server = Server::start("2.11.11");
    says(&server, "", "needs a NATS server from 2.12 on, this is 2.11.11");
    // The hub's stream was made, and one that pushes alone is served.
    let there = hub(&server.url());
    let a = Engine::memory().unwrap();
    a.create_stream(StreamConfig::new("orders", ["orders.>"])).wait().unwrap();
    let error = a.add_link(LinkConfig::new("l", "orders", "ORDERS"), &there).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let dir = Dir::new("alone");
    let mut edge = Edge::open("a", &config(dir.path(), &server.url(), "exclusive = true\ndirection = \"push\""));
    edge.put(20);
    holds_all("the hub", &there.stream("ORDERS").wait().unwrap(), &[&edge.acked]);
}

#[test]
fn a_stream_without_room_for_positions_is_named() {
    let server = Server::start("2.15.1");
    let there = hub(&server.url());
    there.create_stream(StreamConfig::new("ORDERS", ["orders.>"])).wait().unwrap();
    says(&server, "", "stream 'ORDERS' does not take '$HW.ORDERS.>'");
    let a = Engine::memory().unwrap();
    a.create_stream(StreamConfig::new("orders", ["orders.>"])).wait().unwrap();
    let error = a.add_link(LinkConfig::new("l", "orders", "ORDERS"), &there).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let none = a.add_link(LinkConfig::new("l", "orders", "NONE"), &there).wait().unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound);
    let pulls = LinkConfig { direction: Direction::Pull, ..LinkConfig::new("l", "orders", "ORDERS") };
    a.add_link(pulls, &there).wait().unwrap();
    let more = StreamConfig::new("ORDERS", ["orders.>", "$HW.ORDERS.>"]);
    there.update_stream(more).wait().unwrap();
    a.add_link(LinkConfig::new("both", "orders", "ORDERS"), &there).wait().unwrap();
    until("it runs", || a.links().unwrap()[0].state.name() == "running");
}

#[test]
fn a_stream_that_shall_not_be_made_is_waited_for() {
    let server = Server::start("2.15.1");
    says(&server, "create = false", "there is no stream 'ORDERS'");
    assert!(hub(&server.url()).streams().wait().unwrap().is_empty());
}

#[test]
fn a_server_without_jetstream_is_named() {
    let server = Server::start_with("2.15.1", &[]);
    says(&server, "", "has no JetStream at '$JS.API'");
}

#[test]
fn wrong_credentials_are_named() {
    let server = Server::start_with("2.15.1", &["-js", "--user", "u", "--pass", "p"]);
    says(&server, "", "authorization violation");
    let dir = Dir::new("right");
    let url = server.url().replace("//", "//u:${P}@");
    let mut edge = Edge::open("a", &config_with(dir.path(), &url, "", &|name| (name == "P").then(|| "p".to_owned())));
    edge.put(3);
    until("the right ones are taken", || edge.status().pushed == 3);
}

#[test]
fn an_expired_certificate_is_named() {
    let pem = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/stream/hub/tests/tls/{name}.pem"));
    let [cert, key] = ["expired", "expired-key"].map(|name| pem(name).display().to_string());
    let server = Server::start_with("2.15.1", &["-js", "--tls", "--tlscert", &cert, "--tlskey", &key]);
    let dir = Dir::new("edge");
    let mut config = config(dir.path(), &server.url(), "");
    config.hub.as_mut().unwrap().ca_file = Some(pem("authority"));
    says_so(&config, "xpired");
}
