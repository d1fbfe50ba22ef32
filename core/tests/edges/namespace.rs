//! A network that is away without a word: in a namespace of its own, whose one interface goes down. Nobody hears of it
//! as of a connection that is closed: what is sent stays on its way, and arrives after the network is back.
//!
//! It takes a system that lets anybody have a namespace, and `unshare` and `ip`; where that is not so it says so.

use std::process::{Command, Stdio};
use std::time::Duration;

use headwater::Append;

use crate::server::Server;
use crate::world::{Dir, Edge, config, holds_all, hub, until};

/// The window of the hub's stream in which it knows message ids.
const WINDOW: Duration = Duration::from_millis(300);

#[test]
fn a_network_that_is_away_for_longer_than_the_window_loses_and_doubles_nothing() {
    let can = |command: &mut Command| command.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !can(Command::new("unshare").args(["-Urn", "ip", "link", "set", "lo", "up"])) {
        println!("not tried: this system gives no namespace");
        return;
    }
    let mut inside = Command::new("unshare");
    inside.arg("-Urn").arg(std::env::current_exe().unwrap());
    inside.args(["--exact", "namespace::inside_a_namespace", "--ignored", "--nocapture"]);
    let ended = inside.output().unwrap();
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&ended.stderr));
}

fn set(what: &str) {
    let status = Command::new("ip").args(["link", "set", "lo", what]).status();
    assert!(status.unwrap().success(), "the interface goes {what}");
}

#[test]
#[ignore = "not a test: what the one above starts"]
fn inside_a_namespace() {
    set("up");
    let (server, dir) = (Server::start("2.15.1"), Dir::new("namespace"));
    let more = format!("[link.create]\nduplicate_window = \"{}ms\"\n", WINDOW.as_millis());
    let mut edge = Edge::open("a", &config(dir.path(), &server.url(), &more));
    edge.put(100);
    until("it is carried", || edge.status().pushed == 100);
    let orders = hub(&server.url()).stream("ORDERS").wait().unwrap();
    let mut theirs = Vec::new();
    // Shorter than a request may take, and longer.
    for away in [3 * WINDOW, Duration::from_secs(3)] {
        edge.put(500);
        for _ in 0..20 {
            let payload = format!("h-{}", theirs.len());
            orders.append(&Append::new("orders.h", payload.as_bytes())).wait().unwrap();
            theirs.push(payload);
        }
        set("down");
        edge.put(100);
        std::thread::sleep(away);
        set("up");
        edge.put(50);
        until("it is back", || edge.status().lag_push == 0);
    }
    let all = [&edge.acked[..], &theirs];
    holds_all("the hub", &orders, &all);
    holds_all("the edge", &edge.orders, &all);
    std::thread::sleep(2 * WINDOW);
    holds_all("the hub, later", &orders, &all);
    holds_all("the edge, later", &edge.orders, &all);
}
