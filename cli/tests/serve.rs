//! `headwater serve` and `headwater link`, as somebody runs them: with a real hub, a real node, and its end.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start processes and look at the clock")]

mod common;

use std::net::TcpStream;

use common::node::{Hub, Node, payloads, until};
use common::{Dir, finish, headwater, start};
use serde_json::{Value, json};

#[test]
fn a_node_is_run_filled_linked_and_ended() {
    let (dir, mut hub) = (Dir::new("serve"), Hub::later());
    let text = format!(
        "dir = \"data\"\n[[stream]]\nname = \"orders\"\nsubjects = [\"orders.>\"]\n[hub]\nurl = \"{}\"\n\
         [[link]]\nstream = \"orders\"\nhub_stream = \"ORDERS\"\ndirection = \"both\"\nfilter = \"orders.>\"\n",
        hub.url()
    );
    std::fs::write(dir.file("a.toml"), text).expect("a file");
    let node = Node::start(&dir, &["--config", "a.toml"]);
    assert_eq!(node.get("/health/liveness").0, 200);
    let (status, why) = node.get("/health/readiness");
    assert!(status == 503 && why.contains("the hub was not reached yet"), "{status} {why}");
    // The verb goes to the running node, with the output that it always has.
    assert_eq!(dir.ok(&["stream", "append", "orders", "orders.eu.1", "--data", "x"]), "1\n");
    let status = |dir: &Dir| dir.json(&["link", "status"]).pop().expect("a link");
    until("the link waits", || status(&dir)["state"] == "waiting");
    assert_eq!(status(&dir)["lag_records"], 1);
    assert!(status(&dir)["last_error"].as_str().expect("why").contains("not reached yet"));
    hub.start();
    until("it is pushed", || status(&dir)["pushed"] == 1);
    let read = finish(start(&mut headwater(&["stream", "read", "ORDERS", "--json", "--hub", &hub.url()])), b"");
    assert_eq!(payloads(&read.stdout), [json!("x")]);
    let there = ["stream", "append", "ORDERS", "orders.us.1", "--data", "y", "--hub", &hub.url()];
    assert_eq!(finish(start(&mut headwater(&there)), b"").code, 0);
    until("it is pulled", || status(&dir)["pulled"] == 1);
    assert_eq!(payloads(&dir.ok(&["stream", "read", "orders", "--json"])), [json!("x"), json!("y")]);
    until("it is ready", || node.get("/health/readiness") == (200, "ready\n".to_owned()));
    let (status_code, metrics) = node.get("/metrics");
    assert_eq!(status_code, 200);
    let labels = "link=\"orders-ORDERS\",stream=\"orders\",hub_stream=\"ORDERS\"";
    assert!(metrics.contains(&format!("headwater_link_pushed_records_total{{{labels}}} 1\n")), "{metrics}");
    assert!(metrics.contains("# TYPE headwater_hub_connected gauge\nheadwater_hub_connected 1\n"), "{metrics}");
    assert!(dir.ok(&["link", "status"]).contains("orders <-> ORDERS"));
    assert_eq!(node.end(), 0);
    // The directory knows the file that it was served by.
    let at_rest = status(&dir);
    assert_eq!((&at_rest["state"], &at_rest["pushed_seq"]), (&json!("stopped"), &json!(2)), "{at_rest}");
    dir.ok(&["link", "rm", "orders-ORDERS"]);
    assert!(!std::fs::read_to_string(dir.file("a.toml")).expect("the file").contains("[[link]]"));
    // Once it is served by what is in it, that counts.
    assert_eq!(Node::start(&dir, &["--dir", "data"]).end(), 0);
    std::fs::write(dir.path().join("headwater.toml"), "[[stream]]\nname = \"orders\"\n").expect("a file");
    dir.ok(&["link", "add", "--stream", "orders", "--hub", &hub.url()]);
    assert!(dir.json(&["link", "ls"]).len() == 1 && !dir.file("data/configured-by").exists());
}

