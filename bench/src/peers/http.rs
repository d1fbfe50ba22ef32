//! HTTP/1.1 on 127.0.0.1: a client that keeps its connections and costs little, as it shares the cores with the server
//! that is measured; and axum, which answers with a constant.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::Outcome;
use crate::context::rate;

/// Threads of a client, and of a server.
pub(crate) const THREADS: usize = 2;
/// Connections of a thread, each with a request on its way.
const CONNECTIONS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(30);
/// The most bytes of the head of an answer.
const HEAD_BYTES_MAX: usize = 4 << 10;

/// A connection.
pub(crate) struct Caller {
    stream: TcpStream,
    /// What came of the answers, and how much of it was given out.
    came: Vec<u8>,
    given: usize,
}

impl Caller {
    pub(crate) fn connect(address: SocketAddr) -> Outcome<Caller> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Caller { stream, came: Vec::new(), given: 0 })
    }

    pub(crate) fn send(&mut self, request: &[u8]) -> Outcome<()> {
        Ok(self.stream.write_all(request)?)
    }

    /// The body of the next answer, whose status is 200.
    pub(crate) fn receive(&mut self) -> Outcome<&[u8]> {
        self.came.drain(..std::mem::take(&mut self.given));
        let (begin, len) = loop {
            if let Some(head) = head_of(&self.came)? {
                break head;
            }
            self.read()?;
        };
        while self.came.len() < begin + len {
            self.read()?;
        }
        self.given = begin + len;
        Ok(&self.came[begin..self.given])
    }

    pub(crate) fn ask(&mut self, request: &[u8]) -> Outcome<&[u8]> {
        self.send(request)?;
        self.receive()
    }

    fn read(&mut self) -> Outcome<()> {
        let len = self.came.len();
        self.came.resize(len + (16 << 10), 0);
        let more = self.stream.read(&mut self.came[len..])?;
        self.came.truncate(len + more);
        if more == 0 { Err("the server hung up".into()) } else { Ok(()) }
    }
}

/// Where the body of an answer begins, and how long it is; nothing while its head is not there.
fn head_of(came: &[u8]) -> Outcome<Option<(usize, usize)>> {
    let Some(end) = came.windows(4).take(HEAD_BYTES_MAX).position(|four| four == b"\r\n\r\n") else {
        return if came.len() > HEAD_BYTES_MAX { Err("an answer without an end of its head".into()) } else { Ok(None) };
    };
    let head = std::str::from_utf8(&came[..end])?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(String::from_utf8_lossy(came).into());
    }
    let len =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).ok_or("an answer without a length")?;
    Ok(Some((end + 4, len.parse()?)))
}

/// A request for what is at a path.
pub(crate) fn get_of(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

/// A request with a JSON body, and with a token where there is one.
pub(crate) fn request_of(method: &str, path: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{token}content-length: {}\r\n\r\n", body.len());
    (head + body).into_bytes()
}

/// Sends `count` requests over connections that each wait for their answer, and has all bodies checked; how many a
/// second. `request` is told the number of one.
pub(crate) fn load(
    address: SocketAddr,
    count: u64,
    request: &(impl Fn(u64) -> Vec<u8> + Sync),
    is_right: &(impl Fn(u64, &[u8]) -> bool + Sync),
) -> Outcome<f64> {
    let each = count / THREADS as u64;
    let work = |thread: u64| -> Outcome<()> {
        let mut callers = (0..CONNECTIONS).map(|_| Caller::connect(address)).collect::<Outcome<Vec<_>>>()?;
        let numbers = (thread * each..(thread + 1) * each).collect::<Vec<_>>();
        for some in numbers.chunks(CONNECTIONS) {
            for (number, caller) in some.iter().zip(&mut callers) {
                caller.send(&request(*number))?;
            }
            for (number, caller) in some.iter().zip(&mut callers) {
                let body = caller.receive()?;
                if !is_right(*number, body) {
                    return Err(format!("answer {number}: {}", String::from_utf8_lossy(body)).into());
                }
            }
        }
        Ok(())
    };
    rate(each * THREADS as u64, || {
        thread::scope(|scope| {
            let threads = (0..THREADS as u64).map(|thread| {
                // An error of a thread goes through as text.
                scope.spawn(move || work(thread).map_err(|error| error.to_string()))
            });
            let threads: Vec<_> = threads.collect();
            for thread in threads {
                thread.join().map_err(|_| "a client panicked")??;
            }
            Ok(())
        })
    })
}

/// axum, which answers every request for a user with the same.
pub(crate) struct Constant {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Constant {
    pub(crate) fn start(body: String) -> Outcome<Constant> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let answer = move || {
            let body = body.clone();
            async move { ([(header::CONTENT_TYPE, "application/json")], body) }
        };
        let router = Router::new().route("/api/v2/presence/{user_id}", get(answer));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Constant { address, runtime: Some(runtime) })
    }
}

impl Drop for Constant {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}
