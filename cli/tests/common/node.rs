//! Nodes and hubs as tests of the command line run them: real processes that end with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Dir, headwater, objects};

const PATIENCE: Duration = Duration::from_secs(30);

/// A node that ends with the test.
pub(crate) struct Node {
    pub(crate) process: Child,
    pub(crate) http: String,
    /// Where it answers over gRPC; empty when it does not.
    pub(crate) grpc: String,
    /// Where it says that it is in its mesh; empty when it is in none.
    pub(crate) mesh: String,
}

impl Node {
    pub(crate) fn start(dir: &Dir, args: &[&str]) -> Self {
        let mut command = headwater(&[&["serve", "--json"], args].concat());
        command.current_dir(dir.file("")).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let started = objects(&line).pop().expect("it says where it is");
        let http = started["http"].as_str().expect("an address").trim_start_matches("http://").to_owned();
        let grpc = started["grpc"].as_str().unwrap_or_default().to_owned();
        let mesh = started["mesh"].as_str().unwrap_or_default().to_owned();
        Node { process, http, grpc, mesh }
    }

    /// Status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
    }

    pub(crate) fn ask(&self, request: &[u8]) -> (u16, String) {
        let mut socket = TcpStream::connect(&self.http).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a bound");
        let _ = socket.write_all(request);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        (status, body.to_owned())
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(name).arg(self.process.id().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    pub(crate) fn end(mut self) -> i32 {
        self.signal("-TERM");
        self.process.wait().expect("it ends").code().unwrap_or(-1)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server that ends with the test, at a port that was free when it was made.
pub(crate) struct Hub {
    server: Option<Child>,
    port: u16,
    dir: Dir,
}

impl Hub {
    pub(crate) fn later() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
        Hub { server: None, port, dir: Dir::new("hub") }
    }

    pub(crate) fn start(&mut self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_owned);
        let program = root.join(".tools/nats/2.15.1/nats-server");
        assert!(program.exists(), "{} is missing: `cargo xtask tools` fetches it", program.display());
        let mut command = Command::new(program);
        command.args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"]).arg(self.dir.path());
        self.server = Some(command.stderr(Stdio::null()).spawn().expect("the server starts"));
        until("the server listens", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("it is killed");
            server.wait().expect("it ends");
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Waits until it holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What was appended, without what links keep on the hub.
pub(crate) fn payloads(text: &str) -> Vec<Value> {
    let records = objects(text).into_iter();
    let ours = records.filter(|r| !r["subject"].as_str().is_some_and(|s| s.starts_with("$HW")));
    ours.map(|r| r["payload"].clone()).collect()
}
