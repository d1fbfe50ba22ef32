//! The door over real sockets: following, bounds on connections, TLS, and its end.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may look at the clock and start threads")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use jsonwebtoken::{EncodingKey, Header, get_current_timestamp};
use serde_json::json;

use super::*;
use crate::presence::{Presence, SessionSet, Status};
use crate::serve::http::HttpServer;
use crate::tls::testing::Certs;

const PATIENCE: Duration = Duration::from_secs(20);

struct Open {
    engine: Engine,
    server: HttpServer,
    presence: Presence,
}

fn open(change: impl FnOnce(&mut Config)) -> Open {
    let engine = Engine::memory().expect("an engine");
    let mut config = config();
    change(&mut config);
    let presence = engine.presence(PresenceConfig::default()).expect("a store");
    let server = HttpServer::start(&engine, &config).expect("it listens");
    Open { engine, server, presence }
}

impl Open {
    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.server.address()).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a bound");
        socket
    }

    /// Sends a request and gives what comes back, to its end.
    fn ask(&self, request: &str) -> String {
        let mut socket = self.connect();
        socket.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        let _ = socket.read_to_string(&mut answer);
        answer
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    }

    fn set(&self, user: &str, status: Status) {
        let set = SessionSet { status, ..SessionSet::default() };
        self.presence.set("default", user, set).wait().expect("it is set");
    }

    fn metric(&self, name: &str, reason: &str) -> u64 {
        let metrics = self.engine.metrics().expect("metrics");
        let of =
            metrics.iter().filter(|m| m.name == name && (reason.is_empty() || m.labels.iter().any(|l| l.1 == reason)));
        of.map(|m| m.value as u64).sum()
    }
}

/// Waits until it holds.
fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Server-sent events, one at a time.
struct Events(BufReader<TcpStream>);

impl Events {
    fn begin(open: &Open, path: &str, more: &str) -> Events {
        let mut socket = open.connect();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n").expect("it is sent");
        let mut events = Events(BufReader::new(socket));
        assert!(events.line().starts_with("HTTP/1.1 200"));
        let mut is_stream = false;
        loop {
            match events.line() {
                line if line.is_empty() => break,
                line => is_stream |= line.eq_ignore_ascii_case("content-type: text/event-stream"),
            }
        }
        assert!(is_stream);
        events
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("it goes on");
        line.trim_end().to_owned()
    }

    /// The name, the position and what is told; `None` at the end.
    fn next(&mut self) -> Option<(String, String, Value)> {
        let (mut event, mut id) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).expect("it goes on") == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("event", name)) => event = name.to_owned(),
                Some(("id", position)) => id = position.to_owned(),
                Some(("data", data)) => return Some((event, id, serde_json::from_str(data).expect("JSON"))),
                _ => {}
            }
        }
    }
}

/// A WebSocket as a client has it (RFC 6455).
struct Web(TcpStream);

impl Web {
    fn begin(open: &Open, path: &str, more: &str) -> Result<Web, String> {
        let mut socket = open.connect();
        let head = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
        write!(socket, "GET {path} HTTP/1.1\r\nHost: x\r\n{head}{more}\r\n").expect("it is sent");
        let mut told = Vec::new();
        while !told.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).expect("an answer");
            told.push(byte[0]);
        }
        let told = String::from_utf8(told).expect("text");
        if told.starts_with("HTTP/1.1 101") { Ok(Web(socket)) } else { Err(told) }
    }

    /// The kind of a frame and what is in it.
    fn next(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).expect("a frame");
        let mut len = u64::from(head[1] & 0x7f);
        if len >= 126 {
            let mut bytes = [0; 8];
            let from = if len == 126 { 6 } else { 0 };
            self.0.read_exact(&mut bytes[from..]).expect("its length");
            len = u64::from_be_bytes(bytes);
        }
        let mut payload = vec![0; len as usize];
        self.0.read_exact(&mut payload).expect("what is in it");
        (head[0] & 0xf, payload)
    }

    /// The next text, as JSON.
    fn event(&mut self) -> Value {
        loop {
            if let (1, text) = self.next() {
                return serde_json::from_slice(&text).expect("JSON");
            }
        }
    }
}

