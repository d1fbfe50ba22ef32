//! A proxy between a client and a hub that cuts, delays, closes one half, delivers late what a client sent before it
//! was cut off, delivers a second time what it sent, and loses what comes behind a word of the client's.
#![allow(dead_code, reason = "each test file takes what it needs")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, and holds things up by the clock"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What is lost when a client says a word: what it says from there on, or what it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    Words,
    Answers,
}

/// Every byte goes through it, as it is told.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    inside: Arc<Inside>,
}

#[derive(Default)]
struct Inside {
    refusing: AtomicBool,
    delay_ms: AtomicU64,
    /// How much later all comes.
    far_ms: AtomicU64,
    /// How much later a connection's second one says the same; 0 when it has none.
    twin_ms: AtomicU64,
    /// Takes the conditions from what clients publish.
    unfenced: AtomicBool,
    /// What is to be lost, and at which word.
    trap: Mutex<Option<(Lost, &'static str)>>,
    losing: Mutex<Option<Lost>>,
    /// Clients, each with its server.
    open: Mutex<Vec<(TcpStream, TcpStream)>>,
}

impl Proxy {
    /// To the first of these servers that takes a connection.
    pub(crate) fn to(ports: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let inside = Arc::new(Inside::default());
        let (shared, ports) = (Arc::clone(&inside), ports.to_vec());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let reach = |port: &u16| TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], *port))).ok();
                let server = if shared.refusing.load(Ordering::SeqCst) { None } else { ports.iter().find_map(reach) };
                let Some(server) = server else { continue };
                let twin_ms = shared.twin_ms.load(Ordering::SeqCst);
                let second = if twin_ms > 0 { ports.iter().find_map(reach) } else { None };
                let mut twin = second.map(|second| (begin_twin(second), Duration::from_millis(twin_ms)));
                for (says, from, to) in [(Lost::Words, &client, &server), (Lost::Answers, &server, &client)] {
                    let (from, to, inside) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&shared));
                    let twin = twin.take();
                    std::thread::spawn(move || carry(says, from, &say(to), twin, &inside));
                }
                shared.open.lock().unwrap().push((client, server));
            }
        });
        Proxy { port: own, inside }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Cuts all connections, and takes no new ones until it is told to.
    pub(crate) fn cut(&self) {
        self.inside.refusing.store(true, Ordering::SeqCst);
        self.drop_all(Shutdown::Both);
    }

    pub(crate) fn heal(&self) {
        self.inside.refusing.store(false, Ordering::SeqCst);
    }

    /// Cuts all connections; new ones are taken.
    pub(crate) fn drop_all(&self, how: Shutdown) {
        for (client, server) in self.inside.open.lock().unwrap().drain(..) {
            let _ = client.shutdown(how);
            let _ = server.shutdown(how);
        }
    }

    /// Cuts off the clients alone: what they sent and is held up reaches the server when its time has come, beside the
    /// connections that were made since.
    pub(crate) fn strand(&self) {
        for (client, _) in self.inside.open.lock().unwrap().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// Connections that are made from now on get a second one to the server, which says so much later all that the
    /// client said, and whose answers nobody hears; 0 for none.
    pub(crate) fn double(&self, ms: u64) {
        self.inside.twin_ms.store(ms, Ordering::SeqCst);
    }

    /// From when a client says this word, that is lost, until [`Proxy::find`].
    pub(crate) fn lose(&self, what: Lost, at: &'static str) {
        *self.inside.trap.lock().unwrap() = Some((what, at));
    }

    /// Whether something is lost since.
    pub(crate) fn is_losing(&self) -> bool {
        self.inside.losing.lock().unwrap().is_some()
    }

    /// Cuts all connections; on new ones nothing is lost.
    pub(crate) fn find(&self) {
        self.cut();
        *self.inside.trap.lock().unwrap() = None;
        *self.inside.losing.lock().unwrap() = None;
        self.heal();
    }

    /// A planted fault: the server hears no condition any more.
    pub(crate) fn unfence(&self) {
        self.inside.unfenced.store(true, Ordering::SeqCst);
    }

    /// Holds up each piece for so long, and what comes behind it.
    pub(crate) fn delay_ms(&self, ms: u64) {
        self.inside.delay_ms.store(ms, Ordering::SeqCst);
    }

    /// Has each piece come so much later, however many are on their way.
    pub(crate) fn far_ms(&self, ms: u64) {
        self.inside.far_ms.store(ms, Ordering::SeqCst);
    }
}

/// Pieces on their way, each with when it is to come.
type Way = Sender<(Instant, Vec<u8>)>;

/// Says on a connection what is put on the way to it, and closes it behind that.
fn say(mut to: TcpStream) -> Way {
    let (way, pieces): (_, Receiver<(Instant, Vec<u8>)>) = channel();
    std::thread::spawn(move || {
        for (due, bytes) in pieces {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    way
}

/// A second connection to a server, beside a thread that reads what is answered.
fn begin_twin(server: TcpStream) -> Way {
    let mut answers = server.try_clone().unwrap();
    std::thread::spawn(move || while answers.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {});
    say(server)
}

/// Carries one way until there is no more, and goes on reading what nobody takes: the other way may still be of use.
fn carry(says: Lost, mut from: TcpStream, to: &Way, twin: Option<(Way, Duration)>, inside: &Inside) {
    let mut chunk = [0; 16 << 10];
    let mut before = Vec::new();
    while let Ok(count) = from.read(&mut chunk) {
        std::thread::sleep(Duration::from_millis(inside.delay_ms.load(Ordering::SeqCst)));
        if count == 0 {
            break;
        }
        let mut bytes = chunk[..inside.left_of(says, &mut before, &chunk[..count])].to_vec();
        if inside.unfenced.load(Ordering::SeqCst) {
            unfence(&mut bytes);
        }
        let now = Instant::now();
        if let Some((twin, later)) = &twin {
            let _ = twin.send((now + *later, bytes.clone()));
        }
        let _ = to.send((now + Duration::from_millis(inside.far_ms.load(Ordering::SeqCst)), bytes));
    }
    let _ = from.shutdown(Shutdown::Both);
}

impl Inside {
    /// How much of what is said is not lost. `before` is the end of what this side said before.
    fn left_of(&self, says: Lost, before: &mut Vec<u8>, bytes: &[u8]) -> usize {
        let (trap, mut losing) = (*self.trap.lock().unwrap(), self.losing.lock().unwrap());
        let mut left = if *losing == Some(says) { 0 } else { bytes.len() };
        if let (Some((what, word)), Lost::Words, None) = (trap, says, *losing) {
            let known = before.len();
            before.extend_from_slice(bytes);
            if let Some(found) = before.windows(word.len()).position(|it| it == word.as_bytes()) {
                *losing = Some(what);
                left = if what == Lost::Words { found.saturating_sub(known) } else { bytes.len() };
            }
            before.drain(..before.len().saturating_sub(word.len() - 1));
        }
        left
    }
}

/// Makes of each condition a header of the same length that means nothing.
fn unfence(bytes: &mut [u8]) {
    const CONDITION: &[u8] = b"Nats-Expected-Last-S";
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(CONDITION.len()).position(|w| w == CONDITION) {
        at += found;
        bytes[at] = b'X';
    }
}
