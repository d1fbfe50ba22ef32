//! Presence over HTTP, on the real binary: the lines that its documentation has, tokens, names, following, and the
//! page.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::certs::make_certs;
use common::node::{Node, until};
use common::{Dir, Ran, finish, headwater, objects, start};
use serde_json::{Value, json};

const SECRET: &str = "a secret of thirty-two bytes, or more";
const CONFIG: &str = r#"
dir = "data"
[presence]
node_type = "center"
ttl = "75s"
heartbeat = "25s"
grace = "200ms"
[http]
bind = "127.0.0.1:0"
[auth]
jwt_secret = "${JWT_SECRET}"
issuer = "me"
"#;

fn node(dir: &Dir, config: &str) -> Node {
    std::fs::write(dir.file("p.toml"), config.replace("${JWT_SECRET}", SECRET)).expect("a file");
    Node::start(dir, &["--config", "p.toml"])
}

fn run(args: &[&str], token: Option<&str>) -> Ran {
    let mut command = headwater(args);
    command.env_remove("HEADWATER_TOKEN").env("JWT_SECRET", SECRET);
    if let Some(token) = token {
        command.env("HEADWATER_TOKEN", token);
    }
    finish(start(&mut command), b"")
}

fn token(args: &[&str]) -> String {
    let ran = run(&[&["token", "--secret-env", "JWT_SECRET"], args].concat(), None);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.stdout.trim().to_owned()
}

fn of(user: &str) -> String {
    token(&["--subject", user, "--issuer", "me"])
}

/// As curl does, with the kind of body that it says when nobody says another.
fn ask(node: &Node, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{bearer}{kind}\r\n");
    let (status, told) = node.ask(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    (status, serde_json::from_str(&told).unwrap_or_else(|e| panic!("{status} {e}: {told}")))
}

fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"))
}

