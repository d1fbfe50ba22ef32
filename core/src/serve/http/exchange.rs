//! One request and its answer, with bounds on both.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::{health, prometheus};
use crate::engine::Engine;
use crate::pending::Deadline;

/// How long a request may take to come, and its answer to go.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of a request's line and headers.
const REQUEST_BYTES_MAX: usize = 8 << 10;
/// What of a request that was not read is let pass, so that its sender reads the answer.
const REST_BYTES_MAX: usize = 64 << 10;
const REST_PATIENCE: Duration = Duration::from_millis(500);
/// What metrics are, in Prometheus's terms.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// A status line, the kind of the body, and the body.
struct Answer(&'static str, &'static str, String);

/// Reads a request and answers it. Whoever is too slow, or gone, is no business of the node.
pub(super) fn serve(socket: &TcpStream, engine: &Engine) {
    let (answer, wants_body) = match read(socket, Deadline::after(Some(PATIENCE))) {
        Ok(head) => respond(&head, engine),
        Err(None) => return,
        Err(Some(refused)) => (refused, true),
    };
    let _ = write(socket, &answer, wants_body);
}

/// The head of a request; an answer for one that is too large or too slow, nothing for one that broke off.
fn read(mut socket: &TcpStream, deadline: Deadline) -> Result<Vec<u8>, Option<Answer>> {
    let (mut head, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        let late = || Some(plain("408 Request Timeout", "the request took more than 5 s to come"));
        let left = deadline.left().filter(|left| !left.is_zero()).ok_or_else(late)?;
        socket.set_read_timeout(Some(left)).map_err(|_| None)?;
        match socket.read(&mut chunk) {
            Ok(0) => return Err(None),
            Ok(count) => head.extend_from_slice(&chunk[..count]),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return Err(late()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(None),
        }
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n").filter(|end| *end < REQUEST_BYTES_MAX) {
            head.truncate(end);
            return Ok(head);
        }
        if head.len() >= REQUEST_BYTES_MAX {
            let what = format!("a request has {REQUEST_BYTES_MAX} bytes at the most");
            return Err(Some(plain("431 Request Header Fields Too Large", &what)));
        }
    }
}

fn plain(status: &'static str, text: &str) -> Answer {
    Answer(status, TEXT, format!("{text}\n"))
}

/// The answer, and whether its body is wanted.
fn respond(head: &[u8], engine: &Engine) -> (Answer, bool) {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).unwrap_or_default();
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return (plain("400 Bad Request", "this is no HTTP request"), true);
    };
    if !version.starts_with("HTTP/1.") {
        return (plain("400 Bad Request", "HTTP/1.1 is spoken here"), true);
    }
    if !matches!(method, "GET" | "HEAD") {
        return (plain("405 Method Not Allowed", "GET and HEAD are answered here"), true);
    }
    let path = target.split('?').next().unwrap_or_default();
    let answer = match path {
        "/health/liveness" => plain("200 OK", "alive"),
        "/health/readiness" => match health::reasons(engine).as_slice() {
            [] => plain("200 OK", "ready"),
            reasons => plain("503 Service Unavailable", &reasons.join("\n")),
        },
        "/metrics" => match engine.metrics() {
            Ok(metrics) => Answer("200 OK", PROMETHEUS, prometheus::text(&metrics)),
            Err(error) => Answer("503 Service Unavailable", TEXT, format!("{error}\n")),
        },
        _ => plain("404 Not Found", "there is /health/liveness, /health/readiness and /metrics"),
    };
    (answer, method == "GET")
}

fn write(mut socket: &TcpStream, Answer(status, kind, body): &Answer, wants_body: bool) -> io::Result<()> {
    socket.set_write_timeout(Some(PATIENCE))?;
    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    let mut out = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{allow}Cache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    if wants_body {
        out.push_str(body);
    }
    socket.write_all(out.as_bytes())?;
    socket.shutdown(Shutdown::Write)?;
    // A close with something unread would take the answer away from its reader.
    let deadline = Deadline::after(Some(REST_PATIENCE));
    let (mut rest, mut chunk) = (0, [0; 1024]);
    while let Some(left) = deadline.left().filter(|left| rest < REST_BYTES_MAX && !left.is_zero()) {
        socket.set_read_timeout(Some(left))?;
        match socket.read(&mut chunk)? {
            0 => break,
            count => rest += count,
        }
    }
    Ok(())
}
