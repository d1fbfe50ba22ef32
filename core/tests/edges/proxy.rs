//! A proxy between an edge and a hub that cuts, delays, closes one half, delivers late what a client sent before it was
//! cut off, and delivers a second time what it sent.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Every byte goes through it, as it is told.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    inside: Arc<Inside>,
}

#[derive(Default)]
struct Inside {
    refusing: AtomicBool,
    delay_ms: AtomicU64,
    /// How much later a connection's second one says the same; 0 when it has none.
    twin_ms: AtomicU64,
    /// Takes the conditions from what clients publish.
    unfenced: AtomicBool,
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
                let mut twin = second.map(|second| begin_twin(second, Duration::from_millis(twin_ms)));
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to, inside) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&shared));
                    let twin = twin.take();
                    std::thread::spawn(move || carry(from, to, twin, &inside));
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

    /// A planted fault: the server hears no condition any more.
    pub(crate) fn unfence(&self) {
        self.inside.unfenced.store(true, Ordering::SeqCst);
    }

    /// Holds up each piece for so long.
    pub(crate) fn delay_ms(&self, ms: u64) {
        self.inside.delay_ms.store(ms, Ordering::SeqCst);
    }
}

/// Says on a connection what comes, so much later, beside a thread that reads what the server answers.
fn begin_twin(mut server: TcpStream, after: Duration) -> Sender<(Instant, Vec<u8>)> {
    let (say, said): (_, Receiver<(Instant, Vec<u8>)>) = channel();
    let mut answers = server.try_clone().unwrap();
    std::thread::spawn(move || while answers.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {});
    std::thread::spawn(move || {
        for (at, bytes) in said {
            std::thread::sleep((at + after).saturating_duration_since(Instant::now()));
            if server.write_all(&bytes).is_err() {
                return;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
    });
    say
}

/// Carries one way until there is no more, and goes on reading what nobody takes: the other way may still be of use.
fn carry(mut from: TcpStream, mut to: TcpStream, twin: Option<Sender<(Instant, Vec<u8>)>>, inside: &Inside) {
    let mut chunk = [0; 16 << 10];
    let mut is_taken = true;
    while let Ok(count) = from.read(&mut chunk) {
        let delay = inside.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            std::thread::sleep(Duration::from_millis(delay));
        }
        if count == 0 {
            break;
        }
        let bytes = &mut chunk[..count];
        if inside.unfenced.load(Ordering::SeqCst) {
            unfence(bytes);
        }
        if let Some(twin) = &twin {
            let _ = twin.send((Instant::now(), bytes.to_vec()));
        }
        is_taken = is_taken && to.write_all(bytes).is_ok();
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
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