#[test]
fn a_node_reads_its_file_again_when_it_is_told() {
    let (dir, mut hub) = (Dir::new("again"), Hub::later());
    hub.start();
    let write = |more: &str| {
        let hub = format!("[hub]\nurl = \"{}\"\n", hub.url());
        let text = format!("dir = \"data\"\n[[stream]]\nname = \"a\"\nsubjects = [\"a.>\"]\n{more}{hub}");
        std::fs::write(dir.file("a.toml"), text).expect("a file");
    };
    let link =
        |name: &str, more: &str| format!("[[link]]\nname = \"{name}\"\nstream = \"a\"\nhub_stream = \"A\"\n{more}");
    let links = || dir.json(&["link", "status"]).iter().map(|l| format!("{} {}", l["name"], l["direction"])).collect();
    let has = |wanted: &[&str]| {
        until("the links are those", || {
            let links: Vec<String> = links();
            links.iter().map(|l| l.replace('"', "")).collect::<Vec<_>>() == wanted
        });
    };
    write(&(link("one", "") + &link("two", "")));
    let node = Node::start(&dir, &["--config", "a.toml"]);
    has(&["one both", "two both"]);
    dir.ok(&["stream", "append", "a", "a.1", "--data", "1"]);
    let pushed = |name: &str| dir.json(&["link", "status"]).iter().any(|l| l["name"] == name && l["pushed"] == 1);
    until("it is carried", || pushed("one") || pushed("two"));
    let more = "max_msgs = 7\n[[stream]]\nname = \"b\"\n";
    write(&(more.to_owned() + &link("two", "direction = \"push\"\n") + &link("three", "")));
    node.signal("-HUP");
    node.signal("-HUP");
    has(&["three both", "two push"]);
    let streams = dir.json(&["stream", "ls"]);
    assert_eq!(streams.iter().map(|s| s["name"].clone()).collect::<Vec<_>>(), [json!("a"), json!("b")]);
    assert_eq!(dir.json(&["stream", "info", "a"])[0]["config"]["max_msgs"], 7);
    // What cannot be read changes nothing.
    write("max_msgs = \"seven\"\n");
    node.signal("-HUP");
    dir.ok(&["stream", "append", "a", "a.2", "--data", "2"]);
    until("they go on", || dir.json(&["link", "status"])[0]["pushed_seq"] == 2);
    has(&["three both", "two push"]);
    assert_eq!(node.end(), 0);
}