#[test]
fn events_come_as_things_happen_and_go_on_behind_the_last() {
    let open = open(|_| {});
    open.set("alice", Status::Busy);
    let mut events = Events::begin(&open, "/api/v2/spaces/default/watch", "");
    let (kind, _, snapshot) = events.next().expect("an event");
    assert_eq!((kind.as_str(), &snapshot["users"][0]["user_id"]), ("snapshot", &json!("alice")));
    open.set("bob", Status::Away);
    let (kind, id, joined) = events.next().expect("an event");
    assert_eq!(
        (kind.as_str(), &joined["user"]["user_id"], &joined["type"]),
        ("joined", &json!("bob"), &json!("joined"))
    );
    assert_eq!(id, joined["position"].to_string());
    drop(events);
    open.set("bob", Status::Busy);
    let mut events = Events::begin(&open, "/api/v2/spaces/default/watch", &format!("Last-Event-ID: {id}\r\n"));
    let (kind, _, updated) = events.next().expect("an event");
    assert_eq!(
        (kind.as_str(), &updated["user"]["status"]),
        ("updated", &json!("busy")),
        "what was missed, and no more"
    );
    let mut of_carol = Events::begin(&open, "/api/v2/spaces/default/watch?users=carol", "");
    assert_eq!(of_carol.next().expect("an event").2["users"][0]["status"], "offline");
    open.set("bob", Status::Online);
    open.set("carol", Status::Online);
    assert_eq!(of_carol.next().expect("an event").2["user"]["user_id"], "carol");
    drop(events);
    until("one follows", || open.metric("headwater_http_watchers", "") == 1);
    open.server.stop();
    assert!(of_carol.next().is_none(), "who follows is told the end");
}

#[test]
fn a_websocket_is_told_the_same() {
    let open = open(|_| {});
    let mut web = Web::begin(&open, "/api/v2/spaces/default/watch", "").expect("it is one");
    assert_eq!(web.event()["type"], "snapshot");
    open.set("alice", Status::Busy);
    let joined = web.event();
    assert_eq!((&joined["type"], &joined["user"]["user_id"]), (&json!("joined"), &json!("alice")));
    // Pages of other origins may not, whoever the browser says that it is.
    let refused = Web::begin(&open, "/api/v2/spaces/default/watch", "Origin: https://evil.example\r\n")
        .err()
        .expect("it is refused");
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    assert!(Web::begin(&open, "/api/v2/spaces/default/watch", "Origin: http://x\r\n").is_ok(), "its own page");
    open.server.stop();
    loop {
        match web.next() {
            (8, frame) => {
                assert_eq!(frame.get(..2), Some(&1001_u16.to_be_bytes()[..]));
                break;
            }
            (kind, _) => assert_eq!(kind, 9, "a ping"),
        }
    }
}

#[test]
fn who_follows_by_a_token_does_so_while_it_is_good() {
    let open = open(|config| config.auth.as_mut().expect("it is set").reads = crate::config::Reads::Token);
    let refused = open.get("/api/v2/spaces/default/watch");
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    let path = format!("/api/v2/spaces/default/watch?access_token={}", token("alice", None));
    assert_eq!(Events::begin(&open, &path, "").next().expect("an event").0, "snapshot");
    // One that is good for two seconds more, the leeway of half a minute counted in.
    let claims = json!({"sub": "alice", "iss": "me", "exp": get_current_timestamp() - 28});
    let key = EncodingKey::from_secret(super::SECRET.as_bytes());
    let ending = jsonwebtoken::encode(&Header::default(), &claims, &key).expect("it is signed");
    let path = format!("/api/v2/spaces/default/watch?access_token={ending}");
    let begun = Instant::now();
    let mut events = Events::begin(&open, &path, "Connection: close\r\n");
    while events.next().is_some() {}
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    until("it is refused", || open.get(&path).starts_with("HTTP/1.1 401"));
}