#[test]
fn what_is_put_is_read_by_every_door() {
    let dir = Dir::new("http-put");
    let node = node(&dir, CONFIG);
    let body = r#"{"status":"busy","message":"x","ttl":60}"#;
    let (status, put) = ask(&node, "PUT", "/api/v2/presence/alice", Some(&of("alice")), body);
    assert_eq!((status, &put["success"], &put["error"]), (200, &json!(true), &Value::Null), "{put}");
    assert_eq!((&put["data"]["alice"]["status"], &put["data"]["alice"]["ttl"]), (&json!("busy"), &json!(60)));
    let (_, got) = ask(&node, "GET", "/api/v2/presence/alice", None, "");
    assert_eq!(got["data"]["alice"]["message"], "x");
    let (_, many) = ask(&node, "GET", "/api/v2/presence?users=alice,bob", None, "");
    assert_eq!((&many["data"]["alice"]["status"], &many["data"]["bob"]["status"]), (&json!("busy"), &json!("offline")));
    let (_, batch) = ask(&node, "POST", "/api/v2/presence/batch", None, r#"{"user_ids":["alice"]}"#);
    assert_eq!(batch["data"]["alice"]["sessions"][0]["ttl"], json!(60.0));
    // The same store, through the socket of the node.
    assert_eq!(dir.json(&["presence", "get", "alice"])[0]["users"][0]["message"], "x");
    dir.ok(&["presence", "set", "bob", "away"]);
    assert_eq!(ask(&node, "GET", "/api/v2/presence/bob", None, "").1["data"]["bob"]["status"], "away");
    let (_, counts) = ask(&node, "GET", "/api/v2/spaces/default/counts", None, "");
    assert_eq!((&counts["data"]["users"], &counts["data"]["busy"]), (&json!(2), &json!(1)));
    // What expires is told.
    let short = r#"{"status":"online","ttl":1,"session":"short"}"#;
    assert_eq!(ask(&node, "PUT", "/api/v2/presence/carol", Some(&of("carol")), short).0, 200);
    until("it is over", || {
        ask(&node, "GET", "/api/v2/presence/carol", None, "").1["data"]["carol"]["status"] == "offline"
    });
    assert!(ask(&node, "GET", "/api/v2/presence/carol", None, "").1["data"]["carol"]["last_seen"].is_string());
    let (status, page) = node.get("/");
    assert!(status == 200 && page.contains("<main"), "{page}");
    let (_, metrics) = node.get("/metrics");
    assert!(
        metrics.contains("headwater_http_requests_total ")
            && metrics.contains("headwater_http_refused_total{reason=\"rate\"} 0")
    );
    assert_eq!(node.get("/health/readiness"), (200, "ready\n".to_owned()));
    // Leased sessions live on over a restart of the node.
    assert_eq!(node.end(), 0);
    let again = self::node(&dir, CONFIG);
    assert_eq!(ask(&again, "GET", "/api/v2/presence/alice", None, "").1["data"]["alice"]["status"], "busy");
    assert_eq!(again.end(), 0);
}

#[test]
fn tokens_that_are_not_good_change_nothing() {
    let dir = Dir::new("http-tokens");
    let node = node(&dir, &CONFIG.replace("issuer =", "audience = \"here\"\nissuer ="));
    let good = ["--subject", "alice", "--issuer", "me", "--audience", "here"];
    let with = |more: &[&str]| token(&[&good[..], more].concat());
    let other_key = {
        let mut command = headwater(&[&["token", "--secret-env", "OTHER"], &good[..]].concat());
        finish(start(command.env("OTHER", "another secret")), b"").stdout.trim().to_owned()
    };
    // eyJhbGciOiJub25lIn0 is {"alg":"none"}.
    let claims = with(&[]).split('.').nth(1).expect("claims").to_owned();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
    let body = r#"{"status":"busy"}"#;
    for (what, token, status) in [
        ("no token", None, 401),
        ("another issuer", Some(token(&["--subject", "alice", "--issuer", "you", "--audience", "here"])), 401),
        ("no issuer", Some(token(&["--subject", "alice", "--audience", "here"])), 401),
        ("another audience", Some(token(&["--subject", "alice", "--issuer", "me", "--audience", "there"])), 401),
        ("no audience", Some(of("alice")), 401),
        ("another key", Some(other_key), 401),
        ("no signature", Some(unsigned), 401),
        ("nonsense", Some("nonsense".to_owned()), 401),
        ("another user", Some(token(&["--subject", "bob", "--issuer", "me", "--audience", "here"])), 403),
        (
            "another scope",
            Some(token(&["--subject", "bob", "--issuer", "me", "--audience", "here", "--scope", "x"])),
            403,
        ),
    ] {
        let (got, told) = ask(&node, "PUT", "/api/v2/presence/alice", token.as_deref(), body);
        assert_eq!((got, &told["success"]), (status, &json!(false)), "{what}: {told}");
        assert!(told["error"].as_str().is_some_and(|error| error.len() > 10), "{what}: {told}");
    }
    assert_eq!(ask(&node, "GET", "/api/v2/presence/alice", None, "").1["data"]["alice"]["status"], "offline");
    for (what, token) in [
        ("the user", with(&[])),
        (
            "an administrator",
            token(&["--subject", "x", "--issuer", "me", "--audience", "here", "--scope", "a presence:admin"]),
        ),
    ] {
        assert_eq!(ask(&node, "PUT", "/api/v2/presence/alice", Some(&token), body).0, 200, "{what}");
    }
    let missing = finish(start(&mut headwater(&["token", "--secret-env", "NOT_THERE", "--subject", "x"])), b"");
    assert!(missing.code == 2 && missing.stderr.contains("NOT_THERE"), "{missing:?}");
}

#[test]
fn names_of_any_kind_come_back_as_they_were_or_are_refused() {
    let dir = Dir::new("http-names");
    let node = node(&dir, CONFIG);
    let admin = token(&["--subject", "x", "--issuer", "me", "--scope", "presence:admin"]);
    for name in ["*", ">", ".", "a b", "😀", "a/b", "$HW.x.>", "a?b#c%2F"] {
        let path = format!("/api/v2/presence/{}", escaped(name));
        let (status, put) =
            ask(&node, "PUT", &path, Some(&admin), &json!({"status": "busy", "message": name}).to_string());
        assert_eq!((status, &put["data"][name]["message"]), (200, &json!(name)), "{name}: {put}");
        assert_eq!(ask(&node, "GET", &path, None, "").1["data"][name]["user_id"], name);
    }
    assert_eq!(ask(&node, "GET", "/api/v2/presence/someone", None, "").1["data"]["someone"]["status"], "offline");
    let long = json!({"user_ids": ["x".repeat(64 << 10)]}).to_string();
    let (status, told) = ask(&node, "POST", "/api/v2/presence/batch", None, &long);
    assert!(
        status == 400 && told["error"].as_str().is_some_and(|error| error.contains("128 bytes")),
        "{status} {told}"
    );
    let (status, told) =
        ask(&node, "PUT", &format!("/api/v2/presence/{}", "x".repeat(200)), Some(&admin), "{\"status\":\"busy\"}");
    assert!(
        status == 400 && told["error"].as_str().is_some_and(|error| error.contains("128 bytes")),
        "{status} {told}"
    );
    let (status, _) = ask(&node, "PUT", "/api/v2/presence/a", Some(&admin), &"x".repeat(70_000));
    assert_eq!(status, 413);
}

#[test]
fn the_shell_works_on_a_node_as_on_a_directory() {
    let dir = Dir::new("http-shell");
    let node = node(&dir, CONFIG);
    let server = format!("http://{}/", node.http);
    let at = |args: &[&str], token: Option<&str>| {
        run(&[&["presence"], args, &["--server", &server, "--json"]].concat(), token)
    };
    let ok = |args: &[&str], token: Option<&str>| {
        let ran = at(args, token);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        objects(&ran.stdout).pop().expect("an object")
    };
    let (alice, admin) = (of("alice"), token(&["--subject", "x", "--issuer", "me", "--scope", "presence:admin"]));
    let mut watch = start(&mut headwater(&["presence", "watch", "--server", &server, "--json"]));
    let mut lines = BufReader::new(watch.stdout.take().expect("it is piped")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("it goes on").expect("it can be read");
        serde_json::from_str(&line).expect("it is JSON")
    };
    assert_eq!(next()["type"], "snapshot");
    let set = ok(
        &["set", "alice", "busy", "--message", "in a call", "--ttl", "60", "--meta", "{\"a\":1}", "--space", "default"],
        Some(&alice),
    );
    assert_eq!(
        (&set["status"], &set["ttl"], &set["sessions"][0]["metadata"]),
        (&json!("busy"), &json!(60), &json!({"a": 1}))
    );
    let joined = next();
    assert_eq!((&joined["type"], &joined["user"]["user_id"]), (&json!("joined"), &json!("alice")));
    let both = ok(&["get", "nobody", "alice"], None);
    assert_eq!((&both["users"][0]["user_id"], &both["users"][1]["status"]), (&json!("nobody"), &json!("busy")));
    assert_eq!(ok(&["ls"], None)["users"].as_array().map(Vec::len), Some(1));
    assert_eq!(ok(&["count"], None)["busy"], 1);
    assert_eq!(ok(&["status"], None)["answered"], 1);
    let text = run(&["presence", "get", "alice", "--server", &server], None);
    assert_eq!(text.stdout, "default/alice is busy (in a call)\n");
    assert_eq!(at(&["set", "alice", "away"], None).code, 2, "it needs a token");
    let refused = at(&["leave", "alice"], Some(&of("bob")));
    assert!(refused.code == 2 && refused.stderr.contains("not this user"), "{refused:?}");
    assert_eq!(at(&["purge", "--node", "nowhere"], Some(&admin)).code, 3);
    assert_eq!(ok(&["leave", "alice"], Some(&alice))["status"], "offline");
    assert_eq!(next()["type"], "left");
    ok(&["set", "alice", "busy"], Some(&alice));
    assert_eq!(ok(&["purge", "--user", "alice"], Some(&admin))["ended"], 1);
    for (args, said) in [
        (&["get", "x", "--server", "127.0.0.1:1"][..], "http://"),
        (&["get", "x", "--server", "http://x", "--dir", "y"], "one place"),
        (&["get", "x", "--server", "http://x", "--store", "y"], "--store"),
        (&["get", "x", "--token", "y", "--dir", "z"], "--server"),
    ] {
        let ran = run(&[&["presence"], args].concat(), None);
        assert!(ran.code == 2 && ran.stderr.contains(said), "{args:?}: {ran:?}");
    }
    assert_eq!(run(&["presence", "get", "x", "--server", "http://127.0.0.1:1"], None).code, 1);
    assert_eq!(node.end(), 0);
    assert!(watch.wait().expect("it ends").success(), "a watch ends with its node");
}

#[test]
fn a_configuration_that_changes_changes_the_keys() {
    let dir = Dir::new("http-reload");
    let node = node(&dir, CONFIG);
    let body = r#"{"status":"busy"}"#;
    let put = || ask(&node, "PUT", "/api/v2/presence/alice", Some(&of("alice")), body).0;
    assert_eq!(put(), 200);
    std::fs::write(dir.file("p.toml"), CONFIG.replace("${JWT_SECRET}", "another secret")).expect("a file");
    node.signal("-HUP");
    until("the other key counts", || put() == 401);
    std::fs::write(
        dir.file("p.toml"),
        CONFIG.replace("${JWT_SECRET}", SECRET).replace("issuer", "reads = \"token\"\nissuer"),
    )
    .expect("a file");
    node.signal("-HUP");
    until("the first one counts again", || put() == 200);
    assert_eq!(ask(&node, "GET", "/api/v2/presence/alice", None, "").0, 401, "and reads need a token");
    assert_eq!(node.end(), 0);
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let dir = Dir::new("http-variable");
    std::fs::write(dir.file("p.toml"), CONFIG).expect("a file");
    let file = dir.file("p.toml").display().to_string();
    let mut command = headwater(&["serve", "--config", &file]);
    let ran = finish(start(command.env_remove("JWT_SECRET")), b"");
    assert!(ran.code == 2 && ran.stderr.contains("JWT_SECRET"), "{ran:?}");
    for (from, to, said) in [
        ("issuer = \"me\"", "reads = \"nobody\"", "reads"),
        ("jwt_secret = \"${JWT_SECRET}\"", "", "it needs a key"),
        ("bind = \"127.0.0.1:0\"", "cert = \"x.pem\"", "go together"),
        ("bind = \"127.0.0.1:0\"", "cors_origins = [\"example.org\"]", "no origin"),
        ("bind = \"127.0.0.1:0\"", "connections_max = 0", "connections_max"),
    ] {
        std::fs::write(&file, CONFIG.replace(from, to)).expect("a file");
        let mut command = headwater(&["serve", "--config", &file]);
        let ran = finish(start(command.env("JWT_SECRET", SECRET)), b"");
        assert!(ran.code == 2 && ran.stderr.contains(said), "{to}: {ran:?}");
    }
}

#[test]
fn rates_are_held_to_and_tls_is_spoken() {
    let dir = Dir::new("http-tls");
    make_certs(&dir, "certs", &["a"]);
    let more = "rate = 1\nburst = 4\ncert = \"certs/a.pem\"\nkey = \"certs/a.key\"\n[auth]";
    let node = node(&dir, &CONFIG.replace("[auth]", more));
    let server = node.http.clone();
    assert!(server.starts_with("https://"), "{server}");
    let ca = dir.file("certs").join("ca.pem").display().to_string();
    let get = || run(&["presence", "get", "alice", "--server", &server, "--ca", &ca], None);
    let first = get();
    assert_eq!((first.code, first.stdout.as_str()), (0, "default/alice is offline, last seen never\n"), "{first:?}");
    let untrusted = run(&["presence", "get", "alice", "--server", &server], None);
    assert_eq!(untrusted.code, 1, "{untrusted:?}");
    let refused = (0..20).map(|_| get()).find(|ran| ran.code != 0).expect("it is too often");
    assert!(refused.stderr.contains("too many requests"), "{refused:?}");
    let mut plain = TcpStream::connect(server.trim_start_matches("https://")).expect("it listens");
    plain.set_read_timeout(Some(Duration::from_secs(20))).expect("a bound");
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is sent");
    let mut told = Vec::new();
    let _ = plain.read_to_end(&mut told);
    assert!(!told.starts_with(b"HTTP/"), "nothing is said in the clear");
    assert_eq!(node.end(), 0);
}