#[test]
fn links_are_added_and_removed_while_a_node_runs_and_while_none_does() {
    let (dir, mut hub) = (Dir::new("links"), Hub::later());
    hub.start();
    dir.ok(&["stream", "add", "a", "--subjects", "a.>"]);
    let add = |stream: &str, more: &[&str]| {
        dir.run(&[&["link", "add", "--stream", stream, "--hub", &hub.url()], more].concat())
    };
    let missing = add("nowhere", &[]);
    assert_eq!(missing.code, 3, "{missing:?}");
    assert!(!dir.path().join("headwater.toml").exists());
    assert_eq!(add("a", &["--hub-stream", "A"]).code, 0);
    assert_eq!(add("a", &["--hub-stream", "A"]).code, 4);
    let elsewhere = dir.run(&["link", "add", "--stream", "a", "--name", "x", "--hub", "nats://u:secret@127.0.0.1:1"]);
    assert_eq!(elsewhere.code, 4);
    assert!(!elsewhere.stderr.contains("secret"), "{elsewhere:?}");
    assert_eq!(dir.json(&["link", "status"])[0]["state"], "stopped");
    let node = Node::start(&dir, &["--dir", "data"]);
    dir.ok(&["stream", "append", "a", "a.1", "--data", "1"]);
    until("it is pushed", || dir.json(&["link", "status"])[0]["pushed"] == 1);
    // A second one begins at once, and what cannot be is refused and not written.
    dir.ok(&["stream", "add", "b", "--subjects", "b.>"]);
    let more = ["--hub-stream", "A", "--name", "second", "--map", "b=a.b", "--direction", "push"];
    assert_eq!(add("b", &more).code, 0);
    dir.ok(&["stream", "append", "b", "b.1", "--data", "2"]);
    until("it comes back", || payloads(&dir.ok(&["stream", "read", "a", "--json"])) == [json!("1"), json!("2")]);
    let refused = add("nowhere", &["--name", "third"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    let names = |rows: Vec<Value>| rows.iter().map(|r| r["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(dir.json(&["link", "ls"])), [json!("a-A"), json!("second")]);
    dir.ok(&["link", "rm", "second"]);
    assert_eq!(names(dir.json(&["link", "status"])), [json!("a-A")]);
    assert_eq!(names(dir.json(&["link", "ls"])), [json!("a-A")]);
    assert_eq!(dir.run(&["link", "rm", "second"]).code, 3);
    // One directory, one node.
    let second = dir.run(&["serve"]);
    assert_eq!(second.code, 1, "{second:?}");
    assert_eq!(node.end(), 0);
    dir.ok(&["link", "rm", "a-A"]);
    assert!(dir.json(&["link", "ls"]).is_empty());
}

#[test]
fn the_http_door_answers_what_it_must_and_no_more() {
    let dir = Dir::new("http");
    let node = Node::start(&dir, &["--dir", "data"]);
    assert_eq!(node.get("/health/readiness?x=1"), (200, "ready\n".to_owned()));
    assert_eq!(node.get("/").0, 200);
    assert_eq!(node.get("/../etc/passwd").0, 404);
    let closes = "Host: x\r\nConnection: close\r\n";
    assert_eq!(node.ask(format!("HEAD /metrics HTTP/1.1\r\n{closes}\r\n").as_bytes()), (200, String::new()));
    let post = format!("POST /metrics HTTP/1.1\r\n{closes}Content-Length: 1\r\n\r\nx");
    assert_eq!(node.ask(post.as_bytes()).0, 405);
    assert_eq!(node.ask(b"nonsense\r\n\r\n").0, 400);
    assert_eq!(node.ask(b"GET / SPDY/9\r\n\r\n").0, 400);
    assert_eq!(node.ask(&vec![0xff; 300_000]).0, 400);
    let long = format!("GET /health/liveness HTTP/1.1\r\n{closes}X: {}", "x".repeat(33_000));
    assert_eq!(node.ask(long.as_bytes()).0, 431);
    // Connections that say nothing take no more than their places, and hold up no end.
    let idle: Vec<TcpStream> = (0..31).map(|_| TcpStream::connect(&node.http).expect("it listens")).collect();
    until("there is a place", || node.get("/health/liveness").0 == 200);
    assert_eq!(node.end(), 0);
    drop(idle);
}

#[test]
fn a_damaged_stream_makes_a_node_unready() {
    let dir = Dir::new("damaged");
    dir.ok(&["stream", "add", "a"]);
    dir.ok(&["stream", "add", "b"]);
    dir.ok(&["stream", "append", "a", "a", "--data", "1"]);
    let streams = dir.path().join("streams/a");
    let segment = std::fs::read_dir(&streams).expect("files").map_while(Result::ok);
    for file in segment.map(|f| f.path()).filter(|p| p.is_file()) {
        let mut bytes = std::fs::read(&file).expect("bytes");
        let middle = bytes.len() / 2;
        bytes[..middle].fill(0x5a);
        std::fs::write(&file, bytes).expect("it is damaged");
    }
    let node = Node::start(&dir, &["--dir", "data"]);
    let (status, why) = node.get("/health/readiness");
    assert!(status == 503 && why.contains("stream 'a' is damaged"), "{status} {why}");
    dir.ok(&["stream", "append", "b", "b", "--data", "1"]);
    assert_eq!(node.end(), 0);
}

#[test]
fn mistakes_in_a_configuration_are_usage_errors_with_their_place() {
    let dir = Dir::new("mistakes");
    let file = dir.file("a.toml");
    std::fs::write(&file, "dir = \"data\"\n[[stream]]\nname = \"a\"\nsubjets = []\n").expect("a file");
    let file = file.display().to_string();
    let ran = |args: &[&str]| finish(start(&mut headwater(args)), b"");
    let wrong = ran(&["serve", "--config", &file]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains(&format!("{file}: line 4, column 1: [[stream]]: unknown key `subjets`")),
        "{wrong:?}"
    );
    assert_eq!(ran(&["serve", "--config", "nowhere.toml"]).code, 3);
    assert_eq!(ran(&["serve", "--config", &file, "--dir", "x"]).code, 2);
    assert_eq!(ran(&["link", "ls", "--dir", "x", "--hub", "nats://x"]).code, 2);
    assert_eq!(dir.run(&["link", "add", "--stream", "a"]).code, 2);
}