#[test]
fn who_does_not_read_holds_up_nobody() {
    let open = open(|_| {});
    let slow = Events::begin(&open, "/api/v2/spaces/default/watch", "");
    let message = "x".repeat(1_000);
    for round in 0..4_000 {
        let set = SessionSet { message: Some(format!("{round} {message}")), ..SessionSet::default() };
        open.presence.set("default", "alice", set).wait().expect("it is set");
    }
    let told = open.get("/api/v2/presence/alice");
    assert!(told.contains("3999 xxx"), "{told}");
    let mut quick = Events::begin(&open, "/api/v2/spaces/default/watch", "");
    assert_eq!(quick.next().expect("an event").0, "snapshot");
    // When it reads at last, what it is told ends with how things are.
    let mut slow = slow;
    open.set("end", Status::Busy);
    let mut told = 0;
    while let Some((_, _, event)) = slow.next() {
        told += 1;
        let users = event["users"].as_array().cloned().unwrap_or_default();
        if event["user"]["user_id"] == "end" || users.iter().any(|user| user["user_id"] == "end") {
            break;
        }
    }
    assert!(told < 4_000, "it was told anew, and not all: {told}");
}

#[test]
fn connections_and_those_who_follow_have_bounds() {
    let open = open(|config| (config.http.connections_max, config.http.watchers_max) = (3, 1));
    let first = Events::begin(&open, "/api/v2/spaces/default/watch", "");
    let told = open.get("/api/v2/spaces/default/watch");
    assert!(told.starts_with("HTTP/1.1 503") && told.to_lowercase().contains("retry-after"), "{told}");
    until("its place is free", || open.metric("headwater_http_connections", "") == 1);
    let idle = [open.connect(), open.connect()];
    until("they have places", || open.metric("headwater_http_connections", "") == 3);
    assert_eq!(open.get("/health/liveness"), "", "it is closed at once");
    until("it is counted", || open.metric("headwater_http_refused_total", "too_many") == 1);
    assert_eq!(open.metric("headwater_http_refused_total", "watchers"), 1);
    drop(first);
    drop(idle);
    until("there is room", || open.get("/health/liveness").starts_with("HTTP/1.1 200"));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(64 << 10));
    let told = open.ask(&long);
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 4"), "{told}");
    assert!(open.ask("nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
}

#[test]
fn it_ends_although_connections_say_nothing() {
    let open = open(|_| {});
    let idle: Vec<TcpStream> = (0..8).map(|_| open.connect()).collect();
    let mut kept = open.connect();
    kept.write_all(b"GET /health/liveness HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is sent");
    let mut some = [0; 64];
    assert!(kept.read(&mut some).expect("an answer") > 0);
    until("all have places", || open.metric("headwater_http_connections", "") == 9);
    let begun = Instant::now();
    open.server.stop();
    assert!(begun.elapsed() < Duration::from_secs(4), "it took {:?}", begun.elapsed());
    drop(idle);
    assert!(TcpStream::connect(open.server.address()).is_err());
}

#[test]
fn it_speaks_tls_by_files_that_may_be_replaced() {
    let certs = Certs::new();
    certs.issue("a", 50_000);
    let files = (certs.file("a.pem"), certs.file("a.key"));
    let open = open(|config| config.http.certificate = Some(files));
    assert!(open.server.url().starts_with("https://127.0.0.1:"));
    let serial = || {
        let mut roots = rustls::RootCertStore::empty();
        let ca = std::fs::read(certs.file("ca.pem")).expect("a file");
        crate::tls::certificates(&certs.file("ca.pem"), &ca)
            .expect("a CA")
            .into_iter()
            .for_each(|it| roots.add(it).expect("a root"));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client =
            rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]);
        let client = client.expect("TLS 1.3").with_root_certificates(roots).with_no_client_auth();
        let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
        let mut session = rustls::ClientConnection::new(Arc::new(client), name).expect("a session");
        let mut socket = open.connect();
        let mut stream = rustls::Stream::new(&mut session, &mut socket);
        stream
            .write_all(b"GET /health/liveness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("it is sent");
        let mut told = String::new();
        let _ = stream.read_to_string(&mut told);
        assert!(told.ends_with("alive\n"), "{told}");
        session.peer_certificates().expect("it shows one")[0].to_vec()
    };
    let first = serial();
    assert!(!open.get("/health/liveness").contains("HTTP"), "it speaks nothing else");
    until("it is counted", || open.metric("headwater_http_refused_total", "not_tls") == 1);
    certs.issue("a", 60_000);
    until("the other one is shown", || serial() != first);
    let missing = Config {
        http: crate::config::HttpConfig { certificate: Some(("x".into(), "y".into())), ..Default::default() },
        ..Config::default()
    };
    let engine = Engine::memory().expect("an engine");
    assert!(HttpServer::start(&engine, &missing).expect_err("it is refused").message().contains("[http]"));
}
